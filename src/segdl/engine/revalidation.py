"""Whether the server has the version still that was fetched, asked a little before the end.

An answer that counts (:func:`segdl.core.endgame.counts`) saves a round trip at the end. One that
does not is a small request for nothing: the question is asked when everything is here.
"""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.endgame import counts, until_again, until_near
from segdl.core.identity import is_still
from segdl.engine.contact import ONE_BYTE
from segdl.engine.site import Site
from segdl.net.asked import Asked
from segdl.net.failures import TransferError
from segdl.net.wire import Wire

# Nobody is asked more often than that, nor for a longer body, in bytes.
_MOST = 12
_LONGEST = 4096
# How long an answer is waited for, in round trips; and until it is looked for again, in seconds.
_PATIENCE = 3.0
_TICK = 0.002


class Revalidation:
    """Asks one origin. The coordinator's thread owns it, and closes it.

    Args:
        site: the file's origin.
        clock: seconds.

    Attributes:
        broke: whether a question was answered by nothing of use.
    """

    def __init__(self, site: Site, clock: Callable[[], float]) -> None:
        self._site = site
        self._clock = clock
        self._asked: list[tuple[float, Asked]] = []
        self._times = 0 if site.pin.version.proves else _MOST
        # When the last question's answer is waited for no longer.
        self._until = 0.0
        self.broke = False

    @property
    def under_way(self) -> int:
        """Questions whose answers are on their way."""
        return sum(not asked.whole for _, asked in self._asked)

    def ask(self, seconds: float, round_trip: float) -> float | None:
        """Ask where everything is here in `seconds`, as far as one can tell.

        Args:
            seconds: until everything is here.
            round_trip: seconds.

        Returns:
            Seconds until it should be asked, where that is not now; None where it cannot be.
        """
        now = self._clock()
        if self.broke or self._times >= _MOST or not self._site.source.idle:
            return None
        early = until_near(seconds, round_trip)
        if self._asked:
            early = max(early, until_again(now - self._asked[-1][0], round_trip))
        if early > 0:
            return early
        asked = self._site.source.ask_ahead(ONE_BYTE, if_range=None, most=_LONGEST)
        if asked is not None:
            self._times += 1
            self._until = now + _PATIENCE * round_trip
            self._asked.append((now, asked))
        return None

    def look(self, now: float) -> None:
        """Take what has come, and wait for nothing for long.

        Args:
            now: seconds.
        """
        for each in list(self._asked):
            _, asked = each
            if asked.whole:
                continue
            if now >= self._until or (not asked.gather() and not asked.whole):
                self.broke = True
                self._asked.remove(each)
                asked.drop()

    def agrees(self, ended: float, least: float, sleep: Callable[[float], None]) -> bool:
        """Tell whether an answer that counts says that it is the same version.

        Args:
            ended: when the last byte was here, in seconds.
            least: seconds of the shortest round trip of all connections that brought some.
            sleep: waits so many seconds, or raises what ends the wait.
        """
        for since, asked in self._asked:
            shortest = asked.least
            if shortest is None or not counts(since, ended, min(least, shortest)):
                continue
            while not asked.whole and asked.gather() and self._clock() < self._until:
                sleep(_TICK)
            return asked.whole and self._is_same(asked)
        return False

    def _is_same(self, asked: Asked) -> bool:
        try:
            exchange = asked.exchange(Wire())
        except TransferError:
            return False
        exchange.close()
        return is_still(self._site.pin.version, exchange.head.version)

    def close(self) -> None:
        """Let go of what was not answered."""
        while self._asked:
            _, asked = self._asked.pop()
            asked.drop()
