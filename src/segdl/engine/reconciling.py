"""What an earlier run left, and what the server has now: may the one be gone on with?"""

from __future__ import annotations

from segdl.core.identity import Match, Version, compare
from segdl.core.selection import select
from segdl.core.url import parse_source
from segdl.engine.belonging import OtherFileError, listed, selected
from segdl.engine.contact import Contact, Ranges
from segdl.engine.sampling import same_there, samples_of
from segdl.engine.site import Pin
from segdl.engine.task import Task
from segdl.engine.versions import (
    Keeping,
    start_over,
    write_down,
)
from segdl.engine.webpage import refuse_page
from segdl.errors import DiskError
from segdl.store.state import State


def reconcile(task: Task, place: Keeping, contact: Contact) -> Pin:
    """Compare what an earlier run left with what the server has; return what to fetch.

    Parts of another version are thrown away; parts of another file are not.

    Raises:
        DiskError: the parts are of another URL or of other bytes.
        OtherFileError: a mirror that stands in for the URL does not hold their file.
        ServerError: a web page comes where a file was before.
    """
    pin = Pin(contact.version, contact.ranges)
    if task.run.transfer.fresh:
        place.clear()
    held = not place.parts.is_empty()
    state = place.state()
    if state is not None and held:
        pin = _compare_with(state, task, place, contact)
    elif held:
        start_over(task, place, "nothing tells what the partial data belongs to")
    write_down(task, place, pin)
    return pin


def _compare_with(state: State, task: Task, place: Keeping, contact: Contact) -> Pin:
    if state.range != selected(task):
        if task.request.supersedes:
            start_over(task, place, "it holds pieces of the file that nobody asks for")
            return Pin(contact.version, contact.ranges)
        raise DiskError(
            f"{place.where} holds a partial download of "
            f"{'the whole file' if state.range is None else 'bytes ' + state.range}",
            hint="finish that first, choose another name with -o, or use --fresh",
        )
    refuse_page(task, state.version, contact.version)
    if state.named_by == task.source.asked.public:
        match, seen = _match(state, task, contact)
        if match is Match.SAME:
            return Pin(seen, contact.ranges)
    if _is_listed(state, task, contact.version):
        return Pin(contact.version, contact.ranges)
    why = "the remote file changed since the last run"
    if state.named_by != task.source.asked.public:
        if _is_held_there(state, task, place, contact):
            return Pin(contact.version, contact.ranges)
        _refuse_another(state, task, place)
        why = "what an earlier run fetched elsewhere is another file"
    start_over(task, place, why)
    return Pin(contact.version, contact.ranges)


def _match(state: State, task: Task, contact: Contact) -> tuple[Match, Version]:
    """Compare the version of the parts with what the same server has now."""
    seen = contact.version
    # A server known to give another ETag a request.
    if state.version.etag is None and state.version.size == seen.size:
        seen = seen.without_etag()
    match = compare(state.version, seen)
    if match is Match.DOUBTFUL:
        return _ask_again(task, contact, state.version)
    return match, seen


def _is_held_there(state: State, task: Task, place: Keeping, contact: Contact) -> bool:
    """Tell whether another server than before holds the file that the parts are of.

    Its validators say nothing of that: bytes are compared, where somebody said that it does,
    or a digest will tell in the end.
    """
    size = contact.version.size
    if not (_is_said(state, task) or _has_moved(state, task, contact.version)):
        return False
    if size is None or size != state.version.size or contact.ranges is not Ranges.WORK:
        return False
    selection = select(task.run.transfer.range, size)
    samples = samples_of(selection, place.parts.sizes())
    return bool(samples) and same_there(task, selection, samples, place.parts.read)


def _is_said(state: State, task: Task) -> bool:
    """Tell whether the parts' URL is named beside the one that is asked for, or a digest is."""
    said = {parse_source(url).public for url in (task.request.url, *task.request.mirrors)}
    proofs = any(claim.checksum.proves for claim in task.claims)
    return proofs or not said.isdisjoint({state.url, state.named_by})


def _has_moved(state: State, task: Task, seen: Version) -> bool:
    """Tell whether a list has another URL now for what looks like the same file."""
    looks_the_same = seen.proves and compare(state.version, seen) is Match.SAME
    return task.request.supersedes and looks_the_same


def _refuse_another(state: State, task: Task, place: Keeping) -> None:
    """Keep parts from being thrown away for a file that need not be theirs.

    Raises:
        OtherFileError: a mirror stands in for the URL that is asked for.
        DiskError: that is another URL.
    """
    if task.request.supersedes:
        return
    if state.url != task.asked.public:
        raise DiskError(
            f"{place.where} holds a partial download of {state.url}, which may be another file",
            hint="finish that first, choose another name with -o, or use --fresh; "
            "where it is the same file, name that URL with --mirror, too",
        )
    if task.source.asked.public != task.asked.public:
        raise OtherFileError(
            f"{task.source.asked}: it does not hold the file of which {place.where} has a part",
            hint=f"try again when {task.asked.origin.host} answers; --fresh throws the part away",
        )


def _is_listed(state: State, task: Task, seen: Version) -> bool:
    """Tell whether another mirror has what a list says is the same file.

    Mirrors have validators of their own. Whether the list is right the digest tells in the end.
    """
    elsewhere = state.url != task.asked.public or task.source.asked.url != task.asked.url
    same_size = seen.size is not None and seen.size == state.version.size
    return elsewhere and same_size and state.listed is not None and state.listed == listed(task)


def _ask_again(task: Task, contact: Contact, pinned: Version) -> tuple[Match, Version]:
    """Tell a changed file from a server whose ETags differ from request to request."""
    again = task.contacts.look(contact.ranges)
    if compare(contact.version, again) is Match.SAME:
        # Validators that are gone altogether say nothing; an ETag that is another does.
        gone = again.etag is None and again.last_modified is None
        return (Match.SAME if gone else Match.DIFFERENT), again
    stable = again.without_etag()
    return compare(pinned.without_etag(), stable), stable
