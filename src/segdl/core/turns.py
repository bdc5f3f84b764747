"""Which files of a host come first: the largest, or as they are listed."""

from __future__ import annotations

from typing import Literal, TypeAlias

from segdl.core.likeness import kind_of

Order: TypeAlias = Literal["largest", "list"]

# Kinds of which one goes ahead: names are the server's, and so is how many endings they have.
_MOST_KINDS = 1000


class Turns:
    """Numbers files: the least number has the first turn.

    Of files whose sizes the list does not tell, one of each kind goes ahead: what comes of it
    tells how large those are that are called alike, and a large one keeps the link busy from
    the start.

    Args:
        order: the largest first, or as they are listed.

    Example:
        >>> turns = Turns("largest")
        >>> [turns.next("h", path, None) for path in ("1.sig", "2.sig", "1.iso")]
        [-1, 0, -1]
        >>> turns.next("h", "2.iso", 700_000_000)
        -700000000
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._files = 0
        self._met: set[tuple[str, str]] = set()

    def next(self, host: str, path: str, size: int | None) -> int:
        """Return the turn of the next file that is listed, of those to be fetched or asked for.

        Args:
            host: whose turns they are.
            path: of the file.
            size: bytes; None where the list does not tell.
        """
        self._files += 1
        if self._order == "list":
            return self._files
        if size is not None:
            return -size
        kind = host, kind_of(path)
        if kind in self._met or len(self._met) >= _MOST_KINDS:
            return 0
        self._met.add(kind)
        return -1
