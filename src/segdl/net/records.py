"""Bytes out of TLS, 16 KiB a record, by few threads at a time.

A thread gives Python's lock away for each record and has to get it back. Where eight do so
at once they spend more time on that than on the bytes.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from typing import cast

from segdl.net.readable import wait_for_read

# Threads that take records at once; whoever waits for the network is none of them.
_turns = threading.BoundedSemaphore(min(4, os.cpu_count() or 1))


def take_what_came(secure: ssl.SSLSocket, room: memoryview) -> int:
    """Fill `room` from a connection as far as bytes are there; wait for the first ones.

    Returns:
        Bytes; 0 at the end of what the server sends.

    Raises:
        OSError: the connection broke, or nothing came within the socket's timeout.
    """
    patience = secure.gettimeout()
    # Who waits for the rest of a record must not keep others from theirs.
    secure.settimeout(0.0)
    try:
        while True:
            with _turns:
                got, ended = _take(secure, room)
            if got or ended:
                return got
            if not wait_for_read(secure, patience):
                raise TimeoutError("nothing came in time")
    finally:
        secure.settimeout(patience)


def _take(secure: ssl.SSLSocket, room: memoryview) -> tuple[int, bool]:
    """Return how many bytes were there, and whether there will be no more."""
    got = 0
    length = len(room)
    read = _reader(secure)
    try:
        while got < length:
            count = read(length - got, room[got:])
            if not count:
                return got, True
            got += count
    except ssl.SSLWantReadError:
        pass
    except (ssl.SSLWantWriteError, ssl.SSLEOFError):
        # It wants to answer first, or has ended without a farewell: a plain read sees to both.
        return got, True
    return got, False


def _reader(secure: ssl.SSLSocket) -> Callable[[int, memoryview], int]:
    """Return what `recv_into` comes to in the end.

    The two checks before it, whether the socket is closed and was wrapped, take a 50th of the
    time of a GiB: it has 65,000 records. Nobody closes a connection that another one reads:
    who wants it to end shuts it down.
    """
    own = getattr(secure, "_sslobj", None)
    return cast("Callable[[int, memoryview], int]", secure.read if own is None else own.read)
