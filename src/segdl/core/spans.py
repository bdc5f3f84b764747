"""Half-open byte ranges, and what is missing between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# The `stop` of a span whose end is not known.
OPEN = (1 << 63) - 1


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The bytes `[start, stop)`; a `stop` of `OPEN` is the end of the file, wherever it is.

    Example:
        >>> len(Span(0, 500)), Span(0, 500).header
        (500, 'bytes=0-499')
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"not a span: [{self.start}, {self.stop})")

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def header(self) -> str:
        """The value of a Range field that asks for these bytes (RFC 9110, 14.1.2)."""
        if self.stop == OPEN:
            return f"bytes={self.start}-"
        return f"bytes={self.start}-{self.stop - 1}"


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the same bytes as disjoint spans in order, those that touch joined.

    Example:
        >>> union([Span(5, 9), Span(0, 5), Span(7, 8), Span(20, 20)])
        [Span(start=0, stop=9)]
    """
    joined: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.stop):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined


def gaps(whole: Span, held: Iterable[Span]) -> list[Span]:
    """Return what of `whole` the `held` spans do not cover, in order.

    Example:
        >>> gaps(Span(0, 10), [Span(2, 4), Span(8, 12)])
        [Span(start=0, stop=2), Span(start=4, stop=8)]
    """
    missing: list[Span] = []
    at = whole.start
    for span in union(held):
        if span.start >= whole.stop:
            break
        if span.start > at:
            missing.append(Span(at, span.start))
        at = max(at, span.stop)
    if at < whole.stop:
        missing.append(Span(at, whole.stop))
    return missing
