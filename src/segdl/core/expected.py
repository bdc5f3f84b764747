"""What a list says that a file must be."""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.checksum import Checksum, Claim
from segdl.core.pieces import Pieces, covers


class Expected(NamedTuple):
    """What a list says of the whole file, whoever sends it.

    Attributes:
        size: bytes; None where it does not tell.
        checksum: the strongest digest that it tells.
        pieces: digests of the file's pieces; they cover `size` where both are known.
        source: names the list in messages, without secrets.
        page: whether it may be a web page; where not, one that comes is a login or an error.
    """

    size: int | None = None
    checksum: Checksum | None = None
    pieces: Pieces | None = None
    source: str = ""
    page: bool = True

    @property
    def claim(self) -> Claim | None:
        """The digest of the whole file, and who says so."""
        return None if self.checksum is None else Claim(self.checksum, self.source)

    @property
    def verifiable(self) -> bool:
        """Whether any file but the right one would be found out."""
        return self.proof is not None or self.pieces is not None

    @property
    def proof(self) -> Checksum | None:
        """The digest of the whole file, where another file that has it is out of the question."""
        return self.checksum if self.checksum is not None and self.checksum.proves else None

    def misfit(self, size: int) -> str | None:
        """Tell why a file of `size` bytes cannot be the one, if so.

        Example:
            >>> Expected(size=5, source="a.meta4").misfit(6)
            'it has 6 bytes, not 5 as a.meta4 says'
        """
        if self.size not in {None, size}:
            return f"it has {size} bytes, not {self.size} as {self.source} says"
        if self.pieces is not None and size and not covers(self.pieces, size):
            count, length = len(self.pieces.hexdigests), self.pieces.length
            return f"it has {size} bytes, which {count} pieces of {length} in {self.source} are not"
        return None
