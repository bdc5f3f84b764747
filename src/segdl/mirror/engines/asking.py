"""The orders for one file: what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from segdl.engine.run import Run
from segdl.mirror.engines.orders import Camp, Head, Look
from segdl.mirror.happenings import Happening
from segdl.mirror.job import Job
from segdl.options import NetworkOptions, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all files of a run have in common.

    Attributes:
        run: the driver's surroundings.
        network: what workers reach servers by.
        camp: where workers meet.
        least: bytes of a piece, at least.
        sums: whether the SHA-256 of each file is wanted.
        say: takes what happens.
    """

    run: Run
    network: NetworkOptions
    camp: Camp
    least: int
    sums: bool
    say: Callable[[Happening], None]


class Asking:
    """Makes orders. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        job: the file.
        number: its number.
    """

    def __init__(self, terms: Terms, job: Job, number: int) -> None:
        self._terms = terms
        self._job = job
        self._number = number
        # Tries without progress are the driver's to count: a worker tries once.
        self._transfer = replace(job.transfer, connections=1, retries=1, layout="parts")
        self._attempts = 0

    def head(self) -> Head:
        """Return what another order begins with."""
        self._attempts += 1
        return Head(
            number=self._number,
            attempt=self._attempts,
            camp=self._terms.camp,
            network=self._terms.network,
            transfer=self._transfer,
        )

    def to_look(self) -> Look:
        """Return an order to find out what the server has."""
        return Look(head=self.head(), request=self._job.request)


def only(request: Request, url: int) -> Request:
    """Return the request for one of its URLs; mirrors get nothing that is meant for the first."""
    urls = (request.url, *request.mirrors)
    stranger = url > 0 and request.entrusted is None
    return replace(
        request,
        url=urls[url],
        mirrors=(),
        headers=() if stranger else request.headers,
        entrusted="" if stranger else request.entrusted,
    )
