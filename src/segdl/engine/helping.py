"""What the second process does (:mod:`segdl.engine.helper`): small files, as they are given."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import NamedTuple

from segdl.engine.batch import Batch, Failure, Outcome
from segdl.engine.channel import Channel
from segdl.engine.contact import Contact
from segdl.engine.download import download
from segdl.engine.outright import is_small
from segdl.engine.run import Run
from segdl.engine.surroundings import open_run
from segdl.engine.task import Task
from segdl.errors import SegdlError, ServerError
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Event, Failed, Finished, Probing, Progress, Started
from segdl.results import DownloadResult

# What is told of a file that goes smoothly.
_SMOOTH = (Probing, Started, Progress, Finished, Failed)


class Wanted(NamedTuple):
    """A file that is given."""

    number: int
    request: Request


class Ended(NamedTuple):
    """A file that comes back: how it ended, and what was told of it; None: it did not end.

    Then it has no name yet, but there may be something beside that.
    """

    number: int
    outcome: Outcome | None
    events: tuple[Event, ...] = ()


class _NotSmallError(SegdlError):
    """It is for who can give it several connections."""


def help_with(
    channel: Channel[Ended, Wanted],
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
    """
    cancel = threading.Event()
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
        waiting: deque[Wanted] = deque()
        try:
            while not (cancel.is_set() and (not batch.at_work or batch.is_stuck)):
                if not cancel.is_set() and not _take_on(channel, batch, waiting):
                    cancel.set()
                ended = batch.next_outcome()
                if ended is not None:
                    number, outcome = ended
                    events = tuple(told.pop(number, ()))
                    channel.send(_as_message(number, outcome, events), wait=True)
        except BrokenPipeError:
            # Nobody is there any more.
            pass
        finally:
            batch.leave()


def _take_on(channel: Channel[Ended, Wanted], batch: Batch, waiting: deque[Wanted]) -> bool:
    """Take on what was given; wait for it where there is nothing else to do.

    Returns whether more may be given.
    """
    try:
        while wanted := channel.receive(wait=not (batch.at_work or waiting)):
            waiting.append(wanted)
    except EOFError:
        return False
    while waiting and batch.take(*waiting[0]):
        waiting.popleft()
    return True


def _as_message(number: int, outcome: Outcome, events: tuple[Event, ...]) -> Ended:
    # What a server says is final. All else may need what was fetched, or this process at all.
    final = not isinstance(outcome, Failure) or isinstance(outcome.error, ServerError)
    return Ended(number, outcome, events) if final else Ended(number, None)


def _small(run: Run, request: Request, number: int) -> DownloadResult:
    return download(run, request, number, _refuse_large)


def _refuse_large(task: Task, contact: Contact) -> None:
    size = contact.version.size
    if size is None or not is_small(size, task.run.transfer):
        raise _NotSmallError("not small")
