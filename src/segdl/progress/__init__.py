"""What a run tells about itself, and the views that draw it."""
