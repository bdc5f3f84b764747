"""Which orders may go out: a window for each host, across all workers."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator

from segdl.core import hostwindow
from segdl.core.hostwindow import HostWindow
from segdl.mirror.engines.orders import Order
from segdl.mirror.engines.parcel import Parcel


class Traffic:
    """Orders that wait, by host. The driver's thread owns it.

    The host that has the fewest orders out is next, and its files take turns: so none holds the
    others up.

    Args:
        cap: tells how many orders of a host may be out at once.
        clock: seconds.
        backoff: seconds to wait after a refusal that names none.
    """

    def __init__(
        self,
        cap: Callable[[str], int],
        clock: Callable[[], float],
        backoff: Callable[[int], float],
    ) -> None:
        self._cap = cap
        self._clock = clock
        self._backoff = backoff
        self._windows: dict[str, HostWindow] = {}
        self._refusals: dict[str, int] = {}
        self._waiting: dict[str, deque[Parcel]] = {}
        self._later: list[tuple[float, int, Parcel, Order]] = []
        self._count = 0

    def add(self, parcel: Parcel) -> None:
        """Take note of what a file has to be asked, once or again."""
        now = self._clock()
        for delay, order in parcel.delayed:
            self._count += 1
            heapq.heappush(self._later, (now + delay, self._count, parcel, order))
        parcel.delayed.clear()
        waiting = self._waiting.setdefault(parcel.host, deque())
        if parcel.ready and parcel not in waiting:
            waiting.append(parcel)

    def next(self, most: int) -> Iterator[tuple[Parcel, Order]]:
        """Yield orders that may go out now, at most `most`; each counts as out."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            _, _, parcel, order = heapq.heappop(self._later)
            if parcel.outcome is None:
                parcel.ready.append(order)
                self.add(parcel)
        turns = [(self._window(host).out, place, host) for place, host in enumerate(self._waiting)]
        heapq.heapify(turns)
        while turns and most > 0:
            out, place, host = heapq.heappop(turns)
            found = self._next_of(host, now)
            if found is not None:
                heapq.heappush(turns, (out + 1, place, host))
                most -= 1
                yield found

    def _next_of(self, host: str, now: float) -> tuple[Parcel, Order] | None:
        waiting = self._waiting[host]
        while waiting and not waiting[0].ready:
            waiting.popleft()
        if not waiting:
            del self._waiting[host]
            return None
        window = self._window(host)
        if not hostwindow.may_go(window, now):
            return None
        parcel = waiting[0]
        waiting.rotate(-1)
        self._windows[host] = hostwindow.gone(window, now)
        return parcel, parcel.ready.popleft()

    def drain(self) -> list[Parcel]:
        """Return the files that wait, and forget what they want."""
        waiting = [parcel for each in self._waiting.values() for parcel in each]
        drained = {each.number: each for each in [*waiting, *(late[2] for late in self._later)]}
        self._waiting.clear()
        self._later.clear()
        return [each for each in drained.values() if each.outcome is None]

    def back(self, host: str) -> None:
        """An order of a host came back, or is given up."""
        self._windows[host] = hostwindow.back(self._window(host))

    def answered(self, host: str) -> None:
        """A host took an order."""
        self._refusals.pop(host, None)

    def refused(self, host: str, pause: float | None) -> float:
        """An order came back refused; return for how many seconds the host is asked nothing."""
        tries = self._refusals[host] = self._refusals.get(host, 0) + 1
        now = self._clock()
        window = hostwindow.refused(self._window(host), now, pause, self._backoff(tries))
        self._windows[host] = window
        return max(0.0, window.not_before - now)

    def _window(self, host: str) -> HostWindow:
        window = self._windows.get(host)
        if window is None:
            window = self._windows[host] = hostwindow.opening(self._cap(host))
        return window
