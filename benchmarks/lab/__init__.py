"""The lab: real servers behind links that are made to measure, and tools that take turns."""
