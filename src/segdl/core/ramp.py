"""DRAFT."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from math import sqrt

from segdl.core.admission import FIRST_RAISE

_GAP = 0.04
_SHORT = 0.1
_LONG_PATH = 0.02
_SETTLE = 0.3
_HALF = 0.5
_MEAN = 2.0
_PATIENCE = 2.0
_FIRST_PROBE = 2.0
_LONGEST_PROBE = 64.0
_SPEEDING = 1.5
_FEW = 4


class Phase(Enum):
    LISTENING = "listening"
    CLIMBING = "climbing"
    HOLDING = "holding"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    now: float
    received: int
    streaming: int
    asked: int = 0
    refusals: int = 0
    round_trip: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    most: int
    target: int = 1
    phase: Phase = Phase.LISTENING
    proven: int = 1
    before: float = 0.0
    best: float = 0.0
    since: float | None = None
    raised_at: float = 0.0
    wait: float = _FIRST_PROBE
    until: float | None = None
    step: float = 0.25
    down: bool = False
    refusals: int = 0
    points: tuple[tuple[float, int], ...] = ()
    why: str = ""

    @property
    def found(self) -> int | None:
        if self.phase is Phase.LISTENING:
            return None
        return self.target if self.phase is Phase.HOLDING else self.proven


def ramp_start(most: int, known: int | None = None) -> Ramp:
    most = max(1, most)
    if known is None:
        return Ramp(most=most)
    number = min(max(1, known), most)
    return Ramp(most=most, target=number, proven=number, phase=Phase.HOLDING)


def ramp_sample(state: Ramp, sample: Sample) -> Ramp:
    if sample.refusals > state.refusals:
        return _step_back(state, sample)
    if state.points and sample.now < state.points[-1][0] + _GAP:
        return state
    point = (sample.now, max(sample.received, state.points[-1][1] if state.points else 0))
    oldest = sample.now - _MEAN - _SHORT
    state = replace(state, points=(*(p for p in state.points if p[0] >= oldest), point))
    if state.phase is Phase.LISTENING:
        return _listen(state, sample)
    if state.phase is Phase.CLIMBING:
        return _climb(state, sample)
    if state.phase is Phase.HOLDING:
        return _hold(state, sample)
    return _probe(state, sample)


def _window(sample: Sample, trips: float) -> float:
    return min(max(_SHORT, trips * sample.round_trip), _MEAN / 2)


def _listen(state: Ramp, sample: Sample) -> Ramp:
    w = _window(sample, 2)
    now = sample.now
    age = now - state.points[0][0]
    if age < w:
        return state
    last = _speed(state, now - w, now)
    state = replace(state, best=max(state.best, last))
    if age < 2 * w or last > _SPEEDING * _speed(state, now - 2 * w, now - w):
        return replace(state, raised_at=now)
    if last < _HALF * state.best and now < state.raised_at + 2 * w:
        return state
    return _raise(state, sample, state.best, "grown")


def _settle(state: Ramp) -> float:
    lag = (state.since or 0) - state.raised_at
    return min(max(_SETTLE, 3 * lag), _MEAN)


def _climb(state: Ramp, sample: Sample) -> Ramp:
    now = sample.now
    state = _arrive(state, sample)
    fast = _speed(state, now - _window(sample, 4), now)
    if fast > sqrt(state.target / state.proven) * state.before:
        return _raise(state, sample, fast, "gain")
    state = replace(state, best=max(state.best, fast))
    if state.since is None:
        return state
    age, settle = now - state.since, _settle(state)
    if age < settle:
        return state
    top = max(state.before, state.best)
    mean = _speed(state, now - min(age, _MEAN), now)
    room = mean < _HALF * top
    if room and (state.target < _FEW or age >= 3 * settle):
        return _raise(state, sample, top, "room")
    if (room or mean > 1.25 * state.before) and age < 3 * settle:
        return state
    number = min(state.target, max(state.proven, round(state.proven * mean / state.before)))
    return replace(
        _settled(state, sample, number, f"nogain {mean / state.before:.2f}"), best=state.before
    )


def _arrive(state: Ramp, sample: Sample) -> Ramp:
    if state.since is None and (
        sample.streaming >= state.target - state.target // 8
        or sample.now > state.raised_at + _PATIENCE
    ):
        return replace(state, since=sample.now)
    return state


def _raise(state: Ramp, sample: Sample, speed: float, why: str) -> Ramp:
    if state.target >= state.most:
        return replace(_settled(state, sample, state.most, why, wait=8), down=True)
    few = _FEW if sample.round_trip > _LONG_PATH else min(_FEW, 2 * state.target)
    to = few if state.target < _FEW else 4 * state.target
    return replace(
        state,
        phase=Phase.CLIMBING,
        proven=state.target,
        target=min(state.most, to),
        before=max(speed, 1.0),
        best=0.0,
        since=None,
        raised_at=sample.now,
        why=why,
    )


def _settled(
    state: Ramp, sample: Sample, number: int, why: str, wait: float = _FIRST_PROBE
) -> Ramp:
    return replace(
        state,
        phase=Phase.HOLDING,
        target=number,
        proven=number,
        best=0.0,
        since=sample.now,
        until=sample.now + wait,
        wait=wait,
        step=0.25,
        why=why,
    )


def _hold(state: Ramp, sample: Sample) -> Ramp:
    now = sample.now
    if state.since is None or state.until is None or sample.streaming + sample.asked < state.target:
        return replace(
            state,
            since=now,
            until=max(state.until or 0, now + state.wait if state.until is None else 0),
        )
    if now - state.since < _MEAN / 2:
        return state
    mean = _speed(state, now - _MEAN / 2, now)
    if mean < _HALF * state.best and state.why != "refused":
        return _raise(state, sample, mean, "dip")
    if now - state.since < _MEAN:
        return state
    mean = _speed(state, now - _MEAN, now)
    state = replace(state, best=mean)
    if now < state.until:
        return state
    number = state.target
    up = min(state.most, number + max(1, int(number * state.step)))
    down = number - max(1, number // 4)
    if (state.down or up == number) and down >= 1:
        to = down
    elif up > number:
        to = up
    else:
        return _settled(state, sample, number, "top", wait=min(_LONGEST_PROBE, 2 * state.wait))
    return replace(
        state,
        phase=Phase.PROBING,
        target=to,
        before=max(1.0, mean),
        since=None,
        raised_at=now,
        why="probe",
    )


def _probe(state: Ramp, sample: Sample) -> Ramp:
    now = sample.now
    state = _arrive(state, sample)
    if state.since is None or now - state.since < _settle(state) + _MEAN:
        return state
    change = state.target / state.proven - 1
    mean = _speed(state, now - _MEAN, now)
    gain = mean / state.before - 1
    if change > 0 and gain > change / 2:
        state = replace(
            _settled(state, sample, state.target, "probe gain"),
            step=min(1.0, 2 * state.step),
            best=mean,
            since=now - _MEAN,
            until=now,
        )
        return _hold(state, sample)
    if change < 0 and gain > change / 4:
        return replace(_settled(state, sample, state.target, f"fewer do {gain:.2f}"), down=True)
    wait = min(_LONGEST_PROBE, 2 * state.wait)
    return replace(
        _settled(state, sample, state.proven, f"probe no {gain:.2f}", wait), down=change > 0
    )


def _step_back(state: Ramp, sample: Sample) -> Ramp:
    number = max(1, min(state.target, sample.streaming))
    again = state.phase is Phase.PROBING or state.why == "refused"
    wait = min(16 * FIRST_RAISE, 2 * state.wait) if again else FIRST_RAISE
    state = replace(state, refusals=sample.refusals, down=False)
    return _settled(state, sample, number, "refused", wait)


def _speed(state: Ramp, begin: float, end: float) -> float:
    """Bytes a second over [begin, end), as far back as is known."""
    begin = max(begin, state.points[0][0])
    if end <= begin:
        return 0.0
    return (_at(state.points, end) - _at(state.points, begin)) / (end - begin)


def _at(points: tuple[tuple[float, int], ...], when: float) -> float:
    for (early, some), (late, more) in pairwise(points):
        if when <= late:
            return some + (more - some) * (when - early) / (late - early)
    return points[-1][1]
