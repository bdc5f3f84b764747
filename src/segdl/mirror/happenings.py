"""What happens during a mirror run, beside the events of the files at work.

Both kinds go to one place, in order, one at a time. `file` is the number that the engine's
events of that file have. Paths are those of the ledger, relative to the mirror; sizes are
bytes, times seconds. Texts are safe to print.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from segdl.core.checksum import Checksum
from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import SegdlError
from segdl.progress import events
from segdl.progress.events import SCHEMA_VERSION, Event

How = Literal["fetched", "unchanged", "linked", "repaired"]


class Listed(NamedTuple):
    """So many files of so many bytes are listed by now; `complete` once the list ended.

    Of `unsized` of them the list does not tell the size. It is `broken` where it ended before
    its end. A round counts from zero.
    """

    files: int
    bytes: int
    complete: bool
    unsized: int = 0
    broken: bool = False


class Kept(NamedTuple):
    """So many files of so many bytes, in all, are here already: nothing is asked for them.

    A round counts from zero.
    """

    files: int
    bytes: int


class Taken(NamedTuple):
    """A file was given to a thread. `size` is what the list says."""

    file: int
    path: str
    host: str
    size: int | None


class Done(NamedTuple):
    """A file is as the list wants it. `verified` names the algorithm of the digest it had."""

    file: int
    path: str
    host: str
    size: int
    fetched: int
    seconds: float
    how: How
    verified: str | None
    requests: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A file cannot be had.

    `url` is without user, password and query; `cut` where it had a query. `checksum` is what
    the list says, as ``--checksum`` takes it; empty where it does not. `size` is that of the
    list. See :func:`lost`.
    """

    file: int
    path: str
    host: str
    url: str
    exit_code: int
    kind: str
    message: str
    hint: str
    cut: bool = False
    checksum: str = ""
    size: int | None = None


class GaveUp(NamedTuple):
    """A host does not answer: so many of its files wait for the next run.

    `bytes` is what the list says that they have.
    """

    host: str
    files: int
    bytes: int
    message: str


class Removed(NamedTuple):
    """What the list no longer has went to the trash, or for good."""

    path: str
    size: int


class Paused(NamedTuple):
    """A host is asked nothing for a while, for any file: it is not there.

    Where it said 429 or 503 an event `Busy` tells so.
    """

    host: str
    seconds: float
    reason: str


class Said(NamedTuple):
    """One line that the operator of a mirror would want to read."""

    text: str


class Round(NamedTuple):
    """A round begins: the list is read. The first is 1."""

    number: int


class Ended(NamedTuple):
    """The run is over, with that exit code; `message` is why it went no further, or empty."""

    exit_code: int
    message: str = ""


Happening: TypeAlias = (
    Listed | Kept | Taken | Done | Lost | GaveUp | Removed | Paused | Said | Round | Ended | Event
)


def lost(taken: Taken, url: str, error: SegdlError, checksum: Checksum | None = None) -> Lost:
    """Return how a file that was taken came to be lost; secrets of its URL are left out.

    Example:
        >>> taken = Taken(7, "a/b.iso", "h.example", None)
        >>> told = lost(taken, "https://me:pw@h.example/b.iso?key=1", SegdlError("no"))
        >>> told.url, told.cut
        ('https://h.example/b.iso', True)
    """
    location = parse_url(url)
    return Lost(
        file=taken.file,
        path=taken.path,
        host=taken.host,
        url=location.public,
        exit_code=error.exit_code,
        kind=type(error).__name__,
        message=printable(error.message, 2000),
        hint=printable(error.hint, 2000),
        cut=bool(urlsplit(location.url).query),
        checksum="" if checksum is None else str(checksum),
        size=taken.size,
    )


def to_json(happening: Happening) -> dict[str, object]:
    """Return the documented form: that of the engine's events, and of the mirror's likewise.

    Example:
        >>> to_json(Round(1))
        {'v': 1, 'event': 'round', 'number': 1}
    """
    if isinstance(happening, Event):
        return events.to_json(happening)
    told = asdict(happening) if isinstance(happening, Lost) else happening._asdict()
    return {"v": SCHEMA_VERSION, "event": type(happening).__name__.lower(), **told}
