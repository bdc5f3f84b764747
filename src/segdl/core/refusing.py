"""A host that answers, and does nothing but ask to come back later: when it is given up."""

from __future__ import annotations

from typing import NamedTuple


class Refusing(NamedTuple):
    """What is known of such a host; times are seconds of one clock.

    Attributes:
        since: when it began.
        until: when it did so last.
    """

    since: float
    until: float

    @property
    def seconds(self) -> float:
        """How long it has done nothing else."""
        return self.until - self.since


def refused(state: Refusing | None, now: float) -> Refusing:
    """Note that a host refused at `now`; None is one that took what was asked before.

    Example:
        >>> refused(refused(None, 5.0), 9.0)
        Refusing(since=5.0, until=9.0)
    """
    return Refusing(now if state is None else state.since, now)


def is_hopeless(state: Refusing | None, patience: float) -> bool:
    """Tell whether it has refused for `patience` seconds.

    However long it asks to wait, it is asked once more.

    Example:
        >>> is_hopeless(Refusing(5.0, 5.0), 0.0), is_hopeless(Refusing(5.0, 9.0), 4.0)
        (False, True)
    """
    return state is not None and 0 < state.seconds >= patience
