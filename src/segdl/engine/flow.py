"""Bytes on their way from a response into a part.

Through Python, or within the kernel where both ends allow it: that saves a copy of every
byte, and most of the waking and waiting of threads that share one interpreter.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from segdl.net.exchange import Exchange
from segdl.store.part import PartFile, PipedPart

# Below this a call for the kernel's own copying costs more than it saves.
_WORTHWHILE = 64 * 1024


class Flow:
    """Moves bytes through Python. One thread uses it."""

    def __init__(self, exchange: Exchange, part: PartFile, chunk: int) -> None:
        self._exchange = exchange
        self._part = part
        self._chunk = chunk
        self._data = b""

    def take(self, most: int) -> int:
        """Wait for bytes, and return how many came; 0 at the end of the body.

        Args:
            most: bytes that are wanted.

        Raises:
            TransferError: the connection broke, or was aborted.
        """
        self._data = self._exchange.read(min(self._chunk, most))
        return len(self._data)

    def store(self) -> None:
        """Write what came to the end of the part.

        Raises:
            DiskError: no space, or the disk failed.
        """
        self._part.append(self._data)
        self._data = b""


class _Piped(Flow):
    """Moves bytes within the kernel: from the socket to a pipe, from there to the file."""

    def __init__(
        self, exchange: Exchange, part: PipedPart, chunk: int, pipe: tuple[int, int]
    ) -> None:
        super().__init__(exchange, part, chunk)
        self._piped = part
        self._out, self._in = pipe
        self._waiting = 0
        # What came together with the response's head is in a buffer above the socket.
        self._drained = False

    def take(self, most: int) -> int:
        if not self._drained or most < _WORTHWHILE:
            self._drained = self._drained or min(self._chunk, most) >= _WORTHWHILE
            return super().take(most)
        self._waiting = self._exchange.fill(self._in, min(self._chunk, most))
        return self._waiting or super().take(most)

    def store(self) -> None:
        if self._waiting:
            left, self._waiting = self._waiting, 0
            # A part that another took the rest of over takes no more: what is left is its.
            while left and (moved := self._piped.fill(left, self._drain)):
                left -= moved
        else:
            super().store()

    def _drain(self, descriptor: int, at: int, most: int) -> int:
        """Write at a place in a file what is in the pipe."""
        try:
            return os.splice(self._out, descriptor, most, offset_dst=at)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # This file system takes no pages from a pipe.
        left = memoryview(os.read(self._out, most))
        taken = len(left)
        while left:
            written = os.pwrite(descriptor, left, at + taken - len(left))
            left = left[written:]
        return taken


class _Received(Flow):
    """Moves bytes from a TLS connection by way of one buffer."""

    def __init__(self, exchange: Exchange, part: PartFile, chunk: int) -> None:
        super().__init__(exchange, part, chunk)
        # A MiB for each of eight that read at once takes an eighth less time than 256 KiB.
        self._buffer = memoryview(bytearray(min(chunk, exchange.head.length or 0)))
        self._waiting = 0
        self._drained = False

    def take(self, most: int) -> int:
        if not self._drained or most < _WORTHWHILE:
            self._drained = self._drained or min(self._chunk, most) >= _WORTHWHILE
            return super().take(most)
        self._waiting = self._exchange.receive(self._buffer[:most])
        return self._waiting or super().take(most)

    def store(self) -> None:
        if self._waiting:
            count, self._waiting = self._waiting, 0
            self._part.append(self._buffer[:count])
        else:
            super().store()


@contextmanager
def flow(exchange: Exchange, part: PartFile, chunk: int) -> Iterator[Flow]:
    """Set up the best way from a response to a part, and take it down again.

    Args:
        exchange: where the bytes come from; nobody else reads it meanwhile.
        part: where they go.
        chunk: most bytes to move at once.
    """
    if exchange.receives:
        yield _Received(exchange, part, chunk)
        return
    # Asked of each small file: isinstance takes 50 us to look a protocol up.
    if not (exchange.fills and hasattr(part, "fill")):
        yield Flow(exchange, part, chunk)
        return
    piped = cast("PipedPart", part)
    pipe = _pipe(chunk)
    try:
        yield _Piped(exchange, piped, chunk, pipe) if pipe else Flow(exchange, part, chunk)
    finally:
        for end in pipe:
            os.close(end)


def _pipe(size: int) -> tuple[int, int] | tuple[()]:
    """Open a pipe that holds `size` bytes; nothing where it or that size is not granted."""
    import fcntl  # only where os.splice is: not on Windows

    try:
        ends = os.pipe()
    except OSError:
        return ()
    try:
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, size)
    except (OSError, AttributeError):
        for end in ends:
            os.close(end)
        return ()
    return ends
