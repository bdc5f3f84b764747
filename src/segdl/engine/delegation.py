"""Which files the helper gets, and what becomes of them here."""

from __future__ import annotations

import time

from segdl.core.sharing import Sharing
from segdl.core.url import parse_url
from segdl.engine.ahead import Ahead, asks_once
from segdl.engine.contact import FIRST_BYTES
from segdl.engine.helper import Helper, Returned
from segdl.engine.outright import is_small
from segdl.engine.run import Run
from segdl.errors import SegdlError
from segdl.options import Request
from segdl.results import DownloadResult


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
            self._sharing = self._sharing.came(time.monotonic(), time.process_time())
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
        if not gate.try_ask_again():
            return False
        if not self._helper.give(number, request, gate):
            gate.closed(was_streaming=True)
            return False
        if self._helper.connects(gate):
            self._ahead.drop_idle(location)
        return True

    def next(self) -> Returned | None:
        """Return a file that came back; None where none did by now. It does not wait."""
        if self._run.cancel.is_set():
            self._helper.end()
        returned = self._helper.next()
        if self._watches and self._helper.is_gone:
            self._watches = False
            self._ahead.watch_no_more(self._helper.channel.socket)
        if returned is not None and returned.outcome is None:
            self._sharing = Sharing()
        return returned
