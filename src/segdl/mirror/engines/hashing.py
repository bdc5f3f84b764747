"""Bytes that are hashed as they come, and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from segdl.core.hashing import Hash
from segdl.core.spans import Span
from segdl.engine.attempt import OVERLAP
from segdl.engine.run import Run
from segdl.errors import IntegrityError
from segdl.progress.events import Verifying
from segdl.store.part import PartFile


class Hashing:
    """A part that is hashed, and the store of that one part. One thread at a time uses it.

    Args:
        hashes: take the bytes.
        run: the surroundings.
        number: the file's, for events.
        whole: bytes in all.

    Attributes:
        size: bytes that came.
    """

    def __init__(self, hashes: Iterable[Hash], run: Run, number: int, whole: int) -> None:
        self._hashes = list(hashes)
        self._run = run
        self._number = number
        self._whole = whole
        self._tail = b""
        self.size = 0

    @property
    def stop(self) -> int:
        """Where the next byte goes."""
        return self.size

    def append(self, data: bytes | memoryview) -> None:
        """Hash bytes."""
        for each in self._hashes:
            each.update(data)
        self.size += len(data)
        self._tail = (self._tail + bytes(data[-OVERLAP:]))[-OVERLAP:]
        self._run.emit(Verifying(self._number, self.size, self._whole))

    def cut(self, size: int) -> None:
        """Refuse to drop what was hashed.

        Raises:
            IntegrityError: it would have to be.
        """
        if size < self.size:
            raise IntegrityError("the store sent other bytes than before")

    def open(self, start: int) -> PartFile:
        """Return this part."""
        assert start == 0
        return self

    def release(self, part: PartFile) -> None:
        """Do nothing."""

    def read(self, span: Span) -> bytes | None:
        """Return bytes that came last; None where they are not here any more."""
        begin = span.start - (self.size - len(self._tail))
        if begin < 0 or span.stop > self.size:
            return None
        return self._tail[begin : begin + len(span)]
