"""Where bytes land: part files, and what joins them."""
