"""Lists of files that people have: a module each, of one shape."""
