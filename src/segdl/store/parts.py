"""Part files: the bytes on disk, and the only record of progress.

A part's name says where in the file it starts, its size how far it got. Parts of one
version may overlap: the bytes are the same.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from segdl.core.spans import Span, union
from segdl.errors import DiskError
from segdl.store.faults import disk_errors

_NAME = re.compile(r"(0|[1-9][0-9]{0,18})\.part", re.ASCII)
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_sync = getattr(os, "fdatasync", os.fsync)
_BLOCK = 1024 * 1024


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
    """A part that can be written from a pipe, within the kernel."""

    def drain(self, pipe: int, count: int) -> None:
        """Write `count` bytes, which are in the pipe, at the end."""


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
            self._descriptor = os.open(path, _FLAGS, 0o666)
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

    def append(self, data: bytes | memoryview) -> None:
        """Write bytes at the end.

        Raises:
            DiskError: no space, or the disk failed; what was written before stays.
        """
        if self._failure is not None:
            raise self._failure
        view = memoryview(data)
        with disk_errors(self.path, "write"):
            while view:
                written = os.write(self._descriptor, view)
                self.size += written
                view = view[written:]

    def drain(self, pipe: int, count: int) -> None:
        """Write `count` bytes, which are in the pipe, at the end.

        Raises:
            DiskError: no space, or the disk failed; what was written before stays.
        """
        if self._failure is not None:
            raise self._failure
        with disk_errors(self.path, "write"):
            while count:
                try:
                    moved = os.splice(pipe, self._descriptor, count)
                except OSError as error:
                    if error.errno != errno.EINVAL:
                        raise
                    # This file system takes no pages from a pipe.
                    break
                self.size += moved
                count -= moved
        while count:
            data = os.read(pipe, count)
            self.append(data)
            count -= len(data)

    def grow(self, count: int) -> None:
        """Note that `count` bytes were written at the end through the descriptor."""
        self.size += count

    def cut(self, size: int) -> None:
        """Drop what was written behind `size` bytes."""
        with disk_errors(self.path, "write"):
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)
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
    """The part files of one folder.

    `_lock` owns `_open` and `_retractions`.

    Attributes:
        deleting: held while a part is deleted, and by who must find it as it was listed.
    """

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
                sound = _sound(part.descriptor, part.size)
                if sound < part.size:
                    part.cut(sound)
            finally:
                self.release(part)

    def discard(self, spans: Iterable[Span]) -> None:
        """Drop the bytes of `spans`, and what is behind them in the same part."""
        wrong = list(spans)
        for start, size in self.sizes().items():
            hits = [max(s.start, start) for s in wrong if s.start < start + size and start < s.stop]
            if hits:
                part = self.open(start)
                try:
                    part.cut(min(hits) - start)
                finally:
                    self.release(part)

    def remove(self, start: int, *, copied: bool = False) -> None:
        """Delete the part that begins at `start`; `copied` where another holds its bytes."""
        with self.deleting, disk_errors(self.path(start), "delete"):
            self.path(start).unlink(missing_ok=True)
        if not copied:
            self._retracted()

    def clear(self) -> None:
        """Delete every part."""
        for start in self.sizes():
            self.remove(start)

    def path(self, start: int) -> Path:
        """Return the file of the part that begins at `start`."""
        return self.folder / f"{start}.part"


def _sound(descriptor: int, size: int) -> int:
    """Return how far a file has no hole, the zeros before that left out."""
    if size and hasattr(os, "SEEK_HOLE"):
        try:
            size = min(size, os.lseek(descriptor, 0, os.SEEK_HOLE))
        except OSError:
            # This file system does not tell.
            pass
    while size:
        at = (size - 1) // _BLOCK * _BLOCK
        os.lseek(descriptor, at, os.SEEK_SET)
        data = os.read(descriptor, size - at).rstrip(b"\0")
        if data:
            return at + len(data)
        size = at
    return 0
