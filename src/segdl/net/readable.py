"""What there is to read on a connection. TLS is loaded for nobody who does not speak it."""

from __future__ import annotations

import math
import select
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

# Windows has no poll; elsewhere select takes no descriptor beyond 1023.
_poll = getattr(select, "poll", None)


def wait_for_read(connected: socket.socket, seconds: float | None) -> bool:
    """Tell whether a connection has something to read, or has ended.

    Args:
        connected: its socket.
        seconds: to wait for that; None: as long as it takes.
    """
    # To poll, less than none is for good.
    seconds = None if seconds is None else max(0.0, seconds)
    if _poll is None:
        return bool(select.select([connected], [], [], seconds)[0])
    polled = _poll()
    polled.register(connected, select.POLLIN)
    return bool(polled.poll(None if seconds is None else math.ceil(seconds * 1000)))


def tls_socket(connected: object) -> ssl.SSLSocket | None:
    """Return a connection's socket where TLS is all that is between it and the bytes."""
    if connected is None or type(connected) is socket.socket:
        return None
    import ssl

    return connected if isinstance(connected, ssl.SSLSocket) else None


def is_held(connected: object) -> bool:
    """Tell whether TLS holds bytes that came: the kernel knows nothing of them."""
    secure = tls_socket(connected)
    return secure is not None and secure.pending() > 0


def wants_more(error: OSError) -> bool:
    """Tell whether a read that does not wait failed for want of bytes alone."""
    if isinstance(error, BlockingIOError):
        return True
    import ssl

    return isinstance(error, ssl.SSLWantReadError)
