"""A second process that small files are given to while one core is not enough for them.

It is made before there are threads, and waits until there is something for it to do
(:mod:`segdl.core.sharing`). What does not go smoothly there comes back: it is this process that
waits, tries again, and goes on with what is large.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from segdl.engine.channel import Channel, channels
from segdl.engine.helping import Ended, Left, Wanted, help_with
from segdl.errors import SegdlError
from segdl.options import NetworkOptions, Request, TransferOptions

# Seconds that it gets for its way out, and that nobody waits beyond that.
_GRACE = 1.0
_MOMENT = 0.05
_LOOK = 0.005


class Returned(NamedTuple):
    """A file that is not with the helper any more, and what became of it."""

    request: Request
    ended: Ended


class Helper:
    """The other process, as this one sees it. One thread uses it.

    Args:
        channel: to it.
        process: its number.
        most: files that it gets at once.

    Attributes:
        channel: news of it come there.
        is_gone: whether it takes nothing any more.
    """

    def __init__(self, channel: Channel[Wanted, Ended | Left], process: int, most: int) -> None:
        self.channel = channel
        self._process = process
        self._most = most
        self._given: dict[int, Request] = {}
        self.is_gone = False
        self._ends: float | None = None

    @property
    def at_work(self) -> int:
        """Files that were given and did not come back."""
        return len(self._given)

    @property
    def has_room(self) -> bool:
        """Whether it takes one more."""
        return not self.is_gone and len(self._given) < self._most

    def give(self, number: int, request: Request) -> bool:
        """Give it a file; tell whether it has it."""
        try:
            sent = self.channel.send(Wanted(number, request), wait=False)
        except OSError:
            # Nobody is there: what it had shows in `next`.
            return False
        if sent:
            self._given[number] = request
        return sent

    def next(self) -> Returned | Left | None:
        """Return a file that came back, or word of an origin; None where there is none by now.

        It does not wait. What is with a process that is gone comes back as it was.
        """
        message = None
        if not self.is_gone:
            try:
                message = self.channel.receive(0.0)
                self.is_gone = message is None and self._is_overdue
            except EOFError:
                self.is_gone = True
        if message is None and self.is_gone and self._given:
            message = Ended(next(iter(self._given)), None)
        if isinstance(message, Ended):
            return Returned(self._given.pop(message.number), message)
        return message

    @property
    def _is_overdue(self) -> bool:
        return self._ends is not None and time.monotonic() > self._ends

    def end(self) -> None:
        """Have it give everything back, and end; what does not come within a moment is lost."""
        if self._ends is None:
            self._ends = time.monotonic() + _GRACE
            self.channel.end()

    def close(self) -> None:
        """See it off: it is over then."""
        self.end()
        assert self._ends is not None
        if not self.channel.wait_for_end(max(_MOMENT, self._ends - time.monotonic())):
            os.kill(self._process, signal.SIGKILL)
        self.channel.close()
        ends = time.monotonic() + _GRACE
        while not self._is_over() and time.monotonic() < ends:
            time.sleep(_LOOK)

    def _is_over(self) -> bool:
        try:
            return os.waitpid(self._process, os.WNOHANG)[0] == self._process
        except ChildProcessError:
            # Whoever runs this has all of them reaped.
            return True


@contextmanager
def helping(
    network: NetworkOptions, transfer: TransferOptions, max_files: int
) -> Iterator[Helper | None]:
    """Yield what `make_helper` returns, and see it off at the end."""
    helper = make_helper(network, transfer, max_files)
    try:
        yield helper
    finally:
        if helper is not None:
            helper.close()


def make_helper(
    network: NetworkOptions, transfer: TransferOptions, max_files: int
) -> Helper | None:
    """Return a helper that waits; None where there cannot be one, or it would not help.

    Args:
        network: how to reach servers.
        transfer: how to fetch and keep files.
        max_files: files at once; it gets half of them.
    """
    most = max_files // 2
    # What is one for the run: its limit, what servers set; and what takes more than an answer.
    shared = network.limit_rate or network.cookies
    if shared or transfer.range or transfer.metalink_over_http:
        return None
    # What is forked beside threads may wait for ever for what they held.
    if sys.platform != "linux" or not most or threading.active_count() > 1:
        return None
    if len(os.sched_getaffinity(0)) == 1:
        return None
    try:
        ours, theirs = channels()
    except OSError:
        return None
    try:
        process = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        return None
    if process == 0:
        ours.close()
        _be(lambda: help_with(Channel(theirs), network, transfer, most))
    theirs.close()
    return Helper(Channel(ours), process, most)


def _be(work: Callable[[], None]) -> NoReturn:
    """Do the work of a new process, and end it."""
    code = 1
    try:
        # Who made it says when it ends.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        # What there is to warn of, the first process warns of.
        warnings.simplefilter("ignore")
        work()
        code = 0
    except (OSError, SegdlError):
        # What it had is done without it.
        pass
    except BaseException:  # noqa: BLE001 - what is said of a defect
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
