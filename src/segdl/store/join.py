"""The merger: the first part grows by the others until it is the file.

A part is deleted only when its bytes are safe in the first one, which is seen to while the next
ones are copied. Where there is room for one of them only, that waits: so joining needs at most one
part of extra space. It can be killed and run again at any point: the parts are in the same state
that a download leaves, and what is missing is planned the same way.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import takewhile
from typing import TYPE_CHECKING

from segdl.core.spans import Span
from segdl.errors import DiskError, IntegrityError
from segdl.store.behind import Behind
from segdl.store.faults import disk_errors, shown

if TYPE_CHECKING:
    from segdl.store.part import Part
    from segdl.store.parts import Parts

_STEP = 32 * 1024 * 1024
_BUFFER = 1024 * 1024
# A flush cannot be interrupted: several short ones instead of one that takes long. One for each
# small part would take longer than to copy it.
_FLUSH_EVERY = 128 * 1024 * 1024
_LEAST_FLUSH = 8 * 1024 * 1024
_FINAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


def join(parts: Parts, size: int, on_progress: Callable[[int], None]) -> Part:
    """Join all parts into the one that starts at 0, and return it, open.

    Args:
        parts: what was downloaded; together they must cover `[0, size)`.
        size: bytes of the file.
        on_progress: called with the bytes in place; whatever it raises ends the joining.

    Raises:
        IntegrityError: the parts leave a hole or reach over the end.
        DiskError: no space, or the disk failed.
    """
    whole = parts.open(0)
    # In file order. Nobody else has a hand in them, and to list many takes its time.
    left = parts.sizes()
    left.pop(0, None)
    try:
        with closing(Behind(whole)) as behind:
            flushed = whole.size
            while whole.size < size:
                try:
                    _take_next(parts, left, whole, behind, size, on_progress)
                except DiskError:
                    # Those before may be there twice still: without them there may be room.
                    behind.finish()
                    if not _drop_safe(parts, left, whole):
                        raise
                    continue
                if whole.size - flushed >= _LEAST_FLUSH:
                    behind.begin()
                    flushed = whole.size
                _drop_safe(parts, left, whole)
            behind.finish()
        _drop_safe(parts, left, whole)
        if whole.size != size or set(parts.sizes()) != {0}:
            raise IntegrityError(
                f"{shown(parts.folder)}: the parts do not make a file of {size} bytes",
                instead="fresh",
            )
        on_progress(size)
    except BaseException:
        parts.release(whole)
        raise
    return whole


def _take_next(
    parts: Parts,
    left: Mapping[int, int],
    whole: Part,
    behind: Behind,
    size: int,
    on_progress: Callable[[int], None],
) -> None:
    """Copy the part that goes on furthest where the first one ends."""
    start = _next(left, whole.size)
    if start is None:
        raise IntegrityError(
            f"{shown(parts.folder)}: no part holds byte {whole.size}",
            hint="run the same command again",
        )
    source = parts.open(start)
    try:
        if source.stop <= whole.size:
            raise _shortened(source)
        _absorb(whole, source, behind, size, on_progress)
    finally:
        parts.release(source)


def _next(left: Mapping[int, int], at: int) -> int | None:
    """Return the part that holds byte `at` and reaches furthest."""
    before = takewhile(lambda start: start <= at, left)
    holding = [start for start in before if at < start + left[start]]
    return max(holding, key=lambda start: start + left[start], default=None)


def _drop_safe(parts: Parts, left: dict[int, int], whole: Part) -> bool:
    """Delete the parts whose bytes are on the disk in the first one; tell whether any was."""
    # A power cut must not find one gone before its copy is safe.
    before = takewhile(lambda start: start <= whole.on_disk, left)
    safe = [start for start in before if start + left[start] <= whole.on_disk]
    for start in safe:
        parts.remove(start, copied=True)
        del left[start]
    return bool(safe)


def _absorb(
    whole: Part, source: Part, behind: Behind, size: int, on_progress: Callable[[int], None]
) -> None:
    stop, flushed = min(source.stop, size), whole.size
    while whole.size < stop:
        on_progress(whole.size)
        wanted = Span(whole.size - source.start, min(whole.size + _STEP, stop) - source.start)
        with disk_errors(whole.path, "write"):
            copied = _copy_in_kernel(source.descriptor, whole.descriptor, wanted, whole.size)
            if not copied:
                copied = _copy(source.descriptor, whole.descriptor, wanted, whole.size)
        if not copied:
            raise _shortened(source)
        whole.grow(copied)
        if stop > whole.size >= flushed + _FLUSH_EVERY:
            flushed = whole.size
            behind.begin()


def _shortened(source: Part) -> IntegrityError:
    return IntegrityError(f"{shown(source.path)} became shorter", hint="run the same command again")


def _copy_in_kernel(source: int, target: int, wanted: Span, at: int) -> int:
    """Copy without the bytes passing through us; 0 where that cannot be had.

    On file systems that share extents (XFS, btrfs) the kernel shares them here.
    """
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source, target, len(wanted), wanted.start, at)
    except OSError as error:
        if error.errno in _FINAL:
            raise
        return 0


def _copy(source: int, target: int, wanted: Span, at: int) -> int:
    os.lseek(source, wanted.start, os.SEEK_SET)
    data = os.read(source, min(len(wanted), _BUFFER))
    os.lseek(target, at, os.SEEK_SET)
    return os.write(target, data)
