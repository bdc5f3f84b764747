"""A list split among several runs that know nothing of each other."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from segdl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` shares of a list, from 0.

    Which share a file is in follows from its path alone: whoever reads the list, and whatever
    else it names, comes to the same.

    Example:
        >>> [sorted(p for p in ("a", "b", "c", "d") if Shard(i, 2).has(p)) for i in (0, 1)]
        [['a', 'b', 'c'], ['d']]
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise UsageError(
                f"there is no shard {self.index} of {self.count}",
                hint="shards are I/N, I from 0 to N-1",
            )

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"shard-{self.index}-of-{self.count}"

    def has(self, path: str) -> bool:
        """Tell whether a path of the mirror is in this share."""
        digest = hashlib.sha256(os.fsencode(path)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


def parse_shard(text: str) -> Shard:
    """Read ``I/N``.

    Raises:
        UsageError: it is not that.

    Example:
        >>> parse_shard("3/8").name
        'shard-3-of-8'
    """
    index, separator, count = text.strip().partition("/")
    digits = index + count
    if not separator or not (digits.isascii() and digits.isdigit()) or not (index and count):
        raise UsageError(f"{text!r} is no shard", hint="write I/N, as 0/8 … 7/8")
    if len(count) > 6 or len(index) > 6:
        raise UsageError("there are too many shards", hint="fewer than a million")
    return Shard(int(index), int(count))
