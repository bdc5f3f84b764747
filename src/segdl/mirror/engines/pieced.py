"""A large file that several workers bring in pieces: one file, and a journal of what is there.

The driver alone keeps the journal: a piece counts once its worker said that it is on the
disk. Killed at any time, the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from segdl.core.cutting import cut
from segdl.core.identity import Version
from segdl.core.journal import Kind
from segdl.core.spans import Span, gaps, union
from segdl.mirror.advice import OF_THE_RUN, in_terms_of
from segdl.mirror.engines.answers import Filled
from segdl.store.faults import disk_errors
from segdl.store.files import FLAGS
from segdl.store.journal import JournalFile, load
from segdl.store.reserve import reserve

_FOLDER = "large"
_DATA, _JOURNAL = ".data", ".journal"


class Pieced:
    """One version of one large file. The driver's thread uses it, and closes it.

    Args:
        folder: where files are that are not whole yet.
        path: the file's path in the mirror.
        version: what it is fetched of; its size is known.
        least: bytes of a piece, at least.
        salt: tells versions apart that their server does not.

    Attributes:
        place: the file that all pieces are written to.
        held: bytes that are there.

    Raises:
        DiskError: no space, or it cannot be made.
    """

    def __init__(self, folder: Path, path: str, version: Version, least: int, salt: str) -> None:
        assert version.size is not None
        self.version = version
        self.size = version.size
        self._before: dict[int, bytes] = {}
        stem = folder / _FOLDER / _name(path, version, salt)
        self.place = stem.with_suffix(_DATA)
        self._journal_path = stem.with_suffix(_JOURNAL)
        with disk_errors(self.place, "make"):
            stem.parent.mkdir(parents=True, exist_ok=True)
            self.held = self._found()
            descriptor = os.open(self.place, FLAGS, 0o666)
            try:
                reserve(descriptor, self.size)
                os.ftruncate(descriptor, self.size)
            finally:
                os.close(descriptor)
            self._journal = JournalFile(self._journal_path, self.size, self.held)
        self._slots = len(self.held)
        self._cuts = cut(self.size, least)

    def _found(self) -> list[Span]:
        """Return what an earlier run left; what does not fit is nothing."""
        try:
            journal = load(self._journal_path)
            if journal is not None and os.lstat(self.place).st_size == journal.size == self.size:
                return list(journal.held)
        except (ValueError, FileNotFoundError):
            pass
        self.place.unlink(missing_ok=True)
        return []

    def missing(self) -> list[Span]:
        """Return the pieces to fetch, in order."""
        return [gap for piece in self._cuts for gap in gaps(piece, self.held)]

    @property
    def count(self) -> int:
        """Bytes that are there."""
        return sum(map(len, self.held))

    def note(self, filled: Filled) -> None:
        """Note that bytes are on the disk."""
        span = filled.span
        with disk_errors(self._journal_path, "write"):
            self._journal.claim(self._slots, Kind.SYNCED, span)
        self._slots += 1
        self.held = union([*self.held, span])
        self._before.update(filled.before)

    def first_mismatch(self) -> int | None:
        """Return where two pieces that meet do not fit; None where all do."""
        with disk_errors(self.place, "read"), open(self.place, "rb") as file:
            for at, data in sorted(self._before.items()):
                file.seek(at)
                if file.read(len(data)) != data:
                    return at
        return None

    def close(self) -> None:
        """Close the journal; what is there stays."""
        self._journal.close()

    def forget(self) -> None:
        """Delete what is there of it; the file itself may have its final name by now."""
        self._journal.close()
        with disk_errors(self.place, "delete"):
            self.place.unlink(missing_ok=True)
            self._journal_path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete what there is of files that no run will go on with."""
    with in_terms_of(OF_THE_RUN), disk_errors(folder, "list"):
        try:
            entries = list(os.scandir(folder / _FOLDER))
        except FileNotFoundError:
            return
        for entry in entries:
            os.unlink(entry.path)
        os.rmdir(folder / _FOLDER)


def _name(path: str, version: Version, salt: str) -> str:
    """Return what the file of one version is called; another version gets another name."""
    told = [path, version.size, version.etag, version.last_modified, salt]
    data = json.dumps(told).encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:40]
