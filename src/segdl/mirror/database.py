"""The file of the ledger: how SQLite opens it, and what to do where it cannot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from segdl.core.text import printable
from segdl.errors import DiskError
from segdl.mirror.journalmode import journal_mode
from segdl.store.faults import shown


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open a database, made if missing where it is not only looked at.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    if readonly:
        return _look_at(path)
    db = _open(path, "mode=rwc")
    try:
        db.execute(f"PRAGMA journal_mode = {journal_mode(path)}")
        db.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def _look_at(path: Path) -> sqlite3.Connection:
    """Open it for who may only look: SQLite wants to write beside a log even to read."""
    db = _open(path, "mode=ro")
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException as error:
        db.close()
        if not isinstance(error, sqlite3.OperationalError) or _has_log(path):
            raise
        # Nobody has it open, or there would be a log.
        return _open(path, "mode=ro&immutable=1")
    return db


def _has_log(path: Path) -> bool:
    places = [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]
    return any(os.path.lexists(place) and os.path.getsize(place) for place in places)


def _open(path: Path, how: str) -> sqlite3.Connection:
    # Transactions are begun and ended by name.
    place = f"{path.absolute().as_uri()}?{how}"
    db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=10.0)
    # Names that are not UTF-8 go through as they are.
    db.text_factory = os.fsdecode
    return db


def copy_database(path: Path, to: Path) -> None:
    """Copy a database as it is at one moment; who writes it is not disturbed.

    Nothing is written beside it as long as nobody else has it open.

    Raises:
        DiskError: it cannot be read, or the copy not be written.
    """
    with ledger_errors(path, "copy"):
        is_alone = not _is_open(path)
        if is_alone:
            _copy(_open(path, "mode=ro&immutable=1"), to)
        if not is_alone or _is_open(path):
            # A run may have begun to write it meanwhile.
            _copy(connect(path, readonly=True), to)


def _copy(source: sqlite3.Connection, to: Path) -> None:
    with closing(source), closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _is_open(path: Path) -> bool:
    """Tell whether somebody may have a database open: then SQLite has files beside it."""
    endings = ("-wal", "-journal", "-shm")
    return any(os.path.lexists(path.with_name(path.name + ending)) for ending in endings)


@contextmanager
def ledger_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's errors into DiskErrors that say what to do.

    Args:
        path: the database.
        doing: what was tried, as in "cannot {doing} the ledger".

    Raises:
        DiskError: where the body raised sqlite3.Error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise DiskError(
            f"cannot {doing} the ledger {shown(path)}: {printable(str(error))}",
            hint=_advice(error),
        ) from error


def _advice(error: sqlite3.Error) -> str:
    """Return what to do about an error."""
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return "make room and run the same command again"
    if any(each in text for each in ("malformed", "not a database", "no such table")):
        return "move it away to begin a new one: no file is lost by that"
    if "locked" in text:
        return "another program holds it: end that, or try again later"
    return "look at its permissions, and whether its disk is full or read-only"
