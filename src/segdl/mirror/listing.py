"""What lists of files are made of, whatever their format.

A reader turns one document into items as it comes in, in bounded memory: files, further
documents of the same list, and lines that cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeAlias

from segdl.core.checksum import Checksum
from segdl.core.pieces import Pieces
from segdl.errors import SegdlError
from segdl.options import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file that a list names.

    Attributes:
        path: where it goes in the mirror, with ``/`` between folders, as the list has it: who
            takes it checks that it stays inside.
        urls: absolute http or https URLs of the same file, the preferred ones first.
        size: bytes; None where the list does not tell exactly.
        modified: seconds since 1970 of its last change, as the list tells it. Lists round
            and shift it: it is compared with what the list said before, not with the file.
        checksum: the strongest digest of the whole file that the list tells.
        pieces: digests of its pieces.
        headers: to be sent to the first URL's origin.
    """

    path: str
    urls: tuple[str, ...] = field(repr=False)
    size: int | None = None
    modified: int | None = None
    checksum: Checksum | None = None
    pieces: Pieces | None = None
    headers: Headers = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """Another document of the same list: a folder's index page, or the next page.

    Attributes:
        url: where it is.
        deeper: whether it counts as one level further down.
    """

    url: str = field(repr=False)
    deeper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A line that names no file that can be fetched. `why` is safe to show."""

    line: int
    why: str


Item: TypeAlias = Entry | Further | Unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A document of the list that could not be had, or not to its end.

    What it would have named is not known, so nothing may be taken for gone.

    Attributes:
        where: its path or URL, safe to show.
        error: what happened.
    """

    where: str
    error: SegdlError


Found: TypeAlias = Entry | Unusable | Unlisted


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is known of a list before it is read.

    Attributes:
        name: its file name, without ``.gz``: ``SHA256SUMS``, ``index.html``; may be empty.
        url: where it came from, after redirects; None where it was a local file.
        base: absolute URL that relative names are resolved against: what the user gave, else
            `url`; None where there is neither.
        media_type: as its server told it, lower case, without parameters.
    """

    name: str
    url: str | None = field(default=None, repr=False)
    base: str | None = field(default=None, repr=False)
    media_type: str = ""


class Reader(Protocol):
    """Reads one format. Other packages register theirs as entry points of `segdl.readers`."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether a document is of this format by its first bytes, at most 64 KiB."""
        ...

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield what the document names, as it comes in.

        Args:
            stream: the document from its beginning, already decompressed.
            document: what is known of it.

        Raises:
            UsageError: it is not of this format after all, or lacks what it needs, such as a
                base for its names.
        """
        ...
