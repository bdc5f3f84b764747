"""What a server says of a file, and what would be done about it, without doing it."""

from __future__ import annotations

from dataclasses import dataclass

from segdl.core.plan import plan
from segdl.core.selection import select
from segdl.core.spans import Span
from segdl.engine.claims import claims_of
from segdl.engine.contact import ONE_BYTE, Contact, Ranges
from segdl.engine.opening import open_download
from segdl.engine.place import target_of
from segdl.engine.planning import segments_wanted
from segdl.engine.run import Run
from segdl.engine.task import Task, open_task
from segdl.errors import ServerError
from segdl.options import Request
from segdl.store.layout import layouts
from segdl.store.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """What a server says.

    Attributes:
        url: the URL that was asked, without user, password and query.
        final_url: where redirects led, likewise.
        name: the name that the file would get.
        size: its length in bytes; None where the server does not tell.
        etag: as sent; None where there is none.
        last_modified: as sent; None where there is none.
        media_type: in lower case, without parameters; may be empty.
        ranges: whether the server sends parts of the file.
        digests: fields that carry a digest, name to value.
    """

    url: str
    final_url: str
    name: str
    size: int | None
    etag: str | None
    last_modified: str | None
    media_type: str
    ranges: bool
    digests: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a download would do.

    Attributes:
        remote: what the server says.
        target: where the file would be.
        size: its bytes; None where the server does not tell.
        held: bytes of it that are on disk.
        segments: what would be fetched, as spans of the local file.
    """

    remote: RemoteFile
    target: Target
    size: int | None
    held: int
    segments: tuple[Span, ...]


def inspect(run: Run, request: Request) -> RemoteFile:
    """Ask a server what it has, with one request of one byte.

    Raises:
        SegdlError: it cannot be asked, or says no.
    """
    with open_task(run, request, 1) as task:
        contact = task.contacts.make(ONE_BYTE)
        contact.release()
        return _remote(task, contact)


def preview(run: Run, request: Request) -> Preview:
    """Probe and plan; nothing is written.

    Raises:
        SegdlError: the server cannot be asked, or says no.
    """
    with open_download(run, request, 1, lambda _: ONE_BYTE) as (task, contact):
        contact.release()
        remote = _remote(task, contact)
        target = target_of(request, task.asked.path, contact)
        size = contact.version.size
        if size is None or contact.ranges is not Ranges.WORK:
            if run.transfer.range is not None:
                raise ServerError(f"{task.asked}: the server does not send ranges")
            spans = () if not size else (Span(0, size),)
            return Preview(remote=remote, target=target, size=size, held=0, segments=spans)
        selection = select(run.transfer.range, size)
        held: list[Span] = []
        if target.workplace.is_dir():
            held = layouts(target.workplace, run.transfer.layout)[0].held()
        in_order = bool(claims_of(task, contact.version))
        segments = plan(
            selection.size,
            held,
            connections=segments_wanted(run.transfer, selection.size, in_order=in_order),
            min_split=run.transfer.min_split,
            cuts=selection.cuts,
        )
        missing = sum(map(len, segments))
        return Preview(
            remote=remote,
            target=target,
            size=selection.size,
            held=selection.size - missing,
            segments=tuple(segments),
        )


def _remote(task: Task, contact: Contact) -> RemoteFile:
    return RemoteFile(
        url=task.asked.public,
        final_url=contact.location.public,
        name=target_of(Request(url=""), task.asked.path, contact).path.name,
        size=contact.version.size,
        etag=contact.version.etag,
        last_modified=contact.version.last_modified,
        media_type=contact.version.media_type,
        ranges=contact.ranges is Ranges.WORK,
        digests=contact.head.digests,
    )
