"""What runs against real services have in common: lines that are checked, and a site."""
