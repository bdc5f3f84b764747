"""The orders for one file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from segdl.core.identity import Version
from segdl.core.spans import Span
from segdl.engine.run import Run
from segdl.mirror.engines.orders import Camp, Hash, Head, Look, Piece, Whole
from segdl.mirror.stat import stat_of
from segdl.mirror.work import Job, Work
from segdl.options import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all files of a run have in common.

    Attributes:
        run: the driver's surroundings.
        camp: where workers meet.
        folder: where files are that are not whole yet.
        directory: the mirror.
        least: bytes of a piece, at least.
        sums: whether the SHA-256 of each file is wanted.
        work: does here what needs no server.
    """

    run: Run
    camp: Camp
    folder: Path
    directory: Path
    least: int
    sums: bool
    work: Work


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

    def _head(self) -> Head:
        self._attempts += 1
        return Head(
            number=self._number,
            attempt=self._attempts,
            camp=self._terms.camp,
            network=self._terms.run.network,
            transfer=self._transfer,
        )

    def for_whole(
        self, *, left: str | None = None, however_large: bool = False, anyway: bool = False
    ) -> Whole:
        """Return an order for the whole file.

        Args:
            left: what an attempt left, to go on from.
            however_large: it is not to be cut.
            anyway: it is wanted whatever a worker sees in its place.
        """
        path = self._terms.directory / self._job.row.path
        held = self._terms.work.held(self._job.row)
        return Whole(
            head=self._head(),
            request=replace(self._job.request, held=held),
            path=path,
            seen=stat_of(path),
            anyway=anyway,
            left=left,
            most=None if however_large else 2 * self._terms.least,
            sha256=self._terms.sums,
        )

    def to_look(self) -> Look:
        """Return an order to find out what the server has."""
        return Look(head=self._head(), request=self._job.request)

    def for_piece(self, place: Path, version: Version, url: int, span: Span) -> Piece:
        """Return an order for some bytes of a version, from one of the file's URLs."""
        return Piece(
            head=self._head(),
            request=_only(self._job.request, url),
            place=place,
            span=span,
            version=version,
        )

    def to_hash(self, place: Path, size: int, algorithms: frozenset[str]) -> Hash:
        """Return an order for digests of a file that is there."""
        return Hash(
            head=self._head(),
            request=self._job.request,
            place=place,
            size=size,
            algorithms=algorithms,
        )


def _only(request: Request, url: int) -> Request:
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
