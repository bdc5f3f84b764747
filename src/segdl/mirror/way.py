"""A folder that is a file on the server now, or a file that is a folder now."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segdl.errors import DiskError
from segdl.mirror.aside import drop_parts
from segdl.mirror.happenings import Happening, Said
from segdl.mirror.intake import Intake
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import FOLDER, MirrorOptions
from segdl.mirror.own import Own, OwnFiles
from segdl.mirror.rows import Row
from segdl.mirror.stat import stat_of
from segdl.mirror.trash import Trash, as_fetched, prune
from segdl.store.faults import shown


def clear_way(
    options: MirrorOptions, ledger: Ledger, intake: Intake, tell: Callable[[Happening], None]
) -> None:
    """Move what the list no longer has, and what it has is in the place of, into the trash.

    What was fetched of a file that is not whole is thrown away, and folders that only held what
    goes are removed. Files that are not of the mirror stay; then the new one cannot be had, and
    says so.

    Args:
        options: the mirror.
        ledger: knows what is of the mirror.
        intake: a listing that was read to its end.
        tell: takes what happens.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    trash = Trash(options.directory, options.folder / "trash" / f"replaced-{stamp}", instead="")
    own = OwnFiles(options.directory)
    noted = list(own.all())
    gone: list[Row] = []
    for path in intake.blocked:
        clearing = _Clearing(options.directory, trash, path, tell)
        rows = in_way(options.directory, ledger, path)
        gone += [row for row in rows if row.listing != intake.listing and clearing.takes(row)]
        for each in filter(partial(_is_in_way, path), noted):
            if clearing.remove(each.path, each.stat.is_of):
                own.forget(each)
    ledger.forget(gone)


@dataclass(frozen=True, slots=True)
class _Clearing:
    """Takes what is in the way of one path, where it is of the mirror."""

    directory: Path
    trash: Trash
    path: str
    tell: Callable[[Happening], None]

    def takes(self, row: Row) -> bool:
        """Take a file, and what was fetched of it; tell whether nothing of it is left."""
        drop_parts(self.directory, row.path)
        had = row.had.stat if row.had else None
        if had is not None or row.open:
            place = self.directory / row.path
            return self.remove(row.path, as_fetched(place, had, begun=row.open))
        prune(self.directory, row.path)
        return not os.path.lexists(self.directory / row.path)

    def remove(self, path: str, expected: Callable[[os.stat_result], bool]) -> bool:
        """Move one file into the trash; tell whether it is out."""
        was_there = os.path.lexists(self.directory / path)
        try:
            removed = self.trash.remove(path, expected)
        except DiskError as error:
            self.tell(Said(str(error)))
            return False
        if removed and was_there:
            self.tell(Said(f"{shown(path)} is in the way of {self.path}: moved to {FOLDER}/trash"))
        return removed


def in_way(directory: Path, ledger: Ledger, path: str) -> Iterator[Row]:
    """Yield what the ledger knows of what stands where a file, or its folders, should be."""
    for folder in _folders(path):
        if stat_of(os.path.join(directory, folder)) is not None:
            yield from ledger.rows([folder]).values()
    if os.path.isdir(os.path.join(directory, path)):
        yield from ledger.below(path)


def _is_in_way(path: str, own: Own) -> bool:
    return own.path.startswith(f"{path}/") or own.path in _folders(path)


def _folders(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:depth]) for depth in range(1, len(steps))]
