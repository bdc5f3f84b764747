"""The end of a region of a file, where one thread writes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from segdl.core.spans import OPEN
from segdl.store.faults import disk_errors
from segdl.store.files import EXISTING, Move, pour

if TYPE_CHECKING:
    from segdl.store.filling import Filling


class Record:
    """The bytes from `start` on that one thread after the other wrote.

    The open writer changes `size`, under its lock; the filling's table owns the rest.

    Attributes:
        start: where in the file it begins.
        size: bytes written.
        synced: bytes of them that are on the disk for sure.
        flushing: bytes of them that will be, once the flush that is under way is done.
        slot: its place in the journal; None before its first byte.
        writer: who may add to it.
    """

    __slots__ = ("flushing", "size", "slot", "start", "synced", "writer")

    def __init__(self, start: int, size: int = 0, slot: int | None = None) -> None:
        self.start = start
        self.size = self.synced = self.flushing = size
        self.slot = slot
        self.writer: Writer | None = None

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self.start + self.size


class Writer:
    """The end of a record, where one thread writes.

    `_lock` is held while it writes: who has it knows that no write is under way.

    Attributes:
        limit: where the next record begins: bytes behind that are not this writer's.
    """

    def __init__(self, filling: Filling, record: Record) -> None:
        self.limit = OPEN
        self._filling = filling
        self._record = record
        self._lock = threading.Lock()
        self._ended = False
        with disk_errors(filling.path, "open"):
            self._descriptor = os.open(filling.path, EXISTING)

    @property
    def start(self) -> int:
        """Where in the file the record begins."""
        return self._record.start

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._record.size

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self._record.stop

    def fill(self, most: int, move: Move) -> int:
        """Have `move(descriptor, at, most)` write at the end; return how many bytes it did.

        `move` has the file to itself: it should have what it writes at hand. Where another
        record begins before `most` bytes, those up to there are the last that
        this writer takes: what would follow belongs further on.

        Raises:
            DiskError: no space, or the disk failed; what was written before stays.
        """
        with self._lock:
            room = 0 if self._ended else max(0, min(most, self.limit - self.stop))
            self._ended = self._ended or room < most
            if not room:
                return 0
            self._filling.require_sound()
            with disk_errors(self._filling.path, "write"), self._filling.turn:
                written = move(self._descriptor, self.stop, room)
                if written:
                    self._filling.grow(self._record, written)
            return written

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the end, as far as this writer takes them.

        Raises:
            DiskError: as `fill`.
        """
        pour(data, self.fill)

    def cut(self, size: int) -> None:
        """Claim no more than `size` bytes."""
        with self._lock:
            if self._record.writer is self:
                self._filling.take_back(self._record, size)

    def end(self, keep: int | None = None, timeout: float = -1) -> bool:
        """Take no more bytes, once none are being written; False where that takes longer.

        Args:
            keep: claim no bytes behind this place in the file.
            timeout: seconds; -1 waits.
        """
        if not self._lock.acquire(timeout=timeout):
            return False
        try:
            if keep is None:
                self._ended = True
            elif self.stop > keep:
                self._ended = True
                self._filling.take_back(self._record, keep - self.start)
            return True
        finally:
            self._lock.release()

    def release(self) -> None:
        """Give back what `Filling.open` returned."""
        self._filling.release(self)

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        with self._lock:
            self._ended = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
