"""One version of a file, fetched and joined, whatever happens to the remote one meanwhile."""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.selection import Selection
from segdl.core.spans import OPEN
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.contact import FIRST_BYTES, ONE_BYTE, Contact, Ranges
from segdl.engine.course import Course
from segdl.engine.fetching import Fetching
from segdl.engine.finish import join_parts
from segdl.engine.job import job_of
from segdl.engine.opening import taken
from segdl.engine.outcome import Opened
from segdl.engine.outright import MOMENT, Outright
from segdl.engine.planning import make_room, selection_of, supply_of
from segdl.engine.reconciling import reconcile
from segdl.engine.site import Pin
from segdl.engine.sites import Sites
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.engine.verify import Verification
from segdl.engine.versions import confirm
from segdl.progress.events import Note, Started
from segdl.store.workplace import Workplace

# So little is flushed at its end: a thread for that costs more than a power cut would.
_FLUSHED_AT_ONCE = 4 * 1024 * 1024


class _Fetched(NamedTuple):
    """What came of the parts.

    Attributes:
        size: bytes of the file.
        came: bytes that came over the network.
        confirmed: whether the server is known to have had the same version still at the end.
    """

    size: int
    came: int
    confirmed: bool = False


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
    earlier = place.state()
    pin = reconcile(task, place, contact)
    course = Course(task, place, contact, pin)
    if earlier is not None:
        course.sites.credit(earlier.named_by, place.parts.held())
    # What came just now is none of what --fresh throws away.
    came = outright.hand_over(place)
    _tell_layout(task, place)
    fetched = came
    while True:
        try:
            hashed = verification.expect(course.pin.version)
            result = _fetch_parts(task, place, course, came, in_order=hashed)
            fetched += result.came
            slow = outright.slow or task.run.clock() - began > MOMENT
            # What one short answer brought at once cannot have changed under it.
            at_once = result.size <= FIRST_BYTES and task.sent == 1 and not slow
            join_parts(task, place, result.size)
            if course.pin.version.proves and not (at_once or result.confirmed):
                confirm(task, course.pin)
            return course.sites, result.size, fetched
        except LiedError as lie:
            course.expel(lie)
        except (UnrangedError, ChangedError) as why:
            course.change(why)


def _with_ranges(task: Task, place: Workplace, contact: Contact) -> Contact:
    """Ask once more where one odd answer would cost what an earlier run fetched."""
    later_parts = any(size for start, size in place.parts.sizes().items() if start)
    if contact.ranges is Ranges.WORK or not later_parts:
        return contact
    contact.release()
    return task.contacts.make(ONE_BYTE)


def _fetch_parts(
    task: Task, place: Workplace, course: Course, came: int, *, in_order: bool
) -> _Fetched:
    """Fetch what the parts lack of one version.

    That it is begun was told where `came` bytes are all that is there. `in_order` has the
    beginning of the file come before its end, as far as that can be had.

    Raises:
        ChangedError: the remote file may be another now.
        UnrangedError: the server stopped answering ranges as it should.
        LiedError: mirrors sent other bytes.
    """
    sites = course.sites
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
        return _Fetched(selection.size, 0)
    if selection.size - held > _FLUSHED_AT_ONCE:
        place.keep_flushing()
    fetching = Fetching(task.run, job, sites, supply, number=task.number)
    fetching.fetch(_opened(course.contact, pin, selection, supply))
    fetching.tell_unproved()
    count = sum(segment.done for segment in supply.live)
    end = supply.live[-1].stop if size is None else size
    return _Fetched(end, count, fetching.confirmed)


def _tell_layout(task: Task, place: Workplace) -> None:
    """Say so where what is there lies otherwise than was asked for."""
    found, asked = place.parts.name, task.run.transfer.layout
    if found != asked:
        text = f"going on with --layout {found}, in which it was begun"
        task.run.emit(Note(task.number, text))


def _opened(contact: Contact, pin: Pin, selection: Selection, supply: Supply) -> Opened | None:
    """Take the open response where it brings the beginning of the first segment."""
    begin, wanted = contact.accept.start, supply.live[0].start
    # What a whole file brings before that is compared with what is held.
    begins = begin == wanted or (pin.ranges is not Ranges.WORK and begin < wanted)
    return taken(contact, begins=begins and selection.pieces[0].start == 0)
