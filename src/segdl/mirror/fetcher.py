"""Fetches the documents of a list from servers, a few at once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeAlias, TypeVar

from segdl.core.url import Location, parse_url
from segdl.engine.run import GRACE, Run
from segdl.engine.threads import Threads
from segdl.errors import SegdlError
from segdl.mirror.options import ListingOptions
from segdl.mirror.profiles import Profiles
from segdl.mirror.robots import Robots, read_robots
from segdl.mirror.source import Opened, fetch
from segdl.mirror.trust import Trust
from segdl.net.source import Source
from segdl.progress.events import Event, Waiting

A = TypeVar("A")
T = TypeVar("T")
Asked: TypeAlias = "Future[Opened | SegdlError]"

# Documents that are asked for at once: a server may have to look through folders for each.
AT_ONCE = 4
# Seconds: nobody notices a shorter wait.
_WORTH_TELLING = 1.0


class Fetcher:
    """Fetches documents in threads of its own. One thread uses it, and closes it.

    Secrets go to whom they were given for; see :mod:`segdl.mirror.trust`.

    Args:
        run: the surroundings; those of its threads are left to files.
        options: the list.
        say: takes lines for the operator, one at a time.
        profiles: what holds for single hosts.

    Attributes:
        base: what names are relative to; None leaves it to each document.
    """

    def __init__(
        self,
        run: Run,
        options: ListingOptions,
        say: Callable[[str], None],
        profiles: Profiles,
    ) -> None:
        self.base = options.base_url
        self._say = say
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._outer = run
        self._threads = Threads(AT_ONCE, thread_name_prefix="segdl-list")
        self._reading = Threads(AT_ONCE, thread_name_prefix="segdl-list-read")
        self._inner = run._replace(pool=self._reading, cancel=self._over, own_threads=False)
        self._trust = Trust(run.network, options, profiles)
        self._pace = Pace(self._inner)
        self._under_way: set[Asked] = set()

    def ask(self, url: str) -> Asked:
        """Have a document fetched; who takes it closes it."""
        asked = self._threads.submit(_outcome, self._fetch, url)
        self._under_way.add(asked)
        return asked

    def take(self, asked: Asked) -> Opened:
        """Wait for a document that was asked for.

        Raises:
            CancelledError: the run is to end.
            SegdlError: it cannot be had.
        """
        outcome = self._wait_for(asked)
        self._under_way.remove(asked)
        return _had(outcome)

    def robots(self, place: Location) -> Robots:
        """Return the rules of the server that a page is on, and heed its delay from now on.

        Raises:
            SegdlError: see `read_robots`.
        """
        run = self._run_for(place)
        asked = self._threads.submit(
            _outcome, lambda place: read_robots(run, place, self._trust.credentials(place)), place
        )
        robots = _had(self._wait_for(asked))
        self.heed(robots.delay)
        return robots

    def heed(self, delay: float) -> None:
        """Have so many seconds between two requests from now on."""
        self._pace.delay = delay

    def say(self, text: str) -> None:
        """Tell the operator."""
        with self._lock:
            self._say(text)

    def _wait_for(self, asked: Future[T]) -> T:
        # Whoever raises in there, everything under way is to end.
        return self._outer.wait_for(asked, self._over.set, math.inf)

    def _run_for(self, place: Location) -> Run:
        def tell(event: Event) -> None:
            if isinstance(event, Waiting) and event.seconds >= _WORTH_TELLING:
                reason = event.reason.removeprefix(f"{place}: ")
                self.say(f"{place}: waiting {event.seconds:.0f} s: {reason}")

        return self._inner._replace(emit=tell)

    def close(self) -> None:
        """End what is under way."""
        self._over.set()
        for asked in self._under_way:
            asked.add_done_callback(_close)
        self._threads.shutdown(wait=False, cancel_futures=True)
        # They notice within a tick. One that is stuck in connecting is left behind.
        wait([asked for asked in self._under_way if not asked.cancelled()], timeout=GRACE)
        self._reading.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, url: str) -> Opened:
        self._pace.wait()
        place = parse_url(url)
        source = Source(self._inner.transport, place, self._trust.credentials(place))
        return fetch(self._run_for(place), source, self.base, self._outer.check_cancelled)


def _outcome(work: Callable[[A], T], argument: A) -> T | SegdlError:
    try:
        return work(argument)
    except SegdlError as error:
        return error


def _had(outcome: T | SegdlError) -> T:
    if isinstance(outcome, SegdlError):
        raise outcome
    return outcome


class Pace:
    """Time between requests. `_lock` owns `_next`; `delay` is set between requests."""

    def __init__(self, run: Run) -> None:
        self.delay = 0.0
        self._run = run
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._run.clock()
            turn = max(now, self._next)
            self._next = turn + self.delay
        if turn > now:
            self._run.sleep(turn - now)
        self._run.check_cancelled()


def _close(asked: Asked) -> None:
    """Close a document that came when nobody waited for it any more."""
    if not asked.cancelled() and asked.exception() is None:
        opened = asked.result()
        if isinstance(opened, Opened):
            opened.close()
