"""Which bytes of the remote file make the local one (RFC 9110, 14.1.2).

Without ``--range`` the two are the same. With it the local file is the pieces
asked for, in the order asked, joined: `Selection` tells for a place in the local
file where it is in the remote one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from segdl.core.spans import Span
from segdl.errors import ServerError, UsageError

_FIRST_LAST = re.compile(r"(\d+)-(\d*)|-(\d+)", re.ASCII)


class RangeSpec(NamedTuple):
    """Pieces as asked: `(first, last)` both inclusive, `(first, None)`, or `(None, suffix)`."""

    pieces: tuple[tuple[int | None, int | None], ...]

    def __str__(self) -> str:
        return ",".join(
            f"{'' if first is None else first}-{'' if last is None else last}"
            for first, last in self.pieces
        )


def parse_range(text: str) -> RangeSpec:
    """Read ``0-499``, ``500-``, ``-500``, ``0-0,-1``; a leading ``bytes=`` is allowed.

    Raises:
        UsageError: not of this form, or a last byte before its first.

    Example:
        >>> str(parse_range("bytes=0-0, -1"))
        '0-0,-1'
    """
    pieces: list[tuple[int | None, int | None]] = []
    for item in text.strip().removeprefix("bytes=").split(","):
        match = _FIRST_LAST.fullmatch(item.strip())
        if match is None or len(item) > 40:
            raise UsageError(
                f"range {text!r} is not understood", hint="write it as 0-499, 500-, -500 or 0-0,-1"
            )
        first, last, suffix = match.groups()
        if suffix is not None:
            pieces.append((None, int(suffix)))
        else:
            pieces.append((int(first), int(last) if last else None))
            if last and int(last) < int(first):
                raise UsageError(f"range {item.strip()!r} ends before it begins")
    return RangeSpec(tuple(pieces))


class Selection(NamedTuple):
    """Spans of the remote file, in the order in which they make the local one."""

    pieces: tuple[Span, ...]

    @property
    def size(self) -> int:
        """Length of the local file in bytes."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether places in the local file are those in the remote one."""
        return len(self.pieces) == 1 and self.pieces[0].start == 0

    @property
    def cuts(self) -> tuple[int, ...]:
        """Places in the local file at which a piece begins, and its end: `0 … size`."""
        return (0, *accumulate(len(piece) for piece in self.pieces))

    def remote(self, span: Span) -> Span:
        """Return where `span` of the local file is in the remote one.

        `span` may not cross from one piece into the next: :func:`segdl.core.plan.plan`
        sees to it.

        Example:
            >>> Selection((Span(500, 601), Span(0, 10))).remote(Span(101, 105))
            Span(start=0, stop=4)
        """
        cuts = self.cuts
        index = min(bisect_right(cuts, span.start), len(self.pieces)) - 1
        while index > 0 and not len(self.pieces[index]):
            index -= 1
        if span.stop > cuts[index + 1]:
            raise ValueError(f"{span} crosses the end of a piece at {cuts[index + 1]}")
        shift = self.pieces[index].start - cuts[index]
        return Span(span.start + shift, span.stop + shift)


def whole(size: int) -> Selection:
    """Return the selection that is the whole remote file of `size` bytes."""
    return Selection((Span(0, size),))


def select(spec: RangeSpec | None, size: int) -> Selection:
    """Apply what was asked to a remote file of `size` bytes.

    Pieces that lie behind the end are left out and pieces that reach over it are cut,
    as RFC 9110 14.1.2 has it.

    Raises:
        ServerError: no piece has a byte in this file.

    Example:
        >>> select(parse_range("-2,0-1"), 10)
        Selection(pieces=(Span(start=8, stop=10), Span(start=0, stop=2)))
    """
    if spec is None:
        return whole(size)
    pieces = [_resolve(first, last, size) for first, last in spec.pieces]
    satisfiable = tuple(piece for piece in pieces if piece is not None)
    if not satisfiable:
        raise ServerError(
            f"range {spec} has no byte in a file of {size} bytes", hint="ask for less", status=416
        )
    return Selection(satisfiable)


def _resolve(first: int | None, last: int | None, size: int) -> Span | None:
    if first is None:
        assert last is not None
        return Span(max(0, size - last), size) if last and size else None
    if first >= size:
        return None
    return Span(first, size if last is None else min(last + 1, size))
