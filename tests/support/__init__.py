"""What the tests share: servers that misbehave on demand, file systems, the real program."""
