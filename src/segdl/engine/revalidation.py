"""Whether the server has the version still that was fetched, asked a little before the end.

An answer that counts (:func:`segdl.core.endgame.counts`) saves a round trip at the end. One that
does not costs nothing: the question is asked when everything is here.
"""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.endgame import counts, is_near, may_be_asked_again
from segdl.core.identity import Match, compare
from segdl.engine.contact import ONE_BYTE
from segdl.engine.site import Site
from segdl.net.asked import Asked
from segdl.net.failures import TransferError
from segdl.net.wire import Wire

# Nobody is asked more often than that, nor for a longer body, in bytes.
_MOST = 4
_LONGEST = 4096
# How long the answer is waited for once everything is here, in round trips since it was asked
# for; and until it is looked for again, in seconds.
_PATIENCE = 3.0
_TICK = 0.002


class Revalidation:
    """Asks one origin. The coordinator's thread owns it, and closes it.

    Args:
        site: the file's origin.
        clock: seconds.
    """

    def __init__(self, site: Site, clock: Callable[[], float]) -> None:
        self._site = site
        self._clock = clock
        self._asked: list[tuple[float, Asked]] = []
        self._over = not site.pin.version.proves

    @property
    def waiting(self) -> bool:
        """Whether an answer is on its way."""
        return any(not asked.whole for _, asked in self._asked)

    def ask(self, seconds: float) -> None:
        """Ask where everything is here in `seconds`, as far as one can tell."""
        site, now = self._site, self._clock()
        round_trip = site.gate.round_trip
        if self._over or not is_near(seconds, round_trip):
            return
        if self._asked and not may_be_asked_again(now - self._asked[-1][0], round_trip):
            return
        if not site.source.idle or not site.gate.try_ask_again():
            return
        asked = site.source.ask_ahead(ONE_BYTE, if_range=None, most=_LONGEST)
        if asked is None:
            site.gate.closed(was_streaming=True)
            return
        self._asked.append((now, asked))
        # Where the system tells nothing of the path, no answer can count.
        self._over = asked.least is None or len(self._asked) >= _MOST

    def look(self) -> None:
        """Take what has come."""
        for each in list(self._asked):
            _, asked = each
            if not asked.whole and not asked.gather() and not asked.whole:
                self._over = True
                self._asked.remove(each)
                self._let_go(asked)

    def agrees(self, ended: float, sleep: Callable[[float], None]) -> bool:
        """Tell whether an answer that counts says that it is the same version.

        Args:
            ended: when the last byte was here, in seconds.
            sleep: waits so many seconds, or raises what ends the wait.
        """
        for since, asked in self._asked:
            least = asked.least
            # The last byte may have come from a server of the same name that is nearer.
            if least is None or not counts(since, ended, min(least, self._site.gate.shortest)):
                continue
            patience = since + _PATIENCE * self._site.gate.round_trip
            while not asked.whole and asked.gather() and self._clock() < patience:
                sleep(_TICK)
            return asked.whole and self._is_same(asked)
        return False

    def _is_same(self, asked: Asked) -> bool:
        try:
            exchange = asked.exchange(Wire())
        except TransferError:
            return False
        seen, pinned = exchange.head.version, self._site.pin.version
        exchange.close()
        if pinned.etag is None:
            seen = seen.without_etag()
        return compare(pinned, seen) is Match.SAME

    def close(self) -> None:
        """Let go of what was not answered."""
        while self._asked:
            _, asked = self._asked.pop()
            self._let_go(asked)

    def _let_go(self, asked: Asked) -> None:
        asked.drop()
        self._site.gate.closed(was_streaming=True)
