"""How many connections a host is worth: `-j auto`, as a function of samples.

The test is one comparison: the speed of all connections together against the best that
fewer of them reached before. A link that one connection fills brings no more to several;
where each is held down, by a cap or by lost packets, the speed grows with the number. So
one connection is listened to until it no longer speeds up by itself. Then there are four
(over a short path two, and then four), and where the speed doubles, eight times as many. A
raise that brings less is taken back, unless hardly anything comes: then it is not the link
that is full. What was found is held. More and more seldom a step of a quarter, up or down,
is tried for two seconds, and kept where up brings half of what it added, or down costs
hardly anything. A speed far below what the same connections brought starts the climb anew.

Over a long path all this takes long, and a system may tell more (:mod:`segdl.core.arrivals`).
A lone packet that an empty path loses is followed by eight connections at once, and by many
as soon as it is seen that the sender slows down for it: there are senders that do not, and
fill the link. Where it was not seen at first, losses that are frequent enough do the same.
That happens once: whether many are worth it is for their speed to tell. Where a queue
grew lately, two are tried, not four: one fills the link already; and none where what is left takes
no longer than the trial.

Refusals end it at what streams; a step up follows when :mod:`segdl.core.admission` would
ask again, too.

Speeds are means over several round trips: behind a lost packet nothing reaches the reader
for one to three of them, and then all at once.
"""

from __future__ import annotations

from math import sqrt

from segdl.core.admission import FIRST_RAISE
from segdl.core.ramp_state import (
    FEW,
    FIRST_CUT,
    FIRST_TEST,
    LONG,
    LONG_PATH,
    SHORT,
    Phase,
    Ramp,
    Sample,
)
from segdl.core.ramp_state import go_on as _go_on
from segdl.core.ramp_state import leap as _leap
from segdl.core.ramp_state import move as _move
from segdl.core.ramp_state import note as _note
from segdl.core.ramp_state import settle as _settle

__all__ = ["Phase", "Ramp", "Sample", "ramp_aside", "ramp_sample", "ramp_start"]

# From one stretch to the next: what grows by less has stopped growing by itself.
_GROWING = 1.5
# What follows a loss on a full link looks faster too, but not by this much.
_DOUBLED = 2.0
# Many that gain but this are kept: bursts of the few before them may mislead.
_SOME = 1.1
# Below this share of the best speed it is not the link that is full.
_DRY = 0.4
# Round trips until what was sent in answer to a loss is here, and over which speeds are
# compared: what comes, comes in bursts.
_AFTER = 1.5
_TURNS = 2.0
# So many are set up while a loss is weighed, by which as many are there at once where it counts.
_READY = 8
# From before a loss to after it: a sender that slows down for it is not faster, others are.
_SLOWED = 1.2
# Packets under way beyond this multiple (see `_under_way`) are a sender's that does not mind
# losses, and at the end of slow start.
_WINDOW = 5.0
_SLOW_START = 9.0
# Less often it may be a link that is full, and whose router sees to it that nobody waits.
_OFTEN = 2
_SHARE = 1e-3
_SEGMENT = 1448
# Seconds that newcomers are given at least to bring their share, and at most to be there.
_SHARE_AFTER = 0.5
_PATIENCE = 2.0
_LONGEST_WAIT = 64.0


def ramp_start(most: int, known: int | None = None) -> Ramp:
    """Return the state for a host that nothing was fetched from yet.

    Args:
        most: connections that are never exceeded; at least 1.
        known: what was :attr:`Ramp.found` for this host before.

    Example:
        >>> ramp_start(32).target, ramp_start(32, known=8).target
        (1, 8)
    """
    most = max(1, most)
    if known is None:
        return Ramp(most=most)
    number = max(1, min(known, most))
    return Ramp(most=most, target=number, proven=number, phase=Phase.HOLDING)


def ramp_sample(state: Ramp, sample: Sample) -> Ramp:
    """Take a sample, best every 50 ms, and tell how many should be at work: `target`.

    Where more are at work the youngest are to be closed, where fewer are more to be opened.

    Example:
        >>> state = ramp_start(32)
        >>> for tenth in range(6):  # 1 MB/s, and no sign of more
        ...     now = Sample(now=tenth / 10, received=tenth * 10**5, streaming=1)
        ...     state = ramp_sample(state, now)
        >>> state.target, state.phase.name
        (2, 'CLIMBING')
    """
    if sample.refusals > state.refusals:
        if state.phase is Phase.LISTENING:
            # There is nothing to step back from: others were there for a moment only.
            return state._replace(refusals=sample.refusals)
        return _step_back(state, sample)
    noted = _note(state, sample)
    if noted is state:
        return state
    state = noted
    if state.phase is Phase.LISTENING:
        return _listen(state, sample)
    if state.phase is Phase.WEIGHING:
        return _weigh(state, sample)
    if state.curious and _is_lossy(state, sample):
        return _leap_at_losses(state, sample, max(state.speeds.mean(LONG), state.before))
    if state.phase is Phase.HOLDING:
        return _hold(state, sample)
    state = _arrive(state, sample)
    return _climb(state, sample) if state.phase is Phase.CLIMBING else _probe(state, sample)


def ramp_aside(state: Ramp, sample: Sample) -> Ramp:
    """Take a sample at a time when nothing is tried: others wait, or fill the link."""
    return _note(state, sample)._replace(refusals=sample.refusals, losses=sample.losses or 0)


def _listen(state: Ramp, sample: Sample) -> Ramp:
    if state.fills(sample):
        # What a full queue loses, and what follows, says nothing of the path.
        state = state._replace(losses=sample.losses or 0)
    if (sample.losses or 0) > state.losses and state.curious and sample.round_trip > LONG_PATH:
        # Connecting takes as long as to see whether it was this that slows it down.
        before = state.arrived.mean(sample.trips(_TURNS, 0.0))
        return _move(state, sample, _READY, before, Phase.WEIGHING)._replace(best=state.best)
    stretch = sample.trips(2)
    if state.speeds.age < stretch:
        return state
    state = state._replace(best=max(state.best, state.speeds.mean(stretch)))
    # A missing packet keeps from the reader what follows it: that looks like an end of growth.
    speeds = state.speeds if sample.arrived is None else state.arrived
    speed = speeds.mean(stretch)
    earlier = 2 * speeds.mean(2 * stretch) - speed
    if state.speeds.age < 2 * stretch or speed > _GROWING * earlier:
        return state
    full = state.fills(sample) and sample.round_trip > LONG_PATH
    if full and sample.left is not None and sample.left < LONG * speed:
        # Another one takes nearly as long to find its pace, and is in the way of the first.
        return state
    # A server that paces by whole seconds may have begun with more than it will go on with.
    return _go_on(state, sample, state.best if speed >= _DRY * state.best else speed)


def _weigh(state: Ramp, sample: Sample) -> Ramp:
    """Have as many as a lossy path needs, unless the sender does not mind the loss."""
    if sample.now < state.moved_at + sample.trips(_AFTER, 0.0):
        return state
    speed = state.arrived.mean(sample.trips(_TURNS, 0.0))
    losses = sample.losses or 0
    if speed < _SLOWED * state.before and _under_way(sample, losses, speed) < _SLOW_START:
        return _leap_at_losses(state._replace(target=state.proven), sample, state.best)
    return state._replace(phase=Phase.LISTENING, target=state.proven, losses=losses)


def _is_lossy(state: Ramp, sample: Sample) -> bool:
    """Tell whether a few connections lose so much that it is this which holds them down."""
    losses = sample.losses or 0
    often = losses >= max(_OFTEN, _SHARE * (sample.arrived or 0) / _SEGMENT)
    if not often or sample.round_trip <= LONG_PATH:
        return False
    speed = state.arrived.mean(sample.trips(5)) / max(1, sample.streaming)
    return _under_way(sample, losses, speed) < _WINDOW


def _under_way(sample: Sample, losses: int, speed: float) -> float:
    """Return the packets under way, as a multiple of the root of those between two losses.

    What slows down at losses has about as many under way as that, and a quarter more.
    """
    packets = (sample.arrived or 0) / _SEGMENT
    between = max(1.0, packets / max(1, losses))
    return speed * sample.round_trip / _SEGMENT / sqrt(between)


def _leap_at_losses(state: Ramp, sample: Sample, speed: float) -> Ramp:
    return _leap(state, sample, speed)._replace(heeded=True)


def _arrive(state: Ramp, sample: Sample) -> Ramp:
    """Note when a change of the target has come into effect, or is waited for no longer."""
    if state.target > state.proven:
        # Of many one is always between two requests.
        arrived = sample.streaming >= state.target - state.target // 8
    else:
        arrived = sample.streaming <= state.target
    if state.since is None and (arrived or sample.now > state.moved_at + _PATIENCE):
        return state._replace(since=sample.now)
    return state


def _lag(state: Ramp) -> float:
    """Return the seconds until newcomers bring their share: setting up took two round trips."""
    taken = (state.since or 0.0) - state.moved_at
    return min(max(_SHARE_AFTER, 3 * taken), LONG)


def _climb(state: Ramp, sample: Sample) -> Ramp:
    speed = state.speeds.mean(sample.trips(5))
    if speed > min(_DOUBLED, sqrt(state.target / state.proven)) * state.before:
        return _go_on(state, sample, speed)
    state = state._replace(best=max(state.best, speed))
    if state.since is None or sample.now < state.since + _lag(state):
        return state
    top = max(state.before, state.best)
    if _is_dry(state, sample, top):
        return _go_on(state, sample, top)
    if state.proven >= FEW and state.speeds.mean(_lag(state)) > _SOME * state.before:
        return _settle(state, sample, state.target)
    # Were more closed at once, those that stay would have too little in flight for long.
    number = max(state.proven, state.target // 2)
    return _settle(state, sample, number, down=number > FEW)._replace(best=state.before)


def _is_dry(state: Ramp, sample: Sample, top: float) -> bool:
    """Tell whether hardly anything comes, compared with the speed at its `top`."""
    lately = state.speeds.mean(sample.trips(8, 2 * SHORT))
    if sample.round_trip <= LONG_PATH:
        # The top may be what a server that paces by whole seconds begins with.
        lately = min(lately, state.speeds.mean(LONG / 2))
    return lately < _DRY * top


def _hold(state: Ramp, sample: Sample) -> Ramp:
    now, number = sample.now, state.target
    if state.since is None or sample.streaming + sample.asked != number:
        # Known from before, too little is left for all, or some have yet to go: what follows
        # is measured anew.
        wait = FIRST_TEST if number < state.most else FIRST_CUT
        return state._replace(since=now, until=max(state.until, now + wait))
    stretch = sample.trips(8, 4 * SHORT)
    if now < state.since + stretch:
        return state
    speed = state.speeds.mean(stretch)
    if speed < _DRY * state.best and not state.limited:
        # The link had room for more: what holds them down holds each of them.
        climb = _leap if sample.round_trip > LONG_PATH else _go_on
        return climb(state, sample, speed)
    if now < state.since + LONG:
        return state
    state = state._replace(best=state.speeds.mean(LONG))
    more = min(state.most, number + max(min(2, number), number // 4))
    # Two are no worse a guest than one.
    down = number > 2 and (state.down or more == number)
    to = number - number // 4 - (number < 4) if down else more
    if now < state.until or to == number:
        return state
    return _move(state, sample, to, state.best, Phase.PROBING)


def _probe(state: Ramp, sample: Sample) -> Ramp:
    if state.since is None:
        return state
    age = sample.now - state.since
    share = state.target / state.proven - 1
    speed = state.speeds.mean(min(age, LONG))
    gain = speed / state.before - 1
    plain = age > LONG / 2 and gain > share > 0
    if age < _lag(state) + LONG and not plain:
        return state
    if gain > share / 2 > 0 and sample.streaming > state.proven:
        return _go_on(state._replace(limited=False), sample, speed)
    if gain > share / 4 and share < 0:
        return _settle(state, sample, state.target, down=True)
    # Each step costs a connection, and what that had in flight.
    wait = min(_LONGEST_WAIT, 4 * state.wait)
    return _settle(state, sample, state.proven, wait=wait, down=share > 0)._replace(
        best=state.before
    )


def _step_back(state: Ramp, sample: Sample) -> Ramp:
    """Go on with what streams. Refusals that come together are one."""
    wait = state.wait if state.limited else FIRST_RAISE
    if state.limited and state.phase is not Phase.HOLDING:
        wait = min(_LONGEST_WAIT, 2 * state.wait)
    number = max(1, min(state.target, sample.streaming))
    settled = _settle(state, sample, number, wait=wait)
    return settled._replace(limited=True, refusals=sample.refusals)
