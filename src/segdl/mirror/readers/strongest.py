"""The strongest digest that a list tells of each name, however far apart its lines are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import TracebackType

from segdl.core.checksum import Checksum, weakness
from segdl.core.text import printable
from segdl.errors import DiskError
from segdl.mirror.listing import Unusable

_BATCH = 500
# Weaker than every algorithm that is known.
_NONE = 1000
_TABLE = """
    CREATE TABLE names (
        name BLOB PRIMARY KEY, line INTEGER, weakness INTEGER, digest TEXT, size INTEGER, why TEXT
    )"""
_TAKE = """
    INSERT INTO names VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
        why = CASE
            WHEN excluded.weakness < weakness THEN NULL
            WHEN excluded.weakness = weakness AND excluded.digest <> digest
                THEN 'it has two different digests'
            WHEN excluded.weakness = weakness THEN coalesce(why, excluded.why)
            ELSE why
        END,
        digest = CASE WHEN excluded.weakness < weakness THEN excluded.digest ELSE digest END,
        weakness = min(weakness, excluded.weakness),
        size = coalesce(size, excluded.size)"""

Named = tuple[str, Checksum | None, int | None]


class Strongest:
    """Gathers what lines say of names: SQLite's temporary database, on disk beyond 2 MB.

    Confined to one reading.

    Example:
        >>> with Strongest() as gathered:
        ...     gathered.take(1, "a", Checksum("md5", "…"))
        ...     gathered.take(2, "a", Checksum("sha256", "…"))
        ...     list(gathered.drain())
        [('a', Checksum(algorithm='sha256', hexdigest='…'), None)]
    """

    def __init__(self) -> None:
        with _errors():
            # A generator that is given up is closed by whichever thread finds it.
            self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            try:
                self._db.execute(_TABLE)
                self._db.execute("BEGIN")
            except BaseException:
                self._db.close()
                raise
        self._batch: list[tuple[bytes, int, int, str | None, int | None, str | None]] = []

    def __enter__(self) -> Strongest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()

    def take(
        self,
        line: int,
        name: str,
        checksum: Checksum | None,
        *,
        size: int | None = None,
        why: str | None = None,
    ) -> None:
        """Hear what a line says of a name.

        Args:
            line: its number.
            name: the file's.
            checksum: the digest that it tells.
            size: the size that it tells.
            why: what makes the file unusable, unless another line tells a digest.

        Raises:
            DiskError: there is no room for it.
        """
        rank, digest = _NONE, None
        if checksum is not None:
            rank, digest = weakness(checksum.algorithm), str(checksum)
        raw = name.encode("utf-8", "surrogateescape")
        self._batch.append((raw, line, rank, digest, size, why))
        if len(self._batch) >= _BATCH:
            self._flush()

    def drain(self) -> Iterator[Named | Unusable]:
        """Yield name, digest and size in the order of the list, and forget them.

        Raises:
            DiskError: the temporary file cannot be read.
        """
        self._flush()
        query = "SELECT name, line, digest, size, why FROM names ORDER BY rowid"
        with _errors(), closing(self._db.execute(query)) as rows:
            for raw, line, digest, size, why in rows:
                if why is not None:
                    yield Unusable(line=line, why=why)
                    continue
                algorithm, _, digits = (digest or "").partition("=")
                checksum = Checksum(algorithm, digits) if digits else None
                yield raw.decode("utf-8", "surrogateescape"), checksum, size
        with _errors():
            self._db.execute("DELETE FROM names")

    def _flush(self) -> None:
        with _errors():
            self._db.executemany(_TAKE, self._batch)
        self._batch.clear()


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DiskError(
            f"cannot keep the list in a temporary file: {printable(str(error))}",
            hint="make room, or set SQLITE_TMPDIR to a folder that has it",
        ) from error
