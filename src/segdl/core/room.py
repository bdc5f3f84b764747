"""Whether files that are through have left room on a link: it brought much more with them.

Over a short path those that are left have that room at once; over a longer one each connection
takes long to grow, and others beside it fill the link sooner. That less comes while as many are
at work as before says nothing of room: a server, or another user of the link, may be the reason.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from segdl.core.speeds import Speeds

# Seconds: what comes over shorter ones is a matter of gusts. A small file is counted when it is
# over, which it is within the second of these at most: it takes the third to make a speed of it.
_STRETCH = 0.3
_SMALL = 0.5
_LUMPS = 1.0
# Seconds after which it may be another link.
_LASTS = 5.0
# Below this share of the best speed.
_MUCH = 0.75


class Room(NamedTuple):
    """What came lately.

    Attributes:
        speeds: of the files that are counted one by one.
        others: of small files beside them.
        files: how many are counted.
        left_at: seconds, when they became fewer.
        best: bytes a second of all, the best that is not long ago.
        best_at: seconds, when that was.
        beside: whether small ones came then.

    Example: a link that brought 100 MB/s for two files brings 50 for one.

        >>> room = Room()
        >>> for tenth in range(20):
        ...     came, files = (tenth, 2) if tenth < 10 else (10 + (tenth - 10) / 2, 1)
        ...     room = room.note(tenth / 10, int(came * 10**7), files)
        >>> room.is_there
        True
    """

    speeds: Speeds = Speeds(memory=_LUMPS)
    others: Speeds = Speeds(memory=_LUMPS)
    files: int = 0
    left_at: float = -inf
    best: float = 0.0
    best_at: float = 0.0
    beside: bool = False

    def note(self, now: float, received: int, files: int, beside: int = 0) -> Room:
        """Take note of what came so far.

        Args:
            now: seconds.
            received: bytes of the files that are counted.
            files: these, of which there are so many now.
            beside: bytes of small ones.
        """
        speeds, others = self.speeds.note(now, received), self.others.note(now, beside)
        left_at = now if files < self.files else self.left_at
        noted = self._replace(speeds=speeds, others=others, files=files, left_at=left_at)
        if speeds is self.speeds or speeds.age < _STRETCH:
            return noted
        if noted.speed < self.best and now <= self.best_at + _LASTS:
            return noted
        small = others.mean(_LUMPS) > 0
        return noted._replace(best=noted.speed, best_at=now, beside=small)

    @property
    def speed(self) -> float:
        """Bytes a second of all, lately."""
        return self.speeds.mean(_STRETCH) + self.others.mean(_LUMPS)

    @property
    def is_there(self) -> bool:
        """Whether much less comes since some files are through."""
        left = self.left_at > self.best_at - _STRETCH
        through = left or (self.beside and not self.others.mean(_SMALL))
        return through and self.speeds.age >= _STRETCH and self.speed < _MUCH * self.best
