"""A host that does not answer: when it is asked again, and when it is given up.

One file's trouble may be that file's alone. When several in a row fail without an answer the
host is away: its files wait, one of them is tried now and then, and the others are not lost
to an outage that ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Failures in a row after which it is the host's, not the files'.
AWAY = 3
# Seconds between tries: the first, and the longest.
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Outage:
    """What is known of a host's silence.

    Attributes:
        failures: files in a row that ended without an answer.
        since: when the first of them did, in seconds.
        not_before: when the next is tried, in seconds.
    """

    failures: int = 0
    since: float = 0.0
    not_before: float = 0.0

    @property
    def away(self) -> bool:
        """Whether the host is taken for away."""
        return self.failures >= AWAY


HERE = Outage()


def failed(state: Outage, now: float) -> Outage:
    """Note that a file ended without an answer at `now` seconds.

    Example:
        >>> state = HERE
        >>> for now in (0.0, 1.0, 2.0, 7.0):
        ...     state = failed(state, now)
        >>> state.away, state.not_before
        (True, 17.0)
    """
    since = state.since if state.failures else now
    state = replace(state, failures=state.failures + 1, since=since)
    if not state.away:
        return state
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(state.failures - AWAY, 10))
    return replace(state, not_before=now + pause)


def may_try(state: Outage, now: float, at_work: int) -> bool:
    """Tell whether one more file of the host may be tried, where `at_work` are."""
    return not state.away or (at_work == 0 and now >= state.not_before)


def is_over(state: Outage, now: float, patience: float) -> bool:
    """Tell whether the host has been away for `patience` seconds: it is given up then."""
    return state.away and now - state.since >= patience
