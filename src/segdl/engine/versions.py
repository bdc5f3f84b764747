"""Which version of the remote file is being fetched, and whether it still is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from segdl.core.hashing import can_hash, new_hash
from segdl.core.identity import Match, compare, is_page_instead, is_still
from segdl.core.spans import Span
from segdl.engine.aftermath import ChangedError
from segdl.engine.belonging import state_of
from segdl.engine.contact import ONE_BYTE, Ranges
from segdl.engine.site import Pin
from segdl.engine.task import Task
from segdl.engine.webpage import refuse_page
from segdl.errors import NetworkError, RemoteChangedError, ServerError
from segdl.progress.events import Note, Restarted
from segdl.store.state import State


class Held(Protocol):
    """What bytes that were fetched are in."""

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it."""

    def sizes(self) -> Mapping[int, int]:
        """Return the size of each part by where it starts."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they cannot be read."""


class Keeping(Protocol):
    """Where the bytes of a file wait that is not whole, and what tells what they belong to."""

    @property
    def parts(self) -> Held:
        """The bytes."""

    @property
    def where(self) -> str:
        """What messages call it."""

    @property
    def name(self) -> str:
        """What messages call the file that is to be."""

    def clear(self) -> None:
        """Throw the bytes away."""

    def drop(self, spans: Iterable[Span]) -> None:
        """Have the bytes of `spans` fetched again."""

    def state(self) -> State | None:
        """Return what they belong to, or None where that is not known."""

    def belongs_to(self, state: State) -> None:
        """Write down what they belong to."""


def settle(task: Task, pin: Pin, change: ChangedError) -> tuple[Pin, str | None]:
    """Find out what a response that does not fit means.

    Returns what to fetch from now on, and why what was fetched so far cannot be used for
    it; None where it can.

    Raises:
        ServerError: a web page comes where the file was.
    """
    first = task.contacts.look(pin.ranges)
    second = task.contacts.look(pin.ranges)
    for seen in (first, second):
        refuse_page(task, pin.version, seen)
    if pin.version.digest and not change.proved and digest_is_of_the_part(task):
        text = "the server's digests are of each answer, not of the file: doing without them"
        task.run.emit(Note(task.number, text))
        return Pin(pin.version.without_digest(), pin.ranges), None
    if compare(first, second) is Match.DOUBTFUL:
        stable = Pin(second.without_etag(), pin.ranges)
        return stable, "the server gives another ETag a request: comparing bytes instead"
    if compare(pin.version, second) is Match.SAME and not change.proved:
        task.run.emit(Note(task.number, f"one answer did not fit ({change.why}): asking again"))
        return pin, None
    return Pin(second, pin.ranges), f"the remote file changed ({change.why})"


def digest_is_of_the_part(task: Task) -> bool:
    """Tell whether the digest that comes with the file's first byte is that byte's.

    Then it says nothing about the file, whatever the name of its field promises. One that
    cannot be computed here is taken at its word.
    """
    contact = task.contacts.make(ONE_BYTE)
    try:
        claim = contact.version.digest
        if claim is None or contact.ranges is not Ranges.WORK or contact.version.size == 1:
            return False
        if not can_hash(claim.checksum.algorithm):
            return False
        byte = task.contacts.read_all(contact, 1)
    finally:
        contact.release()
    digest = new_hash(claim.checksum.algorithm)
    digest.update(byte)
    return digest.hexdigest() == claim.checksum.hexdigest


def confirm(task: Task, pin: Pin) -> None:
    """Make sure that the server still has the version that was fetched.

    A file that is overwritten in place while it is sent changes under responses that
    announced the old version.

    Raises:
        ChangedError: it has another.
    """
    try:
        seen = task.contacts.look(pin.ranges, once=True)
    except (NetworkError, ServerError):
        # It says nothing any more, so nothing against what it said before.
        return
    if not is_page_instead(pin.version, seen) and not is_still(pin.version, seen):
        raise ChangedError("it was changed while it was fetched", proved=False)


def write_down(task: Task, place: Keeping, pin: Pin) -> None:
    """Note beside the parts what they belong to."""
    place.belongs_to(state_of(task, pin.version))


def start_over(task: Task, place: Keeping, why: str) -> None:
    """Throw the parts away and say so."""
    place.clear()
    task.run.emit(Restarted(task.number, why))


def changes_too_often(place: Keeping) -> RemoteChangedError:
    """Return the error for a file that no version of can be fetched whole."""
    return RemoteChangedError(
        f"{place.name}: the remote file keeps changing while it is fetched",
        hint="try again when it has settled",
    )
