"""How many connections a file gets: a number, or as many as pay."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from segdl.errors import UsageError

MOST = 256
MOST_AUTO = 32


class Connections(NamedTuple):
    """`most` connections; where `adaptive`, fewer as long as more would not be faster."""

    most: int
    adaptive: bool = False

    def __str__(self) -> str:
        if not self.adaptive:
            return str(self.most)
        return "auto" if self.most == MOST_AUTO else f"auto:{self.most}"


@lru_cache(maxsize=16)
def parse_connections(wanted: int | str) -> Connections:
    """Read a number, ``auto``, or ``auto:N`` for at most N.

    Raises:
        UsageError: it is none of these, or the number is not from 1 to 256.

    Example:
        >>> parse_connections("auto:64"), str(parse_connections(8))
        (Connections(most=64, adaptive=True), '8')
    """
    match = re.fullmatch(r"(auto)(?::([0-9]{1,4}))?|([0-9]{1,4})", str(wanted), re.ASCII)
    if match:
        most = int(match[2] or match[3] or MOST_AUTO)
        if 1 <= most <= MOST:
            return Connections(most, adaptive=match[1] is not None)
    raise UsageError(
        f"connections must be from 1 to {MOST}, auto or auto:N, not {str(wanted)[:40]!r}"
    )
