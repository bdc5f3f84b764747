"""One request for the rest of one segment, streamed into its part file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from segdl.core.identity import Version
from segdl.core.selection import Selection
from segdl.core.spans import OPEN, Span
from segdl.core.verdict import Accept, Refused, Unranged, Verdict, judge
from segdl.engine.contact import Ranges
from segdl.engine.gate import Gate
from segdl.engine.segment import Broken, Crash, Mismatch, Outcome, Segment, Streamed
from segdl.errors import NetworkError, SegdlError
from segdl.net.failures import TransferError
from segdl.net.source import Source
from segdl.net.transport import Exchange
from segdl.net.wire import Wire
from segdl.store.parts import PartFile, PartStore

# What one read may bring. More costs memory, less costs CPU.
CHUNK = 256 * 1024
# How much is fetched twice and compared where bytes of two responses meet.
OVERLAP = 4096


@dataclass(slots=True)
class Seams:
    """Bytes that came before a segment's start, for when its neighbour is there.

    `_lock` owns `_pending`.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: dict[int, bytes] = field(default_factory=dict)

    def keep(self, start: int, data: bytes) -> None:
        """Remember that the file has `data` at `start`."""
        with self._lock:
            self._pending[start] = data

    def first_mismatch(self, parts: PartStore) -> int | None:
        """Return where what is there differs from what was remembered; None if nowhere."""
        with self._lock:
            pending = sorted(self._pending.items())
        for start, data in pending:
            held = parts.read(Span(start, start + len(data)))
            if held is not None and held != data:
                return start
        return None


@dataclass(slots=True, kw_only=True)
class Job:
    """What the attempts at one version of a file have in common.

    Only the coordinator changes it, and only between attempts, but for `seams`, which
    locks itself.

    Attributes:
        source: where the bytes come from.
        parts: where they go.
        gate: the origin's door; the coordinator passed it before it starts an attempt.
        selection: which bytes of the remote file make the local one.
        version: the version that every response must be of.
        ranges: whether parts of the file can be asked for.
        conditional: send If-Range where there is a strong ETag.
        overlap_always: compare overlaps at every seam, for versions that prove nothing.
        delay: seconds to wait after a refusal that names no time.
        seams: overlaps to compare later.
    """

    source: Source
    parts: PartStore
    gate: Gate
    selection: Selection
    version: Version
    ranges: Ranges
    conditional: bool = True
    overlap_always: bool = False
    delay: Callable[[], float]
    seams: Seams = field(default_factory=Seams)


# A response that is there already, and which bytes it brings.
Opened: TypeAlias = tuple[Exchange, Accept]


def attempt(
    job: Job, segment: Segment, wire: Wire, *, overlap: bool, opened: Opened | None
) -> Outcome:
    """Fetch what `segment` still lacks with one request.

    Args:
        job: what all attempts share.
        segment: what to fetch; its `position` follows the bytes on disk.
        wire: what the coordinator aborts this by.
        overlap: begin a little before, and compare.
        opened: a response that brings the beginning of the segment.
    """
    streaming = opened is not None
    refused: Refused | TransferError | None = None
    try:
        if opened is None:
            exchange, answer = _ask(job, segment, wire, overlap=overlap)
            if not isinstance(answer, Accept):
                refused = answer if isinstance(answer, Refused) else None
                return answer
            job.gate.answered()
            streaming = True
        else:
            exchange, answer = opened
            exchange.hand_over(wire)
        try:
            return _stream(job, segment, exchange, answer)
        finally:
            exchange.close()
    except TransferError as failure:
        refused = failure if failure.refused else None
        return Broken(failure)
    except (SegdlError, MemoryError) as error:
        return Crash(error)
    finally:
        if refused is None or streaming:
            job.gate.closed(was_streaming=streaming)
        else:
            job.gate.refused(getattr(refused, "after", None), job.delay())


def _ask(job: Job, segment: Segment, wire: Wire, *, overlap: bool) -> tuple[Exchange, Verdict]:
    begin = segment.position
    lead = _lead(job.selection, begin) if overlap else 0
    whole_will_do = job.ranges is not Ranges.WORK
    if job.ranges is Ranges.BROKEN or (whole_will_do and begin == 0):
        asked = None
    else:
        asked = job.selection.remote(Span(begin - lead, segment.stop))
    condition = job.version.strong_etag if job.conditional and not whole_will_do else None
    exchange = job.source.open(wire, asked, if_range=condition)
    verdict = judge(
        asked,
        exchange.head,
        job.version,
        str(exchange.location),
        whole_will_do=whole_will_do,
    )
    if not isinstance(verdict, Accept):
        exchange.close()
    return exchange, verdict


def _lead(selection: Selection, begin: int) -> int:
    """Return how many bytes before `begin` the remote file has in one piece with it."""
    return min(OVERLAP, begin - max(cut for cut in selection.cuts if cut <= begin))


def _stream(job: Job, segment: Segment, exchange: Exchange, accept: Accept) -> Outcome:
    """Compare what was fetched twice, and append the rest to the part."""
    at = accept.start - _shift(job, segment.position)
    mismatch = _compare(job, exchange, Span(at, segment.position))
    if mismatch is not None:
        return Mismatch(mismatch)
    stop = None if accept.stop is None else accept.stop - _shift(job, segment.position)
    part = job.parts.open(segment.part)
    try:
        first = part.size
        _append(segment, part, exchange, stop)
        if stop is None:
            return Streamed(end=segment.position, proved=exchange.framed)
        if segment.position < min(stop, segment.stop):
            return Broken(
                TransferError(NetworkError(f"{exchange.location}: connection closed early"))
            )
        if segment.position == stop:
            if not exchange.sized and exchange.read(1):
                part.cut(first)
                segment.position = part.stop
                return Unranged("the server sends more than the range that it announces")
            exchange.finish()
        return Streamed()
    finally:
        job.parts.release(part)


def _shift(job: Job, position: int) -> int:
    """Return how far a place in the remote file is from its place in the local one."""
    return job.selection.remote(Span(position, position)).start - position


def _append(segment: Segment, part: PartFile, exchange: Exchange, stop: int | None) -> None:
    # segment.stop is read anew each time: it may shrink when another connection takes over.
    while (room := min(segment.stop, OPEN if stop is None else stop) - segment.position) > 0:
        data = exchange.read(min(CHUNK, room))
        if not data:
            return
        part.append(data)
        segment.position = part.stop


def _compare(job: Job, exchange: Exchange, lead: Span) -> int | None:
    """Read the bytes of `lead` and return where they differ from those on disk, if they do."""
    at = lead.start
    while at < lead.stop:
        data = exchange.read(min(CHUNK, lead.stop - at))
        if not data:
            raise TransferError(NetworkError(f"{exchange.location}: connection closed early"))
        held = job.parts.read(Span(at, at + len(data)))
        if held is None:
            job.seams.keep(at, data)
        elif held != data:
            return at
        at += len(data)
    return None
