"""Files that workers bring to the mirror's folder, which all of them see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from segdl.core.cutting import is_large
from segdl.core.mirrorneed import Need
from segdl.core.spans import Span
from segdl.errors import ChecksumMismatchError
from segdl.mirror.aside import kept_as
from segdl.mirror.engines.answers import Brought, Failed, Hashed, Seen, Told
from segdl.mirror.engines.asking import Terms, only
from segdl.mirror.engines.camp import pitch, strike
from segdl.mirror.engines.large import LargeFile
from segdl.mirror.engines.orders import Camp, Hash, Order, Piece, Whole
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.engines.pieced import Pieced
from segdl.mirror.engines.receiving import Landing, receive, receive_pieced, set_brought_aside
from segdl.mirror.job import Job
from segdl.mirror.stat import stat_of
from segdl.mirror.work import Work
from segdl.results import DownloadResult
from segdl.store.faults import shown
from segdl.store.target import Target


class FolderDepot:
    """The mirror's folder: see `Depot`.

    Args:
        folder: where files are that are not whole yet.
        directory: the mirror.
        work: does here what needs no server.
    """

    def __init__(self, folder: Path, directory: Path, work: Work) -> None:
        self._folder = folder
        self._directory = directory.absolute()
        self._work = work

    @contextmanager
    def camp(self, *, topics: bool) -> Iterator[Camp]:
        """Have a folder meanwhile where the workers meet."""
        camp = pitch(self._folder, topics=topics)
        try:
            yield camp
        finally:
            strike(camp)

    def fresh(self, camp: Camp) -> Camp:
        """Return the camp: a folder stays as it is."""
        return camp

    def parcel(self, terms: Terms, job: Job, number: int) -> Parcel:
        """Begin with a file."""
        landing = Landing(terms.run, terms.camp.folder, self._directory, self._work)
        return _ToFolder(terms, landing, self._folder, job, number)

    def pause(self) -> float:
        """Return 0: a folder is always there."""
        return 0.0

    def given_up(self) -> None:
        """Return None, as `pause` says."""


class _ToFolder(Parcel):
    def __init__(self, terms: Terms, landing: Landing, folder: Path, job: Job, number: int) -> None:
        self._landing = landing
        self._folder = folder
        self._path = landing.directory / job.row.path
        super().__init__(terms, job, number, shown(self._path))
        left = os.path.isdir(Target(self._path).workplace)
        if job.row.need is Need.READ or job.twins or left:
            self.errand = self._at_hand
        else:
            self._begin()

    def _at_hand(self) -> DownloadResult | None:
        """Do without workers, if that can be done; what a local run began is ended here, too."""
        work, run = self._landing.work, self._terms.run
        result = work.at_hand(run, self.job)
        if result is None and os.path.isdir(Target(self._path).workplace):
            result = work.fetch(run, self.job, self.number)
        return None if result is None else work.ended(run, self.job, result)

    def _begin(self) -> None:
        listed = self.job.row.listed.size
        if listed is not None and is_large(listed, self._terms.least):
            self.ready.append(self._asking.to_look())
        else:
            self.ready.append(self._whole())

    def _whole(
        self, *, left: str | None = None, however_large: bool = False, anyway: bool = False
    ) -> Whole:
        """Return an order for the whole file.

        Args:
            left: what an attempt left, to go on from.
            however_large: it is not to be cut.
            anyway: it is wanted whatever a worker sees in its place.
        """
        return Whole(
            head=self._asking.head(),
            request=self._landing.work.asking(self.job.row, self.job.request),
            path=self._path,
            seen=stat_of(self._path),
            anyway=anyway,
            left=left,
            most=None if however_large else 2 * self._terms.least,
            sha256=self._terms.sums,
        )

    def _again_whole(self, order: Order, failed: Failed | None) -> Order:
        if not isinstance(order, Whole):
            return order
        however_large = order.most is None
        if failed is None:
            return self._whole(however_large=however_large, anyway=True)
        return self._whole(left=failed.left, however_large=however_large)

    def _failed(self, order: Order, failed: Failed) -> None:
        error = failed.error
        if isinstance(error, ChecksumMismatchError) and failed.left is not None:
            held = set_brought_aside(self._landing, self.job, failed.left)
            if held is not None:
                error.resolve(kept_as(held))
        super()._failed(order, failed)

    def _brought(self, order: Order, told: Told) -> None:
        del order
        if isinstance(told, Brought):
            self._requests += told.result.requests
            result = replace(told.result, requests=self._requests)
            self.errand = partial(receive, self._landing, self.job, replace(told, result=result))
        elif isinstance(told, Hashed) and self._large is not None:
            self._name(self._large, told.hexdigests)

    # -- large files --

    def _begin_large(self, seen: Seen) -> None:
        size, least = seen.version.size, self._terms.least
        if not seen.ranged or size is None or not is_large(size, least):
            self.ready.append(self._whole(however_large=True))
            return
        # A server that does not tell two versions apart tells no difference where they meet.
        salt = "" if seen.version.proves else "+" * self._restarts
        pieced = Pieced(self._folder, self.job.row.path, seen.version, least, salt)

        def ask(span: Span, url: int) -> Piece:
            return Piece(
                head=self._asking.head(),
                request=only(self.job.request, url),
                place=pieced.place,
                span=span,
                version=pieced.version,
            )

        self._pieced = pieced
        self._go_on_in_pieces(seen, pieced, ask)

    def _give_up_pieces(self, large: LargeFile) -> None:
        del large
        self._pieced.forget()

    def _all_is_there(self, large: LargeFile) -> None:
        if not large.algorithms:
            self._name(large, {})
            return
        order = Hash(
            head=self._asking.head(),
            request=self.job.request,
            place=self._pieced.place,
            size=self._pieced.size,
            algorithms=large.algorithms,
        )
        self._put(order, 0.0)

    def _name(self, large: LargeFile, hexdigests: dict[str, str]) -> None:
        result = self._result(large.pieced.version, large.fetched)
        self.errand = partial(
            receive_pieced,
            self._landing,
            self.job,
            self._pieced,
            large.claims,
            hexdigests,
            result,
        )
