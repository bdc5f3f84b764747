"""A whole run of a mirror: lock, ledger, rounds, deletion, sums."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

from segdl.core.shards import Shard
from segdl.engine.run import Run
from segdl.errors import CancelledError, SegdlError, TargetLockedError
from segdl.mirror.coordinator import Coordinator
from segdl.mirror.deleting import Unlisted
from segdl.mirror.happenings import Happening, Round, Said
from segdl.mirror.ledger import Ledger
from segdl.mirror.listing import Found
from segdl.mirror.options import ListingOptions, MirrorOptions, state_folder
from segdl.mirror.place import Folder, Place
from segdl.mirror.result import Result, RoundResult
from segdl.mirror.sums import NAME, write_sums
from segdl.options import TransferOptions
from segdl.store.faults import disk_errors
from segdl.store.lock import Lock

LEDGER = "ledger.sqlite"


class Session:
    """Holds a mirror's folder while it is entered. One thread uses it.

    Args:
        options: the mirror.
        transfer: how files are fetched.
        tell: takes what happens; called from several threads, one at a time.
    """

    def __init__(
        self,
        options: MirrorOptions,
        transfer: TransferOptions,
        tell: Callable[[Happening], None],
    ) -> None:
        self._options = options
        self._transfer = transfer
        self._tell = tell
        self._folder = options.folder

    def carry_out(
        self,
        run: Run,
        read: Callable[[], Generator[Found, None, None]],
        *,
        has_to_read_again: Callable[[], bool],
        place: Place | None = None,
    ) -> Result:
        """Make the folder equal to the list.

        Args:
            run: the surroundings.
            read: begins to read the list.
            has_to_read_again: tells whether only reading the list tells that it is as it was,
                and that can be done; it may take a while.
            place: where its files are; None is its folder.

        Raises:
            SegdlError: nothing could be done: the list cannot be read, the folder not be had.
            CancelledError: the run was cancelled; what was done is written down.
        """
        with disk_errors(self._folder, "make"):
            self._folder.mkdir(parents=True, exist_ok=True)
        lock = self._lock()
        try:
            self._sweep()
            with Ledger(self._folder / LEDGER) as ledger:
                place = place or Folder(self._options, self._tell)
                return self._with_ledger(run, ledger, read, place, has_to_read_again)
        finally:
            lock.release(delete=False)

    def _lock(self) -> Lock:
        try:
            return Lock(self._folder / "lock", self._options.directory)
        except TargetLockedError as error:
            raise TargetLockedError(error.message, hint="wait for it, or end it") from error

    def _sweep(self) -> None:
        """Remove what a run that was killed may have left beside the ledger."""
        with disk_errors(self._folder, "list"):
            for entry in os.scandir(self._folder):
                if entry.name.startswith("link-"):
                    os.unlink(entry.path)

    def _with_ledger(
        self,
        run: Run,
        ledger: Ledger,
        read: Callable[[], Generator[Found, None, None]],
        place: Place,
        has_to_read_again: Callable[[], bool],
    ) -> Result:
        tell, transfer = self._tell, self._transfer
        coordinator = Coordinator(run, self._options, transfer, ledger, tell, read, place)
        result, known = Result(), ledger.known()
        with coordinator.workers():
            for number in range(1, self._options.rounds + 1):
                self._tell(Round(number))
                this = coordinator.go()
                listing = this.intake.listing
                unlisted = Unlisted(self._options, ledger, listing, known, place, tell)
                result.rounds.append(this)
                if number > 1 and (this.intake.wanted or this.intake.troubles):
                    self._tell(Said("the list changed during the run: went round once more"))
                if number == self._options.rounds or not this.clean:
                    break
                # What is done for good is not done by a list that was just being written.
                matters = this.fetched or (self._options.delete != "no" and unlisted.any_to_go())
                if not (matters and has_to_read_again()):
                    break
        if this.clean and not this.intake.files and self._options.shard is None:
            self._tell(Said(_nothing_named(self._options.listing)))
        result.failures.add(this.intake.troubles)
        result.failures.add(this.failures)
        if this.clean:
            self._finish(run, ledger, this, unlisted, place, result)
        elif self._options.sums:
            # What changed is here all the same.
            self._write_sums(ledger, this, result)
        return result

    def _finish(
        self,
        run: Run,
        ledger: Ledger,
        this: RoundResult,
        unlisted: Unlisted,
        place: Place,
        result: Result,
    ) -> None:
        """Do what is done only where everything the list names is here."""
        try:
            if self._options.delete != "no":
                result.removed = unlisted.delete(run.check_cancelled)
            unlisted.forget()
            place.sweep()
        except CancelledError:
            raise
        except SegdlError as error:
            self._fail(ledger, this, result, error)
        if self._options.sums:
            self._write_sums(ledger, this, result)

    def _write_sums(self, ledger: Ledger, this: RoundResult, result: Result) -> None:
        try:
            listing, clean = this.intake.listing, not result.failures
            if not write_sums(self._options, ledger, listing, clean=clean):
                self._tell(Said(f"{NAME} is a file of the list: no other one is written"))
        except SegdlError as error:
            self._fail(ledger, this, result, error)

    def _fail(self, ledger: Ledger, this: RoundResult, result: Result, error: SegdlError) -> None:
        self._tell(Said(str(error)))
        result.failures.note(error)
        ledger.undo_completion(this.intake.listing)


def _nothing_named(listing: ListingOptions) -> str:
    """Say that there is nothing to do, and what may have left everything out."""
    used = {
        "--include": bool(listing.include),
        "--exclude": bool(listing.exclude),
        "--depth": listing.depth is not None,
    }
    options = " and ".join(name for name, is_used in used.items() if is_used)
    if options:
        return f"nothing to mirror: no file of the list is left by {options}"
    return "nothing to mirror: the list names no file"


def ledger_path(directory: Path, shard: Shard | None = None) -> Path:
    """Return where the ledger of a mirror is, or of a shard of it."""
    return state_folder(directory, shard) / LEDGER
