"""Whether a link has room: it brought much more a moment ago.

Files that end leave their share of it to the others. Over a short path those have it at once;
over a longer one each connection takes long to grow, and others beside it fill the link sooner.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.speeds import Speeds

# Seconds: what comes over shorter ones is a matter of gusts.
_STRETCH = 0.3
# Seconds after which it may be another link.
_LASTS = 5.0
# Below this share of the best speed.
_MUCH = 0.75


class Room(NamedTuple):
    """What came lately over all connections.

    Attributes:
        speeds: the last ones.
        best: bytes a second, the best that is not long ago.
        best_at: seconds, when that was.

    Example: a link that brought 100 MB/s brings 50.

        >>> room = Room()
        >>> for tenth in range(20):
        ...     room = room.note(tenth / 10, min(tenth, 10 + (tenth - 10) // 2) * 10**7)
        >>> room.is_there
        True
    """

    speeds: Speeds = Speeds(memory=_STRETCH)
    best: float = 0.0
    best_at: float = 0.0

    def note(self, now: float, received: int) -> Room:
        """Take note of the bytes that came by `now`, in seconds."""
        speeds = self.speeds.note(now, received)
        if speeds is self.speeds or speeds.age < _STRETCH:
            return self._replace(speeds=speeds)
        speed = speeds.mean(_STRETCH)
        if speed >= self.best or now > self.best_at + _LASTS:
            return Room(speeds, speed, now)
        return self._replace(speeds=speeds)

    @property
    def is_there(self) -> bool:
        """Whether the best speed shows that more would come over more connections."""
        return self.speeds.age >= _STRETCH and self.speeds.mean(_STRETCH) < _MUCH * self.best
