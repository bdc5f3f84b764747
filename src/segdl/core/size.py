"""Sizes as people write them."""

from __future__ import annotations

import re

from segdl.errors import UsageError

_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_LIMIT = 1 << 62


def read_size(text: str) -> int | None:
    """Return a size in bytes, 1024-based; None where the text is none, or too large.

    Example:
        >>> read_size("0"), read_size("1.5G"), read_size("fast")
        (0, 1610612736, None)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    return size if size < _LIMIT else None


def parse_size(text: str) -> int:
    """Read a size in bytes, 1024-based.

    Raises:
        UsageError: not a size, or less than one byte.

    Example:
        >>> parse_size("500K"), parse_size("1.5M")
        (512000, 1572864)
    """
    size = read_size(text)
    if not size:
        raise UsageError(f"{text!r} is not a size", hint="write it as 512K, 1M or 1.5G")
    return size
