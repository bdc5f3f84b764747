"""One file of a Metalink document, and how it grows from the document's elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from segdl.core.checksum import Checksum, algorithm_named, parse_checksum, weakness
from segdl.core.hashing import CRC32C
from segdl.core.markup import OTHERWISE
from segdl.core.mirrorurl import (
    LAST_PRIORITY,
    MOST_MIRRORS,
    MirrorUrl,
    read_country,
    read_priority,
)
from segdl.core.pieces import Pieces, covers
from segdl.core.spans import OPEN
from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import UsageError

MOST_PIECES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalinkFile:
    """What a document says of one file.

    Attributes:
        name: where to save it: a relative path with ``/`` that stays inside its folder, and
            has no hidden part. Or as the document has it, see `parse_metalink`.
        size: bytes; None where it does not tell.
        mirrors: http and https, those to be asked first at the front; may be empty.
        checksums: digests of the whole file, the strongest first.
        pieces: digests of its pieces, by the strongest algorithm; they cover `size`.
        connections: most connections that the document allows for the file in all.
    """

    name: str
    size: int | None = None
    mirrors: tuple[MirrorUrl, ...] = ()
    checksums: tuple[Checksum, ...] = ()
    pieces: Pieces | None = None
    connections: int | None = None


@dataclass(slots=True)
class _Digests:
    """A list of pieces that is being read."""

    algorithm: str
    length: int
    by_index: dict[int, str] = field(default_factory=dict)


class Draft:
    """A file whose elements are being read, in any order; confined to one reading.

    Each method raises UsageError where the element says what cannot be, or contradicts
    another one.

    Args:
        name: as `MetalinkFile` has it.
        what: names the document in messages.
    """

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        self._what = what
        self._size: int | None = None
        self._connections: int | None = None
        self._mirrors: dict[str, MirrorUrl] = {}
        self._checksums: dict[str, Checksum] = {}
        self._digests: _Digests | None = None
        self._pieces: list[Pieces] = []

    def limit_connections(self, attributes: Mapping[str, str]) -> None:
        """Take how many connections all mirrors together may get (Metalink 3)."""
        self._connections = _connections(attributes)

    def take_size(self, text: str) -> None:
        """Take its size in bytes."""
        if not re.fullmatch("[0-9]{1,19}", text) or int(text) >= OPEN:
            raise self._error(f"{printable(text, 40)!r} is not a size in bytes")
        if self._size not in {None, int(text)}:
            raise self._error(f"it is said to have {self._size} and {int(text)} bytes")
        self._size = int(text)

    def take_url(self, attributes: Mapping[str, str], text: str) -> None:
        """Take a mirror; one that is neither http nor https is left out."""
        # Metalink 3 marks torrents by their type; their URL is http as well.
        if attributes.get("type", "http").lower() not in {"http", "https"}:
            return
        try:
            parse_url(text)
        except UsageError:
            # ftp, magnet, rsync, a broken one: the others will do.
            return
        if len(self._mirrors) == MOST_MIRRORS:
            raise self._error(f"it has more than {MOST_MIRRORS} mirrors")
        mirror = MirrorUrl(
            url=text,
            priority=_rank(attributes),
            location=read_country(attributes.get("location", "")),
            connections=_connections(attributes),
        )
        known = self._mirrors.get(text)
        if known is None or mirror.priority < known.priority:
            self._mirrors[text] = mirror

    def take_hash(self, attributes: Mapping[str, str], digits: str) -> None:
        """Take a digest of the whole file; one of an algorithm that is not known is left out."""
        algorithm = _algorithm(attributes)
        if algorithm is None or not digits:
            return
        checksum = self._checksum(algorithm, digits)
        if self._checksums.setdefault(algorithm, checksum) != checksum:
            raise self._error(f"it is said to have two different {algorithm} digests")

    def begin_pieces(self, attributes: Mapping[str, str]) -> None:
        """Begin a list of pieces; one of an algorithm that is not known is left out."""
        algorithm = _algorithm(attributes)
        if algorithm is None:
            return
        text = attributes.get("length", "").strip()
        length = int(text) if re.fullmatch("[0-9]{1,19}", text) else 0
        if not 0 < length < OPEN:
            raise self._error(f"{printable(text, 40)!r} is not the length of its pieces")
        self._digests = _Digests(algorithm, length)

    def take_piece(self, attributes: Mapping[str, str], digits: str) -> None:
        """Take the digest of a piece."""
        if self._digests is None:
            return
        by_index = self._digests.by_index
        if len(by_index) == MOST_PIECES:
            raise self._error(f"it has more than {MOST_PIECES} pieces")
        # Metalink 3 numbers them.
        text = attributes.get("piece", str(len(by_index))).strip()
        index = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
        if index < 0 or index in by_index:
            raise self._error(f"{printable(text, 40)!r} is not the number of a piece, or is twice")
        by_index[index] = self._checksum(self._digests.algorithm, digits).hexdigest

    def end_pieces(self) -> None:
        """End a list of pieces."""
        digests, self._digests = self._digests, None
        if digests is None:
            return
        count = len(digests.by_index)
        if any(index >= count for index in digests.by_index):
            raise self._error("a piece between others has no digest")
        in_order = tuple(digests.by_index[index] for index in range(count))
        self._pieces.append(Pieces(digests.algorithm, digests.length, in_order))

    def finish(self) -> MetalinkFile:
        """Return the file, now that all was said of it."""
        for pieces in self._pieces:
            if self._size and not covers(pieces, self._size):
                raise self._error(
                    f"{len(pieces.hexdigests)} pieces of {pieces.length} bytes "
                    f"do not make its {self._size} bytes"
                )
        # An empty file has none; some list one all the same.
        usable = [pieces for pieces in self._pieces if self._size != 0 and pieces.hexdigests]
        return MetalinkFile(
            name=self.name,
            size=self._size,
            mirrors=tuple(sorted(self._mirrors.values(), key=lambda mirror: mirror.priority)),
            checksums=tuple(
                sorted(self._checksums.values(), key=lambda one: weakness(one.algorithm))
            ),
            pieces=min(usable, key=lambda one: weakness(one.algorithm), default=None),
            connections=self._connections,
        )

    def _checksum(self, algorithm: str, digits: str) -> Checksum:
        try:
            return parse_checksum(f"{algorithm}={digits}")
        except UsageError:
            raise self._error(f"{printable(digits, 40)!r} is not a digest of {algorithm}") from None

    def _error(self, why: str) -> UsageError:
        shown = printable(self.name, 100)
        return UsageError(f"{self._what}: {shown!r}: {why}", hint=OTHERWISE)


def _rank(attributes: Mapping[str, str]) -> int:
    """Return a mirror's priority; Metalink 3 counts the other way, down from 100."""
    if "priority" in attributes:
        return read_priority(attributes["priority"])
    text = attributes.get("preference", "").strip()
    return 101 - min(int(text), 100) if re.fullmatch("[0-9]{1,9}", text) else LAST_PRIORITY


def _algorithm(attributes: Mapping[str, str]) -> str | None:
    """Return the algorithm of digests that are in use, and that a list may be trusted for."""
    algorithm = algorithm_named(attributes.get("type", ""))
    # Mirrors are believed because of these digests: too little for that.
    return None if algorithm == CRC32C else algorithm


def _connections(attributes: Mapping[str, str]) -> int | None:
    text = attributes.get("maxconnections", "").strip()
    return int(text) if re.fullmatch("[1-9][0-9]{0,8}", text) else None
