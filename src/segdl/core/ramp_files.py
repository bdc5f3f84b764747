"""How many connections several files of one host get that are at work at once.

They share the way to it. A link that is full brings one of them more by a second connection,
and the others so much less: nothing is won, and what was under way when a part was taken over
comes twice. So the number is found for all of them, by what comes for all of them. As long as
nobody knows what is gained by more, each has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core.ramp import Phase, Ramp, Sample, ramp_start
from segdl.core.ramp_state import note


def ramp_among(state: Ramp, files: int) -> Ramp:
    """Take note of how many files the connections are for.

    Args:
        state: what is known of the host; `most` is the same for each file.
        files: those at work; at least 1.

    Example:
        >>> ramp_among(ramp_start(32), 4).target, ramp_among(ramp_start(32, 8), 4).target
        (4, 8)
    """
    if files == state.least:
        return state
    unknown, known = state.assumed, state.found or state.known
    state = state._replace(least=files, most=state.most // state.least * files, known=known)
    if state.phase is Phase.LISTENING:
        return state._replace(target=files, proven=files)
    if state.phase is Phase.WEIGHING:
        return state._replace(proven=files)
    if not unknown and state.target >= files:
        return state
    if state.phase is Phase.CLIMBING and state.target > files:
        # Files come and go: what is tried goes on.
        return state._replace(proven=min(state.proven, files))
    # One that is left has the place of the others: what that is worth is found as for any one.
    number = None if files == 1 and known is None else max(files, known or 1)
    begun = ramp_start(state.most, number)
    return state._replace(
        phase=begun.phase, target=begun.target, proven=begun.proven, best=0.0, since=None
    )


def ramp_aside(state: Ramp, sample: Sample) -> Ramp:
    """Take a sample of other connections than were to be at work: it says nothing of them."""
    return note(state, sample)._replace(refusals=sample.refusals, losses=sample.losses or 0)


def share(state: Ramp, place: int) -> int:
    """Return how many connections a file gets, by its place among the others, from 0.

    Example:
        >>> [share(ramp_among(ramp_start(32, 8), 3), place) for place in range(3)]
        [3, 3, 2]
    """
    each, more = divmod(state.target, state.least)
    return max(1, each + (place < more))


def together(samples: Sequence[Sample], before: Sample) -> Sample:
    """Return one sample for several files.

    Args:
        samples: the last of each that is at work, at least one; `received`, `losses` and
            `arrived` are sums.
        before: what there was of those that are at work no more.

    Example:
        >>> none = Sample(now=0.0, received=0, streaming=0)
        >>> both = [Sample(1.0, 500, 1), Sample(2.0, 300, 2, losses=1)]
        >>> total = together(both, none)
        >>> total.now, total.received, total.streaming, total.losses
        (2.0, 800, 3, 1)
    """
    last = max(samples, key=lambda each: each.now)
    every = (*samples, before)
    swollen = [each.swollen for each in samples if each.swollen is not None]
    return last._replace(
        received=sum(each.received for each in every),
        streaming=sum(each.streaming for each in samples),
        asked=sum(each.asked for each in samples),
        losses=_sum([each.losses for each in every]),
        arrived=_sum([each.arrived for each in every]),
        swollen=max(swollen, default=None),
        left=last.left if len(samples) == 1 else None,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
