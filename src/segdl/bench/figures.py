"""Medians, spreads and ratios of a handful of runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of `count` figures, and from where to where most of them are."""

    low: float
    median: float
    high: float
    count: int


def spread(figures: Sequence[float]) -> Spread | None:
    """Return the median of `figures` and their range; None where there are none.

    From five on, one in five is left out at either end of the range: an outlier should
    not pass for the rule.

    Example:
        >>> spread([3.0, 1.0, 2.0])
        Spread(low=1.0, median=2.0, high=3.0, count=3)
        >>> spread([1.0, 9.0, 2.0, 3.0, 2.5])
        Spread(low=2.0, median=2.5, high=3.0, count=5)
    """
    if not figures:
        return None
    ordered = sorted(figures)
    cut = len(ordered) // 5
    high = ordered[len(ordered) - 1 - cut]
    return Spread(ordered[cut], statistics.median(ordered), high, len(ordered))


def ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Spread | None:
    """Return how many times as fast one contender is as another, compared round by round.

    Within a round the link was about the same for both, however much it changes from one
    round to the next. None where no round has both.

    Args:
        ours: a speed for each round; None where that run failed.
        theirs: likewise, of the same rounds.

    Example:
        >>> ratio([10.0, 20.0, None], [5.0, 8.0, 5.0])
        Spread(low=2.0, median=2.25, high=2.5, count=2)
    """
    return spread(
        [a / b for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    )
