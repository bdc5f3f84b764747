"""A small file, fetched into memory and known to be right before anybody else gets it."""

from __future__ import annotations

from dataclasses import dataclass

from segdl.core.checksum import Checksum
from segdl.core.identity import Version
from segdl.core.selection import whole
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.claims import claims_of, require_whole_size, tell_unchecked
from segdl.engine.contact import FIRST_BYTES, Contact
from segdl.engine.fetching import Fetching
from segdl.engine.job import job_of
from segdl.engine.segment import Segment
from segdl.engine.site import Pin
from segdl.engine.sites import sites_of
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.engine.versions import confirm
from segdl.progress.events import Started
from segdl.s3.check import check
from segdl.s3.inorder import InOrder
from segdl.s3.memory import Memory


@dataclass(frozen=True, slots=True)
class Small:
    """A file that is here.

    Attributes:
        version: which.
        data: its bytes.
        checksum: the digest that was expected, and that it has.
    """

    version: Version
    data: bytes
    checksum: Checksum | None


def fetch_small(task: Task, contact: Contact, what: str) -> Small | None:
    """Fetch a file that memory can hold; None where it turned out to be no such file.

    Args:
        task: the request.
        contact: the server's first answer; it tells the size.
        what: where it goes, for messages.

    Raises:
        SegdlError: it cannot be had, or is not what it should be.
    """
    pin, memory = Pin(contact.version, contact.ranges), Memory()
    size = pin.version.size
    assert size is not None
    run, number = task.run, task.number
    run.emit(Started(number, task.asked.public, what, size, 0, 1))
    if size:
        sites = sites_of(task, pin)
        job = job_of(task, sites.origin, whole(size), memory)
        fetching = Fetching(run, job, sites, Supply([Segment(0, size, 0)], 0), number=number)
        begins = contact.is_open and contact.accept.start == 0
        if not begins:
            contact.release()
        try:
            fetching.fetch((contact.take(), contact.accept) if begins else None)
            if pin.version.proves and (task.sent > 1 or size > FIRST_BYTES):
                confirm(task, pin)
        except (ChangedError, LiedError, UnrangedError):
            return None
    else:
        contact.release()
    data = bytes(memory.data)
    require_whole_size(task, len(data))
    tell_unchecked(task, pin.version)
    claims = claims_of(task, pin.version)
    order = None
    if claims or task.pieces:
        order = InOrder({claim.checksum.algorithm for claim in claims}, task.pieces)
        order.add(1, data)
        order.end(1)
    return Small(pin.version, data, check(task, what, claims, order, len(data)))
