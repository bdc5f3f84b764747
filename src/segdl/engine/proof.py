"""Whether a mirror holds the file that is being fetched: nothing it sends counts before."""

from __future__ import annotations

import random
from collections.abc import Iterator

from segdl.core.identity import Match, Version, compare
from segdl.core.spans import Span
from segdl.core.verdict import Accept, Fail, Refused, Retry, Verdict, judge
from segdl.engine.contact import Ranges
from segdl.engine.job import Job
from segdl.engine.site import Pin, Site
from segdl.errors import NetworkError, ServerError
from segdl.net.failures import TransferError
from segdl.net.wire import Wire

SAMPLE = 4096
_SAMPLES = 3


class NotTheSameError(Exception):
    """The mirror holds another file, or cannot send pieces of it; its text says how."""


class OriginFailedError(Exception):
    """The origin did not answer with what a mirror was to be held against: `failure` is how."""

    def __init__(self, failure: TransferError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def prove(job: Job, mirror: Site, wire: Wire) -> Pin:
    """Return what responses of a mirror must be of, once it was shown to hold the same file.

    The same size, and equal bytes at places that it cannot foresee: one where it has the
    origin's own validator, several and the end where it has not. What is on disk is not
    asked of the origin again.

    Args:
        job: what is being fetched.
        mirror: the coordinator passed its gate.
        wire: what the coordinator aborts this by.

    Raises:
        NotTheSameError: it does not hold the file.
        TransferError: it did not answer.
        OriginFailedError: nobody knows, as the origin did not.
    """
    size = job.origin.pin.version.size
    assert size
    version: Version | None = None
    for place in _places(size):
        theirs, seen = _sample(mirror, place, wire)
        if seen.size != size:
            raise NotTheSameError(f"it has {seen.size} bytes, not {size}")
        if version is not None and compare(version, seen) is Match.DIFFERENT:
            raise NotTheSameError("it changes")
        version = seen if version is None or version.etag == seen.etag else seen.without_etag()
        ours = job.parts.read(place) if job.selection.is_whole else None
        if ours is None:
            ours = _sample_of_origin(job.origin, place, wire)
        if ours != theirs:
            raise NotTheSameError(f"its bytes at {place.start} differ")
        if _same_validator(job.origin.pin.version, seen):
            break
    assert version is not None
    return Pin(version, Ranges.WORK)


def _places(size: int) -> Iterator[Span]:
    length = min(SAMPLE, size)
    for _ in range(_SAMPLES):
        start = random.randrange(size - length + 1)  # noqa: S311 - no secret depends on it
        yield Span(start, start + length)
    yield Span(size - length, size)


def _same_validator(ours: Version, theirs: Version) -> bool:
    same_tag = ours.strong_etag is not None and ours.strong_etag == theirs.strong_etag
    same_time = ours.last_modified is not None and ours.last_modified == theirs.last_modified
    return same_tag or (same_time and ours.etag is None)


def _sample(site: Site, place: Span, wire: Wire) -> tuple[bytes, Version]:
    """Fetch a few bytes of the remote file."""
    exchange = site.source.open(wire, place)
    try:
        verdict = judge(place, exchange.head, None, site.name)
        if not isinstance(verdict, Accept):
            raise _refusal(site, verdict)
        data = b""
        while len(data) < len(place) and (more := exchange.read(len(place) - len(data))):
            data += more
        if len(data) < len(place):
            raise TransferError(
                NetworkError(f"{site.name}: connection closed early", trouble="closed")
            )
        exchange.finish()
        return data, exchange.head.version
    finally:
        exchange.close()


def _sample_of_origin(origin: Site, place: Span, wire: Wire) -> bytes:
    try:
        return _sample(origin, place, wire)[0]
    except TransferError as failure:
        raise OriginFailedError(failure) from failure


def _refusal(site: Site, verdict: Verdict) -> TransferError:
    if isinstance(verdict, Refused):
        return TransferError(verdict.error, refused=True)
    if isinstance(verdict, Retry):
        return TransferError(verdict.error)
    if isinstance(verdict, Fail):
        return TransferError(verdict.error, fatal=True)
    why = "it does not send ranges" if isinstance(verdict, Accept) else verdict.why
    return TransferError(ServerError(f"{site.name}: {why}"), fatal=True)
