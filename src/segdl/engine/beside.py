"""The digest that a checksum file beside the URL tells (`--checksum auto`)."""

from __future__ import annotations

from segdl.core.checksum import Claim
from segdl.core.identity import is_page
from segdl.core.sums import Beside, digests_for, file_name, is_markup, places
from segdl.core.text import printable
from segdl.core.url import Location
from segdl.engine.claims import claims_of
from segdl.engine.contact import Contact
from segdl.engine.small import read_small
from segdl.engine.task import Task
from segdl.errors import IntegrityError, ServerError
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.progress.events import Note

_MOST_BYTES = 1024 * 1024
# The server would say so of the file, too: come later, not "there is none".
_NOT_NOW = frozenset({408, 425, 429})


def look_beside(task: Task, contact: Contact) -> Claim | None:
    """Look for the digest of the file, and say in one line what was found.

    Args:
        task: the download; its credentials go to its origin, as with the file itself.
        contact: what the server said of the file; let go of, as it would be in the way.

    Raises:
        IntegrityError: a checksum file tells two digests of the file.
        NetworkError: the server cannot be reached within the retries.
        ServerError: it fails, so that nobody can tell whether there is a digest.
    """
    contact.release()
    name = file_name(task.asked)
    tried = places(task.asked)
    for place in tried:
        text = _text_at(task, place.location)
        found = set() if text is None else digests_for(name, text, alone=place.alone)
        if len(found) > 1:
            raise IntegrityError(
                f"{place.location}: tells {len(found)} digests of {printable(name)!r}",
                hint="give the right one with --checksum",
            )
        if found:
            claim = Claim(found.pop(), str(place.location))
            task.run.emit(Note(task.number, f"checking {claim.checksum} from {claim.source}"))
            return claim
    task.run.emit(Note(task.number, _nothing_found(task, tried, contact)))
    return None


def _nothing_found(task: Task, tried: tuple[Beside, ...], contact: Contact) -> str:
    names = ", ".join(printable(place.name, 100) for place in tried)
    text = f"no digest beside the URL ({names})" if tried else "no digest: the URL names no file"
    told = claims_of(task, contact.version)
    return f"{text}: checking {told[0].source} only" if told else f"{text}: not checked"


def _text_at(task: Task, location: Location) -> str | None:
    """Return the text at `location`, None where there is none; files that ask alike share it.

    They do where they show the same to its server, and to whom it redirects: that depends on
    the user and password in the URL, on the file's own headers, on whom they are for, and on
    whom the user named.
    """
    request, run = task.request, task.run
    key = (location, request.headers, request.entrusted, request.named)
    return run.shelf.get(key, lambda: _fetch(task, location), run.rest)


def _fetch(task: Task, location: Location) -> str | None:
    """Return the text at `location`, as far as it is read; None where there is none."""
    run = task.run
    source = Source(run.transport, location, Credentials(run.network, task.request, location))
    try:
        version, data = read_small(run, source, task.number, _MOST_BYTES + 1)
        return None if is_page(version) else _text(data)
    except ServerError as error:
        if error.status is None or not 400 <= error.status < 500 or error.status in _NOT_NOW:
            error.resolve("leave out --checksum auto to go without")
            raise
        return None
    finally:
        task.source.count(source.sent)


def _text(data: bytes) -> str | None:
    if len(data) > _MOST_BYTES:
        # Without the line that is cut.
        data = data[: data.rfind(b"\n", 0, _MOST_BYTES) + 1]
    text = data.decode("utf-8", "surrogateescape")
    return None if is_markup(text) else text
