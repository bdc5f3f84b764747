"""Metalink documents, from a file or a server, as requests for what they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from segdl.core.checksum import Checksum
from segdl.core.expected import Expected
from segdl.core.markup import MOST_BYTES
from segdl.core.metalink import is_metalink, parse_metalink, urls_of
from segdl.core.metalinkfile import MetalinkFile
from segdl.core.url import Location, parse_url
from segdl.engine.run import Run
from segdl.engine.small import read_small
from segdl.engine.threads import Threads
from segdl.errors import SegdlError, UsageError
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.options import Request
from segdl.progress.events import Event, Note, Waiting
from segdl.store.faults import disk_errors, shown

# Of events about what is no file of the run.
_NO_FILE = 0


def read_document(run: Run, asked: Request) -> list[Request | SegdlError]:
    """Return a request for each file that a document names, or the error in its place.

    Args:
        run: the surroundings.
        asked: `url` is the document's URL or path. Directory, name, checksum and headers are
            for what it names; the headers go to the document's own origin only.

    Raises:
        SegdlError: it cannot be read, or is no Metalink document; or a name or a digest was
            asked for, and it names several files.
    """
    if "://" not in asked.url:
        return _requests(_read(asked.url), shown(asked.url), replace(asked, entrusted=""))
    location = parse_url(asked.url)
    source = Source(run.transport, location, Credentials(run.network, asked, location))
    with _own_thread() as pool:
        apart = run._replace(pool=pool, emit=lambda event: _tell(run, location, event))
        version, data = read_small(apart, source, _NO_FILE, MOST_BYTES + 1)
    named = replace(asked, entrusted=asked.url)
    return _requests(data, str(location), named, media_type=version.media_type)


def local_requests(document: bytes | str | os.PathLike[str], directory: Path) -> Iterator[Request]:
    """Yield a request for each file that a document names, given its bytes or its path.

    Raises:
        SegdlError: it cannot be read, or one of its files cannot be asked for.
    """
    asked = Request(url="", directory=directory, entrusted="")
    if isinstance(document, bytes):
        found = _requests(document, "the Metalink document", asked)
    else:
        path = os.fspath(document)
        found = _requests(_read(path), shown(path), asked)
    for request in found:
        if isinstance(request, SegdlError):
            raise request
        yield request


def _read(path: str) -> bytes:
    """Return a document's bytes, one more than it may have at most."""
    with disk_errors(path, "read"), open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def _requests(
    data: bytes, what: str, asked: Request, *, media_type: str = ""
) -> list[Request | SegdlError]:
    """Return a request for each file that a document names, or the error in its place.

    Args:
        data: the document.
        what: names it in messages.
        asked: as `read_document` takes it; `entrusted` is the document's URL, or empty.
        media_type: as its server tells it.

    Raises:
        UsageError: as `read_document`.
    """
    if not is_metalink(media_type, data):
        raise UsageError(
            f"{what} is no Metalink document",
            hint="without -M, and with --no-metalink, it is saved as a file",
        )
    files = parse_metalink(data, what, windows=os.name == "nt")
    if len(files) > 1 and (asked.name is not None or isinstance(asked.checksum, Checksum)):
        raise UsageError(
            f"{what} names {len(files)} files", hint="a name or a digest goes with one file"
        )
    return [_request(file, what, asked) for file in files]


def expected_of(file: MetalinkFile, what: str) -> Expected:
    """Return what the document `what` says that a file must be."""
    return Expected(
        size=file.size,
        checksum=file.checksums[0] if file.checksums else None,
        pieces=file.pieces,
        source=what.rpartition("/")[2] or what,
    )


def _request(file: MetalinkFile, what: str, asked: Request) -> Request | SegdlError:
    entrusted = asked.entrusted
    safely = bool(entrusted) and parse_url(entrusted).origin.scheme == "https"
    try:
        url, *others = urls_of(file, what, safely=safely)
    except UsageError as error:
        return error
    return replace(
        asked,
        url=url,
        mirrors=tuple(others),
        name=asked.name or file.name,
        expected=expected_of(file, what),
        most_connections=file.connections,
        most_per_url=tuple(
            (mirror.url, mirror.connections) for mirror in file.mirrors if mirror.connections
        ),
    )


@contextmanager
def _own_thread() -> Iterator[Threads]:
    """Yield a thread of the document's own: those of the run may all be busy with files."""
    pool = Threads(1, thread_name_prefix="segdl-list")
    try:
        yield pool
    finally:
        # One that is stuck in connecting is left behind, as in open_run.
        pool.shutdown(wait=False, cancel_futures=True)


def _tell(run: Run, location: Location, event: Event) -> None:
    if isinstance(event, Waiting):
        run.emit(Note(_NO_FILE, f"{location}: waiting {event.seconds:.0f} s: {event.reason}"))
