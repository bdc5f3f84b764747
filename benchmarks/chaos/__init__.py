"""The chaos run: servers, disks and processes that fail, and what must hold all the same."""
