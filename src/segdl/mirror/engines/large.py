"""A large file that is brought in pieces: from its version to the digests of the whole."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.checksum import Claim
from segdl.core.hashing import can_hash
from segdl.core.identity import Match, compare
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.mirror.engines.asking import Asking, Terms
from segdl.mirror.engines.orders import Filled, Order, Piece, Seen
from segdl.mirror.engines.pieced import Pieced
from segdl.mirror.work import Job
from segdl.progress.events import Progress, SegmentState, Started


class DiffersError(Exception):
    """What came is not of one version."""


class LargeFile:
    """One version of a large file. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        asking: makes the file's orders.
        job: the file.
        number: its number, for events.
        seen: what its server has.
        salt: tells versions apart that their server does not.
        put: takes orders, and the seconds before which they may not go out.

    Attributes:
        pieced: what is there.
        claims: the digests that it must have, those that can be computed.
        hexdigests: its digests, once everything is there that will be.
        fetched: bytes that came.

    Raises:
        DiskError: no space, or it cannot be made.
    """

    def __init__(
        self,
        terms: Terms,
        asking: Asking,
        job: Job,
        number: int,
        seen: Seen,
        salt: str,
        put: Callable[[Order, float], None],
    ) -> None:
        self._terms = terms
        self._asking = asking
        self._number = number
        self._url = seen.url
        self._put = put
        # The pieces that are asked for, and how far they are.
        self._out: dict[int, tuple[Span, int]] = {}
        told = seen.version.digest
        listed = job.request.expected.claim
        claims = (listed, told if told and can_hash(told.checksum.algorithm) else None)
        self.claims: tuple[Claim, ...] = tuple(claim for claim in claims if claim is not None)
        self.hexdigests: dict[str, str] | None = None
        self.fetched = 0
        self.pieced = Pieced(terms.folder, job.row.path, seen.version, terms.least, salt)
        url, path = parse_url(job.request.url).public, str(terms.directory / job.row.path)
        held = self.pieced.count
        terms.run.emit(Started(number, url, path, self.pieced.size, held, 1))

    def begin(self) -> None:
        """Ask for what is missing.

        Raises:
            DiffersError: nothing is, and what is there does not fit.
            DiskError: the disk failed.
        """
        for span in self.pieced.missing():
            self._ask_for(span)
        self._look_whether_all_is_there()

    def _ask_for(self, span: Span, delay: float = 0.0) -> None:
        pieced = self.pieced
        self._out[span.start] = (span, 0)
        order = self._asking.for_piece(pieced.place, pieced.version, self._url, span)
        self._put(order, delay)

    def wants(self, order: Order) -> bool:
        """Tell whether an order for a piece is one of this version's, and still of interest."""
        return (
            isinstance(order, Piece)
            and order.span.start in self._out
            and order.place == self.pieced.place
        )

    def filled(self, order: Order, filled: Filled) -> None:
        """Take note that a piece is on the disk.

        Raises:
            DiffersError: with it everything is there, and does not fit.
            DiskError: the disk failed.
        """
        if self.wants(order):
            del self._out[filled.span.start]
            self._note(filled.span, filled.before)
            self._look_whether_all_is_there()

    def ask_for_rest(self, order: Piece, filled: Span | None, delay: float) -> None:
        """Ask for what a piece lacks that failed.

        Raises:
            DiskError: the disk failed.
        """
        del self._out[order.span.start]
        if filled is not None:
            self._note(filled)
        at = order.span.start if filled is None else filled.stop
        self._ask_for(Span(at, order.span.stop), delay)

    def _note(self, span: Span, before: tuple[tuple[int, bytes], ...] = ()) -> None:
        self.fetched += len(span)
        self.pieced.note(span, before)
        self._tell()

    def _look_whether_all_is_there(self) -> None:
        """Ask once more what the server has, where everything is there."""
        if self._out or self.pieced.missing():
            return
        at = self.pieced.first_mismatch()
        if at is not None:
            raise DiffersError(f"bytes at {at} differ between two answers")
        if self.fetched and self.pieced.version.proves:
            self._put(self._asking.to_look(), 0.0)
        else:
            self._hash()

    def confirm(self, seen: Seen) -> None:
        """Go on where the server has this version still.

        Raises:
            DiffersError: it has another now.
        """
        pinned, version = self.pieced.version, seen.version
        if pinned.etag is None:
            version = version.without_etag()
        # Mirrors have validators of their own.
        if seen.url == self._url and compare(pinned, version) is not Match.SAME:
            raise DiffersError("it is another now")
        self._hash()

    def _hash(self) -> None:
        algorithms = {claim.checksum.algorithm for claim in self.claims}
        if self._terms.sums:
            algorithms.add("sha256")
        if not algorithms:
            self.hexdigests = {}
            return
        place, size = self.pieced.place, self.pieced.size
        self._put(self._asking.to_hash(place, size, frozenset(algorithms)), 0.0)

    def hear(self, order: Piece, done: int) -> None:
        """Take note of how far a piece is, in bytes."""
        if self.wants(order):
            self._out[order.span.start] = (order.span, done)
            self._tell()

    def _tell(self) -> None:
        held = [SegmentState(s.start, s.stop, len(s), active=False) for s in self.pieced.held]
        # Those that wait for their turn are many, and nothing is to be seen of them.
        out = [
            SegmentState(span.start, span.stop, done, active=True)
            for span, done in self._out.values()
            if done
        ]
        states = tuple(sorted((*held, *out), key=lambda each: each.start))
        done = sum(each.done for each in states)
        self._terms.run.emit(Progress(self._number, done, self.pieced.size, states))
