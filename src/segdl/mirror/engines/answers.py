"""What a worker answers: plain values that travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from segdl.core.identity import Version
from segdl.core.s3answer import Object
from segdl.core.spans import Span
from segdl.errors import SegdlError
from segdl.results import DownloadResult


@dataclass(frozen=True, slots=True)
class Brought:
    """A file is in the camp.

    Attributes:
        name: what it is called there; "" where the one that is here will do.
        result: how it was fetched; its path means nothing.
        sha256: where that was wanted.
    """

    name: str
    result: DownloadResult
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Large:
    """The file is larger than is wanted whole."""

    requests: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server has.

    Attributes:
        version: its validators; without the ETag where that changes from answer to answer.
        ranged: whether it sends ranges.
        url: which of the request's URLs answered, by place.
        requests: that this took.
    """

    version: Version
    ranged: bool
    url: int
    requests: int


@dataclass(frozen=True, slots=True)
class Filled:
    """Bytes of a file are on the disk.

    Attributes:
        span: which.
        before: what the server has just before them, by place: it must be what is there.
        requests: that this took.
    """

    span: Span
    before: tuple[tuple[int, bytes], ...]
    requests: int


@dataclass(frozen=True, slots=True)
class PartSent(Filled):
    """A part is the store's.

    Attributes:
        etag: its ETag, which is the MD5 of what was sent.
        tail: its last bytes: the next part must go on from them.
    """

    etag: str
    tail: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """A file was sent to the key that was meant for this attempt.

    Attributes:
        result: how it was fetched.
        stored: what is there, or None where the object that is there will do.
    """

    result: DownloadResult
    stored: Object | None


@dataclass(frozen=True, slots=True)
class Hashed:
    """Digests of a file, in hexadecimal, by algorithm."""

    hexdigests: dict[str, str]


@dataclass(frozen=True, slots=True)
class Differs:
    """Answers are not of the version, or not the range, that was asked for."""

    why: str
    requests: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The task could not be done.

    Attributes:
        error: why.
        requests: that this took.
        refused: whether the server said 429 or 503.
        pause: seconds that it asks to wait; None where it names none.
        progressed: whether it brought anything.
        left: what can be gone on from.
        filled: bytes that are on the disk nevertheless.
        by_store: whether it was the store that failed, not who has the file.
        busy: whether the store asks everybody to come back later.
        silent: whether nobody is there where the store should be.
        fatal: whether no other try can help, where the store tells.
    """

    error: SegdlError
    requests: int = 0
    progressed: bool = False
    refused: bool = False
    pause: float | None = None
    left: str | None = None
    filled: Span | None = None
    by_store: bool = False
    busy: bool = False
    silent: bool = False
    fatal: bool | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """This worker does not see what the driver sees, or is another version."""

    worker: str
    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is to be done: it was done before, or the run is over."""


Told: TypeAlias = Brought | Sent | Large | Seen | Filled | Hashed | Differs | Failed | Unfit | Over
