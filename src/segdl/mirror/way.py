"""A folder that is a file on the server now, or a file that is a folder now."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from segdl.errors import DiskError
from segdl.mirror.happenings import Happening, Said
from segdl.mirror.intake import Intake
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import FOLDER, MirrorOptions
from segdl.mirror.rows import Row
from segdl.mirror.stat import stat_of
from segdl.mirror.trash import Trash


def clear_way(
    options: MirrorOptions, ledger: Ledger, intake: Intake, tell: Callable[[Happening], None]
) -> None:
    """Move what the list no longer has, and what it has is in the place of, into the trash.

    Files that are not of the mirror stay; then the new one cannot be had, and says so.

    Args:
        options: the mirror.
        ledger: knows what is of the mirror.
        intake: a listing that was read to its end.
        tell: takes what happens.
    """
    directory = options.directory
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    trash = Trash(directory, options.folder / "trash" / f"replaced-{stamp}", instead="")
    gone = []
    for path in intake.blocked:
        for row in _in_way(directory, ledger, path):
            if row.listing == intake.listing or row.had is None:
                continue
            try:
                removed = trash.remove(row.path, row.had.stat.is_of)
            except DiskError as error:
                tell(Said(str(error)))
                continue
            if removed:
                gone.append(row)
                tell(Said(f"{row.path} is in the way of {path}: moved to {FOLDER}/trash"))
    ledger.forget(gone)


def _in_way(directory: Path, ledger: Ledger, path: str) -> Iterator[Row]:
    steps = path.split("/")
    for depth in range(1, len(steps)):
        folder = "/".join(steps[:depth])
        if stat_of(os.path.join(directory, folder)) is not None:
            yield from ledger.rows([folder]).values()
    if os.path.isdir(os.path.join(directory, path)):
        yield from ledger.below(path)
