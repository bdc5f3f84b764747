"""How much the kernel takes in before anybody reads.

A server sends as much as the receive buffer has room for, whatever the reader's pace. Linux
fixes for a connection's life how large its window can get when it connects with a buffer of
a size that was asked for. So there the size is set, and its lock opened again, before, and it
is locked once the connection is there: then it can grow when limits are lifted. It needs
Linux 5.15; elsewhere a connection that began under a low limit stays a narrow one.
"""

from __future__ import annotations

import socket
import struct
import sys
from functools import cache
from typing import NamedTuple

from segdl.core.arrivals import Look
from segdl.core.rate import KERNEL_WINDOW

_TCP = socket.IPPROTO_TCP
_LINUX = sys.platform == "linux"
# It sets aside twice what is asked for, and tells of that: the rest is for its bookkeeping.
_DOUBLED = 2 if _LINUX else 1
_SO_BUF_LOCK = 72  # <asm-generic/socket.h>; the socket module has no name for it
_UNCLAMPED = 1 << 30
# Seconds of a round trip where the system does not tell: it should be too long for most.
_LONG = 0.1
# struct tcp_info, <linux/tcp.h>: microseconds.
_RTT = struct.Struct("=68xI")
# Of the same: rcv_mss; rcv_rtt; bytes_received; min_rtt, data_segs_in; rcv_ooopack, which
# came last (Linux 5.4): a kernel that knows less of it tells less.
_ARRIVED = struct.Struct("=20xI68xI32xQ12xII68xI")

Option = tuple[int, int, int]


class Path(NamedTuple):
    """A connection: the bytes that the kernel takes in, and the seconds of a round trip."""

    window: int
    round_trip: float


def before_connect(window: int) -> list[Option]:
    """Return the options for a socket that is to take in `window` bytes at first."""
    options: list[Option] = [(socket.SOL_SOCKET, socket.SO_RCVBUF, window // _DOUBLED)]
    if _unlocks():
        options.append((socket.SOL_SOCKET, _SO_BUF_LOCK, 0))
    return options


def look(connected: socket.socket) -> Path:
    """Return what a connection is like."""
    try:
        window = connected.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        told = connected.getsockopt(_TCP, socket.TCP_INFO, _RTT.size) if _LINUX else b""
    except OSError:
        return Path(KERNEL_WINDOW, _LONG)
    return Path(window, _RTT.unpack(told)[0] / 1e6 if len(told) == _RTT.size else _LONG)


def arrived(connected: socket.socket, now: float) -> Look | None:
    """Return what came over a connection until `now`; None where the system does not tell."""
    if not _LINUX:
        return None
    try:
        told = connected.getsockopt(_TCP, socket.TCP_INFO, _ARRIVED.size)
    except OSError:
        return None
    if len(told) < _ARRIVED.size:
        return None
    size, round_trip, in_order, least, segments, strays = _ARRIVED.unpack(told)
    return Look(
        now=now,
        in_order=in_order,
        segments=segments,
        strays=strays,
        size=size,
        round_trip=round_trip / 1e6,
        least=least / 1e6,
    )


def resize(connected: socket.socket, window: int) -> None:
    """Let a connection take in `window` bytes; where that cannot be had, the kernel decides."""
    if window > _most():
        release(connected)
        return
    _set(connected, socket.SOL_SOCKET, socket.SO_RCVBUF, window // _DOUBLED)
    _unclamp(connected)


def release(connected: socket.socket) -> None:
    """Let the kernel decide what a connection takes in."""
    if look(connected).window < KERNEL_WINDOW:
        _set(connected, socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_WINDOW // _DOUBLED)
    if _unlocks():
        _set(connected, socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
    _unclamp(connected)


def _unclamp(connected: socket.socket) -> None:
    """Take back the bound that the buffer's size at the time of connecting has set."""
    if _LINUX:
        _set(connected, _TCP, socket.TCP_WINDOW_CLAMP, _UNCLAMPED)


def _set(connected: socket.socket, *option: int) -> None:
    try:
        connected.setsockopt(*option)
    except OSError:
        # The connection is gone: whoever reads from it will be told.
        pass


@cache
def _most() -> int:
    """Return the bytes that may be asked for."""
    with socket.socket() as trial:
        _set(trial, socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
        return trial.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


@cache
def _unlocks() -> bool:
    """Whether the kernel can be asked to decide again after it was told a size."""
    if not _LINUX:
        return False
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
    except OSError:
        return False
    return True
