"""The soak run: a server that goes wrong, and a client that checks."""
