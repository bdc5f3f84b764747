"""The file from its beginning on, read while its parts still grow."""

from __future__ import annotations

from segdl.store.faults import disk_errors
from segdl.store.parts import Parts


class Prefix:
    """Reads parts in file order. One thread at a time uses it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._followed: int | None = None

    @property
    def retractions(self) -> int:
        """How often bytes were taken back; see :class:`Parts`."""
        return self._parts.retractions

    def read_from(self, at: int, most: int) -> bytes:
        """Return bytes that begin at `at`, at most `most`; ``b""`` where none are there yet.

        They stay what they are as long as `retractions` does.

        Raises:
            DiskError: the disk failed.
        """
        with self._parts.deleting:
            data = b"" if self._followed is None else self._read(self._followed, at, most)
            if data:
                return data
            # Listing costs more than reading on in one part.
            for start, size in self._parts.sizes().items():
                if start <= at < start + size:
                    self._followed = start
                    return self._read(start, at, most)
            return b""

    def _read(self, start: int, at: int, most: int) -> bytes:
        path = self._parts.path(start)
        if at < start or not path.exists():
            return b""
        with disk_errors(path, "read"), open(path, "rb", buffering=0) as file:
            file.seek(at - start)
            return file.read(most)
