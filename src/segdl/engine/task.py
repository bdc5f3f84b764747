"""One file that is being downloaded: what all its steps need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from segdl.core.checksum import AUTO, Checksum, Claim
from segdl.core.connections import parse_connections
from segdl.core.pieces import Pieces
from segdl.core.url import Location, parse_source, parse_url
from segdl.engine.contacts import Contacts
from segdl.engine.gate import Gate
from segdl.engine.run import Run
from segdl.errors import UsageError
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.options import Request, TransferOptions


class Task(NamedTuple):
    """A request on its way.

    Attributes:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.
        began: when it began, in seconds of the run's clock.
        asked: the URL that the user gave, which names the file.
        source: where its bytes come from; a mirror where the URL itself does not answer.
        mirrors: other places that are said to have it.
        behind: how many of the request's URLs come after that one: some of `mirrors`, to which
            others may have been added.
        contacts: asks what the server has.
        claim: the digest that the user gave, or asked to be looked for and that was found.
    """

    run: Run
    request: Request
    number: int
    began: float
    asked: Location
    source: Source
    mirrors: tuple[Source, ...]
    behind: int
    contacts: Contacts
    claim: Claim | None = None

    @property
    def gate(self) -> Gate:
        """The origin's door."""
        return self.run.gates.of(self.source.asked.origin)

    @property
    def pieces(self) -> Pieces | None:
        """The digests that its pieces must have; None where only some of it is wanted."""
        return None if self.run.transfer.range else self.request.expected.pieces

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return self.source.sent + sum(mirror.sent for mirror in self.mirrors)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The digests that it must have, whatever its server says; the user's first.

        A list's is of the whole file, so it says nothing where pieces of it are wanted.
        """
        listed = None if self.run.transfer.range else self.request.expected.claim
        return tuple(claim for claim in (self.claim, listed) if claim is not None)


@contextmanager
def open_task(run: Run, request: Request, number: int, *, skipped: int = 0) -> Iterator[Task]:
    """Set up what a download needs, and take it down again.

    Args:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.
        skipped: how many of the request's URLs do not answer.

    Raises:
        UsageError: a URL or an option cannot be used.
    """
    asked = parse_source(request.url)
    if request.entrusted is not None and not asked.is_web:
        raise UsageError(
            f"{asked}: only what you name yourself is fetched with your credentials",
            hint="a list has http:// and https:// URLs",
        )
    most = request.most_in_all
    if most is not None and most < run.transfer.most:
        run = run._replace(transfer=_capped(run.transfer, most))
    if request.checksum == AUTO and run.transfer.range is not None:
        raise UsageError(
            "a checksum that is looked for is the whole file's, and only a range is wanted",
            hint="leave out --checksum auto, or --range",
        )
    claim = Claim(request.checksum) if isinstance(request.checksum, Checksum) else None
    source, *mirrors = _sources(run, request, asked)[skipped:]
    contacts = Contacts(run, source, number)
    try:
        yield Task(
            run=run,
            request=request,
            number=number,
            began=run.clock(),
            asked=asked,
            source=source,
            mirrors=tuple(mirrors),
            behind=len(mirrors),
            contacts=contacts,
            claim=claim,
        )
    finally:
        contacts.release()


def mirrors_of(run: Run, request: Request, first: Source, urls: Iterable[str]) -> list[Source]:
    """Return sources for mirrors; what is meant for the first URL's origin goes to no other."""
    network = run.network
    if request.entrusted is None:
        network = replace(network, headers=(), user=None, location_trusted=False)
        request = replace(request, headers=())
    places = map(parse_url, urls)
    return [first.sibling(place, Credentials(network, request, place)) for place in places]


def _sources(run: Run, request: Request, asked: Location) -> list[Source]:
    """Return a source for each URL."""
    first = Source(run.transport, asked, Credentials(run.network, request, asked))
    return [first, *(mirrors_of(run, request, first, request.mirrors) if request.mirrors else ())]


def _capped(transfer: TransferOptions, most: int) -> TransferOptions:
    """Return the options with no more connections than a list allows."""
    wanted = parse_connections(transfer.connections)._replace(most=most)
    return replace(transfer, connections=str(wanted))
