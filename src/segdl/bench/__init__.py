"""Measuring: the embedded server, and what compares with it."""
