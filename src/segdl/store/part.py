"""One part file: bytes that go on at its end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from segdl.errors import DiskError
from segdl.store.faults import disk_errors
from segdl.store.files import FLAGS, Move, pour
from segdl.store.files import sync_data as _sync


class TakenBackError(Exception):
    """A part lost bytes that it had taken: they are to be fetched again, from its `stop` on.

    Nobody who sent them is to blame.
    """


class PartFile(Protocol):
    """What a worker needs of a part: bytes go on at its end, and may be taken back."""

    @property
    def size(self) -> int:
        """Bytes written."""

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the end.

        Raises:
            TakenBackError: see there.
        """

    def cut(self, size: int) -> None:
        """Drop what was written behind `size` bytes."""


class PipedPart(PartFile, Protocol):
    """A part that can be written by other means than from memory."""

    def fill(self, most: int, move: Move) -> int:
        """Have `move(descriptor, at, most)` write at the end; return how many bytes it did.

        Fewer than `most` where what follows belongs to another part.
        """


class Part:
    """One open part file, written at its end by one thread.

    Args:
        path: the file, made if missing.
        start: where in the file the part begins.
        on_retract: called when bytes were taken back.
        descriptor: an empty file that is open already; it is closed with the part.

    Attributes:
        start: where in the file the part begins.
        size: bytes written; its one writer changes it, others may read it.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        on_retract: Callable[[], None] = lambda: None,
        descriptor: int | None = None,
    ) -> None:
        self.path = path
        self.start = start
        self._on_retract = on_retract
        self._descriptor, self.size = _opened(path) if descriptor is None else (descriptor, 0)
        # `_lock` keeps the descriptor open under a `sync` from another thread.
        self._lock = threading.Lock()
        self._closed = False
        # What an earlier run wrote may not be on the disk yet.
        self._synced = 0
        self._failure: DiskError | None = None

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self.start + self.size

    @property
    def on_disk(self) -> int:
        """Bytes of which `sync` made sure."""
        return self._synced

    @property
    def descriptor(self) -> int:
        """The open file, for the kernel's own copying."""
        return self._descriptor

    def fill(self, most: int, move: Move) -> int:
        """Have `move(descriptor, at, most)` write at the end; return how many bytes it did.

        Raises:
            DiskError: no space, or the disk failed; what was written before stays.
        """
        if self._failure is not None:
            raise self._failure
        with disk_errors(self.path, "write"):
            written = move(self._descriptor, self.size, most)
        self.size += written
        return written

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the end.

        Raises:
            DiskError: as `fill`.
        """
        pour(data, self.fill)

    def grow(self, count: int) -> None:
        """Note that `count` bytes were written at the end through the descriptor."""
        self.size += count

    def cut(self, size: int) -> None:
        """Drop what was written behind `size` bytes."""
        with disk_errors(self.path, "write"):
            os.ftruncate(self._descriptor, size)
        self.size = size
        self._synced = min(self._synced, size)
        self._on_retract()

    def sync(self) -> None:
        """Return when the bytes are on the disk; callable from any thread."""
        with self._lock:
            if self._closed:
                return
            if self._failure is not None:
                # The system tells once that bytes were lost: what it says later is worth nothing.
                raise self._failure
            if self._synced == self.size:
                return
            size = self.size
            try:
                with disk_errors(self.path, "write"):
                    _sync(self._descriptor)
            except DiskError as error:
                self._failure = error
                raise
            self._synced = size

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        with self._lock:
            if not self._closed:
                self._closed = True
                with disk_errors(self.path, "write"):
                    try:
                        if self._failure is not None:
                            # The system told once that bytes were lost; it will not again.
                            os.ftruncate(self._descriptor, self._synced)
                            self._on_retract()
                    finally:
                        os.close(self._descriptor)


def _opened(path: Path) -> tuple[int, int]:
    """Open a file, made if missing; return its descriptor and its size in bytes."""
    with disk_errors(path, "open"):
        descriptor = os.open(path, FLAGS, 0o666)
        try:
            return descriptor, os.lseek(descriptor, 0, os.SEEK_END)
        except BaseException:
            os.close(descriptor)
            raise
