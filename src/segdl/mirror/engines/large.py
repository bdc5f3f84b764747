"""A large file that is brought in pieces: from its version to the digests of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from segdl.core.checksum import Claim
from segdl.core.hashing import can_hash
from segdl.core.identity import Match, Version, compare
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.run import Run
from segdl.mirror.engines.answers import Filled, Seen
from segdl.mirror.engines.asking import Asking
from segdl.mirror.engines.orders import Order, Slice
from segdl.mirror.job import Job
from segdl.progress.events import Progress, SegmentState, Started


class DiffersError(Exception):
    """What came is not of one version."""


class Pieces(Protocol):
    """What is there of one version of a file, and what is not."""

    version: Version
    size: int

    @property
    def held(self) -> list[Span]:
        """What is there, in order."""

    @property
    def count(self) -> int:
        """Bytes that are there."""

    def missing(self) -> list[Span]:
        """Return the pieces to fetch, in order."""

    def note(self, filled: Filled) -> None:
        """Take note of bytes that are there.

        Raises:
            DiskError: the disk failed.
        """

    def first_mismatch(self) -> int | None:
        """Return where two pieces that meet do not fit; None where all do.

        Raises:
            DiskError: the disk failed.
        """

    def close(self) -> None:
        """Let go of it; what is there stays."""


class LargeFile:
    """One version of a large file. The driver's thread owns it.

    Args:
        run: the driver's surroundings.
        asking: makes the file's orders.
        job: the file.
        number: its number, for events.
        name: what events call it.
        seen: what its server has.
        pieced: what is there.
        wanted: of digests that are wanted, whether or not anything tells them.
        ask: makes an order for bytes, from one of the file's URLs.
        put: takes orders, and the seconds before which they may not go out.

    Attributes:
        pieced: what is there.
        claims: the digests that it must have, those that can be computed.
        algorithms: of all digests that are wanted.
        fetched: bytes that came.
    """

    def __init__(
        self,
        run: Run,
        asking: Asking,
        job: Job,
        number: int,
        name: str,
        seen: Seen,
        pieced: Pieces,
        *,
        wanted: frozenset[str],
        ask: Callable[[Span, int], Slice],
        put: Callable[[Order, float], None],
    ) -> None:
        self._run = run
        self._asking = asking
        self._number = number
        self._url = seen.url
        self._ask = ask
        self._put = put
        # The pieces that are asked for, by where they begin: the order's number, and how far.
        self._out: dict[int, tuple[int, Span, int]] = {}
        self._whole = False
        self.claims = claims_of(job, seen)
        self.algorithms = wanted | {claim.checksum.algorithm for claim in self.claims}
        self.fetched = 0
        self.pieced = pieced
        url = parse_url(job.request.url).public
        run.emit(Started(number, url, name, pieced.size, pieced.count, 1))

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
        order = self._ask(span, self._url)
        self._out[span.start] = (order.head.attempt, span, 0)
        self._put(order, delay)

    def wants(self, order: Order) -> bool:
        """Tell whether an order for a piece is one of this version's, and still of interest."""
        if not isinstance(order, Slice):
            return False
        attempt, _, _ = self._out.get(order.span.start, (0, None, 0))
        return attempt == order.head.attempt

    def filled(self, order: Order, filled: Filled) -> None:
        """Take note that a piece is on the disk.

        Raises:
            DiffersError: with it everything is there, and does not fit.
            DiskError: the disk failed.
        """
        if self.wants(order):
            del self._out[filled.span.start]
            self._note(filled)
            self._look_whether_all_is_there()

    def ask_for_rest(self, order: Slice, filled: Span | None, delay: float) -> None:
        """Ask for what a piece lacks that failed.

        Raises:
            DiskError: the disk failed.
        """
        del self._out[order.span.start]
        if filled is not None:
            self._note(Filled(filled, (), 0))
        at = order.span.start if filled is None else filled.stop
        self._ask_for(Span(at, order.span.stop), delay)

    def _note(self, filled: Filled) -> None:
        self.fetched += len(filled.span)
        self.pieced.note(filled)
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
            self._whole = True

    def is_whole(self) -> bool:
        """Tell once that all is there, of one version."""
        whole, self._whole = self._whole, False
        return whole

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
        self._whole = True

    def hear(self, order: Slice, done: int) -> None:
        """Take note of how far a piece is, in bytes."""
        if self.wants(order):
            self._out[order.span.start] = (order.head.attempt, order.span, done)
            self._tell()

    def _tell(self) -> None:
        held = [SegmentState(s.start, s.stop, len(s), active=False) for s in self.pieced.held]
        # Those that wait for their turn are many, and nothing is to be seen of them.
        out = [
            SegmentState(span.start, span.stop, done, active=True)
            for _, span, done in self._out.values()
            if done
        ]
        states = tuple(sorted((*held, *out), key=lambda each: each.start))
        done = sum(each.done for each in states)
        self._run.emit(Progress(self._number, done, self.pieced.size, states))


def claims_of(job: Job, seen: Seen) -> tuple[Claim, ...]:
    """Return the digests that a file must have, those that can be computed: the list's first."""
    told = seen.version.digest
    servers = told if told and can_hash(told.checksum.algorithm) else None
    return tuple(claim for claim in (job.request.expected.claim, servers) if claim is not None)
