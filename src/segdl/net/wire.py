"""The socket under a request, so that another thread can end any wait on it.

A reader blocked in ``recv`` wakes at once when its socket is shut down; closing it would
let it wait for its timeout. Who sends the request tells the wire which socket it became; where
a library does, its connections ask which wire that is (:mod:`segdl.net.watched`).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segdl.core.arrivals import Look
from segdl.net import window
from segdl.net.readable import is_held, tls_socket, wait_for_read

if TYPE_CHECKING:
    import ssl

_current = threading.local()


class AbortedError(Exception):
    """The wire was aborted by another thread."""


class Wire:
    """A request in flight.

    `_lock` owns every field but `window`, `waited` and `connected`, which the thread that sends
    the request sets, and `meanwhile`, which whoever made the wire sets before that.

    Attributes:
        connected: whether the last request went out over a new connection.
        waited: seconds from the last request to the head of its answer.
        window: bytes that a connection made for the request takes in before they are read;
            None leaves it to the kernel.
        meanwhile: called by the thread that waits for an answer, where that comes from afar;
            None where there is nothing else to do.
    """

    def __init__(self) -> None:
        self.connected = False
        self.waited = 0.0
        self._lock = threading.Lock()
        # Made by who rests: most requests never do.
        self._changed: threading.Condition | None = None
        self._socket: socket.socket | None = None
        self._aborted = False
        self._woken = False
        self._resting = False
        self.window: int | None = None
        self.meanwhile: Callable[[], object] | None = None

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
            return tls_socket(self._socket)

    @property
    def resting(self) -> bool:
        """Whether its thread waits of our own accord: the network is not to blame."""
        with self._lock:
            return self._resting

    def rest(self, seconds: float) -> None:
        """Wait until `wake` or `abort`, at most `seconds`."""
        with self._lock:
            self._resting = True
            self._changed = self._changed or threading.Condition(self._lock)
            self._changed.wait_for(lambda: self._woken or self._aborted, seconds)
            self._resting = self._woken = False

    def wake(self) -> None:
        """End a rest, or the next one where there is none."""
        with self._lock:
            self._woken = True
            self._tell()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.notify_all()

    def wait_for_bytes(self, seconds: float | None = None) -> bool:
        """Tell whether the connection has something to read, or has ended.

        Args:
            seconds: to wait for that; None is the socket's timeout.
        """
        with self._lock:
            connected = self._socket
        if is_held(connected):
            return True
        # TLS within TLS does not tell what it holds.
        if not isinstance(connected, socket.socket):
            return True
        return wait_for_read(connected, connected.gettimeout() if seconds is None else seconds)

    def path(self) -> window.Path | None:
        """Return what :func:`segdl.net.window.look` does; None without a connection."""
        with self._lock:
            return None if self._socket is None else window.look(_plain(self._socket))

    def arrived(self, now: float) -> Look | None:
        """Return what :func:`segdl.net.window.arrived` does; None without a connection."""
        with self._lock:
            return None if self._socket is None else window.arrived(_plain(self._socket), now)

    def resize_window(self, size: int | None) -> None:
        """Let the kernel take in `size` bytes before they are read; None: as it likes."""
        with self._lock:
            if self._socket is None:
                return
            if size is None:
                window.release(_plain(self._socket))
            else:
                window.resize(_plain(self._socket), size)

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
            self._tell()
            if self._socket is not None:
                # The plain socket's method: ssl's would drop its state under the reader.
                try:
                    socket.socket.shutdown(_plain(self._socket), socket.SHUT_RDWR)
                except OSError:
                    pass

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Make this the wire of a request that this thread sends."""
        self.connected = False
        _current.wire = self
        try:
            yield
        finally:
            _current.wire = None


def _plain(connected: socket.socket) -> socket.socket:
    # TLS within TLS, to a proxy, is no socket; the socket is inside it.
    return getattr(connected, "socket", connected)


def current_wire() -> Wire | None:
    """Return the wire of the request that this thread sends."""
    return getattr(_current, "wire", None)
