"""The door to each origin, shared by every connection and file of a run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from math import inf

from segdl.core import admission
from segdl.core.lulls import Lulls
from segdl.core.median import median
from segdl.core.url import Origin
from segdl.engine.among import Among


class Gate:
    """How many requests one origin gets, and when.

    `_changed` and its lock own everything but `found`, `among` and `crowded`.

    Attributes:
        found: how many connections a file of this origin gains by, once that is known. Files
            at work at once may set it; the last one counts.
        among: what those bring that are at work at once.
        crowded: whether other files wait for this origin: then a file whose number of
            connections is to be found does with one. Who hands out the files sets it.
    """

    def __init__(self, cap: int, clock: Callable[[], float]) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._clock = clock
        self._state = admission.opening(cap)
        self._waits: deque[float] = deque(maxlen=5)
        self._shortest = inf
        self._lulls = Lulls()
        self.found: int | None = None
        self.among = Among()
        self.crowded = False

    @property
    def limit(self) -> int:
        """Most connections that are tried now."""
        with self._changed:
            return self._state.limit

    @property
    def streaming(self) -> int:
        """Responses being read."""
        with self._changed:
            return self._state.streaming

    @property
    def refusals(self) -> int:
        """How often the origin refused so far."""
        with self._changed:
            return self._state.refusals

    @property
    def round_trip(self) -> float:
        """Seconds from a request to its answer, the median of the last five; 0 before the first."""
        with self._changed:
            return median(list(self._waits)) or 0.0

    @property
    def shortest(self) -> float:
        """Seconds from a request to its answer at least, so far; infinite before the first."""
        with self._changed:
            return self._shortest

    @property
    def lull(self) -> float:
        """Seconds that its connections usually stand still between two lumps; 0 for hardly any."""
        with self._changed:
            return self._lulls.usual

    def lulled(self, seconds: float) -> None:
        """A connection stood still for so long, and went on by itself."""
        with self._changed:
            self._lulls = self._lulls.note(seconds)

    @property
    def unanswered(self) -> int:
        """Requests that wait for an answer."""
        with self._changed:
            return self._state.unanswered

    def pause(self) -> float:
        """Return the seconds until the origin may be asked anything."""
        with self._changed:
            return max(0.0, self._state.not_before - self._clock())

    def rest(self, seconds: float) -> None:
        """Let nothing through for so many seconds: another process was told to come back then."""
        with self._changed:
            self._state = admission.resting(self._state, self._clock() + seconds)

    @property
    def may_ask(self) -> bool:
        """Whether one more request may go out now."""
        with self._changed:
            return admission.may_ask(self._state, self._clock())

    def try_ask(self) -> bool:
        """Claim the right to send one request; each claim ends in `closed` or `refused`."""
        with self._changed:
            if not admission.may_ask(self._state, self._clock()):
                return False
            self._state = admission.asked(self._state)
            return True

    def try_go_on(self) -> bool:
        """Claim it for more of what was being read: see `admission.may_go_on`."""
        with self._changed:
            if not admission.may_go_on(self._state):
                return False
            self._state = admission.asked(self._state)
            return True

    @property
    def may_ask_again(self) -> bool:
        """Whether one more may go out over a connection that was answered on before."""
        with self._changed:
            return admission.may_ask_again(self._state, self._clock())

    def try_ask_again(self) -> bool:
        """Claim the right to send one over such a connection; it ends in `closed`, as streaming."""
        with self._changed:
            if not admission.may_ask_again(self._state, self._clock()):
                return False
            self._state = admission.asked_again(self._state)
            return True

    def wait_to_ask(self, seconds: float) -> bool:
        """Claim it as `try_ask` does, as soon as that is possible within `seconds`."""
        with self._changed:
            claimed = self._changed.wait_for(
                lambda: admission.may_ask(self._state, self._clock()), seconds
            )
            if claimed:
                self._state = admission.asked(self._state)
            return claimed

    def answered(self, waited: float) -> None:
        """A claimed request was accepted after `waited` seconds; its body is being read."""
        with self._changed:
            self._waits.append(waited)
            self._shortest = min(self._shortest, waited)
            self._state = admission.answered(self._state, self._clock())
            self._changed.notify()

    def closed(self, *, was_streaming: bool) -> None:
        """A claimed request is over."""
        with self._changed:
            self._state = admission.closed(self._state, was_streaming=was_streaming)
            self._changed.notify()

    def refused(self, after: float | None, delay: float, *, known: bool = False) -> None:
        """A claimed request was refused; see :func:`segdl.core.admission.refused`."""
        with self._changed:
            now = self._clock()
            self._state = admission.refused(self._state, now, after, delay, known=known)
            self._changed.notify()


class OpenGate(Gate):
    """The gate of a request that went through another one already."""

    def try_ask(self) -> bool:
        """Claim nothing."""
        return True

    def try_go_on(self) -> bool:
        """Claim nothing."""
        return True

    def wait_to_ask(self, seconds: float) -> bool:  # noqa: ARG002
        """Claim nothing, at once."""
        return True

    def answered(self, waited: float) -> None:
        """Do nothing: it was claimed elsewhere."""

    def closed(self, *, was_streaming: bool) -> None:
        """Do nothing: it was claimed elsewhere."""

    def refused(self, after: float | None, delay: float, *, known: bool = False) -> None:
        """Do nothing: it was claimed elsewhere."""


class Gates:
    """One gate an origin. `_lock` owns `_gates`.

    Args:
        cap: most requests that one origin gets at once.
        clock: seconds.
        kind: what a gate is.
        own: returns what an origin has in the place of `cap`, if anything.
    """

    def __init__(
        self,
        cap: int,
        clock: Callable[[], float],
        *,
        kind: type[Gate] = Gate,
        own: Callable[[Origin], int | None] = lambda _: None,
    ) -> None:
        self._cap = cap
        self._own = own
        self._clock = clock
        self._kind = kind
        self._lock = threading.Lock()
        self._gates: dict[Origin, Gate] = {}

    def of(self, origin: Origin) -> Gate:
        """Return the gate of an origin."""
        with self._lock:
            gate = self._gates.get(origin)
            if gate is None:
                gate = self._gates[origin] = self._kind(self._own(origin) or self._cap, self._clock)
            return gate
