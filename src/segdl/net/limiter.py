"""One limit for all responses of a run: whose turn it is, and when.

What is decided is in :mod:`segdl.core.rate`; here are the clock, the lock and the waits.
Whoever got least goes first, files before connections.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from segdl.core.rate import Bucket, Claim, Terms, joining
from segdl.core.schedule import Schedule
from segdl.net.wire import Wire

# Seconds: how late a change of the schedule is noticed.
_LOOK_EVERY = 0.25
# Who is not next is woken when that changes.
_NOT_NEXT = 10.0


def local_minute(seconds: float | None = None) -> tuple[int, int]:
    """Return the weekday (Monday is 0) and the minute of the day on this machine's clock.

    Args:
        seconds: since the epoch; None is now.
    """
    now = time.localtime(seconds)
    return now.tm_wday, now.tm_hour * 60 + now.tm_min


@dataclass(slots=True)
class _File:
    """A file's connections, and the bytes that count as its own.

    `others` is what the connection that went last had got before it did.
    """

    places: int = 0
    got: float = 0.0
    others: float = 0.0


@dataclass(slots=True, eq=False)
class Place:
    """A connection's place in the limiter, whose lock owns `file` and `got`.

    Attributes:
        payer: whose file it is for.
        number: tells places apart.
        wire: what it waits by.
        file: the account of the file.
        got: the bytes that count as its own.
    """

    payer: object
    number: int
    wire: Wire
    file: _File
    got: float = 0.0

    @property
    def claim(self) -> Claim:
        """What it goes first or later by."""
        return Claim(self.file.got, self.got, self.number)


class Limiter:
    """Shares a limit between connections. `_lock` owns every field.

    Args:
        schedule: the limit over the week.
        clock: monotonic seconds.
        local: returns the weekday and the minute of the day.
    """

    def __init__(
        self,
        schedule: Schedule,
        *,
        clock: Callable[[], float] = time.monotonic,
        local: Callable[[], tuple[int, int]] = local_minute,
    ) -> None:
        self._schedule = schedule
        self._clock = clock
        self._local = local
        self._lock = threading.Lock()
        self._looked_at = clock()
        self._rate = schedule.rate_at(*local())
        self._bucket = Bucket(0.0, self._looked_at)
        self._files: dict[object, _File] = {}
        self._waiting: set[Place] = set()
        self._others = 0.0
        self._count = 0

    def enter(self, payer: object, wire: Wire) -> Place:
        """Return a place, which `leave` gives up."""
        with self._lock:
            self._count += 1
            file = self._files.setdefault(payer, _File())
            file.places += 1
            return Place(payer, self._count, wire, file)

    def leave(self, place: Place) -> None:
        """Give a place up."""
        with self._lock:
            place.file.places -= 1
            if not place.file.places:
                del self._files[place.payer]

    def admit(self, place: Place, wanted: Callable[[Terms], int]) -> tuple[int, Terms]:
        """Wait for the turn of `place`, or until its wire is aborted.

        Args:
            place: whose turn it is to be.
            wanted: returns the bytes that are to be let through.

        Returns what was let through, and on which terms.
        """
        self._join(place)
        try:
            while True:
                turn = self._try(place, wanted)
                if not isinstance(turn, float):
                    return turn
                place.wire.rest(turn)
        finally:
            self._part(place)

    def give_back(self, place: Place, count: int) -> None:
        """Take back bytes that were let through and did not come."""
        if not count:
            return
        with self._lock:
            self._look()
            self._charge(place, -count)
            self._wake_next()

    def _join(self, place: Place) -> None:
        with self._lock:
            place.file.got = joining(place.file.got, self._others)
            place.got = joining(place.got, place.file.others)
            self._waiting.add(place)

    def _try(self, place: Place, wanted: Callable[[Terms], int]) -> tuple[int, Terms] | float:
        """Let through what is wanted, or return the seconds until it is worth asking again."""
        aborted = place.wire.aborted
        with self._lock:
            self._look()
            pause = self._pause(place)
            if pause and not aborted:
                return pause
            terms = Terms(self._rate, 1 / (len(self._files) * place.file.places))
            count = wanted(terms)
            self._others, place.file.others = place.file.got, place.got
            self._charge(place, count)
            return count, terms

    def _pause(self, place: Place) -> float:
        if self._rate is None:
            return 0.0
        if self._next() is not place:
            return _NOT_NEXT
        return min(self._bucket.pause(self._rate), _LOOK_EVERY)

    def _part(self, place: Place) -> None:
        with self._lock:
            self._waiting.remove(place)
            self._wake_next()

    def _charge(self, place: Place, count: int) -> None:
        self._bucket = self._bucket.plus(count)
        place.file.got += count
        place.got += count

    def _look(self) -> None:
        """Bring the bucket and the rate up to date."""
        now = self._clock()
        self._bucket = self._bucket.at_time(now, self._rate)
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self._rate = self._schedule.rate_at(*self._local())

    def _next(self) -> Place | None:
        return min(self._waiting, key=lambda place: place.claim, default=None)

    def _wake_next(self) -> None:
        place = self._next()
        if place is not None:
            place.wire.wake()
