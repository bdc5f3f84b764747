"""Bytes in order to a stream while segments still download (`-o -`).

Where the server does ranges, segments of a few MiB are fetched ahead into unnamed
temporary files, no more than a window of them at once, and written out one after the
other: memory and disk stay bounded however long the file and however slow the reader.
Else the one response is written as it comes.
"""

from __future__ import annotations

import threading
from typing import BinaryIO

from segdl.core import selection as selections
from segdl.core.identity import Version
from segdl.core.selection import Selection, whole
from segdl.core.spans import OPEN, Span
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.claims import claims_of, require_whole_size, tell_unchecked
from segdl.engine.contact import FIRST_BYTES, Contact, Ranges
from segdl.engine.ending import finished
from segdl.engine.fetching import Fetching
from segdl.engine.job import Job, job_of
from segdl.engine.opening import open_download, taken
from segdl.engine.outcome import Opened
from segdl.engine.run import TICK, Run
from segdl.engine.segment import Segment
from segdl.engine.sink import ReaderGoneError, Sink
from segdl.engine.site import Pin
from segdl.engine.sites import sites_of
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.engine.versions import confirm, settle
from segdl.errors import (
    NetworkError,
    RemoteChangedError,
    ServerError,
)
from segdl.options import Request
from segdl.progress.events import Note, Started
from segdl.results import DownloadResult
from segdl.store.window import DirectParts, WindowParts

_SEGMENT = 4 * 1024 * 1024
_AHEAD = 2
_MOST_CHANGES = 3


class _Window(Supply):
    """Segments of a few MiB, made as the writer gets on.

    The coordinator's thread owns it, but for `error`, which the writer sets once.
    """

    def __init__(self, selection: Selection, parts: WindowParts, width: int) -> None:
        super().__init__([], 0)
        self._selection = selection
        self._parts = parts
        self._width = width
        self._next = 0
        self.error: BaseException | None = None

    def advance(self) -> bool:
        if self.error is not None:
            raise self.error
        written = self._parts.written
        while self.live and self.live[0].wire is None and self.live[0].stop <= written:
            done = self.live.pop(0)
            self.behind = done.stop
            self._parts.drop(done.start)
        while len(self.live) < self._width and self._next < self._selection.size:
            stop = min(
                self._next + _SEGMENT, *(cut for cut in self._selection.cuts if cut > self._next)
            )
            self.live.append(Segment(self._next, stop, self._next))
            self._next = stop
        return self._next >= self._selection.size


def stream(run: Run, request: Request, out: BinaryIO, number: int = 1) -> DownloadResult:
    """Write one file to `out` in order.

    Raises:
        SegdlError: what was written so far is the beginning of the file, and no more comes.
    """
    with open_download(run, request, number, lambda _: Span(0, FIRST_BYTES)) as (task, first):
        looked = not first.is_open and first.ranges is not Ranges.WORK
        contact = task.contacts.make(None) if looked else first
        expected = claims_of(task, contact.version)
        sink = Sink(out, {claim.checksum.algorithm for claim in expected}, task.pieces)
        checksum = None
        try:
            version = _stream(task, contact, sink)
            require_whole_size(task, sink.written)
            checksum = sink.verify(claims_of(task, version), task.request.expected.source)
            tell_unchecked(task, version)
        except ReaderGoneError:
            run.emit(Note(number, "the reader has gone"))
        except (NetworkError, ServerError) as error:
            if sink.written:
                left = f"the {sink.written} bytes that were written are not the whole file"
                error.resolve(f"{left}: save to a file, and segdl can go on where it ended")
            raise
        size = sink.written
        return finished(task, None, Version(), size, fetched=size, checksum=checksum)


def _stream(task: Task, contact: Contact, sink: Sink) -> Version:
    """Write the file out and return which version it is."""
    pin = Pin(contact.version, contact.ranges)
    wanted = task.run.transfer.range
    if pin.ranges is not Ranges.WORK:
        if wanted is not None:
            raise ServerError(
                f"{task.asked}: the server does not send ranges", hint="fetch it without --range"
            )
        _write_as_it_comes(task, pin, contact, sink)
        return pin.version
    assert pin.version.size is not None
    selection = selections.select(wanted, pin.version.size)
    task.run.emit(
        Started(
            task.number,
            task.asked.public,
            "-",
            selection.size,
            0,
            task.run.transfer.most,
        )
    )
    return _write_in_order(task, pin, contact, selection, sink)


def _write_as_it_comes(task: Task, pin: Pin, contact: Contact, sink: Sink) -> None:
    size = pin.version.size
    task.run.emit(Started(task.number, task.asked.public, "-", size, 0, 1))
    parts = DirectParts(sink.write)
    sites = sites_of(task, pin)
    job = job_of(task, sites.origin, whole(OPEN if size is None else size), parts)
    supply = Supply([Segment(0, OPEN if size is None else size, 0)], 0)
    fetching = Fetching(task.run, job, sites, supply, number=task.number)
    try:
        fetching.fetch((contact.take(), contact.accept))
    except (ChangedError, UnrangedError) as error:
        raise RemoteChangedError(
            f"{task.asked}: cannot go on ({error}), and {sink.written} bytes are written already",
            hint="save it to a file instead",
        ) from error
    fetching.tell_unproved()


def _write_in_order(
    task: Task, pin: Pin, contact: Contact, selection: Selection, sink: Sink
) -> Version:
    parts = WindowParts()
    supply = _Window(selection, parts, task.run.transfer.most + _AHEAD)
    sites = sites_of(task, pin)
    job = job_of(task, sites.origin, selection, parts)
    writer = threading.Thread(
        target=_write_out, args=(sink, parts, job, supply), name="segdl-write", daemon=True
    )
    fetching = Fetching(task.run, job, sites, supply, number=task.number)
    try:
        supply.advance()
        writer.start()
        for _ in range(_MOST_CHANGES):
            try:
                fetching.fetch(_opened(contact, selection, supply))
                break
            except UnrangedError as error:
                raise NetworkError(f"{task.asked}: {error}", hint="save it to a file") from error
            except ChangedError as change:
                pin, useless = settle(task, pin, change)
                if useless and not _still_fits(job, pin, change):
                    raise _changed(task, sink) from change
                sites.start_over(pin)
            except LiedError as lie:
                raise _changed(task, sink) from lie
        else:
            raise _changed(task, sink)
        while writer.is_alive():
            writer.join(TICK)
            task.run.check_cancelled()
        if supply.error is not None:
            raise supply.error
        _confirm(task, pin, sink)
        return pin.version
    finally:
        parts.close()
        if writer.is_alive() and not task.run.cancel.is_set():
            writer.join(TICK)


def _still_fits(job: Job, pin: Pin, change: ChangedError) -> bool:
    """Tell whether only the ETag differs from request to request."""
    stable = job.origin.pin.version.without_etag()
    return not change.proved and pin.version.etag is None and stable == pin.version


def _confirm(task: Task, pin: Pin, sink: Sink) -> None:
    if pin.version.proves and task.sent > 1:
        try:
            confirm(task, pin)
        except ChangedError as change:
            raise _changed(task, sink) from change


def _changed(task: Task, sink: Sink) -> RemoteChangedError:
    return RemoteChangedError(
        f"{task.asked}: the remote file changed after {sink.written} bytes were written",
        hint="do not use them; save to a file to have segdl start over by itself",
    )


def _opened(contact: Contact, selection: Selection, supply: Supply) -> Opened | None:
    first = supply.live[0] if supply.live else None
    begins = first is not None and first.position == 0 == selection.pieces[0].start
    return taken(contact, begins=begins)


def _write_out(sink: Sink, parts: WindowParts, job: Job, supply: _Window) -> None:
    """Write parts out as they grow. Runs in a thread of its own."""
    size = job.selection.size
    try:
        while sink.written < size and (data := parts.wait_for(sink.written)):
            # A seam is compared before the bytes behind it go out.
            mismatch = job.seams.first_mismatch(parts)
            if mismatch is not None:
                raise RemoteChangedError(
                    f"{job.origin.name}: bytes at {mismatch.at} differ between two answers: "
                    "the remote file changed",
                    hint="do not use what was written",
                )
            sink.write(data)
            parts.written = sink.written
    except BaseException as error:  # noqa: BLE001 - handed to the coordinator, who raises it
        supply.error = error
