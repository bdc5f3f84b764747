"""What a benchmark found, in sentences: a pure function of its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segdl.bench.group import Group, faster, maybe_faster, times_as_fast
from segdl.bench.notes import auto, cautions, failures, limit, peers
from segdl.core.text import human_size

Kind = Literal["nothing", "single", "one-fills", "more-help", "unclear"]


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
    notes = failures(groups)
    if not counted:
        return Finding("nothing", "Too few runs succeeded to say anything of this link.", notes)
    if not numbered:
        return _alone(counted[0], notes)
    best = _best(numbered)
    notes = (
        *limit(own, length),
        *auto(counted, best),
        *peers(groups, best),
        *notes,
        *cautions(own, length),
    )
    if len(numbered) == 1:
        return _alone(best, notes)
    return _compare(numbered, best, notes)


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
    maybe = [group for group in more if maybe_faster(group, best)]
    if best is least and maybe:
        likely = max(maybe, key=lambda group: times_as_fast(group, best))
        gain = times_as_fast(likely, best)
        text = (
            f"{_many(likely)} looked {gain:.1f} times as fast as {_few(least)}, "
            "but the rounds differ by more than that; more rounds (--rounds) would tell."
        )
        return Finding("unclear", text, notes, best.label, 1.0)
    if best is least:
        fills = "One connection fills" if least.connections == 1 else f"{_many(least)} fill"
        return Finding(
            "one-fills", f"{fills} this link: {_rest(more, best)}.", notes, best.label, 1
        )
    gain = times_as_fast(best, least)
    text = f"{_many(best)} are {gain:.1f} times as fast as {_few(least)}; "
    if maybe:
        text += f"whether more than {best.connections} gain anything, the rounds do not tell."
    elif more:
        text += f"{_rest(more, best)}."
    else:
        text += f"more than {best.connections} were not tried."
    return Finding("more-help", text, notes, best.label, gain)


def _rest(more: Sequence[Group], best: Group) -> str:
    """Say what larger numbers of connections are good for, which is nothing."""
    most = more[-1]
    than = "more" if best.connections == 1 else f"more than {best.connections}"
    if all(faster(best, group) for group in more):
        return (
            f"{than} are slower ({times_as_fast(most, best):.1f} times its speed with {_few(most)})"
        )
    return f"{than} gain nothing"


def _alone(group: Group, notes: tuple[str, ...]) -> Finding:
    text = (
        f"{group.label} brings {human_size(group.median)}/s; there is nothing to compare it with."
    )
    return Finding("single", text, notes, group.label)


def _many(group: Group) -> str:
    return "One connection" if group.connections == 1 else f"{group.connections} connections"


def _few(group: Group) -> str:
    return "one" if group.connections == 1 else str(group.connections)


def _connections(group: Group) -> int:
    assert group.connections is not None
    return group.connections
