"""One request for the rest of one segment, streamed into its part file."""

from __future__ import annotations

import time

from segdl.core.spans import OPEN, Span
from segdl.core.verdict import Accept, Denied, Refused, Unranged, Verdict, judge
from segdl.core.verdict import beside as judge_beside
from segdl.engine.busy import note_refusal
from segdl.engine.contact import Ranges
from segdl.engine.flow import flow
from segdl.engine.job import Job, first_difference
from segdl.engine.outcome import Broken, Crash, Mismatch, Opened, Outcome, Rest, Streamed, TakenBack
from segdl.engine.segment import Segment
from segdl.engine.site import Site
from segdl.errors import DiskError, SegdlError
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.store.part import PartFile, TakenBackError

# How much is fetched twice and compared where bytes of two responses meet.
OVERLAP = 4096
_LEAST_OVERLAP = 64


def attempt(
    job: Job, site: Site, segment: Segment, wire: Wire, *, opened: Opened | None
) -> Outcome:
    """Fetch what `segment` still lacks, up to `until`, with one request.

    It begins a little before, and ends a little behind where another run goes on, and
    compares: validators are only as good as the server that makes them up.

    Args:
        job: what all attempts share.
        site: where to ask.
        segment: what to fetch; its `position` follows the bytes on disk.
        wire: what the coordinator aborts this by.
        opened: a response that brings the beginning of the segment.
    """
    streaming = opened is not None
    asked = site.source.asked.origin
    refused: Refused | None = None
    rest: Rest | None = None
    try:
        if opened is None:
            exchange, answer = _ask(job, site, segment, wire)
            if not isinstance(answer, Accept):
                if isinstance(answer, Refused):
                    refused = answer = answer.said_by(exchange.location.origin, asked)
                return answer
            site.gate.answered(exchange.waited)
            streaming = True
        else:
            exchange, answer = opened
            exchange.hand_over(wire)
        segment.heard = True
        # The coordinator watches how fast it comes.
        wire.wait_without_limit()
        try:
            outcome = _stream(job, site, segment, exchange, answer)
            rest = outcome.rest if isinstance(outcome, Streamed) else None
            return outcome
        finally:
            if rest is None:
                exchange.close()
    except TransferError as failure:
        if isinstance(failure.error, DiskError):
            # Not the server's fault: no other one would do better.
            return Crash(failure.error)
        unheard = not streaming and not failure.fatal and not wire.aborted
        if unheard and (failure.refused or site.gate.streaming):
            # No answer while others stream: the server takes no more connections.
            refused = Refused(None, failure.error)
            return refused
        return Broken(failure)
    except (SegdlError, MemoryError) as error:
        return Crash(error)
    finally:
        if refused is None and rest is None:
            site.gate.closed(was_streaming=streaming)
        elif refused is not None:
            delay = job.delay(segment.tries + 2)
            note_refusal(job.gates, asked, refused, delay, known=segment.again)


def _ask(job: Job, site: Site, segment: Segment, wire: Wire) -> tuple[Exchange, Verdict | Denied]:
    begin = segment.position
    lead = _lead(job, segment)
    whole_will_do = site.pin.ranges is not Ranges.WORK
    if site.pin.ranges is Ranges.BROKEN or (whole_will_do and begin == 0):
        asked = None
    else:
        stop = min(segment.until, segment.stop)
        tail = _tail(job, stop) if stop == segment.stop else 0
        asked = job.selection.remote(Span(begin - lead, stop + tail))
    condition = site.pin.version.strong_etag if segment.conditional and not whole_will_do else None
    exchange = site.source.open(wire, asked, if_range=condition)
    verdict = judge(
        asked,
        exchange.head,
        site.pin.version,
        str(exchange.location),
        whole_will_do=whole_will_do,
    )
    if not isinstance(verdict, Accept):
        exchange.close()
    return exchange, judge_beside(verdict) if segment.beside else verdict


def _lead(job: Job, segment: Segment) -> int:
    """Return how many bytes before the segment's position to compare.

    They are in one piece with it in the remote file, and fewer where attempts bring little:
    some servers send no more than a few KiB at a time.
    """
    begin = segment.position
    room = begin - max(cut for cut in job.selection.cuts if cut <= begin)
    share = max(_LEAST_OVERLAP, segment.brought // 16) if segment.brought else OVERLAP
    return min(OVERLAP >> min(2 * segment.tries, 8), share, room)


def _tail(job: Job, stop: int) -> int:
    """Return how many bytes from `stop` on to compare: those that another run fetched."""
    if stop == OPEN:
        return 0
    room = min(OVERLAP, min(cut for cut in job.selection.cuts if cut >= stop) - stop)
    return room if room and job.parts.read(Span(stop, stop + room)) is not None else 0


def _stream(job: Job, site: Site, segment: Segment, exchange: Exchange, accept: Accept) -> Outcome:
    """Compare what was fetched twice, and append the rest to the part."""
    shift = _shift(job, segment.position)
    lead = Span(accept.start - shift, segment.position)
    stop = OPEN if accept.stop is None else accept.stop - shift
    mismatch = _compare(job, site, segment, exchange, Span(lead.start, min(lead.stop, stop)))
    if mismatch is not None:
        return Mismatch(mismatch)
    part = job.parts.open(segment.part)
    try:
        if part.stop != segment.position:
            # A thread that was told to stop wrote a little more: go on behind that.
            segment.position = part.stop
            return Broken(exchange.closed_early())
        first, planned = part.size, segment.stop
        came = segment.position + _append(segment, part, exchange, stop, job.chunk)
        goes_on = segment.complete and stop - came > OVERLAP and stop < OPEN
        if segment.stop < min(planned, stop) or goes_on:
            # Who follows compares where the two meet.
            answer = accept._replace(start=came + shift)
            return Streamed(rest=Rest(exchange, answer, came) if goes_on else None)
        if segment.stop == OPEN == stop:
            return Streamed(end=segment.position, proved=exchange.framed)
        if segment.position < min(stop, segment.stop):
            return Broken(exchange.closed_early())
        if segment.position < stop < OPEN:
            tail = Span(segment.stop, min(stop, segment.stop + OVERLAP))
            mismatch = _compare(job, site, segment, exchange, tail)
            if mismatch is not None:
                return Mismatch(mismatch)
            if tail.stop == stop and exchange.sized:
                exchange.finish()
            return Streamed()
        if segment.position == min(stop, segment.stop):
            if not exchange.sized and exchange.read(1):
                part.cut(first)
                segment.position = part.stop
                return Unranged("the server sends more than the range that it announces")
            exchange.finish()
        whole = segment.stop == OPEN and segment.position == exchange.head.version.size
        return Streamed(end=segment.position if whole else None, lasts=exchange.lasts)
    except TakenBackError:
        segment.position = part.stop
        segment.storing = False
        return TakenBack()
    finally:
        job.parts.release(part)


def _shift(job: Job, position: int) -> int:
    """Return how far a place in the remote file is from its place in the local one."""
    return job.selection.remote(Span(position, position)).start - position


def _append(segment: Segment, part: PartFile, exchange: Exchange, stop: int, chunk: int) -> int:
    """Stream into the part until the segment ends, or the response; return what came."""
    came = 0
    working = segment.spent - time.thread_time()
    with flow(exchange, part, chunk) as bytes_on_their_way:
        # segment.stop is read anew each time: it may shrink when another connection takes over.
        while (room := min(segment.stop, stop) - segment.position) > 0:
            count = bytes_on_their_way.take(room)
            if not count:
                break
            came += count
            segment.received += count
            segment.storing = True
            bytes_on_their_way.store()
            segment.position = part.stop
            segment.storing = False
            segment.spent = working + time.thread_time()
    return came


def _compare(job: Job, site: Site, segment: Segment, exchange: Exchange, twice: Span) -> int | None:
    """Read the bytes of `twice` and return where they differ from those on disk, if they do."""
    at = twice.start
    while at < twice.stop:
        # What is compared at once must be in one part.
        edge = segment.part if at < segment.part else twice.stop
        data = exchange.read(min(job.chunk, edge - at, twice.stop - at))
        segment.received += len(data)
        if not data and exchange.framed:
            # The file is shorter than what is held of it.
            return at
        if not data:
            raise exchange.closed_early()
        held = job.parts.read(Span(at, at + len(data)))
        if held is None:
            job.seams.keep(at, data, site)
        elif held != data:
            return at + first_difference(held, data)
        at += len(data)
    return None
