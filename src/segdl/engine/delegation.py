"""Which files the helper gets, and what becomes of them here.

Its connections hold places at the gates of their origins here, from the first file that each is
for until it is closed: both processes together have no more than one may have.
"""

from __future__ import annotations

import time

from segdl.core.sharing import Sharing
from segdl.core.url import Origin, parse_url
from segdl.engine.ahead import Ahead, asks_once
from segdl.engine.contact import FIRST_BYTES
from segdl.engine.gate import Gate
from segdl.engine.helper import Helper, Returned
from segdl.engine.outright import is_small
from segdl.engine.run import TICK, Run
from segdl.errors import SegdlError
from segdl.net.readable import wait_for_read
from segdl.options import Request
from segdl.progress.events import Busy
from segdl.results import DownloadResult


class _Places:
    """Places at a gate: `held` by connections of the helper, `used` by files that it has."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.held = self.used = 0

    def leave(self) -> None:
        while self.held:
            self.held -= 1
            self.gate.closed(was_streaming=True)


class Delegation:
    """Gives files to a helper, and takes them back. One thread uses it.

    Args:
        run: the surroundings.
        helper: another process.
        ahead: waits for news of it, too.
    """

    def __init__(self, run: Run, helper: Helper, ahead: Ahead) -> None:
        self._run = run
        self._helper = helper
        self._ahead = ahead
        self._sharing = Sharing()
        self._places: dict[Origin, _Places] = {}
        self._watches = not helper.is_gone
        if self._watches:
            ahead.watch(helper.channel.socket)

    @property
    def at_work(self) -> int:
        """Files that the helper has."""
        return self._helper.at_work

    def note(self, result: DownloadResult) -> None:
        """Learn from a file that was fetched here whether a helper would be of use."""
        if result.requests == 1 and result.fetched <= FIRST_BYTES:
            # The system takes its time to tell.
            spent = time.process_time() if self._sharing.is_due else 0.0
            self._sharing = self._sharing.came(time.monotonic(), spent)
        else:
            self._sharing = Sharing()

    def give(self, number: int, request: Request, here: int) -> bool:
        """Give a file to the helper, where that is of use; tell whether it has it.

        Args:
            number: the file's number within the run.
            request: what is wanted.
            here: files that are at work in this process.
        """
        if not (self._sharing.worthwhile and self._helper.has_room and asks_once(request)):
            return False
        # Where an origin allows but a few at once, there must be some for either.
        if self.at_work > here or not is_small(request.expected.size or 0, self._run.transfer):
            return False
        try:
            location = parse_url(request.url)
        except SegdlError:
            return False
        gate = self._run.gates.of(location.origin)
        if gate.limit < 2 or gate.pause() > 0 or not self._ahead.goes_direct(location):
            return False
        places = self._places.setdefault(location.origin, _Places(gate))
        connects = places.used == places.held
        if connects:
            if not gate.try_ask_again():
                return False
            # Before the helper makes another.
            self._ahead.drop_idle(location)
        if not self._helper.give(number, request):
            if connects:
                gate.closed(was_streaming=True)
            return False
        places.used += 1
        places.held += connects
        return True

    def next(self) -> Returned | None:
        """Return a file that came back; None where none did by now. It does not wait."""
        if self._run.cancel.is_set():
            self._helper.end()
        news = self._helper.next()
        if self._helper.is_gone and self._watches:
            self._watches = False
            self._ahead.watch_no_more(self._helper.channel.socket)
        if isinstance(news, Returned):
            self._came_back(news)
        elif news is not None and not self._places[news.origin].used:
            self._places[news.origin].leave()
        if self._helper.is_gone and not self.at_work:
            for places in self._places.values():
                places.leave()
        return news if isinstance(news, Returned) else None

    def _came_back(self, returned: Returned) -> None:
        places = self._places[parse_url(returned.request.url).origin]
        places.used -= 1
        for event in returned.ended.events:
            if isinstance(event, Busy):
                places.gate.rest(event.seconds)
        outcome = returned.ended.outcome
        if outcome is None:
            self._sharing = Sharing()
        elif isinstance(outcome, DownloadResult):
            places.gate.among.came_beside(outcome.fetched)

    def leave(self) -> None:
        """Have the helper end, and wait until it did; what it still had is of no interest."""
        self._helper.end()
        while not self._helper.is_gone or self.at_work:
            if self.next() is None and not self._helper.is_gone:
                wait_for_read(self._helper.channel.socket, TICK)
