"""Digests of the pieces of a file: which bytes are wrong, and what to fetch again.

Pieces are of one length, but for the last, which is what remains (RFC 5854, 4.1.3). All
places are in the whole remote file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segdl.core.hashing import new_hash
from segdl.core.spans import Span


@dataclass(frozen=True, slots=True)
class Pieces:
    """The digests of a file's pieces.

    Attributes:
        algorithm: as `new_hash` takes it.
        length: bytes of each piece but the last.
        hexdigests: in the order of the file, in lower case.
    """

    algorithm: str
    length: int
    hexdigests: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"a piece has no {self.length} bytes")


def covers(pieces: Pieces, size: int) -> bool:
    """Tell whether there is a digest for each byte of a file of `size` bytes, and none beyond.

    Example:
        >>> two = Pieces("md5", 10, ("…", "…"))
        >>> [covers(two, size) for size in (10, 11, 20, 21)]
        [False, True, True, False]
    """
    return len(pieces.hexdigests) == -(-size // pieces.length)


def piece_span(pieces: Pieces, index: int, size: int) -> Span:
    """Return the bytes of the piece at `index` of a file of `size` bytes.

    Example:
        >>> piece_span(Pieces("md5", 10, ("…", "…")), 1, 15)
        Span(start=10, stop=15)
    """
    start = index * pieces.length
    return Span(start, min(start + pieces.length, size))


def wrong_pieces(pieces: Pieces, found: Mapping[int, str]) -> list[int]:
    """Return the indices of the pieces whose bytes are not what they should be, in order.

    Args:
        pieces: what the bytes should be.
        found: the digest, in lower-case hexadecimal, of the bytes that are held of a piece,
            by its index. A piece that is not in it is not judged.

    Example:
        >>> wrong_pieces(Pieces("md5", 10, ("aa", "bb", "cc")), {2: "00", 0: "aa"})
        [2]
    """
    return sorted(index for index, digest in found.items() if digest != pieces.hexdigests[index])


class PieceHasher:
    """Hashes the pieces of a file whose bytes come in order. Confined to one pass.

    Example:
        >>> hasher = PieceHasher(Pieces("md5", 3, ("…", "…")))
        >>> hasher.update(b"abcd")
        >>> [(index, digest[:6]) for index, digest in hasher.finish().items()]
        [(0, '900150'), (1, '8277e0')]
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._found: dict[int, str] = {}
        self._begin()

    def update(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        left = memoryview(data)
        while left:
            taken = left[: self._room]
            self._digest.update(taken)
            self._room -= len(taken)
            left = left[len(taken) :]
            if not self._room:
                self._end()

    def finish(self) -> dict[int, str]:
        """Return the digest of each piece by its index; the file is over."""
        if self._room < self._pieces.length:
            self._end()
        return self._found

    def _begin(self) -> None:
        self._digest = new_hash(self._pieces.algorithm)
        self._room = self._pieces.length

    def _end(self) -> None:
        self._found[len(self._found)] = self._digest.hexdigest()
        self._begin()
