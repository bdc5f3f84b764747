"""How an object is cut into parts, and what its store says of them.

S3's limits: parts 1 to 10,000, 5 MiB to 5 GiB each but the last. Some stores want all parts
but the last to be equal, so they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from segdl.core.spans import OPEN, Span
from segdl.errors import UsageError

MIB = 1024 * 1024
LEAST_PART = 8 * MIB
MOST_PARTS = 10_000
_LARGEST_PART = 5 * 1024 * MIB


@dataclass(frozen=True, slots=True)
class Stored:
    """A part as its store lists it: bytes, and the ETag without its quotes."""

    size: int
    etag: str


def part_size(size: int, least: int = LEAST_PART) -> int:
    """Return the bytes of each part but the last, for an object of `size` bytes (or OPEN).

    Where nobody tells it each part waits in memory until it is known to be whole.

    Args:
        size: bytes.
        least: bytes, whole MiB.

    Raises:
        UsageError: no object can be that large.

    Example:
        >>> part_size(1) // MIB, part_size(100 * 1024 * MIB) // MIB
        (8, 11)
    """
    if size == OPEN:
        return 2 * least
    share = -(-size // MOST_PARTS)
    length = max(least, -(-share // MIB) * MIB)
    if length > _LARGEST_PART:
        raise UsageError(f"an object of {size} bytes is larger than S3 has", hint="save it to disk")
    return length


def span_of(number: int, size: int, length: int) -> Span:
    """Return where part `number`, from 1, is in an object of `size` bytes (or OPEN).

    Example:
        >>> span_of(2, 10, 8)
        Span(start=8, stop=10)
    """
    start = (number - 1) * length
    return Span(start, min(size, start + length))


def usable(listed: Mapping[int, Stored], size: int, length: int) -> dict[int, Stored]:
    """Return the parts by number that an object of `size` bytes can be made of.

    Example:
        >>> sorted(usable({1: Stored(8, "a"), 2: Stored(3, "b"), 9: Stored(8, "c")}, 10, 8))
        [1]
    """
    count = max(1, -(-size // length))
    return {
        number: part
        for number, part in sorted(listed.items())
        if 1 <= number <= count and part.size == len(span_of(number, size, length))
    }


def etag_of(digests: Iterable[str]) -> str:
    """Return the ETag of an object that is made of parts with these MD5 digests, in order.

    Example:
        >>> etag_of([hashlib.md5(b"", usedforsecurity=False).hexdigest()])
        '59adb24ef3cdbe0297f05b395827453f-1'
    """
    parts = [bytes.fromhex(digest) for digest in digests]
    whole = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(parts)}"


def bare(etag: str) -> str:
    """Return an ETag without the quotes that some send and some do not."""
    return etag.strip().strip('"').lower()


def is_md5(etag: str) -> bool:
    """Tell whether an ETag may be the MD5 of what it names.

    Stores that encrypt with keys of their own, or keep no ETags, make up something else.
    """
    return re.fullmatch("[0-9a-f]{32}", etag) is not None
