"""What of a file is missing, and the segments that bring it."""

from __future__ import annotations

from segdl.core.plan import plan, segments_in_order
from segdl.core.selection import Selection, select, whole
from segdl.core.spans import OPEN
from segdl.engine.contact import Ranges
from segdl.engine.segment import Segment
from segdl.engine.site import Pin
from segdl.engine.supply import Supply
from segdl.engine.task import Task
from segdl.engine.versions import start_over
from segdl.errors import ServerError
from segdl.options import TransferOptions
from segdl.progress.events import Note
from segdl.progress.format import human_size
from segdl.store.workplace import Workplace

# Connections that a plan in order is made for where their number is still to be found.
_IN_ORDER = 8


def make_room(task: Task, place: Workplace, selection: Selection, supply: Supply) -> None:
    """Check for what is missing and what finishing takes, and have the layout ready.

    Raises:
        DiskError: no space, or no file of this size is allowed.
    """
    more: dict[int, int] = {}
    for segment in supply.live:
        more[segment.part] = more.get(segment.part, 0) + segment.stop - segment.start
    # With nothing to fetch, finishing finds out itself: where extents are shared it needs none.
    if more and selection.size != OPEN:
        place.target.require_space(*place.parts.space(selection.size, more))
    place.parts.prepare(selection.size, task.run.check_cancelled)


def selection_of(task: Task, pin: Pin) -> Selection:
    """Return which bytes of the remote file make the local one.

    Raises:
        ServerError: only some are wanted, and the server does not send ranges.
    """
    wanted = task.run.transfer.range
    if wanted is not None and pin.version.size == 0:
        return select(wanted, 0)
    if wanted is not None and pin.ranges is not Ranges.WORK:
        raise ServerError(
            f"{task.asked}: the server does not send ranges", hint="fetch it without --range"
        )
    return whole(OPEN) if pin.version.size is None else select(wanted, pin.version.size)


def supply_of(
    task: Task, place: Workplace, pin: Pin, selection: Selection, *, in_order: bool
) -> tuple[Supply, int]:
    """Plan what is missing; return it and the bytes that are there."""
    transfer = task.run.transfer
    sizes = place.parts.sizes()
    misfit = place.parts.misfit(selection.size)
    if misfit is not None:
        start_over(task, place, misfit)
        sizes = {}
    if pin.ranges is not Ranges.WORK:
        # Only one part can grow where only the whole file can be asked for.
        later = {start: size for start, size in sizes.items() if start}
        if any(later.values()):
            lost = f"{human_size(sum(later.values()))} fetched before cannot be used"
            task.run.emit(Note(task.number, f"the server does not send ranges any more: {lost}"))
        for start in later:
            place.parts.remove(start)
        at = sizes.get(0, 0)
        live = [Segment(at, selection.size, 0)] if at < selection.size else []
        return Supply(live, at), at
    spans = plan(
        selection.size,
        place.parts.held(),
        connections=segments_wanted(transfer, selection.size, in_order=in_order),
        min_split=transfer.min_split,
        cuts=selection.cuts,
    )
    ends = {start + size: start for start, size in sizes.items()}
    live = [Segment(span.start, span.stop, ends.get(span.start, span.start)) for span in spans]
    held = selection.size - sum(map(len, spans))
    return Supply(live, held, divisible=True), held


def segments_wanted(transfer: TransferOptions, size: int, *, in_order: bool) -> int:
    """Return how many segments to plan.

    Args:
        transfer: says how many connections there may be.
        size: bytes of the local file.
        in_order: its beginning is to come before its end.
    """
    if not in_order:
        return transfer.planned
    return segments_in_order(
        min(transfer.most, _IN_ORDER) if transfer.adaptive else transfer.most, size
    )
