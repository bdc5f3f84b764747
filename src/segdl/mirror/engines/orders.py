"""What a driver asks of a worker, and what a worker answers: plain values that travel.

Orders hold credentials: they are arguments of tasks, and nothing of them is ever shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from segdl.core.identity import Version
from segdl.core.mirrorneed import Stat
from segdl.core.spans import Span
from segdl.errors import SegdlError
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.results import DownloadResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Camp:
    """Where the workers of one driver's run meet: a folder that all of them see.

    Attributes:
        folder: absolute; gone once the run is over.
        nonce: what the driver wrote there.
        version: the driver's segdl.
        topic: where workers tell of their progress, if the engine has topics.
        every: seconds between two words about one task's progress.
    """

    folder: Path
    nonce: str = field(repr=False)
    version: str
    topic: str
    every: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Head:
    """What every order begins with.

    Attributes:
        number: the file's.
        attempt: another one for each order of the file.
        camp: where the driver is.
        network: how to reach servers, with what is secret.
        transfer: how to fetch.
    """

    number: int
    attempt: int
    camp: Camp
    network: NetworkOptions
    transfer: TransferOptions

    def __repr__(self) -> str:
        return f"<{self.number}.{self.attempt}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order:
    """One task.

    Attributes:
        head: which, of whom, and how.
        request: where the file can be had, and what must be sent there.
    """

    head: Head
    request: Request

    @property
    def number(self) -> int:
        """The file's number."""
        return self.head.number

    @property
    def camp(self) -> Camp:
        """Where the driver is."""
        return self.head.camp

    def __repr__(self) -> str:
        # An engine that fails may print what it was given: that says nothing.
        return f"<{type(self).__name__} {self.head!r}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Whole(Order):
    """Fetch a file whole, into a file of the task's own.

    Attributes:
        path: its final name.
        seen: what the driver saw there; where there is another file now the task was done
            before, by a worker that was taken for dead.
        anyway: it is wanted even so: some see late what others did to a folder.
        left: what an attempt left that is over, to go on from.
        most: bytes from which on it is not wanted whole, where ranges of it can be had.
        sha256: whether its SHA-256 is wanted in any case.
    """

    path: Path
    seen: Stat | None
    anyway: bool = False
    left: str | None = None
    most: int | None = None
    sha256: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Look(Order):
    """Ask twice what the server has, and bring nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Piece(Order):
    """Fetch some bytes of one version into their place in a file that is there.

    Attributes:
        place: the file that all pieces of the version share.
        span: the bytes.
        version: what every answer must be of.
    """

    place: Path
    span: Span
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hash(Order):
    """Read a file that is there, and tell its digests."""

    place: Path
    size: int
    algorithms: frozenset[str]


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
    """

    error: SegdlError
    requests: int = 0
    progressed: bool = False
    refused: bool = False
    pause: float | None = None
    left: str | None = None
    filled: Span | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """This worker does not see what the driver sees, or is another version."""

    worker: str
    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is to be done: it was done before, or the run is over."""


Told: TypeAlias = Brought | Large | Seen | Filled | Hashed | Differs | Failed | Unfit | Over
