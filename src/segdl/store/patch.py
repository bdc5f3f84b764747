"""A whole file of which some bytes are replaced."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from segdl.store.faults import disk_errors
from segdl.store.files import EXISTING, write_at


class Patch:
    """An existing file, open to be read and to be written in place. One thread uses it.

    Raises on opening:
        DiskError: it cannot be opened; a link is not followed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors(path, "open"):
            self._descriptor = os.open(path, EXISTING)

    def __enter__(self) -> Patch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with disk_errors(self.path, "write"):
            os.close(self._descriptor)

    def read(self, at: int, most: int) -> bytes:
        """Return bytes that begin at `at`, at most `most`; ``b""`` at the end."""
        with disk_errors(self.path, "read"):
            os.lseek(self._descriptor, at, os.SEEK_SET)
            return os.read(self._descriptor, most)

    def write(self, at: int, data: bytes) -> None:
        """Replace the bytes at `at` by `data`."""
        left = memoryview(data)
        with disk_errors(self.path, "write"):
            while left:
                written = write_at(self._descriptor, left, at)
                at += written
                left = left[written:]
