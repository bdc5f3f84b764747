"""The ledger's tables, and how those of earlier versions become them.

`docs/mirror-ledger.md` describes them.
"""

from __future__ import annotations

import sqlite3

from segdl.errors import DiskError

# Each step leads from the version that is its place to the next: add one, change none.
_STEPS = (
    """
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        host TEXT NOT NULL,
        urls TEXT NOT NULL,
        size INTEGER,
        modified INTEGER,
        checksum TEXT,
        listing INTEGER NOT NULL,
        turn INTEGER NOT NULL DEFAULT 0,
        late INTEGER NOT NULL DEFAULT 0,
        need INTEGER NOT NULL DEFAULT 0,
        open INTEGER NOT NULL DEFAULT 0,
        had_size INTEGER,
        had_modified INTEGER,
        had_listed INTEGER,
        had_checksum TEXT,
        had_sha256 TEXT,
        etag TEXT,
        last_modified TEXT,
        checked REAL,
        error TEXT,
        error_kind TEXT,
        error_code INTEGER
    );
    CREATE INDEX file_waiting ON file (host, late, turn) WHERE need > 0;
    CREATE INDEX file_twin ON file (had_checksum) WHERE had_checksum IS NOT NULL;
    CREATE TABLE listing (
        id INTEGER PRIMARY KEY,
        began REAL NOT NULL,
        ended REAL,
        complete INTEGER NOT NULL DEFAULT 0,
        files INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        done INTEGER NOT NULL DEFAULT 0,
        fetched INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        removed INTEGER NOT NULL DEFAULT 0
    );
    """,
    """
    ALTER TABLE listing ADD COLUMN source TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE file ADD COLUMN query INTEGER;
    ALTER TABLE file ADD COLUMN unrun INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE listing ADD COLUMN last INTEGER;
    """,
)
VERSION = len(_STEPS)


def migrate(connection: sqlite3.Connection, shown: str) -> None:
    """Bring the tables to this version, in one transaction a step.

    Raises:
        DiskError: they are of a later version.
    """
    for step in range(known_version(connection, shown), VERSION):
        # executescript ends a transaction that is open, so that it begins one itself.
        connection.executescript(f"BEGIN; {_STEPS[step]} PRAGMA user_version = {step + 1}; COMMIT;")


def known_version(connection: sqlite3.Connection, shown: str) -> int:
    """Return the version of the tables.

    Raises:
        DiskError: it is a later one: nobody knows what they mean.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise DiskError(f"{shown} was written by a later version of segdl", hint="use that version")
    return int(version)
