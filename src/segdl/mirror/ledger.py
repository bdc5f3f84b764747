"""What a mirror remembers of its files from one run to the next, in SQLite.

A row a file: what the list says of it, what is here, and what is still to be done. Killed at
any time, the next run reads the list again and goes on: what is to be done is never taken
from an earlier run, only what is here.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from segdl.core.checksum import Checksum, read_checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Listed, Need, Stat
from segdl.core.text import printable
from segdl.errors import DiskError, SegdlError
from segdl.mirror.journalmode import journal_mode
from segdl.mirror.schema import migrate
from segdl.store.faults import shown

# What an integer of SQLite holds.
_MOST = 2**63 - 1
_COLUMNS = (
    "id, path, host, urls, size, modified, checksum, late, need, "
    "had_size, had_modified, had_listed, had_checksum, had_sha256, etag, last_modified, listing, "
    "open"
)
# What a run that is killed had begun may be there without being written down.
_BEGIN = (
    "UPDATE file SET need = -need, open = (open OR need = 3 OR had_size IS NOT NULL) WHERE id = ?"
)
_HAS_TWIN = (
    "EXISTS (SELECT 1 FROM file AS twin "
    "WHERE twin.had_checksum = file.checksum AND twin.id != file.id)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A file of the ledger.

    Attributes:
        id: its number; stays with the path.
        path: relative to the mirror.
        host: whom it is asked from, ``HOST:PORT``.
        urls: without users, passwords and queries.
        listed: what the list says of it.
        late: whether it comes after the others.
        need: what is to be done.
        had: what is here; None where nothing is known to be.
        listing: the listing that named it last.
        open: whether a run began with it and did not come to write down how that ended.
        has_twin: whether another one had the digest that it must have; told by `take` only.
    """

    id: int
    path: str
    host: str
    urls: tuple[str, ...]
    listed: Listed
    late: bool
    need: Need
    had: Had | None
    listing: int
    open: bool = False
    has_twin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file as a listing names it, to be written down."""

    path: str
    host: str
    urls: tuple[str, ...]
    listed: Listed
    turn: int
    late: bool
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a mirror is: files and bytes of the last listing, and how its run went.

    Attributes:
        files: that are listed.
        bytes: of those, as far as the list tells.
        here: files that are on the disk, listed or not.
        here_bytes: of those.
        waiting: files that something is to be done about.
        failed: files that could not be had.
        errors: paths and reasons of some of those.
        began: seconds since 1970; None where there was no run.
        ended: likewise; None where it is at work, or was killed.
        complete: whether it ended with everything listed here.
    """

    files: int
    bytes: int
    here: int
    here_bytes: int
    waiting: int
    failed: int
    errors: tuple[tuple[str, str], ...]
    began: float | None
    ended: float | None
    complete: bool


class Ledger:
    """The ledger of one mirror. One thread uses it; others read the file beside it.

    Args:
        path: the database; made if missing, in a folder that exists.
        readonly: only look; the run that writes it is not disturbed.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self._path = path
        with self._errors("open"):
            self._db = _connect(path, readonly=readonly)
            try:
                if not readonly:
                    migrate(self._db, shown(path))
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()

    @contextmanager
    def _errors(self, doing: str = "write") -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DiskError(
                f"cannot {doing} the ledger {shown(self._path)}: {printable(str(error))}",
                hint=_advice(error),
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Have all that is written within be written at once."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may have ended it already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def begin_listing(self, source: str = "") -> int:
        """Begin to write a listing down; return its number. Nothing waits any more.

        Args:
            source: names the list, without secrets.
        """
        with self.transaction():
            self._db.execute("UPDATE file SET need = 0 WHERE need != 0")
            cursor = self._db.execute(
                "INSERT INTO listing (began, source) VALUES (?, CAST(? AS TEXT))",
                (time.time(), os.fsencode(source)),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def end_listing(self, listing: int, figures: Sequence[int], *, complete: bool) -> None:
        """Write down how a listing ended: files, bytes, done, fetched, failed, removed."""
        with self.transaction():
            self._db.execute(
                "UPDATE listing SET ended = ?, complete = ?, files = ?, bytes = ?, done = ?, "
                "fetched = ?, failed = ?, removed = ? WHERE id = ?",
                (time.time(), complete, *(min(each, _MOST) for each in figures), listing),
            )

    def rows(self, paths: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those paths that it knows."""
        marks = ", ".join(["CAST(? AS TEXT)"] * len(paths))
        query = f"SELECT {_COLUMNS} FROM file WHERE path IN ({marks})"  # noqa: S608 - marks only
        with self._errors("read"):
            found = self._db.execute(query, [os.fsencode(path) for path in paths])
            return {row.path: row for row in map(_row, found)}

    def write(self, listing: int, wanted: Iterable[Wanted]) -> None:
        """Write down what a listing says; within a transaction."""
        self._db.executemany(
            "INSERT INTO file (path, host, urls, size, modified, checksum, listing, turn, late, "
            "need) VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET host = excluded.host, urls = excluded.urls, "
            "size = excluded.size, modified = excluded.modified, checksum = excluded.checksum, "
            "listing = excluded.listing, turn = excluded.turn, late = excluded.late, "
            "need = excluded.need, error = NULL, error_kind = NULL, error_code = NULL",
            (
                (
                    os.fsencode(each.path),
                    each.host,
                    json.dumps(each.urls),
                    each.listed.size,
                    each.listed.modified,
                    None if each.listed.checksum is None else str(each.listed.checksum),
                    listing,
                    each.turn,
                    each.late,
                    each.need,
                )
                for each in wanted
            ),
        )

    def take(self, host: str, count: int, *, late: bool, smaller: int | None = None) -> list[Row]:
        """Return the next files of a host that wait, and have them wait no more.

        With `smaller` the last ones, and only such of less than so many bytes.
        """
        which = "" if smaller is None else "AND size < ? "
        values = (host, late, *([] if smaller is None else [smaller]), count)
        with self.transaction():
            found = self._db.execute(
                f"SELECT {_COLUMNS}, {_HAS_TWIN} FROM file "  # noqa: S608 - no values
                f"WHERE host = ? AND late = ? AND need > 0 {which}"
                f"ORDER BY turn {'' if smaller is None else 'DESC'} LIMIT ?",
                values,
            )
            rows = [_row(each) for each in found]
            taken = [(row.id,) for row in rows]
            self._db.executemany(_BEGIN, taken)
        return rows

    def give_up(self, host: str, error: SegdlError) -> int:
        """Have all files of a host that wait be failures; return how many they are."""
        with self.transaction():
            cursor = self._db.execute(
                "UPDATE file SET need = 0, error = ?, error_kind = ?, error_code = ? "
                "WHERE host = ? AND need > 0",
                (str(error), type(error).__name__, error.exit_code, host),
            )
        return cursor.rowcount

    def succeeded(self, row: Row, had: Had) -> None:
        """Write down what is here now; within a transaction."""
        self._db.execute(
            "UPDATE file SET need = 0, open = 0, had_size = ?, had_modified = ?, had_listed = ?, "
            "had_checksum = ?, had_sha256 = ?, etag = ?, last_modified = ?, checked = ?, "
            "error = NULL, error_kind = NULL, error_code = NULL WHERE id = ?",
            (
                had.stat.size,
                had.stat.modified,
                had.listed_modified,
                None if had.checksum is None else str(had.checksum),
                had.sha256,
                had.version.etag,
                had.version.last_modified,
                time.time(),
                row.id,
            ),
        )

    def failed(self, row: Row, error: SegdlError) -> None:
        """Write down why a file cannot be had; within a transaction."""
        self._db.execute(
            "UPDATE file SET need = 0, open = 0, error = ?, error_kind = ?, error_code = ? "
            "WHERE id = ?",
            (str(error), type(error).__name__, error.exit_code, row.id),
        )

    def twins(self, checksum: Checksum, but: int) -> list[Row]:
        """Return up to four other files that had this digest."""
        query = f"SELECT {_COLUMNS} FROM file WHERE had_checksum = ? AND id != ? LIMIT 4"  # noqa: S608
        with self._errors("read"):
            return [_row(each) for each in self._db.execute(query, (str(checksum), but))]

    def unlisted(self, listing: int) -> Iterator[Row]:
        """Yield the files that the listing does not name, here or not."""
        query = f"SELECT {_COLUMNS} FROM file WHERE listing != ? ORDER BY path"  # noqa: S608
        with self._errors("read"):
            for each in self._db.execute(query, (listing,)):
                yield _row(each)

    def own(self, listing: int, rows: Iterable[Row]) -> list[Row]:
        """Return those of the rows that no other list named last than that of the listing."""
        query = "SELECT id FROM listing WHERE source = (SELECT source FROM listing WHERE id = ?)"
        with self._errors("read"):
            same = {number for (number,) in self._db.execute(query, (listing,))}
        return [row for row in rows if row.listing in same]

    def below(self, path: str) -> list[Row]:
        """Return what is here at a path, or below it as a folder."""
        query = (
            f"SELECT {_COLUMNS} FROM file "  # noqa: S608 - no values
            "WHERE had_size IS NOT NULL AND (path = CAST(? AS TEXT) "
            "OR path BETWEEN CAST(? AS TEXT) AND CAST(? AS TEXT))"
        )
        # What begins with "path/" is between that and "path0": 0 follows the slash.
        bounds = [os.fsencode(each) for each in (path, path + "/", path + "0")]
        with self._errors("read"):
            return [_row(each) for each in self._db.execute(query, bounds)]

    def count(self, where: str = "1") -> tuple[int, int]:
        """Return how many files are here, and their bytes; `where` is SQL of ours."""
        query = (
            "SELECT COUNT(*), CAST(TOTAL(had_size) AS INTEGER) FROM file "  # noqa: S608
            f"WHERE had_size IS NOT NULL AND {where}"
        )
        with self._errors("read"):
            files, size = self._db.execute(query).fetchone()
        return int(files), int(size)

    def status(self) -> Status:
        """Look at everything; a run that writes is not disturbed."""
        with self._errors("read"):
            one = self._db.execute
            last = one(
                "SELECT id, began, ended, complete FROM listing ORDER BY id DESC LIMIT 1"
            ).fetchone() or (0, None, None, 0)
            files, size, waiting, failed = one(
                "SELECT COUNT(*), CAST(TOTAL(size) AS INTEGER), COALESCE(SUM(need != 0), 0), "
                "COALESCE(SUM(error IS NOT NULL), 0) FROM file WHERE listing = ?",
                (last[0],),
            ).fetchone()
            errors = one(
                "SELECT path, error FROM file WHERE listing = ? AND error IS NOT NULL "
                "ORDER BY path LIMIT 20",
                (last[0],),
            ).fetchall()
        here, here_bytes = self.count()
        return Status(
            files=files,
            bytes=size,
            here=here,
            here_bytes=here_bytes,
            waiting=waiting,
            failed=failed,
            errors=tuple(errors),
            began=last[1],
            ended=last[2],
            complete=bool(last[3]),
        )

    def forget(self, rows: Iterable[Row]) -> None:
        """Forget files that are gone."""
        with self.transaction():
            self._db.executemany("DELETE FROM file WHERE id = ?", [(row.id,) for row in rows])

    def digests(self, listing: int) -> Iterator[tuple[str, str]]:
        """Yield path and SHA-256 of each listed file whose SHA-256 is known, by path."""
        with self._errors("read"):
            found = self._db.execute(
                "SELECT path, had_sha256 FROM file WHERE listing = ? AND had_sha256 IS NOT NULL "
                "ORDER BY path",
                (listing,),
            )
            yield from found


def _connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    if readonly:
        return _look_at(path)
    db = _open(path, "mode=rwc")
    db.execute(f"PRAGMA journal_mode = {journal_mode(path)}")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def _look_at(path: Path) -> sqlite3.Connection:
    """Open it for who may only look: SQLite wants to write beside a log even to read."""
    db = _open(path, "mode=ro")
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if _has_log(path):
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


def _advice(error: sqlite3.Error) -> str:
    """Return what to do about an error."""
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return "make room and run the same command again"
    if "malformed" in text or "not a database" in text:
        return "move it away to begin a new one: no file is lost by that"
    if "locked" in text:
        return "another program holds it: end that, or try again later"
    return "look at its permissions, and whether its disk is full or read-only"


def _row(columns: tuple[object, ...]) -> Row:
    (
        number, path, host, urls, size, modified, checksum, late, need,
        had_size, had_modified, had_listed, had_checksum, had_sha256, etag, changed, listing,
        begun, *twin,
    ) = columns  # fmt: skip
    had = None
    if isinstance(had_size, int) and isinstance(had_modified, int):
        had = Had(
            Stat(had_size, had_modified),
            Version(size=had_size, etag=_text(etag), last_modified=_text(changed)),
            had_listed if isinstance(had_listed, int) else None,
            _checksum(had_checksum),
            _text(had_sha256),
        )
    assert isinstance(number, int)
    assert isinstance(need, int)
    assert isinstance(listing, int)
    return Row(
        id=number,
        path=str(path),
        host=str(host),
        urls=_urls(str(urls)),
        listed=Listed(
            size if isinstance(size, int) else None,
            modified if isinstance(modified, int) else None,
            _checksum(checksum),
        ),
        late=bool(late),
        need=Need(abs(need)),
        had=had,
        listing=listing,
        open=bool(begun),
        has_twin=any(twin),
    )


def _urls(text: str) -> tuple[str, ...]:
    # Nearly all files have one, in which nothing is escaped.
    if text.count('"') == 2 and "\\" not in text:
        return (text[2:-2],)
    return tuple(json.loads(text))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _checksum(value: object) -> Checksum | None:
    return None if value is None else read_checksum(str(value))
