"""A file that is filled in place by several threads, and the journal of what is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from segdl.core.journal import Kind
from segdl.core.spans import OPEN, Span
from segdl.errors import DiskError
from segdl.store.faults import disk_errors
from segdl.store.files import FLAGS, sync_data
from segdl.store.journal import JournalFile
from segdl.store.reserve import reserve
from segdl.store.writer import Record, Writer

# How often somebody is asked whether to go on waiting, in seconds.
_TICK = 0.1


class Filling:
    """One file and its journal, open.

    Each byte has at most one record that claims it. A record ends where the next begins,
    and one that begins within another takes the rest over: claimed bytes are never written
    by somebody else.

    `_table` owns the records, what they say but for their sizes, and the writers' limits;
    a writer's lock goes before it. `_flushing` is held by who flushes, and goes before both.

    Attributes:
        path: the file.
        size: its bytes once it is whole, or OPEN.
        turn: held by who writes to the file.
        retractions: how often claimed bytes were taken back; `_table` owns it.
    """

    def __init__(self, path: Path, journal: JournalFile, held: Iterable[Span]) -> None:
        """Open the file, made if missing.

        Args:
            path: the file.
            journal: its journal, which claims the bytes of `held` in this order.
            held: the bytes that are there, on the disk for sure.
        """
        self.path = path
        self.size = journal.size
        self._journal = journal
        # The kernel lets one thread at a time write to a file, and has the others spin.
        self.turn = threading.Lock()
        self._table = threading.Lock()
        self._flushing = threading.Lock()
        self._failure: DiskError | None = None
        self.retractions = 0
        self._records = {
            span.start: Record(span.start, len(span), slot) for slot, span in enumerate(held)
        }
        self._slots = len(self._records)
        with disk_errors(path, "open"):
            self._descriptor = os.open(path, FLAGS, 0o666)

    def open(self, start: int) -> Writer:
        """Open the record that begins at `start`, made if missing.

        Waits for a write that is under way where it begins.
        """
        with self._table:
            before = [record for record in self._records.values() if record.start <= start]
            left = max(before, key=lambda record: record.start, default=None)
            old = left.writer if left is not None else None
            record = self._records.get(start) or Record(start)
            writer = record.writer = Writer(self, record)
            self._records[start] = record
            self._set_limits()
        try:
            if left is record and old is not None:
                old.end()
            elif left is not None and left is not record:
                if old is not None:
                    old.end(keep=start)
                elif left.stop > start:
                    self.take_back(left, start - left.start)
        except BaseException:
            self.release(writer)
            raise
        return writer

    def release(self, writer: Writer) -> None:
        """Close what `open` returned."""
        with self._table:
            record = self._records.get(writer.start)
            if record is not None and record.writer is writer:
                record.writer = None
                if not record.size:
                    del self._records[writer.start]
                self._set_limits()
        writer.close()

    def _set_limits(self) -> None:
        """Tell each writer where the next record begins."""
        end = self.size
        for record in sorted(self._records.values(), key=lambda each: each.start, reverse=True):
            if record.writer is not None:
                record.writer.limit = end
            end = record.start

    def grow(self, record: Record, count: int) -> None:
        """Claim `count` more bytes, which were written; its writer calls it. Raises OSError."""
        if record.slot is None:
            with self._table:
                record.slot = self._slots
                self._slots += 1
        record.size += count
        self._journal.claim(record.slot, Kind.WRITTEN, Span(record.start, record.stop))

    def take_back(self, record: Record, size: int) -> None:
        """Claim no more than the first `size` bytes of a record nobody writes to."""
        with self._table, disk_errors(self.path, "write"):
            was_synced = record.synced
            self.retractions += 1
            record.size = min(record.size, size)
            record.flushing = min(record.flushing, size)
            record.synced = min(record.synced, size)
            if record.slot is None:
                return
            kept = Span(record.start, record.stop)
            flushed = Span(record.start, record.start + record.synced)
            self._journal.claim(record.slot, Kind.SYNCED, flushed)
            self._journal.claim(record.slot, Kind.WRITTEN, kept)
            if record.synced < was_synced:
                # Others may write there now: a power cut must not bring the old claim back.
                self._journal.sync()

    def remove(self, start: int) -> None:
        """Forget the record that begins at `start`."""
        record = self._records[start]
        if record.writer is not None:
            record.writer.end()
        self.take_back(record, 0)
        with self._table:
            del self._records[start]
            self._set_limits()

    def sizes(self) -> dict[int, int]:
        """Return how many bytes are there, by where they begin, in file order."""
        with self._table:
            sizes = {
                record.start: record.synced if self._failure else record.size
                for record in self._records.values()
            }
        return {start: size for start, size in sorted(sizes.items()) if size}

    def end_writers(self, on_wait: Callable[[], None]) -> None:
        """See to it that nobody writes any more: threads may have been left behind.

        Args:
            on_wait: called while one is stuck in writing; may raise.
        """
        with self._table:
            writers = [record.writer for record in self._records.values() if record.writer]
        for writer in writers:
            while not writer.end(timeout=_TICK):
                on_wait()
            self.release(writer)

    def reserve(self) -> None:
        """Have room for the whole file, where that is quick and its size is known."""
        if self.size != OPEN:
            with disk_errors(self.path, "make"):
                reserve(self._descriptor, self.size)

    def require_sound(self) -> None:
        """Raise what a flush ran into: the system tells of lost bytes only once."""
        if self._failure is not None:
            raise self._failure

    def sync(self) -> None:
        """Return when what is written is on the disk, and the journal says so.

        Raises:
            DiskError: bytes were lost; only those flushed before count from now on.
        """
        with self._flushing:
            self.require_sound()
            with self._table:
                records = list(self._records.values())
                for record in records:
                    record.flushing = record.size
            if self._descriptor < 0 or all(each.flushing == each.synced for each in records):
                return
            try:
                with disk_errors(self.path, "write"):
                    self._sync_data()
                    self._note_synced(records)
                    self._journal.sync()
            except DiskError as error:
                self._failure = error
                raise

    def _sync_data(self) -> None:
        try:
            sync_data(self._descriptor)
        except OSError:
            try:
                self._journal.disown()
            except OSError:
                # What is reported is what came first.
                pass
            raise

    def _note_synced(self, records: Iterable[Record]) -> None:
        with self._table:
            for record in records:
                if record.flushing > record.synced and record.slot is not None:
                    record.synced = record.flushing
                    stop = record.start + record.synced
                    self._journal.claim(record.slot, Kind.SYNCED, Span(record.start, stop))

    def set_length(self, size: int) -> None:
        """Give the file exactly this length."""
        with disk_errors(self.path, "write"):
            os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        """Close file and journal; a thread that is left behind claims nothing any more."""
        with self._flushing:
            self._journal.close()
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
