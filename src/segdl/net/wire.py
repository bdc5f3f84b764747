"""The socket under a request, so that another thread can end any wait on it.

A reader blocked in ``recv`` wakes at once when its socket is shut down; closing it would
let it wait for its timeout. The worker's thread names its wire before it asks, and the
connection classes here tell the wire which socket it became.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool

_current = threading.local()


class AbortedError(Exception):
    """The wire was aborted by another thread."""


class Wire:
    """A request in flight. `_lock` owns `_socket` and `_aborted`.

    Attributes:
        waited: seconds from the last request to the head of its answer; the thread that
            sends the requests sets it.
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    @property
    def aborted(self) -> bool:
        """Whether another thread asked to stop."""
        with self._lock:
            return self._aborted

    @property
    def plain_socket(self) -> socket.socket | None:
        """The socket where nothing is between it and the bytes, such as TLS."""
        with self._lock:
            return self._socket if type(self._socket) is socket.socket else None

    @property
    def tls_socket(self) -> ssl.SSLSocket | None:
        """The socket where TLS is all that is between it and the bytes."""
        with self._lock:
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def wait_without_limit(self) -> None:
        """Let reads wait for as long as nobody calls `abort`.

        A read with a timeout costs a poll before each recv: a third of what a thread of
        Python does for a chunk, and of what it fights the other threads for.
        """
        with self._lock:
            if self._socket is not None:
                self._socket.settimeout(None)

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
                # TLS within TLS, to a proxy, is none; the socket is inside it.
                plain = getattr(self._socket, "socket", self._socket)
                try:
                    socket.socket.shutdown(plain, socket.SHUT_RDWR)
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


class _Lines:
    """Lines of a head as they are read; remembers the last one."""

    # Not one of io's classes: they close what they hold when they are collected.
    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.last = b""

    def readline(self, size: int = -1, /) -> bytes:
        self.last = self._file.readline(size)
        return self.last

    def close(self) -> None:
        self._file.close()


class _WholeHead(http.client.HTTPResponse):
    """A response whose head came to its end: http.client takes one that was cut for whole."""

    def begin(self) -> None:
        file = self.fp
        lines: Any = _Lines(file)
        self.fp = lines
        try:
            super().begin()
        finally:
            # It is None by now where the head made no sense.
            if self.fp:
                self.fp = file
        if lines.last not in {b"\r\n", b"\n"}:
            raise http.client.RemoteDisconnected("closed within the head of an answer")


class _Watched:
    """What a connection class needs so that its wire knows its socket."""

    response_class = _WholeHead
    sock: socket.socket | None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _attach(self.sock)

    def getresponse(self) -> object:
        _attach(self.sock)
        asked = time.monotonic()
        response: object = super().getresponse()  # type: ignore[misc]
        wire: Wire | None = getattr(_current, "wire", None)
        if wire is not None:
            wire.waited = time.monotonic() - asked
        return response


@cache
def watched(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a pool class whose connections tell the wire which socket it became."""
    connection = type("Watched", (_Watched, pool.ConnectionCls), {})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection, "watched": True})
