"""What a mirror remembers of its files from one run to the next, in SQLite.

A row a file: what the list says of it, what is here, and what is still to be done. Killed at
any time, the next run reads the list again and goes on: what is to be done is never taken
from an earlier run, only what is here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from segdl.core.checksum import Checksum
from segdl.core.mirrorneed import Had, Need, Stat
from segdl.errors import SegdlError
from segdl.mirror.database import connect, ledger_errors
from segdl.mirror.rows import COLUMNS, Row, Wanted, row_of
from segdl.mirror.schema import known_version, migrate
from segdl.mirror.status import Status, read_status
from segdl.store.faults import shown

# What an integer of SQLite holds.
MOST_NUMBER = 2**63 - 1
# What a run that is killed had begun may be there without being written down.
_BEGIN = (
    "UPDATE file SET need = -need, "  # noqa: S608 - no values
    f"open = (open OR need = {Need.FETCH:d} OR had_size IS NOT NULL) WHERE id = ?"
)
_HAS_TWIN = (
    "EXISTS (SELECT 1 FROM file AS twin "
    "WHERE twin.had_checksum = file.checksum AND twin.id != file.id)"
)


class Ledger:
    """The ledger of one mirror. One thread uses it; others read the file beside it.

    Args:
        path: the database; made if missing, in a folder that exists.
        readonly: only look; the run that writes it is not disturbed.
        known_as: what messages call it; None is `path`.
    """

    def __init__(self, path: Path, *, readonly: bool = False, known_as: Path | None = None) -> None:
        self._path = known_as or path
        with ledger_errors(self._path, "open"):
            self._db = connect(path, readonly=readonly)
            try:
                (known_version if readonly else migrate)(self._db, shown(self._path))
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
    def transaction(self) -> Iterator[None]:
        """Have all that is written within be written at once."""
        with ledger_errors(self._path, "write"):
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
                "fetched = ?, failed = ?, removed = ?, last = (SELECT max(id) FROM file) "
                "WHERE id = ?",
                (time.time(), complete, *(min(each, MOST_NUMBER) for each in figures), listing),
            )

    def undo_completion(self, listing: int) -> None:
        """Write down that what follows a listing, such as to delete what it lacks, failed."""
        with self.transaction():
            self._db.execute("UPDATE listing SET complete = 0 WHERE id = ?", (listing,))

    def rows(self, paths: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those paths that it knows."""
        marks = ", ".join(["CAST(? AS TEXT)"] * len(paths))
        query = f"SELECT {COLUMNS} FROM file WHERE path IN ({marks})"  # noqa: S608 - marks only
        with ledger_errors(self._path, "read"):
            found = self._db.execute(query, [os.fsencode(path) for path in paths])
            return {row.path: row for row in map(row_of, found)}

    def write(self, listing: int, wanted: Iterable[Wanted]) -> None:
        """Write down what a listing says; within a transaction."""
        wanted = list(wanted)
        moved = [(os.fsencode(each.path),) for each in wanted if each.moved]
        if moved:
            self._db.executemany(
                "UPDATE file SET etag = NULL, last_modified = NULL WHERE path = CAST(? AS TEXT)",
                moved,
            )
        self._db.executemany(
            "INSERT INTO file (path, host, urls, size, modified, checksum, listing, turn, late, "
            "need, query) VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET host = excluded.host, urls = excluded.urls, "
            "size = excluded.size, modified = excluded.modified, checksum = excluded.checksum, "
            "listing = excluded.listing, turn = excluded.turn, late = excluded.late, "
            "need = excluded.need, query = excluded.query, "
            "error = NULL, error_kind = NULL, error_code = NULL",
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
                    each.query,
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
                f"SELECT {COLUMNS}, {_HAS_TWIN} FROM file "  # noqa: S608 - no values
                f"WHERE host = ? AND late = ? AND need > 0 {which}"
                f"ORDER BY turn {'' if smaller is None else 'DESC'} LIMIT ?",
                values,
            )
            rows = [row_of(each) for each in found]
            taken = [(row.id,) for row in rows]
            self._db.executemany(_BEGIN, taken)
        return rows

    def waiting(self) -> Iterator[Row]:
        """Yield the files that something is to be done about, by path, and tell of twins."""
        query = f"SELECT {COLUMNS}, {_HAS_TWIN} FROM file WHERE need != 0 ORDER BY path"  # noqa: S608
        with ledger_errors(self._path, "read"):
            yield from map(row_of, self._db.execute(query))

    def put_back(self, row: Row) -> None:
        """Write down that nothing is done for a file that was taken; within a transaction."""
        self._db.execute("UPDATE file SET need = 0, open = ? WHERE id = ?", (row.open, row.id))

    def give_up(self, host: str, error: SegdlError) -> tuple[int, int]:
        """Have all files of a host that wait be failures; return how many, and their bytes."""
        waits = "host = ? AND need > 0"
        with self.transaction():
            query = f"SELECT count(*), total(size) FROM file WHERE {waits}"  # noqa: S608 - no values
            files, size = self._db.execute(query, (host,)).fetchone()
            self._db.execute(
                "UPDATE file SET need = 0, error = ?, error_kind = ?, error_code = ? "  # noqa: S608
                f"WHERE {waits}",
                (str(error), type(error).__name__, error.exit_code, host),
            )
        return files, int(size)

    def succeeded(self, row: Row, had: Had, *, unrun: bool = False) -> None:
        """Write down what is here now, and whether a program failed for it; in a transaction."""
        self._db.execute(
            "UPDATE file SET need = 0, open = 0, had_size = ?, had_modified = ?, had_listed = ?, "
            "had_checksum = ?, had_sha256 = ?, etag = ?, last_modified = ?, checked = ?, "
            "unrun = ?, error = NULL, error_kind = NULL, error_code = NULL WHERE id = ?",
            (
                had.stat.size,
                had.stat.modified,
                had.listed_modified,
                None if had.checksum is None else str(had.checksum),
                had.sha256,
                had.version.etag,
                had.version.last_modified,
                time.time(),
                unrun,
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

    def doubt(self, row: Row) -> None:
        """Write down that what is here is to be read again, whatever else is known of it."""
        with self.transaction():
            self._db.execute("UPDATE file SET checked = NULL WHERE id = ?", (row.id,))

    def twins(self, checksum: Checksum, but: int) -> list[Row]:
        """Return up to four other files that had this digest."""
        query = f"SELECT {COLUMNS} FROM file WHERE had_checksum = ? AND id != ? LIMIT 4"  # noqa: S608
        with ledger_errors(self._path, "read"):
            return [row_of(each) for each in self._db.execute(query, (str(checksum), but))]

    def unlisted(self, listing: int) -> Iterator[list[Row]]:
        """Yield the files that the listing does not name, here or not, some at a time.

        Those that were yielded may be forgotten meanwhile.
        """
        query = (
            f"SELECT {COLUMNS} FROM file WHERE listing != ? "  # noqa: S608 - no values
            "AND path > CAST(? AS TEXT) ORDER BY path LIMIT 1000"
        )
        last = ""
        while True:
            with ledger_errors(self._path, "read"):
                found = self._db.execute(query, (listing, os.fsencode(last)))
                rows = [row_of(each) for each in found]
            if not rows:
                return
            yield rows
            last = rows[-1].path

    def same_list(self, listing: int, formerly: Iterable[str] = ()) -> frozenset[int]:
        """Return the numbers of all listings of the list that a listing is of.

        Args:
            listing: its number.
            formerly: what the list was called before, as `begin_listing` takes it.
        """
        names = [os.fsencode(name) for name in formerly]
        marks = ", ".join(
            ["(SELECT source FROM listing WHERE id = ?)", *["CAST(? AS TEXT)"] * len(names)]
        )
        query = f"SELECT id FROM listing WHERE source IN ({marks})"  # noqa: S608 - marks only
        with ledger_errors(self._path, "read"):
            return frozenset(number for (number,) in self._db.execute(query, (listing, *names)))

    def below(self, path: str) -> list[Row]:
        """Return the rows of a path, and of what is below it as a folder, here or not."""
        query = (
            f"SELECT {COLUMNS} FROM file WHERE path = CAST(? AS TEXT) "  # noqa: S608 - no values
            "OR path BETWEEN CAST(? AS TEXT) AND CAST(? AS TEXT)"
        )
        # What begins with "path/" is between that and "path0": 0 follows the slash.
        bounds = [os.fsencode(each) for each in (path, path + "/", path + "0")]
        with ledger_errors(self._path, "read"):
            return [row_of(each) for each in self._db.execute(query, bounds)]

    def count(self, listing: int, known: int) -> int:
        """Return how many files a listing names of those up to the number `known`."""
        query = "SELECT count(*) FROM file WHERE listing = ? AND id <= ?"
        with ledger_errors(self._path, "read"):
            (count,) = self._db.execute(query, (listing, known)).fetchone()
        return int(count)

    def known(self) -> int:
        """Return the number of the last file of the last listing that was complete.

        Of any file, where there was none: what has come since is not proved to belong here.
        """
        with ledger_errors(self._path, "read"):
            (number,) = self._db.execute(
                "SELECT coalesce((SELECT last FROM listing WHERE complete AND last IS NOT NULL "
                "ORDER BY id DESC LIMIT 1), (SELECT max(id) FROM file), 0)"
            ).fetchone()
        return int(number)

    def status(self) -> Status:
        """Look at everything; a run that writes is not disturbed."""
        with ledger_errors(self._path, "read"):
            return read_status(self._db)

    def forget(self, rows: Iterable[Row]) -> None:
        """Forget files that are gone."""
        with self.transaction():
            self._db.executemany("DELETE FROM file WHERE id = ?", [(row.id,) for row in rows])

    def digests(self, listings: frozenset[int]) -> Iterator[tuple[str, str, Stat]]:
        """Yield the files of some listings whose SHA-256 is known, by path: what they were."""
        with ledger_errors(self._path, "read"):
            found = self._db.execute(
                "SELECT path, had_sha256, had_size, had_modified, listing FROM file "
                "WHERE had_sha256 IS NOT NULL ORDER BY path"
            )
            for path, digest, size, modified, of in found:
                if of in listings:
                    yield path, digest, Stat(size, modified)
