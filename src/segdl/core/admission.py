"""How many requests an origin gets at once, and when: decisions as data.

A server that refuses (429, 503, a refused connect) while others of our connections
stream tells how many it allows. We settle there, and try one more only after a while
that doubles each time it is refused again.
"""

from __future__ import annotations

from typing import NamedTuple

# More than these are not waiting for an answer at once, unless half as many again stream: a
# server that allows two connections refuses at most this many, whatever -j says.
UNANSWERED = 8
FIRST_RAISE = 10.0
# While the server takes what we add, the next one follows soon.
NEXT_RAISE = 1.0
LONGEST_RAISE = 600.0


class Admission(NamedTuple):
    """The state of one origin; times are seconds of one monotonic clock.

    Attributes:
        cap: most connections that were asked for.
        limit: most that are tried now.
        unanswered: requests without a response head yet.
        streaming: responses being read.
        peak: most that were being read at once since the requests without an answer went out.
        not_before: no request goes out earlier.
        raise_at: when one connection more may be tried; None while the limit is the cap.
        raise_delay: seconds to wait after the next refusal.
        refusals: how often the server refused.
    """

    cap: int
    limit: int
    unanswered: int = 0
    streaming: int = 0
    peak: int = 0
    not_before: float = 0.0
    raise_at: float | None = None
    raise_delay: float = FIRST_RAISE
    refusals: int = 0


def opening(cap: int) -> Admission:
    """Return the state of an origin that was not asked yet."""
    return Admission(cap=cap, limit=cap)


def may_ask(state: Admission, now: float) -> bool:
    """Tell whether one more request may go out.

    Example:
        >>> may_ask(opening(1), 0.0), may_ask(asked(opening(1)), 0.0)
        (True, False)
    """
    busy = state.unanswered + state.streaming
    raised = state.raise_at is not None and now >= state.raise_at and state.unanswered == 0
    limit = min(state.cap, state.limit + 1) if raised else state.limit
    waiting = max(UNANSWERED, state.streaming * 2 // 3)
    return now >= state.not_before and busy < limit and state.unanswered < waiting


def may_go_on(state: Admission) -> bool:
    """Tell whether one may go out for more of what a connection has just brought a part of.

    That the server refused others meanwhile, and wants to be left alone for a while, is not
    said to those that it serves.

    Example:
        >>> state = closed(answered(asked(opening(2)), 0.0), was_streaming=True)
        >>> may_go_on(state), may_go_on(asked(asked(state)))
        (True, False)
    """
    return state.unanswered + state.streaming < state.limit


def asked(state: Admission) -> Admission:
    """A request goes out."""
    # Once the server refused, what it allowed before is no news.
    same_burst = state.unanswered and state.raise_at is None
    peak = state.peak if same_burst else state.streaming
    return state._replace(unanswered=state.unanswered + 1, peak=peak)


def may_ask_again(state: Admission, now: float) -> bool:
    """Tell whether one more request may go out over a connection that was answered on before.

    That the server takes such a connection is known: it is no matter how many wait for an
    answer.

    Example:
        >>> state = opening(2)
        >>> may_ask_again(state, 0.0), may_ask_again(asked_again(asked_again(state)), 0.0)
        (True, False)
    """
    return now >= state.not_before and may_go_on(state)


def asked_again(state: Admission) -> Admission:
    """A request goes out over such a connection: it counts as if its body were being read."""
    streaming = state.streaming + 1
    return state._replace(streaming=streaming, peak=max(state.peak, streaming))


def answered(state: Admission, now: float) -> Admission:
    """A request was accepted; its body is being read."""
    streaming = state.streaming + 1
    limit = max(state.limit, streaming)
    raise_at = state.raise_at
    if limit >= state.cap:
        raise_at = None
    elif limit > state.limit:
        raise_at = now + NEXT_RAISE
    return state._replace(
        unanswered=state.unanswered - 1,
        streaming=streaming,
        peak=max(state.peak, streaming),
        limit=limit,
        raise_at=raise_at,
    )


def closed(state: Admission, *, was_streaming: bool) -> Admission:
    """A request is over, after its body (`was_streaming`) or before any answer."""
    if was_streaming:
        return state._replace(streaming=state.streaming - 1)
    return state._replace(unanswered=state.unanswered - 1)


def resting(state: Admission, until: float) -> Admission:
    """Whoever asked beside was told to come back then: nothing new goes out before.

    Example:
        >>> may_ask(resting(opening(1), 5.0), 4.0), may_ask(resting(opening(1), 5.0), 5.0)
        (False, True)
    """
    return state._replace(not_before=max(state.not_before, until))


def refused(
    state: Admission, now: float, after: float | None, delay: float, *, known: bool = False
) -> Admission:
    """A request was refused.

    A request that was alone says nothing of how many are allowed, nor one on a connection that
    was answered on before, as the server took as many then; and refusals that come
    together are one: only a refusal after a raise doubles the time to the next one. Where
    nothing streams the server is away, or counts requests and not connections: it is asked
    by one at first, and by more as soon as it takes that. A response that was read to its end
    before the refusal was heard of counts: the server refused beside it.

    Args:
        state: the origin's.
        now: seconds.
        after: seconds the server asks to wait: nothing new goes out before.
        delay: seconds to wait where it names none and nothing streams.
        known: the connection was answered on before.

    Example:
        >>> state = answered(asked(opening(8)), 0.0)
        >>> refused(asked(state), 0.0, None, 1.0).limit
        1
    """
    pause = after if after is not None else (0.0 if state.streaming else delay)
    alone = state.unanswered + state.streaming == 1
    in_burst = state.raise_at is not None and now < state.raise_at
    calmed = state._replace(
        unanswered=state.unanswered - 1,
        not_before=max(state.not_before, now + pause),
        refusals=state.refusals + 1,
    )
    if alone or known:
        return calmed
    if not state.streaming:
        return calmed._replace(limit=1, raise_at=calmed.not_before + NEXT_RAISE)
    return calmed._replace(
        limit=min(state.limit, state.peak),
        raise_at=state.raise_at if in_burst else now + max(state.raise_delay, pause),
        raise_delay=(state.raise_delay if in_burst else min(LONGEST_RAISE, state.raise_delay * 2)),
    )
