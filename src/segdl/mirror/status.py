"""How a mirror is, by its ledger: `segdl mirror --status`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a mirror is: files and bytes of the last listing, and how its run went.

    Attributes:
        files: that are listed.
        bytes: of those, as far as the list tells.
        here: files that are on the disk, listed or not.
        here_bytes: of those.
        unlisted: files that are on the disk and not listed.
        unlisted_bytes: of those.
        waiting: files that something is to be done about.
        failed: files that could not be had.
        errors: paths and reasons of some of those.
        began: seconds since 1970; None where there was no run.
        ended: likewise; None where it is at work, or was killed.
        complete: whether it ended with everything listed here.
        earlier: whether what is counted is of an earlier listing, as this one named no file
            before it ended: nobody knows what it would have named.
    """

    files: int
    bytes: int
    here: int
    here_bytes: int
    unlisted: int
    unlisted_bytes: int
    waiting: int
    failed: int
    errors: tuple[tuple[str, str], ...]
    began: float | None
    ended: float | None
    complete: bool
    earlier: bool


def read_status(db: sqlite3.Connection) -> Status:
    """Look at everything.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    one = db.execute
    last = one(
        "SELECT id, began, ended, complete FROM listing ORDER BY id DESC LIMIT 1"
    ).fetchone() or (0, None, None, 0)
    latest = one("SELECT COALESCE(MAX(listing), 0) FROM file").fetchone()[0]
    over, complete = last[2] is not None, bool(last[3])
    earlier = over and not complete and 0 < latest < last[0]
    counted = latest if earlier else last[0]
    # What was needed by an earlier listing is not known any more, but for what is not here.
    waits = "had_size IS NULL" if earlier else "need != 0"
    files, size, waiting, failed = one(
        f"SELECT COUNT(*), CAST(TOTAL(size) AS INTEGER), COALESCE(SUM({waits}), 0), "  # noqa: S608
        "COALESCE(SUM(error IS NOT NULL), 0) FROM file WHERE listing = ?",
        (counted,),
    ).fetchone()
    errors = one(
        "SELECT path, error FROM file WHERE listing = ? AND error IS NOT NULL "
        "ORDER BY path LIMIT 20",
        (counted,),
    ).fetchall()
    here, here_bytes = count_here(db)
    unlisted, unlisted_bytes = count_here(db, "AND listing != ?", (counted,))
    return Status(
        files=files,
        bytes=size,
        here=here,
        here_bytes=here_bytes,
        unlisted=unlisted,
        unlisted_bytes=unlisted_bytes,
        waiting=waiting,
        failed=failed,
        errors=tuple(errors),
        began=last[1],
        ended=last[2],
        complete=complete,
        earlier=earlier,
    )


def count_here(
    db: sqlite3.Connection, which: str = "", values: Sequence[int] = ()
) -> tuple[int, int]:
    """Return how many files are here, and their bytes; `which` of them in SQL, with its `values`.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    query = (
        "SELECT COUNT(*), CAST(TOTAL(had_size) AS INTEGER) FROM file "  # noqa: S608 - no values
        f"WHERE had_size IS NOT NULL {which}"
    )
    files, size = db.execute(query, values).fetchone()
    return int(files), int(size)
