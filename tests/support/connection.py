"""One client of the scripted server: raw bytes out, and every way to end badly."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

_HANDSHAKE = 10.0
_LINGER_NONE = struct.pack("ii", 1, 0)


class ClientGone(Exception):  # noqa: N818  it is news, not an error
    """The client closed or reset the connection, or the server is stopping."""


class Connection:
    """Helpers that a handler writes with.

    Attributes:
        number: counts the server's connections from 0.
        keep: whether to read another request once the handler returns ``None``.
        usable: false once this side closed or reset.
    """

    def __init__(self, peer: socket.socket, number: int, stopping: threading.Event) -> None:
        self._socket = peer
        self._stopping = stopping
        self._received = b""
        self.number = number
        self.keep = True
        self.usable = True

    # -- for handlers --

    def send(self, data: bytes | memoryview) -> None:
        """Send raw bytes, all of them."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ClientGone from error

    def drip(self, data: bytes | memoryview, chunk: int, interval: float) -> None:
        """Send `chunk` bytes, wait `interval` seconds, and so on; no wait behind the last."""
        view = memoryview(data)
        for at in range(0, len(view), chunk):
            if at:
                self.pause(interval)
            self.send(view[at : at + chunk])

    def pause(self, seconds: float) -> None:
        """Sleep, unless the server stops."""
        if self._stopping.wait(seconds):
            raise ClientGone

    def hold(self, until: threading.Event) -> None:
        """Say nothing until the event is set, unless the server stops."""
        while not until.wait(0.05):
            self.pause(0.0)

    def stall(self) -> None:
        """Say nothing until the client goes away or the server stops."""
        poll = select.poll()
        poll.register(self._socket, getattr(select, "POLLRDHUP", 0))
        while not self._stopping.is_set() and not poll.poll(100):
            pass
        self.keep = False
        raise ClientGone

    def close(self, *, clean: bool = True) -> None:
        """End the stream: FIN; over TLS a goodbye before it where `clean`."""
        if not self.usable:
            return
        self.usable = self.keep = False
        if clean and isinstance(self._socket, ssl.SSLSocket):
            # Non-blocking: our goodbye goes out, the client's is not waited for.
            self._socket.setblocking(False)
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
        self._socket.close()

    def reset(self) -> None:
        """End with RST, once the client's kernel has what was sent before."""
        if not self.usable:
            return
        self._flush()
        self.usable = self.keep = False
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self._socket.close()

    def _flush(self) -> None:
        # RST throws away what is not acknowledged yet: without this wait the number of
        # bytes that a client sees before it would differ from run to run.
        if sys.platform != "linux":
            return
        import fcntl
        import termios

        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and not self._stopping.is_set():
            queued = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
            if not any(queued):
                return
            time.sleep(0.001)

    # -- for the server --

    def start_tls(self, context: ssl.SSLContext) -> None:
        plain = self._socket
        plain.settimeout(_HANDSHAKE)
        # The handshake apart: until then shut() would find a socket without a descriptor.
        wrapped = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._socket = wrapped
        wrapped.do_handshake()
        wrapped.settimeout(None)

    def receive(self, size: int = 65536) -> bytes:
        """Return some bytes, those read ahead first; ``b""`` at the end."""
        if self._received:
            data, self._received = self._received[:size], self._received[size:]
            return data
        return self._socket.recv(size)

    def unread(self, data: bytes) -> None:
        """Give bytes back that belong to what comes next."""
        self._received = data + self._received

    def shut(self) -> None:
        """Wake the thread that serves this; called from another one."""
        # Not SSLSocket's own: it drops the TLS state under the thread that uses it.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def release(self) -> None:
        self.usable = False
        self._socket.close()
