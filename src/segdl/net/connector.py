"""Connections of our own: where there is no TLS nothing but a socket is needed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from segdl.core.url import Location, Origin
from segdl.errors import UsageError
from segdl.net.early import Early
from segdl.net.failures import ConnectTimedOutError, TransferError
from segdl.net.race import Known, connect, resolve

_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class PlainConnection:
    """A connection that is nothing but its socket. One thread at a time uses it."""

    __slots__ = ("sock",)

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def close(self) -> None:
        """Close it."""
        self.sock.close()


class Connector:
    """Makes connections. Threads share it; `_lock` owns `_known`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Origin, Known] = {}

    def connect(
        self, location: Location, within: float, check: Callable[[], None], early: Early | None
    ) -> PlainConnection:
        """Return a new connection to the origin of a place.

        Args:
            location: a place there.
            within: seconds that it may take.
            check: raises what ends the wait; called several times a second.
            early: what was begun already, if anything was.

        Raises:
            TransferError: its host's name is none.
            OSError: nobody takes it.
        """
        origin = location.origin
        try:
            made = early.take(check) if early else None
            if made is None:
                made = connect(
                    resolve(origin.host, origin.port),
                    within=within,
                    options=_OPTIONS,
                    known=self._known_of(origin),
                    check=check,
                )
            else:
                _set_options(made)
        except UnicodeError:
            unusable = UsageError(f"{location}: the URL cannot be used")
            raise TransferError(unusable, fatal=True) from None
        except TimeoutError as error:
            raise ConnectTimedOutError("connecting took too long") from error
        return PlainConnection(made)

    def _known_of(self, origin: Origin) -> Known:
        with self._lock:
            return self._known.setdefault(origin, Known())


def _set_options(made: socket.socket) -> None:
    try:
        for option in _OPTIONS:
            made.setsockopt(*option)
    except OSError:
        # Some systems refuse it where the server has closed already.
        made.close()
        raise


def is_plain(origin: Origin) -> bool:
    """Tell whether there is no TLS to an origin, and its name is written as it goes out."""
    host = origin.host
    return origin.scheme == "http" and host.isascii() and "%" not in host
