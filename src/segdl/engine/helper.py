"""A second process that small files are given to while one core is not enough for them.

It is made before there are threads, and waits until there is something for it to do
(:mod:`segdl.core.sharing`). Each file that it has counts at the gate of its origin here. What
does not go smoothly there comes back: it is this process that waits, tries again, and goes on
with what is large.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from segdl.engine.batch import Outcome
from segdl.engine.channel import Channel, channels
from segdl.engine.gate import Gate
from segdl.engine.helping import Ended, Wanted, help_with
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Event

# Seconds that it gets for its way out.
_GRACE = 1.0


class Returned(NamedTuple):
    """A file that is not with the helper any more, and how it ended; None: it did not."""

    number: int
    request: Request
    outcome: Outcome | None
    events: tuple[Event, ...] = ()


class _Given(NamedTuple):
    request: Request
    gate: Gate


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

    def __init__(self, channel: Channel[Wanted, Ended], process: int, most: int) -> None:
        self.channel = channel
        self._process = process
        self._most = most
        self._given: dict[int, _Given] = {}
        self.is_gone = False
        # Most files of each origin that it had at once.
        self._connections: Counter[Gate] = Counter()
        self._ends: float | None = None

    @property
    def at_work(self) -> int:
        """Files that were given and did not come back."""
        return len(self._given)

    @property
    def has_room(self) -> bool:
        """Whether it takes one more."""
        return not self.is_gone and len(self._given) < self._most

    def give(self, number: int, request: Request, gate: Gate) -> bool:
        """Give it a file that was claimed at a gate; tell whether it has it."""
        try:
            sent = self.channel.send(Wanted(number, request), wait=False)
        except OSError:
            # Too long a message, or nobody is there: what it had shows in `next`.
            return False
        if sent:
            self._given[number] = _Given(request, gate)
        return sent

    def connects(self, gate: Gate) -> bool:
        """Tell whether it needs one more connection for what it was given last."""
        given = sum(each.gate is gate for each in self._given.values())
        if given <= self._connections[gate]:
            return False
        self._connections[gate] = given
        return True

    def next(self) -> Returned | None:
        """Return a file that came back; None where none did by now. It does not wait."""
        ended = None
        if not self.is_gone:
            try:
                ended = self.channel.receive(wait=False)
            except EOFError:
                self.is_gone = True
        if self._ends is not None and time.monotonic() > self._ends:
            self.is_gone = True
        if ended is None and not (self.is_gone and self._given):
            return None
        number = next(iter(self._given)) if ended is None else ended.number
        given = self._given.pop(number)
        given.gate.closed(was_streaming=True)
        if ended is None:
            return Returned(number, given.request, None)
        return Returned(number, given.request, ended.outcome, ended.events)

    def end(self) -> None:
        """Have it give everything back, and end; what does not come within a moment is lost."""
        if self._ends is None:
            self._ends = time.monotonic() + _GRACE
            self.channel.end()

    def close(self) -> None:
        """See it off: it is over then."""
        self.end()
        if not self.channel.wait_for_end(_GRACE):
            os.kill(self._process, signal.SIGKILL)
        self.channel.close()
        try:
            os.waitpid(self._process, 0)
        except ChildProcessError:
            # Whoever runs this has all of them reaped.
            pass


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
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - what is said of a defect
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
