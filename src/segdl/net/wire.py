"""The socket under a request, so that another thread can end any wait on it.

A reader blocked in ``recv`` wakes at once when its socket is shut down; closing it would
let it wait for its timeout. The worker's thread names its wire before it asks, and the
connection classes here tell the wire which socket it became.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_current = threading.local()


class AbortedError(Exception):
    """The wire was aborted by another thread."""


class Wire:
    """A request in flight. `_lock` owns `_socket` and `_aborted`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    @property
    def aborted(self) -> bool:
        """Whether another thread asked to stop."""
        with self._lock:
            return self._aborted

    def attach(self, connected: socket.socket | None) -> None:
        """Remember the socket that is waited on.

        Raises:
            AbortedError: the wire was aborted before.
        """
        with self._lock:
            if self._aborted:
                raise AbortedError
            self._socket = connected

    def detach(self) -> socket.socket | None:
        """Forget the socket, which may serve another request now, and return it."""
        with self._lock:
            connected, self._socket = self._socket, None
            return connected

    def abort(self) -> None:
        """End the wait, now and for any later use of this wire."""
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                # The plain socket's method: ssl's would drop its state under the reader.
                try:
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    pass

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Make this the wire of the requests that this thread sends."""
        _current.wire = self
        try:
            yield
        finally:
            _current.wire = None


def _attach(connected: socket.socket | None) -> None:
    wire: Wire | None = getattr(_current, "wire", None)
    if wire is not None:
        wire.attach(connected)


class _WatchedConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _attach(self.sock)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _attach(self.sock)
        return super().getresponse()


class _WatchedTLSConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _attach(self.sock)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _attach(self.sock)
        return super().getresponse()


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {
    "http": _WatchedPool,
    "https": _WatchedTLSPool,
}
