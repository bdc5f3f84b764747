"""A small file on its way: all of it in memory, until it is known to be right."""

from __future__ import annotations

from segdl.core.spans import Span
from segdl.store.part import PartFile


class Memory:
    """The one part of a small file, and its `PartStore`. One thread at a time uses it."""

    def __init__(self) -> None:
        self.start = 0
        self.data = bytearray()

    @property
    def size(self) -> int:
        """Bytes that came."""
        return len(self.data)

    @property
    def stop(self) -> int:
        """Where the next byte goes."""
        return len(self.data)

    def append(self, data: bytes | memoryview) -> None:
        """Take bytes at the end."""
        self.data += data

    def cut(self, size: int) -> None:
        """Drop what is behind `size` bytes."""
        del self.data[size:]

    def open(self, start: int) -> PartFile:
        """Return the one part."""
        assert start == 0
        return self

    def release(self, part: PartFile) -> None:
        """Do nothing."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not there."""
        return bytes(self.data[span.start : span.stop]) if span.stop <= len(self.data) else None
