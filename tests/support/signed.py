"""Signed URLs that expire, as clouds and CDNs hand them out."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from support.reply import Reply, deliver

if TYPE_CHECKING:
    from support.connection import Connection
    from support.origin import Origin
    from support.request import Request

_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class SignedUrls:
    """`/file` redirects to `/signed?token=K`; the origin's file is there while K is valid.

    Attributes:
        url: the one that a user has.
        issued: tokens that were handed out, in order.
        denied: requests that came with a token no longer valid.
    """

    def __init__(self, origin: Origin, uses: int | None, entry: str, signed: str) -> None:
        self._origin = origin
        self._uses = uses
        self._signed = signed
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._left: dict[str, int | None] = {}
        self.issued: list[str] = []
        self.denied = 0
        self.url = origin.server.url(entry)
        origin.routes[entry] = self._redirect
        origin.routes[signed] = self._check

    def revoke(self) -> None:
        """Expire every token handed out so far."""
        with self._lock:
            self._left.clear()

    def _redirect(self, request: Request, connection: Connection) -> bool:
        with self._lock:
            token = f"secret-{next(self._numbers)}"
            self._left[token] = self._uses
            self.issued.append(token)
        reply = Reply(302, (("Location", f"{self._signed}?token={token}"),))
        return deliver(reply, request, connection, lambda: None)

    def _check(self, request: Request, connection: Connection) -> bool:
        token = request.query.get("token", "")
        with self._lock:
            valid = token in self._left and self._left[token] != 0
            left = self._left.get(token)
            if valid and left is not None:
                self._left[token] = left - 1
            self.denied += not valid
        if valid:
            return self._origin.serve(request, connection)
        reply = Reply(403, (("Content-Type", "application/xml"),), _EXPIRED)
        return deliver(reply, request, connection, lambda: None)


def expiring_signed(
    origin: Origin, *, uses: int | None = None, entry: str = "/file", signed: str = "/signed"
) -> SignedUrls:
    """Put the origin's file behind tokens good for `uses` requests each, or until revoked."""
    return SignedUrls(origin, uses, entry, signed)
