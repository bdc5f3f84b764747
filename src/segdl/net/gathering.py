"""Bytes that gather in the kernel before they are taken from a connection.

A thread that is woken for each few packets spends most of its time on being woken, and on
Python's lock, for which it keeps others waiting. Linux wakes a reader for as many bytes as
it is told (SO_RCVLOWAT, socket(7)), and earlier where the buffer for them is about full.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from segdl.core.gathering import Pace, took, worth_waiting_for

# Milliseconds after which what came is taken, however little it is.
_PATIENCE = 50


class Gathering:
    """Lets the bytes of one connection gather. The thread that reads them uses it.

    Whoever reads from the connection in another way than by splice(2) after `wait` calls `end`
    before: else a read waits for more than will ever come. After `wait`, too, for recv(2) waits
    for all that was asked for, although the buffer was full with less.

    Args:
        connected: the connection.
        clock: seconds.
    """

    def __init__(
        self, connected: socket.socket, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._socket = connected
        self._clock = clock
        now = clock()
        self._pace = Pace(since=now, at=now)
        self._low = 1
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def wait(self, most: int) -> None:
        """Wait a moment for bytes, of which at most `most` will be taken, to gather."""
        wanted = worth_waiting_for(self._pace, most)
        if wanted == 1:
            self.end()
            return
        if not wanted // 2 < self._low <= wanted:
            self._wake_at(wanted)
        if not self._poll.poll(_PATIENCE):
            self.end()

    def took(self, count: int) -> None:
        """Note that bytes were taken."""
        self._pace = took(self._pace, self._clock(), count)

    def end(self) -> None:
        """Let any read have what comes."""
        if self._low != 1:
            self._wake_at(1)

    def _wake_at(self, count: int) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
        except OSError:
            # The connection is gone, which whoever reads is told.
            pass
        self._low = count
