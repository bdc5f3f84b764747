"""A certificate authority of the tests' own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("127.0.0.1", "localhost")


class Authority:
    """Signs certificates for 127.0.0.1 and localhost.

    Attributes:
        cacert: PEM file for a client that should trust it (``--cacert``).
        cert: PEM chain of a server certificate.
        key: its private key.
        client_cert: PEM file with certificate and key of a client, for servers that ask one.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self._leaf = authority.issue_cert(*NAMES)
        self.cacert = folder / "ca.pem"
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_cert = folder / "client.pem"
        authority.cert_pem.write_to_path(str(self.cacert))
        self.key.touch(mode=0o600)
        self._leaf.private_key_pem.write_to_path(str(self.key))
        for blob in self._leaf.cert_chain_pems:
            blob.write_to_path(str(self.cert), append=True)
        client = authority.issue_cert("client@example.test")
        client.private_key_and_cert_chain_pem.write_to_path(str(self.client_cert))

    def server_context(self, *, ask_client: bool = False) -> ssl.SSLContext:
        """Return a fresh context for a server; `ask_client` demands a certificate of ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if ask_client:
            context.load_verify_locations(self.cacert)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a fresh context for a client that trusts this authority only."""
        return ssl.create_default_context(cafile=str(self.cacert))
