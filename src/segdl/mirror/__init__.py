"""`segdl mirror`: keeps a folder equal to a remote list of files."""
