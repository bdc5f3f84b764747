"""What is seen of a mirror run: views, the log, metrics, the report."""
