"""How long a host's connections stand still between two lumps of bytes.

Servers that cap a connection let it go for a second or so, and then send a second's worth at
once. Whoever takes that for a stall gets a new connection, and the same again.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.median import median

# Seconds. What is shorter is borne anyway.
SHORTEST = 0.25
# Before that many were seen, one may have been an accident.
_FEW = 3
_MEMORY = 9


class Lulls(NamedTuple):
    """The silences of a host's connections that ended by themselves, in seconds, lately."""

    last: tuple[float, ...] = ()

    def note(self, seconds: float) -> Lulls:
        """Take one more, of at least `SHORTEST` seconds."""
        return self._replace(last=(*self.last, seconds)[-_MEMORY:])

    @property
    def usual(self) -> float:
        """Seconds that a silence usually lasts; 0 where there are hardly any.

        Example:
            >>> Lulls((1.0, 1.1)).usual, Lulls((1.0, 1.1, 9.0)).usual
            (0.0, 1.1)
        """
        return median(self.last) or 0.0 if len(self.last) >= _FEW else 0.0
