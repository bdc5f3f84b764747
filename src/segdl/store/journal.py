"""The file that a journal is kept in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from segdl.core.journal import (
    BOOT_BYTES,
    NO_BOOT,
    Journal,
    Kind,
    claim,
    header,
    place_of,
    read_journal,
)
from segdl.core.spans import Span
from segdl.store.faults import disk_errors
from segdl.store.files import EXISTING, FLAGS, length_of, sync_data, sync_folder, write_at
from segdl.store.state import boot_id

# Written at once, so that a disk that is full later has room for claims.
_ROOM = 16 * 1024
# More than any run makes; what claims to be more is not read.
_MOST = 16 * 1024 * 1024


def boot_of_journals() -> bytes:
    """Return what journals name the time since the machine was started by."""
    from hashlib import sha256

    boot = boot_id()
    return sha256(boot.encode()).digest()[:BOOT_BYTES] if boot else NO_BOOT


class JournalFile:
    """A journal that is being kept. Methods raise OSError.

    `_lock` owns the descriptor, but for `sync`: who calls that does not close it meanwhile.
    """

    def __init__(self, path: Path, size: int, held: Iterable[Span]) -> None:
        """Begin a journal, in place of the one that may be there, atomically.

        Args:
            path: its file.
            size: bytes of the whole file, or OPEN.
            held: the bytes that are there, on the disk for sure.
        """
        self.size = size
        self._path = path
        self._key = int.from_bytes(os.urandom(4), "little")
        self._lock = threading.Lock()
        slots = [
            claim(slot, kind, span.start, len(span), self._key)
            for slot, span in enumerate(held)
            for kind in (Kind.WRITTEN, Kind.SYNCED)
        ]
        told = header(size, self._key, boot_of_journals()) + b"".join(slots)
        replaces = length_of(path) is not None
        new = path.with_suffix(".new")
        length_of(new)
        descriptor = os.open(new, FLAGS | os.O_TRUNC, 0o666)
        with open(descriptor, "wb") as file:
            file.write(told.ljust(len(told) // _ROOM * _ROOM + _ROOM, b"\0"))
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)
        if replaces:
            # What the old one claimed may be written anew from now on.
            sync_folder(path.parent)
        self._descriptor = os.open(path, FLAGS, 0o666)

    def claim(self, slot: int, kind: Kind, span: Span) -> None:
        """Note that the bytes of `span` are there; nothing once it is closed."""
        told = claim(slot, kind, span.start, len(span), self._key)
        with self._lock:
            if self._descriptor >= 0:
                _write_all(self._descriptor, told, place_of(slot, kind))

    def sync(self) -> None:
        """Return when all claims are on the disk."""
        if self._descriptor >= 0:
            sync_data(self._descriptor)

    def disown(self) -> None:
        """Have only those bytes count that are on the disk for sure."""
        with self._lock:
            try:
                if self._descriptor >= 0:
                    _disown(self._descriptor, self.size, self._key)
            except OSError:
                # Better no journal than one that claims too much.
                os.unlink(self._path)

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


def load(path: Path) -> Journal | None:
    """Return what a journal tells; None where there is none.

    Raises:
        ValueError: it cannot be used.
        DiskError: it cannot be read.
    """
    with disk_errors(path, "read"):
        length = length_of(path)
        if length is None:
            return None
        if length > _MOST:
            raise ValueError("it is too large")
        with open(os.open(path, EXISTING), "rb") as file:
            return read_journal(file.read(_MOST), boot_of_journals())


def disown(path: Path, journal: Journal) -> None:
    """Have only those bytes count that are on the disk for sure. Raises OSError.

    Args:
        path: the file of `journal`.
        journal: what it tells.
    """
    descriptor = os.open(path, EXISTING)
    try:
        _disown(descriptor, journal.size, journal.key)
    finally:
        os.close(descriptor)


def _disown(descriptor: int, size: int, key: int) -> None:
    _write_all(descriptor, header(size, key, NO_BOOT), 0)
    sync_data(descriptor)


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    while data:
        written = write_at(descriptor, data, at)
        data, at = data[written:], at + written
