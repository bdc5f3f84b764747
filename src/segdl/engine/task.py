"""One file that is being downloaded: what all its steps need."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from segdl.core.url import Location, parse_url
from segdl.engine.contact import Contacts
from segdl.engine.gate import Gate
from segdl.engine.run import Run
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.options import Request


@dataclass(frozen=True, slots=True)
class Task:
    """A request on its way.

    Attributes:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.
        began: when it began, in seconds of the run's clock.
        pool: where its requests run; as many threads as connections.
        source: where its bytes come from.
        contacts: asks what the server has.
    """

    run: Run
    request: Request
    number: int
    began: float
    pool: ThreadPoolExecutor
    source: Source
    contacts: Contacts

    @property
    def asked(self) -> Location:
        """The URL that the user gave."""
        return self.source.asked

    @property
    def gate(self) -> Gate:
        """The origin's door."""
        return self.run.gates.of(self.asked.origin)


@contextmanager
def open_task(run: Run, request: Request, number: int) -> Iterator[Task]:
    """Set up what a download needs, and take it down again.

    Raises:
        UsageError: the URL or an option cannot be used.
    """
    asked = parse_url(request.url)
    source = Source(run.transport, asked, Credentials(run.network, request, asked))
    pool = ThreadPoolExecutor(run.transfer.connections, thread_name_prefix="segdl-fetch")
    try:
        contacts = Contacts(run, source, pool, number)
        try:
            yield Task(run, request, number, run.clock(), pool, source, contacts)
        finally:
            contacts.release()
    finally:
        # A thread that is stuck in connecting is left behind: its wire is aborted, so it
        # reads nothing more. See attempt for one that is stuck in writing.
        pool.shutdown(wait=False, cancel_futures=True)
