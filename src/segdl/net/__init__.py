"""requests at the edge: connections, TLS, credentials, redirects."""
