"""Whether a server has what is here already: a few KiB of it are fetched again, and compared."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping

from segdl.core.selection import Selection
from segdl.core.spans import Span
from segdl.engine.contact import Ranges
from segdl.engine.task import Task

# Bytes of one sample.
SAMPLE = 4096
_UNFORESEEABLE = 6


def before(selection: Selection, stop: int, start: int = 0) -> Span:
    """Return the sample that ends at `stop`: it begins at `start` at the earliest.

    The remote file has its bytes in one piece.
    """
    piece = max(cut for cut in selection.cuts if cut < max(stop, 1))
    return Span(max(piece, start, stop - SAMPLE), stop)


def samples_of(selection: Selection, parts: Mapping[int, int]) -> list[Span]:
    """Return samples of parts: where they begin, where they end, and some that none foresees.

    Args:
        selection: which bytes of the remote file make the local one.
        parts: the size of each part by where it starts.
    """
    held = [Span(start, start + size) for start, size in sorted(parts.items()) if size]
    if not held:
        return []
    first, last = held[0], held[-1]
    stops = [(first, min(first.start + SAMPLE, first.stop)), (last, last.stop)]
    chosen = random.choices(held, [len(part) for part in held], k=_UNFORESEEABLE)  # noqa: S311
    stops += [(part, random.randrange(part.start, part.stop) + 1) for part in chosen]  # noqa: S311
    return list(dict.fromkeys(before(selection, stop, part.start) for part, stop in stops))


def same_there(
    task: Task,
    selection: Selection,
    samples: Iterable[Span],
    read: Callable[[Span], bytes | None],
) -> bool:
    """Tell whether the server that is asked has the same bytes.

    Args:
        task: says whom to ask.
        selection: which bytes of the remote file make the local one.
        samples: places in the local file.
        read: returns what is here; None where that cannot be told.

    Raises:
        SegdlError: it does not answer.
    """
    return all(_is_same(task, selection.remote(each), read(each)) for each in samples)


def _is_same(task: Task, remote: Span, held: bytes | None) -> bool:
    if held is None:
        return False
    contact = task.contacts.make(remote)
    try:
        got = task.contacts.read_all(contact, len(held))
        return contact.ranges is Ranges.WORK and got == held
    finally:
        contact.release()
