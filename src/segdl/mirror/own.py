"""What segdl puts into a mirror's folder that is of no list, known again by what was noted.

A note a file, beside the ledger: threads and machines write them, and each is whole or not
there. Whatever happens to them, a file that is not known is taken for somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segdl.core.mirrorneed import Stat
from segdl.mirror.options import FOLDER
from segdl.mirror.stat import stat_of

_NOTES = "own"
_MOST_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Own:
    """A file of segdl's own.

    Attributes:
        path: where it is, relative to the mirror.
        of: the path of the file that it is about; that of itself where it is about none.
        stat: what it was when it was put there.
        again: whether it came from a server, so that a later one may take its place; what it is
            of somebody else's may only be moved.
    """

    path: str
    of: str
    stat: Stat
    again: bool


class OwnFiles:
    """Knows such files. Threads share it; nothing of it changes.

    Args:
        directory: the mirror.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._notes = directory / FOLDER / _NOTES

    def note(self, own: Own) -> None:
        """Take note of a file that gets its name now, or just got it."""
        told = [own.path, own.of, own.stat.size, own.stat.modified, own.again]
        temporary = self._notes / f"new-{secrets.token_hex(8)}"
        try:
            self._notes.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(told), encoding="ascii")
            os.replace(temporary, self._place(own.path))
        except OSError:
            # It will be taken for somebody else's, and kept.
            pass

    def may_replace(self, path: str, of: str) -> bool:
        """Tell whether what is at a path came from a server, untouched, for the file `of`."""
        own = _read(self._place(path))
        if own is None or not own.again or (own.path, own.of) != (path, of):
            return False
        return stat_of(self._directory / path) == own.stat

    def all(self) -> Iterator[Own]:
        """Yield what was noted, whether or not it is there still."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._notes))
        except OSError:
            return
        for name in names:
            own = _read(self._notes / name)
            # One that has another name is not to be believed.
            if own is not None and self._place(own.path).name == name:
                yield own

    def forget(self, own: Own) -> None:
        """Forget a file that is gone."""
        try:
            self._place(own.path).unlink(missing_ok=True)
        except OSError:
            # It is known by more than its name.
            pass

    def _place(self, path: str) -> Path:
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        return self._notes / f"{digest}.json"


def _read(place: Path) -> Own | None:
    try:
        with open(place, encoding="ascii") as file:
            # Notes of earlier versions do not tell where it came from.
            path, of, size, modified, *again = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = isinstance(path, str) and isinstance(of, str)
    if not (texts and isinstance(size, int) and isinstance(modified, int)):
        return None
    # Before they told, only sums were about themselves.
    fetched = again == [True] or (not again and path == of)
    return Own(path, of, Stat(size, modified), fetched)
