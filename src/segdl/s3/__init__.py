"""Files that go into a bucket: segments are parts of an upload, the merge is its completion."""
