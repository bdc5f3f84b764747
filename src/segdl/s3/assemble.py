"""One version of a file, sent to a bucket whole, whatever happens to the remote one meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segdl.core.checksum import Checksum, Claim
from segdl.core.multipart import Stored, span_of
from segdl.core.selection import whole
from segdl.core.spans import OPEN
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.claims import claims_of, require_whole_size, tell_unchecked
from segdl.engine.contact import ONE_BYTE, Contact, Ranges
from segdl.engine.course import Course
from segdl.engine.fetching import Fetching
from segdl.engine.job import job_of
from segdl.engine.opening import taken
from segdl.engine.outcome import Opened
from segdl.engine.reconciling import reconcile
from segdl.engine.site import Pin
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.engine.versions import confirm, start_over
from segdl.progress.events import Note, Started
from segdl.s3.check import check
from segdl.s3.inorder import InOrder
from segdl.s3.store import Store
from segdl.s3.supply import PartSupply, WholeSupply
from segdl.s3.unfinished import Unfinished
from segdl.s3.uploading import Uploading

# What waits in memory to be hashed in order, in bytes.
_MOST_WAITING = 128 * 1024 * 1024
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """What the parts of an upload make, once it is completed.

    Attributes:
        pin: the version.
        size: its bytes.
        fetched: bytes that came in this run.
        checksum: the digest that was expected, and that it has.
    """

    pin: Pin
    size: int
    fetched: int
    checksum: Checksum | None


def send_one_version(task: Task, store: Store, unfinished: Unfinished, contact: Contact) -> Sent:
    """Send parts until they make the whole of one version.

    Raises:
        SegdlError: it cannot be had, or keeps changing; the parts that are whole are kept.
    """
    contact = _with_ranges(task, unfinished, contact)
    course = Course(task, unfinished, contact, reconcile(task, unfinished, contact))
    while True:
        try:
            claims = _expected(task, course.pin, unfinished)
            order = _order(task, claims)
            size = _send_parts(task, store, unfinished, course, order)
            if order is not None and order.spoilt:
                course.count_restart()
                continue
            if course.pin.version.proves:
                confirm(task, course.pin)
            require_whole_size(task, size)
            kept = "its parts are kept: check the digest"
            checksum = check(task, unfinished.name, claims, order, size, kept)
            return Sent(course.pin, size, course.sites.received, checksum)
        except LiedError as lie:
            course.expel(lie)
        except (UnrangedError, ChangedError) as why:
            course.change(why)


def _with_ranges(task: Task, unfinished: Unfinished, contact: Contact) -> Contact:
    """Throw away what cannot be gone on with: nobody can compare parts that are sent."""
    if unfinished.is_empty() or task.run.transfer.fresh:
        # It may be of another length now.
        unfinished.clear()
        return contact
    if contact.ranges is not Ranges.WORK:
        # One odd answer must not cost what an earlier run sent.
        contact.release()
        contact = task.contacts.make(ONE_BYTE)
    if contact.ranges is not Ranges.WORK:
        start_over(task, unfinished, "the server does not send ranges any more")
    elif not (contact.version.proves or _proofs(task)):
        start_over(task, unfinished, "nothing tells whether the parts are of this file")
    return contact


def _proofs(task: Task) -> list[Claim]:
    return [claim for claim in task.claims if claim.checksum.proves]


def _expected(task: Task, pin: Pin, unfinished: Unfinished) -> tuple[Claim, ...]:
    """Return the digests that the file must have, as far as that can be found out.

    Parts that an earlier run sent cannot be read before the upload is complete. For a digest
    that the user or a list gave they are fetched again; for the server's word alone they are
    not: each was compared with what was sent, and it names the version, too.
    """
    claims = claims_of(task, pin.version)
    tell_unchecked(task, pin.version)
    if unfinished.is_empty() or not (claims or task.pieces):
        return claims
    if task.claims or task.pieces:
        text = "parts that are there are fetched again, to check the digest of the whole"
        task.run.emit(Note(task.number, text))
        return claims
    text = f"{claims[0].source} is not checked: parts of it were sent by an earlier run"
    task.run.emit(Note(task.number, text))
    return ()


def _order(task: Task, claims: Sequence[Claim]) -> InOrder | None:
    if not claims and task.pieces is None:
        return None
    return InOrder({claim.checksum.algorithm for claim in claims}, task.pieces)


def _send_parts(
    task: Task,
    store: Store,
    unfinished: Unfinished,
    course: Course,
    order: InOrder | None,
) -> int:
    """Send the parts that one version lacks, and return its size.

    Raises:
        ChangedError: the remote file may be another now.
        UnrangedError: the server stopped answering ranges as it should.
        LiedError: mirrors sent other bytes.
    """
    sites = course.sites
    pin, note = sites.origin.pin, unfinished.note
    assert note is not None
    size = OPEN if pin.version.size is None else pin.version.size
    uploading = Uploading(
        task.run,
        task.number,
        store,
        unfinished.place,
        note.upload,
        size=size,
        length=note.length,
        stored={number: part.etag for number, part in unfinished.stored.items()},
        order=order,
    )
    supply, held = _supply(task, pin, unfinished, uploading)
    most = task.run.transfer.most
    task.run.emit(
        Started(
            task.number,
            task.asked.public,
            unfinished.name,
            None if size == OPEN else size,
            held,
            most if pin.ranges is Ranges.WORK else 1,
        )
    )
    job = job_of(task, sites.origin, whole(size), uploading)
    fetching = Fetching(task.run, job, sites, supply, number=task.number)
    try:
        supply.advance()
        fetching.fetch(_opened(course.contact, supply))
        fetching.tell_unproved()
        if size == OPEN:
            size = supply.live[-1].stop
            _end(task, uploading, size)
        return size
    finally:
        uploading.close()
        unfinished.stored = {
            number: Stored(len(span_of(number, size, note.length)), etag)
            for number, etag in uploading.etags.items()
        }


def _supply(
    task: Task, pin: Pin, unfinished: Unfinished, uploading: Uploading
) -> tuple[Supply, int]:
    """Return what is to be fetched, and the bytes that are there."""
    if pin.ranges is not Ranges.WORK:
        return WholeSupply(uploading, max(1, task.run.transfer.retries)), 0
    width = task.run.transfer.most + _AHEAD
    if uploading.order is not None:
        return PartSupply(uploading, 0, max(1, min(width, _MOST_WAITING // uploading.length))), 0
    held = sum(part.size for part in unfinished.stored.values())
    return PartSupply(uploading, held, width), held


def _end(task: Task, uploading: Uploading, size: int) -> None:
    """Have the last bytes of a file sent whose length nobody told."""
    run = task.run
    sent = False
    while not sent:
        run.sleep(uploading.ready_at(size) - run.clock())
        sent = run.wait_for(run.pool.submit(uploading.end), uploading.close, math.inf)


def _opened(contact: Contact, supply: Supply) -> Opened | None:
    """Take the open response where it brings the beginning of the first segment."""
    begins = bool(supply.live) and contact.accept.start == supply.live[0].start
    return taken(contact, begins=begins)
