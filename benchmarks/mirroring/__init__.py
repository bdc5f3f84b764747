"""`segdl mirror` beside other tools that keep a folder equal to a remote list."""
