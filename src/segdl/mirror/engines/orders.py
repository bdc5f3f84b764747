"""What a driver asks of a worker: plain values that travel.

Orders hold credentials: they are arguments of tasks, and nothing of them is ever shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from segdl.core.identity import Version
from segdl.core.mirrorneed import Stat
from segdl.core.s3url import S3Place
from segdl.core.spans import Span
from segdl.options import NetworkOptions, Request, TransferOptions


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Beacon:
    """An object in a bucket that is there for as long as a driver's run.

    Attributes:
        read: a URL, signed for some hours, that reads it.
        write: one that workers show by that they can write.
        network: how to reach the store.
    """

    read: str
    write: str
    network: NetworkOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Camp:
    """Where the workers of one driver's run meet: a folder that all of them see.

    Attributes:
        folder: absolute; gone once the run is over.
        nonce: what the driver wrote there.
        version: the driver's segdl.
        topic: where workers tell of their progress, if the engine has topics.
        every: seconds between two words about one task's progress.
        beacon: an object in the place of the folder, where workers share none.
    """

    folder: Path
    nonce: str = field(repr=False)
    version: str
    topic: str
    every: float = 0.5
    beacon: Beacon | None = field(default=None, repr=False)


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
class Slice(Order):
    """Fetch some bytes of one version.

    Attributes:
        span: the bytes.
        version: what every answer must be of.
    """

    span: Span
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Piece(Slice):
    """Fetch some bytes of one version into their place in a file that is there.

    Attributes:
        place: the file that all pieces of the version share.
    """

    place: Path


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hash(Order):
    """Read a file that is there, and tell its digests."""

    place: Path
    size: int
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Send(Order):
    """Fetch a small file whole, and send it to a key that no other attempt knows.

    Attributes:
        key: the one that it is for, which messages name.
        url: takes it; signed as the order goes out.
        most: bytes from which on it is not wanted whole.
    """

    key: S3Place
    url: str = ""
    most: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendPart(Slice):
    """Fetch some bytes of one version, and send them on as a part of an upload.

    Attributes:
        key: the object that the upload makes.
        upload: what the store calls the upload.
        part: its number.
        length: bytes of each part but the last.
        url: takes it; signed as the order goes out.
    """

    key: S3Place
    upload: str
    part: int
    length: int
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HashObject(Order):
    """Read an object, and tell its digests.

    Attributes:
        key: where it is.
        url: reads it; signed as the order goes out.
        size: bytes of it.
        etag: its ETag, without quotes.
        algorithms: of the digests.
    """

    key: S3Place
    url: str = ""
    size: int
    etag: str
    algorithms: frozenset[str]
