"""One file, from its URL to its final name."""

from __future__ import annotations

import os
from pathlib import Path

from segdl.core.names import choose_name, safe_name
from segdl.core.plan import plan
from segdl.core.selection import Selection, select, whole
from segdl.core.spans import OPEN
from segdl.engine.attempt import Opened
from segdl.engine.contact import FIRST_BYTES, Contact, Ranges, first_range
from segdl.engine.existing import adopt, choose_target, is_finished, may_replace
from segdl.engine.fetching import ChangedError, Fetching, UnrangedError
from segdl.engine.finish import join_parts, publish
from segdl.engine.job import Pin, job_of
from segdl.engine.run import Run
from segdl.engine.segment import Segment, Supply
from segdl.engine.task import Task, open_task
from segdl.engine.versions import (
    changes_too_often,
    confirm,
    reconcile,
    settle,
    start_over,
    write_down,
)
from segdl.errors import ServerError, TargetLockedError
from segdl.options import Request
from segdl.progress.events import Finished, Note, Probing, Started
from segdl.results import DownloadResult, Status
from segdl.store.target import Target
from segdl.store.workplace import Workplace

_MOST_RESTARTS = 3


def download(run: Run, request: Request, number: int = 1) -> DownloadResult:
    """Download one file; returns when it has its final name.

    Args:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.

    Raises:
        SegdlError: nothing new has the final name; what was fetched is kept.
    """
    with open_task(run, request, number) as task:
        run.emit(Probing(number, task.asked.public))
        only_look = run.transfer.range is not None or _left_something(task)
        contact = task.contacts.make(first_range(run.transfer.connections, only_look=only_look))
        try:
            if only_look and contact.ranges is Ranges.WORK:
                contact.release()
            return _with_contact(task, contact)
        finally:
            contact.release()


def target_of(request: Request, asked_path: str, contact: Contact | None = None) -> Target:
    """Return where a file goes, by what is known so far."""
    if request.name is not None:
        return Target(request.directory / request.name)
    disposition = contact.head.disposition if contact else None
    final_path = contact.location.path if contact else asked_path
    name = choose_name(disposition, asked_path, final_path)
    return Target(request.directory / safe_name(name, windows=os.name == "nt"))


def _left_something(task: Task) -> bool:
    """Tell whether an earlier run left something where this one would probably look."""
    target = target_of(task.request, task.asked.path)
    return os.path.lexists(target.path) or os.path.lexists(target.workplace)


def _with_contact(task: Task, contact: Contact) -> DownloadResult:
    asked = target_of(task.request, task.asked.path, contact)
    busy: set[Path] = set()
    while True:
        target = choose_target(task, asked, contact.version, busy)
        try:
            return _at_target(task, target, contact)
        except TargetLockedError:
            if task.run.transfer.if_exists != "rename":
                raise
            busy.add(target.path)


def _at_target(task: Task, target: Target, contact: Contact) -> DownloadResult:
    with Workplace(target, task.run.transfer.layout) as place:
        if is_finished(task, place, contact.version):
            status = target.status()
            size = status.st_size if status else 0
            return _result(task, target.path, size, fetched=0, status="skipped")
        replace = may_replace(task, place)
        adopt(task, place, contact)
        pin, size, fetched = _fetch_one_version(task, place, contact)
        publish(task, place, pin.version, size, replace=replace)
        return _result(task, target.path, size, fetched=fetched, status="complete")


def _fetch_one_version(task: Task, place: Workplace, contact: Contact) -> tuple[Pin, int, int]:
    """Fetch and join until there is the whole of one version.

    Returns what was fetched, its size, and the bytes that came over the network.
    """
    pin = reconcile(task, place, contact)
    _tell_layout(task, place)
    fetched = 0
    for _ in range(_MOST_RESTARTS + 1):
        try:
            size, count = _fetch_parts(task, place, pin, contact)
            fetched += count
            join_parts(task, place, size)
            # What one short answer brought cannot have changed under it.
            if pin.version.proves and (task.source.sent > 1 or size > FIRST_BYTES):
                confirm(task, pin)
            return pin, size, fetched
        except UnrangedError as error:
            start_over(task, place, f"{error}: fetching in one piece")
            contact.release()
            contact = task.contacts.make(None)
            pin = Pin(contact.version, contact.ranges)
            write_down(task, place, pin)
        except ChangedError as change:
            pin, useless = settle(task, pin, change)
            if useless:
                start_over(task, place, useless)
                write_down(task, place, pin)
    raise changes_too_often(place)


def _fetch_parts(task: Task, place: Workplace, pin: Pin, contact: Contact) -> tuple[int, int]:
    """Fetch what the parts lack of one version; return its size and the bytes that came.

    Raises:
        ChangedError: the remote file may be another now.
        UnrangedError: the server stopped answering ranges as it should.
    """
    selection = _selection(task, pin)
    supply, held = _supply(task, place, pin, selection)
    job = job_of(task, pin, selection, place.parts)
    _make_room(task, place, selection, supply)
    size = None if selection.size == OPEN else selection.size
    connections = min(len(supply.live), task.run.transfer.connections)
    path = str(place.target.path)
    task.run.emit(Started(task.number, task.asked.public, path, size, held, connections))
    if not supply.live:
        return selection.size, 0
    place.keep_flushing()
    fetching = Fetching(task.run, job, supply, number=task.number, pool=task.pool)
    fetching.fetch(_opened(contact, pin, selection, supply))
    if not fetching.proved:
        text = "the server did not tell the file's length: a cut would look the same as its end"
        task.run.emit(Note(task.number, text))
    mismatch = job.seams.first_mismatch(place.parts)
    if mismatch is not None:
        raise ChangedError(f"bytes at {mismatch} differ between two answers", proved=True)
    count = sum(segment.position - segment.start for segment in supply.live)
    return supply.live[-1].stop if size is None else size, count


def _tell_layout(task: Task, place: Workplace) -> None:
    """Say so where what is there lies otherwise than was asked for."""
    found, asked = place.parts.name, task.run.transfer.layout
    if found != asked:
        text = f"going on with --layout {found}, in which it was begun (--fresh starts anew)"
        task.run.emit(Note(task.number, text))


def _make_room(task: Task, place: Workplace, selection: Selection, supply: Supply) -> None:
    """Check for what is missing and what finishing takes, and have the layout ready."""
    more: dict[int, int] = {}
    for segment in supply.live:
        more[segment.part] = more.get(segment.part, 0) + segment.stop - segment.start
    # With nothing to fetch, finishing finds out itself: where extents are shared it needs none.
    if more and selection.size != OPEN:
        place.target.require_space(*place.parts.space(selection.size, more))
    place.parts.prepare(selection.size, task.run.check_cancelled)


def _selection(task: Task, pin: Pin) -> Selection:
    wanted = task.run.transfer.range
    if wanted is not None and pin.version.size == 0:
        return select(wanted, 0)
    if wanted is not None and pin.ranges is not Ranges.WORK:
        raise ServerError(
            f"{task.asked}: the server does not send ranges", hint="fetch it without --range"
        )
    return whole(OPEN) if pin.version.size is None else select(wanted, pin.version.size)


def _supply(task: Task, place: Workplace, pin: Pin, selection: Selection) -> tuple[Supply, int]:
    """Plan what is missing; return it and the bytes that are there."""
    transfer = task.run.transfer
    sizes = place.parts.sizes()
    misfit = place.parts.misfit(selection.size)
    if misfit is not None:
        start_over(task, place, misfit)
        sizes = {}
    if pin.ranges is not Ranges.WORK:
        # Only one part can grow where only the whole file can be asked for.
        for start in [start for start in sizes if start]:
            place.parts.remove(start)
        at = sizes.get(0, 0)
        live = [Segment(at, selection.size, 0)] if at < selection.size else []
        return Supply(live, at), at
    spans = plan(
        selection.size,
        place.parts.held(),
        connections=transfer.connections,
        min_split=transfer.min_split,
        cuts=selection.cuts,
    )
    ends = {start + size: start for start, size in sizes.items()}
    live = [Segment(span.start, span.stop, ends.get(span.start, span.start)) for span in spans]
    held = selection.size - sum(map(len, spans))
    return Supply(live, held), held


def _opened(contact: Contact, pin: Pin, selection: Selection, supply: Supply) -> Opened | None:
    """Take the open response where it brings the beginning of the first segment."""
    begins = pin.ranges is not Ranges.WORK or supply.live[0].start == 0
    if not contact.is_open or not begins or selection.pieces[0].start != 0:
        contact.release()
        return None
    return contact.take(), contact.accept


def _result(task: Task, path: Path, size: int, *, fetched: int, status: Status) -> DownloadResult:
    unread = status == "skipped" and task.run.transfer.if_exists == "skip"
    result = DownloadResult(
        path=path,
        url=task.asked.public,
        size=size,
        fetched=fetched,
        seconds=task.run.clock() - task.began,
        status=status,
        checksum=str(task.request.checksum) if task.request.checksum and not unread else None,
        requests=task.source.sent,
    )
    task.run.emit(
        Finished(task.number, str(path), result.url, size, fetched, result.seconds, result.status)
    )
    return result
