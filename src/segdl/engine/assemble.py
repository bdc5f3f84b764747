"""One version of a file, fetched and joined, whatever happens to the remote one meanwhile."""

from __future__ import annotations

from segdl.core.selection import Selection
from segdl.core.spans import OPEN
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.contact import FIRST_BYTES, ONE_BYTE, Contact, Ranges
from segdl.engine.fetching import Fetching
from segdl.engine.finish import join_parts
from segdl.engine.job import job_of
from segdl.engine.outright import MOMENT, Outright
from segdl.engine.planning import make_room, selection_of, supply_of
from segdl.engine.segment import Opened, Supply
from segdl.engine.site import Pin
from segdl.engine.sites import Sites, sites_of
from segdl.engine.task import Task
from segdl.engine.verify import Verification
from segdl.engine.versions import (
    changes_too_often,
    confirm,
    reconcile,
    refuse_page,
    settle,
    start_over,
    write_down,
)
from segdl.errors import IntegrityError
from segdl.progress.events import Note, Started
from segdl.store.faults import shown
from segdl.store.layout import discard
from segdl.store.workplace import Workplace

MOST_RESTARTS = 3
# So little is flushed at its end: a thread for that costs more than a power cut would.
_FLUSHED_AT_ONCE = 4 * 1024 * 1024


def fetch_one_version(
    task: Task, place: Workplace, contact: Contact, verification: Verification, outright: Outright
) -> tuple[Sites, int, int]:
    """Fetch and join until there is the whole of one version, which `outright` may have begun.

    Returns where it came from, its size, and the bytes that came over the network.

    Raises:
        SegdlError: it cannot be had, or keeps changing; what was fetched is kept.
    """
    began = task.run.clock()
    contact = _with_ranges(task, place, contact)
    pin = reconcile(task, place, contact)
    # What came just now is none of what --fresh throws away.
    came = outright.hand_over(place)
    _tell_layout(task, place)
    sites = sites_of(task, pin)
    fetched, restarts = came, 0
    while restarts <= MOST_RESTARTS:
        try:
            hashed = verification.expect(pin.version)
            size, count = _fetch_parts(task, place, sites, contact, came, in_order=hashed)
            fetched += count
            # What one short answer brought at once cannot have changed under it.
            slow = outright.slow or task.run.clock() - began > MOMENT
            join_parts(task, place, size)
            if pin.version.proves and (slow or task.sent > 1 or size > FIRST_BYTES):
                confirm(task, pin)
            return sites, size, fetched
        except LiedError as lie:
            _expel(place, sites, lie)
        except UnrangedError as error:
            restarts += 1
            contact.release()
            contact = task.contacts.make(None)
            refuse_page(task, pin.version, contact.version)
            # Not before there is something to have instead.
            start_over(task, place, f"{error}: fetching in one piece")
            pin = Pin(contact.version, contact.ranges)
            sites = sites_of(task, pin)
            write_down(task, place, pin)
        except ChangedError as change:
            restarts += 1
            pin, useless = settle(task, pin, change)
            if useless:
                start_over(task, place, useless)
            write_down(task, place, pin)
            sites.start_over(pin)
    raise changes_too_often(place)


def _with_ranges(task: Task, place: Workplace, contact: Contact) -> Contact:
    """Ask once more where one odd answer would cost what an earlier run fetched."""
    later_parts = any(size for start, size in place.parts.sizes().items() if start)
    if contact.ranges is Ranges.WORK or not later_parts:
        return contact
    contact.release()
    return task.contacts.make(ONE_BYTE)


def _expel(place: Workplace, sites: Sites, lie: LiedError) -> None:
    """Go on without mirrors that sent other bytes, and without what they brought.

    Raises:
        IntegrityError: nobody is left whose word counts.
    """
    for mirror in lie.mirrors:
        if not sites.drop(mirror, f"it sent other bytes than the file's ({lie})"):
            raise IntegrityError(
                f"{shown(place.target.path)}: the mirrors disagree ({lie})",
                instead="mirrors",
            )
        discard(place.parts, mirror.brought)
        mirror.brought.clear()


def _fetch_parts(
    task: Task, place: Workplace, sites: Sites, contact: Contact, came: int, *, in_order: bool
) -> tuple[int, int]:
    """Fetch what the parts lack of one version; return its size and the bytes that came.

    That it is begun was told where `came` bytes are all that is there. `in_order` has the
    beginning of the file come before its end, as far as that can be had.

    Raises:
        ChangedError: the remote file may be another now.
        UnrangedError: the server stopped answering ranges as it should.
        LiedError: mirrors sent other bytes.
    """
    pin = sites.origin.pin
    selection = selection_of(task, pin)
    supply, held = supply_of(task, place, pin, selection, in_order=in_order)
    job = job_of(task, sites.origin, selection, place.parts)
    make_room(task, place, selection, supply)
    size = None if selection.size == OPEN else selection.size
    transfer = task.run.transfer
    connections = transfer.most if transfer.adaptive else min(len(supply.live), transfer.most)
    path = str(place.target.path)
    if not came or held != came:
        task.run.emit(Started(task.number, task.asked.public, path, size, held, connections))
    if not supply.live:
        return selection.size, 0
    if selection.size - held > _FLUSHED_AT_ONCE:
        place.keep_flushing()
    fetching = Fetching(task.run, job, sites, supply, number=task.number)
    fetching.fetch(_opened(contact, pin, selection, supply))
    if not fetching.proved:
        text = "the server did not tell the file's length: a cut would look the same as its end"
        task.run.emit(Note(task.number, text))
    count = sum(segment.done for segment in supply.live)
    return supply.live[-1].stop if size is None else size, count


def _tell_layout(task: Task, place: Workplace) -> None:
    """Say so where what is there lies otherwise than was asked for."""
    found, asked = place.parts.name, task.run.transfer.layout
    if found != asked:
        text = f"going on with --layout {found}, in which it was begun (--fresh starts anew)"
        task.run.emit(Note(task.number, text))


def _opened(contact: Contact, pin: Pin, selection: Selection, supply: Supply) -> Opened | None:
    """Take the open response where it brings the beginning of the first segment."""
    begin, wanted = contact.accept.start, supply.live[0].start
    # What a whole file brings before that is compared with what is held.
    begins = begin == wanted or (pin.ranges is not Ranges.WORK and begin < wanted)
    if not contact.is_open or not begins or selection.pieces[0].start != 0:
        contact.release()
        return None
    return contact.take(), contact.accept
