"""The runs of one contender, and how two contenders compare."""

from __future__ import annotations

from dataclasses import dataclass

from segdl.bench.figures import Spread, ratio, spread

# Below this a difference is of no use to anybody.
_GAIN = 1.1
# A single round cannot tell a gain from chance: it must be a larger one.
_GAIN_OF_ONE_ROUND = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The runs of one contender.

    Attributes:
        label: as in "segdl -j 8".
        connections: how many it was told to use; None where it chose for itself.
        own: whether it is segdl.
        speeds: bytes a second for each round; None where that run failed.
        used: connections that brought bytes at the same time, where that is known.
        overhead: share of a run in which none did, its start and end, where that is known.
    """

    label: str
    connections: int | None
    own: bool
    speeds: tuple[float | None, ...]
    used: int | None = None
    overhead: float | None = None

    @property
    def counts(self) -> bool:
        """Whether more than half of its runs succeeded."""
        return 2 * len(self.good) > len(self.speeds)

    @property
    def good(self) -> list[float]:
        """The speeds of the runs that succeeded."""
        return [speed for speed in self.speeds if speed is not None]

    @property
    def median(self) -> float:
        """The middle of its speeds, in bytes a second; 0 where every run failed."""
        found = spread(self.good)
        return found.median if found else 0.0


def faster(a: Group, b: Group) -> bool:
    """Tell whether `a` is faster than `b` beyond what chance does."""
    found = ratio(a.speeds, b.speeds)
    return found is not None and _is_gain(found) and found.low > 1


def maybe_faster(a: Group, b: Group) -> bool:
    """Tell whether `a` looks faster than `b`, but the rounds differ by more than that."""
    found = ratio(a.speeds, b.speeds)
    return found is not None and _is_gain(found) and found.low <= 1


def times_as_fast(a: Group, b: Group) -> float:
    """Return how many times as fast `a` is as `b`."""
    found = ratio(a.speeds, b.speeds)
    return found.median if found else a.median / b.median


def _is_gain(found: Spread) -> bool:
    return found.median >= (_GAIN if found.count > 1 else _GAIN_OF_ONE_ROUND)
