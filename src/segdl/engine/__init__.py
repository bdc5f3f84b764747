"""Who fetches what, and when to stop: decisions carried out by threads."""
