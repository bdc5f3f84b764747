"""The merger: the first part grows by the others until it is the file.

A part is deleted only when its bytes are safe in the first one, so joining needs at most
one part of extra space, and can be killed and run again at any point: the parts are in
the same state that a download leaves, and what is missing is planned the same way.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from segdl.core.spans import Span
from segdl.errors import IntegrityError
from segdl.store.faults import disk_errors, shown

if TYPE_CHECKING:
    from segdl.store.part import Part
    from segdl.store.parts import Parts

_STEP = 32 * 1024 * 1024
_BUFFER = 1024 * 1024
# A flush cannot be interrupted: several short ones instead of one that takes long.
_FLUSH_EVERY = 128 * 1024 * 1024
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
    try:
        while whole.size < size:
            start = _next(parts.sizes(), whole.size)
            if start is None:
                raise IntegrityError(
                    f"{shown(parts.folder)}: no part holds byte {whole.size}",
                    hint="run the same command again",
                )
            source = parts.open(start)
            try:
                _absorb(whole, source, size, on_progress)
            finally:
                parts.release(source)
            _drop_covered(parts, whole)
        _drop_covered(parts, whole)
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


def _next(sizes: dict[int, int], at: int) -> int | None:
    """Return the part that holds byte `at` and reaches furthest."""
    holding = [start for start, size in sizes.items() if start <= at < start + size]
    return max(holding, key=lambda start: start + sizes[start], default=None)


def _drop_covered(parts: Parts, whole: Part) -> None:
    covered = [
        start for start, size in parts.sizes().items() if start and start + size <= whole.size
    ]
    if covered:
        # A power cut must not find them gone before their copy is on the disk.
        whole.sync()
    for start in covered:
        parts.remove(start, copied=True)


def _absorb(whole: Part, source: Part, size: int, on_progress: Callable[[int], None]) -> None:
    stop = min(source.stop, size)
    while whole.size < stop:
        on_progress(whole.size)
        wanted = Span(whole.size - source.start, min(whole.size + _STEP, stop) - source.start)
        with disk_errors(whole.path, "write"):
            copied = _copy_in_kernel(source.descriptor, whole.descriptor, wanted, whole.size)
            if not copied:
                copied = _copy(source.descriptor, whole.descriptor, wanted, whole.size)
        if not copied:
            raise IntegrityError(
                f"{shown(source.path)} became shorter", hint="run the same command again"
            )
        whole.grow(copied)
        if whole.unsynced >= _FLUSH_EVERY:
            whole.sync()


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
