"""Digests of the pieces of a file: which bytes are wrong, and what to fetch again.

Pieces are of one length, but for the last, which is what remains (RFC 5854, 4.1.3). All
places are in the whole remote file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from segdl.core.spans import Span, union


@dataclass(frozen=True, slots=True)
class Pieces:
    """The digests of a file's pieces.

    Attributes:
        algorithm: as hashlib names it.
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


def whole_pieces(pieces: Pieces, size: int, held: Iterable[Span]) -> list[int]:
    """Return the indices of the pieces that lie wholly in `held`, in order.

    Args:
        pieces: cover the file.
        size: bytes of the file.
        held: what is on disk, in any order.

    Example:
        >>> whole_pieces(Pieces("md5", 10, ("…", "…", "…")), 25, [Span(12, 25), Span(5, 12)])
        [1, 2]
    """
    found: list[int] = []
    for span in union(held):
        first = -(-span.start // pieces.length)
        last = len(pieces.hexdigests) if span.stop >= size else span.stop // pieces.length
        found.extend(range(first, last))
    return found


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


def spans_of(pieces: Pieces, indices: Iterable[int], size: int) -> list[Span]:
    """Return the bytes of some pieces as disjoint spans in order: what to fetch again.

    Example:
        >>> spans_of(Pieces("md5", 10, ("aa", "bb", "cc")), [2, 1], 25)
        [Span(start=10, stop=25)]
    """
    return union(piece_span(pieces, index, size) for index in indices)
