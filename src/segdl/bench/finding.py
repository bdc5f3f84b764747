"""What a benchmark found, in sentences: a pure function of its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segdl.bench.figures import Spread, ratio, spread
from segdl.core.text import human_size

Kind = Literal["nothing", "single", "one-fills", "more-help", "unclear"]

# Below this a difference is of no use to anybody.
_GAIN = 1.1
# A single round cannot tell a gain from chance: it must be a larger one.
_GAIN_OF_ONE_ROUND = 1.25
_SEGMENT = 1024 * 1024
# The share of a run that may be the program's start and end.
_OVERHEAD = 0.2


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        kind: ``nothing`` (no run to speak of), ``single`` (nothing to compare),
            ``one-fills`` (more connections gain nothing), ``more-help``, or ``unclear``
            (the rounds differ by more than the connections do).
        text: the sentence.
        notes: further sentences.
        best: the label of the fewest connections that nothing beats.
        times: how many times as fast `best` is as the fewest connections that were tried.
    """

    kind: Kind
    text: str
    notes: tuple[str, ...] = ()
    best: str | None = None
    times: float | None = None


def find(groups: Sequence[Group], length: int | None) -> Finding:
    """Return what the figures say.

    A contender is faster than another where it is so in every round (in most of them, from
    five on) and by a tenth at the median.

    Args:
        groups: the contenders, each with as many rounds as the others.
        length: bytes that each run fetched, where known.

    Example:
        >>> one = Group(label="segdl -j 1", connections=1, own=True, speeds=(1e6, 1.1e6))
        >>> four = Group(label="segdl -j 4", connections=4, own=True, speeds=(4e6, 4.1e6))
        >>> find([one, four], None).text
        '4 connections are 3.9 times as fast as one; more than 4 were not tried.'
    """
    own = [group for group in groups if group.own]
    counted = [group for group in own if group.counts]
    numbered = sorted((g for g in counted if g.connections is not None), key=_connections)
    notes = _failures(groups)
    if not counted:
        return Finding("nothing", "Too few runs succeeded to say anything of this link.", notes)
    if not numbered:
        return _alone(counted[0], notes)
    best = _best(numbered)
    notes = (
        *_limit(own, length),
        *_auto(counted, best),
        *_others(groups, best),
        *notes,
        *_cautions(own, length),
    )
    if len(numbered) == 1:
        return _alone(best, notes)
    return _compare(numbered, best, notes)


def faster(a: Group, b: Group) -> bool:
    """Tell whether `a` is faster than `b` beyond what chance does."""
    found = ratio(a.speeds, b.speeds)
    return found is not None and _is_gain(found) and found.low > 1


def _is_gain(found: Spread) -> bool:
    return found.median >= (_GAIN if found.count > 1 else _GAIN_OF_ONE_ROUND)


def _best(numbered: Sequence[Group]) -> Group:
    """Return the fewest connections that no larger number is faster than."""
    least = best = numbered[0]
    for group in numbered[1:]:
        # Where rounds are missing, being faster than who is faster is not enough.
        if faster(group, best) and faster(group, least):
            best = group
    return best


def _compare(numbered: Sequence[Group], best: Group, notes: tuple[str, ...]) -> Finding:
    least = numbered[0]
    more = [group for group in numbered if _connections(group) > _connections(best)]
    maybe = [group for group in more if _may_be_faster(group, best)]
    if best is least and maybe:
        likely = max(maybe, key=lambda group: _times(group, best))
        text = (
            f"{_many(likely)} looked {_times(likely, best):.1f} times as fast as {_few(least)}, "
            "but the rounds differ by more than that; more rounds (--rounds) would tell."
        )
        return Finding("unclear", text, notes, best.label, 1.0)
    if best is least:
        fills = "One connection fills" if least.connections == 1 else f"{_many(least)} fill"
        return Finding(
            "one-fills", f"{fills} this link: {_rest(more, best)}.", notes, best.label, 1
        )
    times = _times(best, least)
    text = f"{_many(best)} are {times:.1f} times as fast as {_few(least)}; "
    if maybe:
        text += f"whether more than {best.connections} gain anything, the rounds do not tell."
    elif more:
        text += f"{_rest(more, best)}."
    else:
        text += f"more than {best.connections} were not tried."
    return Finding("more-help", text, notes, best.label, times)


def _rest(more: Sequence[Group], best: Group) -> str:
    """Say what larger numbers of connections are good for, which is nothing."""
    most = more[-1]
    than = "more" if best.connections == 1 else f"more than {best.connections}"
    if all(faster(best, group) for group in more):
        return f"{than} are slower ({_times(most, best):.1f} times its speed with {_few(most)})"
    return f"{than} gain nothing"


def _may_be_faster(group: Group, best: Group) -> bool:
    found = ratio(group.speeds, best.speeds)
    return found is not None and _is_gain(found) and found.low <= 1


def _alone(group: Group, notes: tuple[str, ...]) -> Finding:
    text = (
        f"{group.label} brings {human_size(group.median)}/s; there is nothing to compare it with."
    )
    return Finding("single", text, notes, group.label)


def _limit(own: Sequence[Group], length: int | None) -> tuple[str, ...]:
    """Tell of a server that serves fewer connections at once than it is asked for."""
    room = _room(length)
    asked = {
        min(_connections(group), room): group.used
        for group in own
        if group.connections is not None and group.used is not None
    }
    served = max((used for used in asked.values() if used), default=0)
    beyond = {count: used for count, used in asked.items() if count > served}
    kept = all(used == count for count, used in asked.items() if count <= served)
    most = max(beyond, default=0)
    # A few less are those that were done before the others.
    steady = all(used is not None and used >= served - 1 for used in beyond.values())
    if not beyond or not kept or not steady or 4 * served > 3 * most:
        return ()
    return (f"Asked for {most} connections, the server served {served} at a time.",)


def _auto(counted: Sequence[Group], best: Group) -> tuple[str, ...]:
    found = []
    for group in counted:
        against = ratio(group.speeds, best.speeds) if group.connections is None else None
        if against is None:
            continue
        if faster(group, best) or faster(best, group):
            found.append(
                f"{group.label} brings {against.median:.2f} times the speed of {best.label}."
            )
        else:
            found.append(f"{group.label} does as well as {best.label}.")
    return tuple(found)


def _others(groups: Sequence[Group], best: Group) -> tuple[str, ...]:
    others = [group for group in groups if not group.own and group.counts]
    if not others:
        return ()
    other = max(others, key=lambda group: group.median)
    which = other.label if len(others) == 1 else f"the fastest of the others, {other.label}"
    if faster(best, other):
        return (f"{best.label} is {_times(best, other):.1f} times as fast as {which}.",)
    if faster(other, best):
        return (f"{other.label} is {_times(other, best):.1f} times as fast as {best.label}.",)
    return (f"{best.label} and {which} are as fast as each other.",)


def _failures(groups: Sequence[Group]) -> tuple[str, ...]:
    found = []
    for group in groups:
        rounds, failed = len(group.speeds), len(group.speeds) - len(group.good)
        if failed:
            rest = "" if group.counts else ", and does not count"
            found.append(f"{group.label} failed in {failed} of {rounds} rounds{rest}.")
    return tuple(found)


def _cautions(own: Sequence[Group], length: int | None) -> tuple[str, ...]:
    found = []
    rounds = max(len(group.speeds) for group in own)
    most = max((group.connections or 0 for group in own), default=0)
    if rounds == 1:
        found.append("One round cannot tell a difference from chance (--rounds).")
    if length is None:
        return tuple(found)
    if most > _room(length):
        size = human_size(length)
        found.append(f"{size} have room for {_room(length)} segments of 1 MiB, not for {most}.")
    quickest = max(own, key=lambda group: group.median)
    if quickest.overhead is not None and quickest.overhead > _OVERHEAD:
        seconds = length / quickest.median
        found.append(
            f"Of the {seconds:.1f} s of {quickest.label}, {quickest.overhead * seconds:.1f} s are "
            "the start and the end of the program: more bytes (a larger file, or --max-bytes) "
            "tell more of the link."
        )
    return tuple(found)


def _room(length: int | None) -> int:
    """Return how many segments there can be: none is smaller than 1 MiB."""
    return 1 << 31 if length is None else max(1, length // _SEGMENT)


def _connections(group: Group) -> int:
    assert group.connections is not None
    return group.connections


def _times(a: Group, b: Group) -> float:
    found = ratio(a.speeds, b.speeds)
    return found.median if found else a.median / b.median


def _many(group: Group) -> str:
    return "One connection" if group.connections == 1 else f"{group.connections} connections"


def _few(group: Group) -> str:
    return "one" if group.connections == 1 else str(group.connections)
