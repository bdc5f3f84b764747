"""New connections to origins: a socket, and TLS around it."""

from __future__ import annotations

import socket
import threading

from segdl.core.url import Location, Origin
from segdl.errors import UsageError
from segdl.net.early import Early
from segdl.net.failures import ConnectTimedOutError, TransferError
from segdl.net.race import Known, connect, resolve
from segdl.net.tls import SharedContext
from segdl.net.wire import AbortedError, Wire

_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class Connector:
    """Makes connections. Threads share it; `_lock` owns `_known`.

    Args:
        context: of those with TLS.
        within: seconds that one may take, and then its TLS may be silent.
    """

    def __init__(self, context: SharedContext, within: float) -> None:
        self._context = context
        self._within = within
        self._lock = threading.Lock()
        self._known: dict[Origin, Known] = {}

    def connect(self, location: Location, wire: Wire, early: Early | None) -> socket.socket:
        """Return a new connection to the origin of a place.

        Args:
            location: a place there.
            wire: what another thread aborts this by.
            early: what was begun already, if anything was.

        Raises:
            AbortedError: the wire was aborted.
            TransferError: its host's name is none.
            OSError: nobody takes it, or TLS fails.
        """
        try:
            made = self._reach(location.origin, wire, early)
            if location.origin.scheme == "https":
                return self._secured(made, location.origin.host, wire)
            return made
        except UnicodeError:
            unusable = UsageError(f"{location}: the URL cannot be used")
            raise TransferError(unusable, fatal=True) from None
        except TimeoutError as error:
            raise ConnectTimedOutError("connecting took too long") from error

    def _reach(self, origin: Origin, wire: Wire, early: Early | None) -> socket.socket:
        def check() -> None:
            if wire.aborted:
                raise AbortedError

        made = early.take(check) if early else None
        if made is None:
            return connect(
                resolve(origin.host, origin.port),
                within=self._within,
                options=_OPTIONS,
                known=self._known_of(origin),
                check=check,
            )
        try:
            made.settimeout(self._within)
            for option in _OPTIONS:
                made.setsockopt(*option)
        except OSError:
            # Some systems refuse it where the server has closed already.
            made.close()
            raise
        return made

    def _secured(self, made: socket.socket, host: str, wire: Wire) -> socket.socket:
        """Return the socket with TLS around it; both are closed where that fails."""
        try:
            secure = self._context.get().wrap_socket(
                made, server_hostname=host, do_handshake_on_connect=False
            )
        except BaseException:
            made.close()
            raise
        try:
            wire.attach(secure)
            secure.do_handshake()
        except BaseException:
            wire.detach()
            secure.close()
            raise
        return secure

    def _known_of(self, origin: Origin) -> Known:
        with self._lock:
            return self._known.setdefault(origin, Known())
