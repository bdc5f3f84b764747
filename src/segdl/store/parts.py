"""Part files: the bytes on disk, and the only record of progress.

A part's name says where in the file it starts, its size how far it got. Parts of one
version may overlap: the bytes are the same.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from segdl.core.spans import Span, union
from segdl.errors import DiskError
from segdl.options import LayoutName
from segdl.store.faults import disk_errors
from segdl.store.files import FLAGS, Move, pour
from segdl.store.files import sync_data as _sync
from segdl.store.join import join
from segdl.store.sound import sound_size

_NAME = re.compile(r"(0|[1-9][0-9]{0,18})\.part", re.ASCII)


class PartFile(Protocol):
    """What a worker needs of a part: bytes go on at its end, and may be taken back."""

    @property
    def size(self) -> int:
        """Bytes written."""

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the end."""

    def cut(self, size: int) -> None:
        """Drop what was written behind `size` bytes."""


@runtime_checkable
class PipedPart(PartFile, Protocol):
    """A part that can be written by other means than from memory."""

    def fill(self, most: int, move: Move) -> int:
        """Have `move(descriptor, at, most)` write at the end; return how many bytes it did.

        Fewer than `most` where what follows belongs to another part.
        """


class PartStore(Protocol):
    """Where workers put bytes; :class:`Parts` is the one on disk."""

    def open(self, start: int) -> PartFile:
        """Open the part that begins at `start`, made if missing."""

    def release(self, part: PartFile) -> None:
        """Take back what `open` returned."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not there."""


class Part:
    """One open part file, written at its end by one thread.

    Attributes:
        start: where in the file the part begins.
        size: bytes written; its one writer changes it, others may read it.
    """

    def __init__(
        self, path: Path, start: int, on_retract: Callable[[], None] = lambda: None
    ) -> None:
        self.path = path
        self.start = start
        self._on_retract = on_retract
        with disk_errors(path, "open"):
            self._descriptor = os.open(path, FLAGS, 0o666)
            try:
                self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
            except BaseException:
                os.close(self._descriptor)
                raise
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
    def unsynced(self) -> int:
        """Bytes written since the last `sync`."""
        return self.size - self._synced

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
            if self._closed or self._synced == self.size:
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


class Parts:
    """The layout of part files in a folder.

    `_lock` owns `_open` and `_retractions`.

    Attributes:
        deleting: held while a part is deleted, and by who must find it as it was listed.
    """

    name: LayoutName = "parts"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.deleting = threading.Lock()
        self._open: dict[int, Part] = {}
        self._retractions = 0

    @property
    def retractions(self) -> int:
        """How often bytes were taken back; it counts before others may take their place."""
        with self._lock:
            return self._retractions

    def _retracted(self) -> None:
        with self._lock:
            self._retractions += 1

    @property
    def whole(self) -> Path:
        """The first part, which the others are joined to."""
        return self.path(0)

    def open(self, start: int) -> Part:
        """Open the part that begins at `start`, made if missing."""
        part = Part(self.path(start), start, self._retracted)
        with self._lock:
            self._open[start] = part
        return part

    def release(self, part: PartFile) -> None:
        """Close a part that `open` returned."""
        assert isinstance(part, Part)
        with self._lock:
            if self._open.get(part.start) is part:
                del self._open[part.start]
        part.close()

    def sizes(self) -> dict[int, int]:
        """Return the size of each part by where it starts, in file order."""
        found: dict[int, int] = {}
        with disk_errors(self.folder, "list"):
            for entry in os.scandir(self.folder):
                match = _NAME.fullmatch(entry.name)
                if match and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                    found[int(match[1])] = entry.stat(follow_symlinks=False).st_size
        return dict(sorted(found.items()))

    def held(self) -> list[Span]:
        """Return what is on disk, joined."""
        return union(Span(start, start + size) for start, size in self.sizes().items())

    def is_empty(self) -> bool:
        """Tell whether no part holds a byte."""
        return not any(self.sizes().values())

    def misfit(self, size: int) -> str | None:
        """Tell why what is there cannot be of a file of `size` bytes (or OPEN), if so."""
        if any(start + length > size for start, length in self.sizes().items()):
            return "the partial data reaches over the end of the file"
        return None

    def space(self, size: int, more: Mapping[int, int]) -> tuple[int, int]:  # noqa: ARG002
        """Return the bytes to come, and those that joining has twice for a moment."""
        parts = self.sizes()
        for start, length in more.items():
            parts[start] = parts.get(start, 0) + length
        return sum(more.values()), max((parts[start] for start in parts if start), default=0)

    def prepare(self, size: int, on_wait: Callable[[], None]) -> None:
        """Do nothing: each part is made as it is opened."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not all in one part."""
        for start, size in self.sizes().items():
            if start <= span.start and span.stop <= start + size:
                with disk_errors(self.path(start), "read"), open(self.path(start), "rb") as file:
                    file.seek(span.start - start)
                    return file.read(len(span))
        return None

    def sync(self) -> None:
        """Bring what is written to the disk."""
        with self._lock:
            parts = list(self._open.values())
        for part in parts:
            part.sync()

    def mend(self) -> None:
        """Cut off what a power cut may have left instead of bytes: holes, zeros at the end.

        Most file systems lengthen a file only when its bytes are on the disk; some do
        before that, and blocks may reach the disk in any order.
        """
        for start in self.sizes():
            part = self.open(start)
            try:
                sound = sound_size(part.descriptor, part.size)
                if sound < part.size:
                    part.cut(sound)
            finally:
                self.release(part)

    def remove(self, start: int, *, copied: bool = False) -> None:
        """Delete the part that begins at `start`; `copied` where another holds its bytes."""
        with self.deleting, disk_errors(self.path(start), "delete"):
            self.path(start).unlink(missing_ok=True)
        if not copied:
            self._retracted()

    def adopt(self, finished: Path) -> None:
        """Make a file the first part; it loses its name."""
        with disk_errors(finished, "continue"):
            os.rename(finished, self.whole)

    def make_whole(self, size: int, on_progress: Callable[[int], None]) -> None:
        """Join the parts; see :func:`join`."""
        self.release(join(self, size, on_progress))

    def clear(self) -> None:
        """Delete every part."""
        for start in self.sizes():
            self.remove(start)

    def close(self) -> None:
        """Do nothing: who opened a part releases it."""

    def path(self, start: int) -> Path:
        """Return the file of the part that begins at `start`."""
        return self.folder / f"{start}.part"
