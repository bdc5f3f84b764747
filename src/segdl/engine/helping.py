"""What the second process does (:mod:`segdl.engine.helper`): small files, as they are given."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import NamedTuple

from segdl.core.url import Location, Origin, parse_url
from segdl.engine.batch import Batch, Failure, Outcome
from segdl.engine.channel import Channel
from segdl.engine.contact import ONE_BYTE, Contact
from segdl.engine.download import download
from segdl.engine.outright import is_small
from segdl.engine.run import Run
from segdl.engine.surroundings import open_run
from segdl.engine.task import Task
from segdl.errors import SegdlError, ServerError
from segdl.net.transport import Transport
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import (
    Busy,
    Event,
    Failed,
    Finished,
    Joining,
    Probing,
    Progress,
    Started,
    Verifying,
)
from segdl.results import DownloadResult

# What is told of a file that goes smoothly.
_SMOOTH = (Probing, Started, Progress, Joining, Verifying, Finished, Failed)
# Seconds for which connections to an origin wait for another file.
_PATIENCE = 0.1


class Wanted(NamedTuple):
    """A file that is given."""

    number: int
    request: Request


class Ended(NamedTuple):
    """A file that comes back: how it ended, and what was told of it; None: it did not end.

    Then it has no name yet, but there may be something beside that; and what was told is at
    most that its server wants to be left alone.
    """

    number: int
    outcome: Outcome | None
    events: tuple[Event, ...] = ()


class Left(NamedTuple):
    """There is no connection to an origin any more."""

    origin: Origin


class _NotSmallError(SegdlError):
    """It is for who can give it several connections."""


def help_with(
    channel: Channel[Ended | Left, Wanted],
    network: NetworkOptions,
    transfer: TransferOptions,
    most: int,
) -> None:
    """Fetch what is given until the other end is closed, or something does not go smoothly.

    Then nothing more is asked: what did not end is left to who gave it.

    Args:
        channel: files come from there, and go back there.
        network: how to reach servers.
        transfer: how to fetch and keep files.
        most: files at once.

    Raises:
        OSError: nobody is there any more, or the system gives no more of what it takes.
        SegdlError: it gives no more threads.
    """
    cancel = threading.Event()
    # Threads add to what is told of a file until it ended; it is taken after that.
    told: defaultdict[int, list[Event]] = defaultdict(list)

    def emit(event: Event) -> None:
        if not isinstance(event, _SMOOTH):
            cancel.set()
        # What comes back is through: nobody need see how far it was.
        if not isinstance(event, Progress):
            told[event.file].append(event)

    with open_run(network, transfer, emit, cancel, max_files=most) as run:
        batch = Batch(run._replace(own_threads=True), _small, most)
        batch.watch(channel.socket)
        assert run.ahead is not None
        work = _Work(channel, batch, _Connections(run.ahead))
        try:
            while not (cancel.is_set() and (not batch.at_work or batch.is_stuck)):
                if not cancel.is_set() and not work.take_on():
                    cancel.set()
                if (ended := batch.next_outcome()) is not None:
                    work.give_back(*ended, told.pop(ended[0], []))
        finally:
            batch.leave()


class _Connections:
    """Lets go of connections to origins that no file comes from. One thread uses it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._at_work: dict[int, Location] = {}
        # When an origin was of use last.
        self._used: dict[Origin, float] = {}

    @property
    def are_kept(self) -> bool:
        """Whether there are some to let go of, sooner or later."""
        return bool(self._used)

    def begin(self, number: int, location: Location) -> None:
        """Note that a file comes from there."""
        self._at_work[number] = location
        self._used[location.origin] = time.monotonic()

    def end(self, number: int) -> None:
        """Note that it does no more."""
        location = self._at_work.pop(number)
        self._used[location.origin] = time.monotonic()

    def let_go(self) -> list[Left]:
        """Close those that nothing has come over for a while; return where they led."""
        long_ago = time.monotonic() - _PATIENCE
        if not any(used < long_ago for used in self._used.values()):
            return []
        busy = {location.origin for location in self._at_work.values()}
        left = [each for each, used in self._used.items() if used < long_ago and each not in busy]
        for origin in left:
            del self._used[origin]
            self._transport.drop_all_idle(origin)
        return [Left(origin) for origin in left]


class _Work:
    """Files between the channel and the batch. One thread uses it."""

    def __init__(
        self, channel: Channel[Ended | Left, Wanted], batch: Batch, connections: _Connections
    ) -> None:
        self._channel = channel
        self._batch = batch
        self._connections = connections
        self._waiting: deque[Wanted] = deque()

    def take_on(self) -> bool:
        """Take on what was given; wait for it where there is nothing else to do.

        Returns whether more may be given.
        """
        for left in self._connections.let_go():
            self._channel.send(left, wait=True)
        try:
            while wanted := self._channel.receive(self._patience):
                self._connections.begin(wanted.number, parse_url(wanted.request.url))
                self._waiting.append(wanted)
        except EOFError:
            return False
        while self._waiting and self._batch.take(*self._waiting[0]):
            self._waiting.popleft()
        return True

    @property
    def _patience(self) -> float | None:
        if self._batch.at_work or self._waiting:
            return 0.0
        return _PATIENCE if self._connections.are_kept else None

    def give_back(self, number: int, outcome: Outcome, events: list[Event]) -> None:
        """Say what became of a file."""
        self._connections.end(number)
        # What a server says is final. All else may need what was fetched, or this process at all.
        final = not isinstance(outcome, Failure) or isinstance(outcome.error, ServerError)
        busy = tuple(event for event in events if isinstance(event, Busy))
        as_it_was = Ended(number, None, busy)
        ended = Ended(number, outcome, tuple(events)) if final else as_it_was
        if not self._channel.send(ended, wait=True):
            self._channel.send(as_it_was, wait=True)


def _small(run: Run, request: Request, number: int) -> DownloadResult:
    return download(run, request, number, _refuse_large)


def _refuse_large(task: Task, contact: Contact) -> None:
    size = contact.version.size
    if contact.not_modified or task.run.one_answer == ONE_BYTE:
        # More than that is not asked for before this is asked again.
        return
    if size is None or not is_small(size, task.run.transfer):
        raise _NotSmallError("not small")
