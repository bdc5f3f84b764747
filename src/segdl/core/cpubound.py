"""Whether it is this machine that a connection is held down by.

A fast local link, or TLS over one, can keep a core busy with a single connection. Several then
share what cores there are, wake and wait for one another, and leave parts that are to be joined:
with two cores, eight take half as long again as one, and more.
"""

from __future__ import annotations

from typing import NamedTuple

# Seconds after which a connection without so many bytes is held down by something else, most
# likely: nobody else should wait for longer.
_SOON = 0.01
_LEAST = 1024 * 1024
# Seconds that show how busy it keeps its core, and those that settle it: between its first two
# requests it has nothing to do.
_LONG_ENOUGH = 0.03
_SETTLED = 0.1
# Shares of them from which on it does, and up to which it does not.
_BUSY = 0.75
_IDLE = 0.3
# Below this, in bytes, even the slowest join is a matter of a moment.
WORTHWHILE = 256 * 1024 * 1024


def served_at_once(cores: int) -> int:
    """Return how many such connections `cores` are enough for; at least 1.

    Each takes one, and what goes on beside it another: the system's part, joining, the
    server, where it is on the same machine.

    Example:
        >>> [served_at_once(cores) for cores in (1, 2, 4, 16)]
        [1, 1, 2, 8]
    """
    return max(1, cores // 2)


class Work(NamedTuple):
    """What a connection has done from its beginning on.

    Attributes:
        seconds: since the first of its bytes could have come.
        received: bytes it brought.
        spent: seconds of a core that its thread took for them.
    """

    seconds: float = 0.0
    received: int = 0
    spent: float = 0.0

    def tells(self, before: Work) -> bool:
        """Whether enough time has passed since `before` for a share that says something."""
        return self.seconds - before.seconds >= _LONG_ENOUGH


def is_cpu_bound(before: Work, now: Work) -> bool | None:
    """Tell whether a connection at its beginning keeps a core busy; None: not known yet.

    Args:
        before: at some time, from which on is looked: at the beginning it may have had to wait.
        now: at the moment.

    Example:
        >>> is_cpu_bound(Work(), Work(0.01, 0, 0.0)), is_cpu_bound(Work(), Work(0.01, 2**24, 0.01))
        (False, None)
        >>> [is_cpu_bound(Work(), Work(0.03, 2**25, spent)) for spent in (0.03, 0.005)]
        [True, False]
        >>> late = Work(0.03, 2**23, 0.015)
        >>> is_cpu_bound(Work(), late), is_cpu_bound(late, Work(0.06, 2**25, 0.04))
        (None, True)
    """
    if now.seconds < _LONG_ENOUGH:
        return False if now.seconds >= _SOON and now.received < _LEAST else None
    if not now.tells(before):
        return None
    share = (now.spent - before.spent) / (now.seconds - before.seconds)
    if share >= _BUSY:
        return True
    return False if now.seconds >= _SETTLED or share <= _IDLE else None
