"""What a run of a mirror would do: its list is read, and compared with what is here.

Nothing else is asked for, and nothing of the mirror is written: the ledger is a copy.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from segdl.core.mirrorneed import Need
from segdl.engine.run import Run
from segdl.errors import CancelledError, DiskError, SegdlError
from segdl.mirror.apart import Apart
from segdl.mirror.database import copy_database
from segdl.mirror.deleting import Unlisted, list_name
from segdl.mirror.failures import Failures
from segdl.mirror.happenings import Happening
from segdl.mirror.intake import Intake
from segdl.mirror.ledger import Ledger
from segdl.mirror.listing import Found
from segdl.mirror.options import MirrorOptions
from segdl.mirror.place import Place
from segdl.mirror.rows import Row, Wanted
from segdl.mirror.way import in_way
from segdl.store.faults import disk_errors, shown

_BATCH = 500

Deed: TypeAlias = Literal["fetch", "replace", "link", "ask", "read", "clear", "delete"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A file that something would be done about.

    Attributes:
        deed: `fetch` what is not here; `replace` what is another; `link` what is here under
            another name, as its digest says; `ask` its server whether it changed; `read` what is
            here to know what it is; `clear` away what is in the way of another; `delete` what the
            list no longer has.
        path: relative to the mirror.
        size: bytes; None where nobody knows.
    """

    deed: Deed
    path: str
    size: int | None


class Rehearsal:
    """Compares a list with what is here. One thread uses it.

    Args:
        run: the surroundings.
        options: the mirror.
        ledger: knows what is here; it is written to, so let it be a copy.
        place: where the files are; it is only looked at.
        tell: takes what is worth saying.

    Attributes:
        intake: what the list names, once it was read.
        failures: what of it cannot be used, and why nothing would be deleted.
    """

    def __init__(
        self,
        run: Run,
        options: MirrorOptions,
        ledger: Ledger,
        place: Place,
        tell: Callable[[Happening], None],
    ) -> None:
        self._run = run
        self._options = options
        self._ledger = ledger
        self._place = place
        self._tell = tell
        self._known = ledger.known()
        number = ledger.begin_listing(list_name(options.listing.source))
        self.intake = Intake(ledger, _Nobody(), options, number, place.look, number)
        self.failures = Failures()

    def plan(self, read: Callable[[], Generator[Found, None, None]]) -> Iterator[Planned]:
        """Yield the files that something would be done about, by path, those to delete last.

        Args:
            read: begins to read the list.

        Raises:
            SegdlError: the list cannot be read at all.
            CancelledError: the run was cancelled.
        """
        self._read(read)
        self.failures.add(self.intake.troubles)
        for row in self._ledger.waiting():
            self._run.check_cancelled()
            yield Planned(self._deed(row), row.path, row.listed.size)
        if not self.failures:
            yield from self._clearings()
        if self._options.delete != "no" and not self.failures:
            yield from self._deletions()

    def _read(self, read: Callable[[], Generator[Found, None, None]]) -> None:
        failed: list[SegdlError] = []
        with closing(read()) as found:
            items = _until_error(found, failed)
            while batch := list(islice(items, _BATCH)):
                self.intake.take(batch)
                # Nobody is going to ask for what must not be written down, or is told of lines.
                self.intake.apart = Apart()
                self.intake.untold.clear()
                self._run.check_cancelled()
        for error in failed:
            if not self.intake.files:
                raise error
            # The first of all: what else is wrong may be a matter of lines.
            self.failures.note(error)

    def _deed(self, row: Row) -> Deed:
        if row.need is Need.READ:
            return "read"
        if row.need is Need.ASK:
            return "ask"
        if row.has_twin and self._has_twin_here(row):
            return "link"
        return "replace" if self._place.has(row.path) else "fetch"

    def _has_twin_here(self, row: Row) -> bool:
        digest = row.listed.checksum
        if digest is None or not digest.proves or self._place.work is None:
            return False
        twins = self._ledger.twins(digest, row.id)
        return any(
            twin.had is not None and self._place.look(twin.path)[0] == twin.had.stat
            for twin in twins
        )

    def _clearings(self) -> Iterator[Planned]:
        """Yield what is in the way of files and is of the mirror; nothing of it is left then."""
        for path in self.intake.blocked:
            rows = list(in_way(self._options.directory, self._ledger, path))
            gone = [row for row in rows if row.listing != self.intake.listing and _was_here(row)]
            for row in gone:
                yield _planned_away("clear", row)
            self._ledger.forget(gone)
            if not gone:
                what = f"{shown(path)}: what is in its way is not of the mirror"
                self.failures.note(DiskError(what, hint="move it away"))

    def _deletions(self) -> Iterator[Planned]:
        listing, known = self.intake.listing, self._known
        unlisted = Unlisted(self._options, self._ledger, listing, known, self._place, self._tell)
        try:
            unlisted.count(self._run.check_cancelled)
        except CancelledError:
            raise
        except SegdlError as error:
            self.failures.note(error)
            return
        for rows in unlisted.gone():
            self._run.check_cancelled()
            for row in rows:
                yield _planned_away("delete", row)


def _was_here(row: Row) -> bool:
    return row.had is not None or row.open


def _planned_away(deed: Deed, row: Row) -> Planned:
    return Planned(deed, row.path, row.had.stat.size if row.had else row.listed.size)


def _until_error(found: Iterator[Found], failed: list[SegdlError]) -> Iterator[Found]:
    """Yield what a list names; add what ended it too early to `failed`."""
    try:
        yield from found
    except CancelledError:
        raise
    except SegdlError as error:
        failed.append(error)


class _Nobody:
    """Takes what waits to be fetched: nobody is going to."""

    def add(self, file: Wanted | Row) -> None:
        """Do nothing."""

    def has_early(self) -> bool:
        """Tell that nothing waits."""
        return False


@contextmanager
def copied(path: Path) -> Iterator[Ledger]:
    """Yield a copy of a ledger that may be missing, or in use; it is gone afterwards.

    Raises:
        DiskError: it cannot be read, or not be copied to the folder for temporary files.
    """
    with disk_errors(path, "look at"):
        try:
            is_there = bool(os.stat(path))
        except FileNotFoundError:
            is_there = False
    with disk_errors("the folder for temporary files", "write to"):
        folder = tempfile.TemporaryDirectory(prefix="segdl-")
    with folder as name:
        copy = Path(name) / path.name
        if is_there:
            copy_database(path, copy)
        with Ledger(copy, known_as=path) as ledger:
            yield ledger
