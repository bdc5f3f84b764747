"""Bytes of one file that are written at their own places by several processes.

Nothing is ever appended: who was taken for dead and wakes up can only write the same bytes
of the same version to the same place.
"""

from __future__ import annotations

import os
from pathlib import Path

from segdl.core.spans import Span
from segdl.store.faults import disk_errors
from segdl.store.files import EXISTING, Move, pour
from segdl.store.part import PartFile


class Place:
    """The bytes of `span` in a file that is there; a part, and the store of that one part.

    One thread uses it, and closes it.

    Args:
        path: the file; it is never made.
        span: the bytes that are written here.

    Attributes:
        size: bytes written.
    """

    def __init__(self, path: Path, span: Span) -> None:
        self._path = path
        self._span = span
        self.size = 0
        with disk_errors(path, "open"):
            self._descriptor = os.open(path, EXISTING)

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self._span.start + self.size

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the next place."""
        pour(data, self.fill)

    def fill(self, most: int, move: Move) -> int:
        """Have `move(descriptor, at, most)` write at the next place; return how many it did."""
        room = min(most, self._span.stop - self.stop)
        if not room:
            return 0
        with disk_errors(self._path, "write"):
            written = move(self._descriptor, self.stop, room)
        self.size += written
        return written

    def cut(self, size: int) -> None:
        """Forget what was written behind `size` bytes: it is written anew."""
        self.size = min(self.size, size)

    def open(self, start: int) -> PartFile:
        """Return this part."""
        assert start == self._span.start
        return self

    def release(self, part: PartFile) -> None:
        """Do nothing: `close` ends it."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they were not written here."""
        if span.start < self._span.start or span.stop > self.stop:
            return None
        with disk_errors(self._path, "read"), open(self._path, "rb") as file:
            file.seek(span.start)
            return file.read(len(span))

    def sync(self) -> None:
        """Return when what was written is on the disk."""
        with disk_errors(self._path, "write"):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
