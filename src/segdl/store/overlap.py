"""Where parts overlap they must agree: then it does not matter which one a byte is taken from."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.spans import Span
from segdl.store.faults import disk_errors
from segdl.store.parts import Parts

_STEP = 1024 * 1024


def first_disagreement(parts: Parts, on_progress: Callable[[], None]) -> int | None:
    """Return a place where two parts hold different bytes; None where there is none.

    Parts overlap by a little where one connection took over from another, by more where
    joining was interrupted.

    Args:
        parts: nobody writes to them.
        on_progress: called now and then; whatever it raises ends the comparison.
    """
    furthest = Span(0, 0)
    for start, size in parts.sizes().items():
        part = Span(start, start + size)
        # In file order: of what came before, the furthest holds all that this one shares.
        for at in range(part.start, min(part.stop, furthest.stop), _STEP):
            on_progress()
            shared = Span(at, min(at + _STEP, part.stop, furthest.stop))
            if _read(parts, part.start, shared) != _read(parts, furthest.start, shared):
                return at
        if part.stop > furthest.stop:
            furthest = part
    return None


def _read(parts: Parts, start: int, span: Span) -> bytes:
    path = parts.path(start)
    with disk_errors(path, "read"), open(path, "rb", buffering=0) as file:
        file.seek(span.start - start)
        return file.read(len(span))
