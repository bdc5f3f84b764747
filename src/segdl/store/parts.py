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
from typing import Protocol

from segdl.core.spans import Span, union
from segdl.options import LayoutName
from segdl.store.faults import disk_errors
from segdl.store.join import join
from segdl.store.part import Part, PartFile
from segdl.store.sound import sound_size

_NAME = re.compile(r"(0|[1-9][0-9]{0,18})\.part", re.ASCII)


class PartStore(Protocol):
    """Where workers put bytes; :class:`Parts` is the one on disk."""

    def open(self, start: int) -> PartFile:
        """Open the part that begins at `start`, made if missing."""

    def release(self, part: PartFile) -> None:
        """Take back what `open` returned."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not there."""


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
                if match and stat.S_ISREG((status := entry.stat(follow_symlinks=False)).st_mode):
                    found[int(match[1])] = status.st_size
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
        # To ask many how far they reach takes its time, and mostly it is the nearest.
        nearest = self._nearest(span.start)
        data = None if nearest is None else self._read(nearest, span)
        if nearest is None or data is not None:
            return data
        for start, size in self.sizes().items():
            if start <= span.start and span.stop <= start + size:
                return self._read(start, span)
        return None

    def _nearest(self, at: int) -> int | None:
        """Return where the last part begins that begins at `at` or before, whatever it is."""
        with disk_errors(self.folder, "list"):
            named = map(_NAME.fullmatch, os.listdir(self.folder))
        starts = (int(match[1]) for match in named if match)
        return max((start for start in starts if start <= at), default=None)

    def _read(self, start: int, span: Span) -> bytes | None:
        """Return the bytes of `span` from one part, or None where it does not have them all."""
        path = self.path(start)
        with disk_errors(path, "read"):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return None
            with open(path, "rb") as file:
                file.seek(span.start - start)
                data = file.read(len(span))
        return data if len(data) == len(span) else None

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
