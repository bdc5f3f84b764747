"""What a benchmark notes beside its finding: limits, other tools, failures, cautions."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.bench.figures import ratio
from segdl.bench.group import Group, faster, times_as_fast
from segdl.core.text import human_size

_SEGMENT = 1024 * 1024
# The share of a run that may be the program's start and end.
_OVERHEAD = 0.2


def limit(own: Sequence[Group], length: int | None) -> tuple[str, ...]:
    """Tell of a server that serves fewer connections at once than it is asked for."""
    room = _room(length)
    asked = {
        min(group.connections, room): group.used
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


def auto(counted: Sequence[Group], best: Group) -> tuple[str, ...]:
    """Hold who chose its number of connections against the best number."""
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


def peers(groups: Sequence[Group], best: Group) -> tuple[str, ...]:
    """Hold the best against the fastest of the other tools."""
    others = [group for group in groups if not group.own and group.counts]
    if not others:
        return ()
    other = max(others, key=lambda group: group.median)
    which = other.label if len(others) == 1 else f"the fastest of the others, {other.label}"
    if faster(best, other):
        return (f"{best.label} is {times_as_fast(best, other):.1f} times as fast as {which}.",)
    if faster(other, best):
        return (
            f"{other.label} is {times_as_fast(other, best):.1f} times as fast as {best.label}.",
        )
    comma = "," if "," in which else ""
    return (f"{best.label} and {which}{comma} are as fast as each other.",)


def failures(groups: Sequence[Group]) -> tuple[str, ...]:
    """Tell who failed, and how often."""
    found = []
    for group in groups:
        rounds, failed = len(group.speeds), len(group.speeds) - len(group.good)
        if failed:
            rest = "" if group.counts else ", and does not count"
            found.append(f"{group.label} failed in {failed} of {rounds} rounds{rest}.")
    return tuple(found)


def cautions(own: Sequence[Group], length: int | None) -> tuple[str, ...]:
    """Tell why the figures may say less of the link than they seem to."""
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
