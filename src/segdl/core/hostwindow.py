"""How many tasks of one host are out at once, across all workers: decisions as data.

Who refuses (429, 503) while others are out tells how many are too many: the window shrinks to
what is left, for all workers, and opens again by one after a while.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_RAISE = 10.0
NEXT_RAISE = 1.0
LONGEST_RAISE = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWindow:
    """The state of one host; times are seconds of one monotonic clock.

    Attributes:
        cap: most tasks that were asked for.
        limit: most that are tried now.
        out: tasks that are out.
        not_before: none goes out earlier.
        raise_at: when one more may be tried; None while the limit is the cap.
        raise_delay: seconds to wait after the next refusal.
    """

    cap: int
    limit: int
    out: int = 0
    not_before: float = 0.0
    raise_at: float | None = None
    raise_delay: float = FIRST_RAISE


def opening(cap: int) -> HostWindow:
    """Return the state of a host that was not asked yet."""
    return HostWindow(cap=cap, limit=cap)


def may_go(state: HostWindow, now: float) -> bool:
    """Tell whether one more task may go out.

    Example:
        >>> may_go(opening(1), 0.0), may_go(gone(opening(1), 0.0), 0.0)
        (True, False)
    """
    raised = state.raise_at is not None and now >= state.raise_at
    limit = min(state.cap, state.limit + 1) if raised else state.limit
    return now >= state.not_before and state.out < limit


def gone(state: HostWindow, now: float) -> HostWindow:
    """A task goes out."""
    out = state.out + 1
    if out <= state.limit:
        return replace(state, out=out)
    raise_at = None if out >= state.cap else now + NEXT_RAISE
    return replace(state, out=out, limit=out, raise_at=raise_at)


def back(state: HostWindow) -> HostWindow:
    """A task came back, or is given up."""
    return replace(state, out=state.out - 1)


def refused(state: HostWindow, now: float, after: float | None, delay: float) -> HostWindow:
    """A task came back refused.

    One that was out alone says nothing of how many are allowed. Refusals that come together
    are one: only a refusal after a raise doubles the time to the next one.

    Args:
        state: the host's.
        now: seconds.
        after: seconds that the server asks to wait: no task goes out before.
        delay: seconds to wait where it names none and no task is out.

    Example:
        >>> state = gone(gone(gone(opening(3), 0.0), 0.0), 0.0)
        >>> refused(state, 0.0, None, 1.0).limit
        2
    """
    out = state.out - 1
    pause = after if after is not None else (0.0 if out else delay)
    not_before = max(state.not_before, now + pause)
    if not out:
        return replace(state, out=out, not_before=not_before)
    in_burst = state.raise_at is not None and now < state.raise_at
    return replace(
        state,
        out=out,
        limit=max(1, min(state.limit, out)),
        not_before=not_before,
        raise_at=max(state.raise_at or 0.0, not_before)
        if in_burst
        else not_before + state.raise_delay,
        raise_delay=state.raise_delay if in_burst else min(LONGEST_RAISE, state.raise_delay * 2),
    )
