"""Bytes of one version of a file, fetched by a worker into whatever takes them."""

from __future__ import annotations

from segdl.core.identity import Version
from segdl.core.selection import whole
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.contact import Ranges
from segdl.engine.fetching import Fetching
from segdl.engine.job import job_of
from segdl.engine.run import Run
from segdl.engine.segment import Segment
from segdl.engine.site import Pin, Site
from segdl.engine.sites import Sites
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.errors import SegdlError
from segdl.mirror.engines.answers import Differs, Failed
from segdl.mirror.engines.orders import Order
from segdl.store.parts import PartStore

_TOO_MANY = frozenset({429, 503})


def fetch_slice(
    run: Run, task: Task, span: Span, version: Version, parts: PartStore
) -> tuple[tuple[int, bytes], ...] | Differs:
    """Fetch the bytes of `span`; return what the server has just before them, by place.

    Or why what it sends is not of the version.

    Args:
        run: the surroundings.
        task: the request.
        span: the bytes.
        version: what every answer must be of; its size is known.
        parts: takes them.

    Raises:
        SegdlError: they cannot be had, or are not taken.
    """
    assert version.size is not None
    site = Site(source=task.source, gate=task.gate, pin=Pin(version, Ranges.WORK))
    job = job_of(task, site, whole(version.size), parts)
    supply = Supply([Segment(span.start, span.stop, span.start)], 0)
    sites = Sites(run, task.number, site, ())
    try:
        Fetching(run, job, sites, supply, number=task.number).fetch(None)
    except (ChangedError, UnrangedError, LiedError) as why:
        return Differs(str(why), task.sent)
    return tuple((at, data) for at, data in job.seams.kept() if at < span.start)


def failed(
    run: Run,
    order: Order,
    error: SegdlError,
    requests: int,
    *,
    progressed: bool,
    left: str | None = None,
    filled: Span | None = None,
) -> Failed:
    """Say that it failed, and whether the server has had enough of us.

    Args:
        run: the surroundings.
        order: what was wanted.
        error: why.
        requests: that this took.
        progressed: whether it brought anything.
        left: what can be gone on from.
        filled: bytes that are on the disk nevertheless.
    """
    gate = run.gates.of(parse_url(order.request.url).origin)
    refused = getattr(error, "status", None) in _TOO_MANY
    pause = gate.pause() if refused else 0.0
    return Failed(
        error,
        requests,
        progressed=progressed,
        refused=refused,
        pause=pause or None,
        left=left,
        filled=filled,
    )
