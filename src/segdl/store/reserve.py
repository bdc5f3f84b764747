"""Room for a whole file before its bytes come."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache

_STEP = 32 * 1024 * 1024
# Some file systems write zeros instead of noting that there are none: nobody waits for that.
_PATIENCE = 0.02
_FINAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def reserve(descriptor: int, size: int, clock: Callable[[], float] = time.monotonic) -> None:
    """Give a file its length, and blocks of the disk, as far as that is a matter of moments.

    Where it is not, the file grows as it is written. Its bytes stay as they are.

    Args:
        descriptor: the file, open for writing.
        size: bytes that it is to have.
        clock: seconds, for how long it takes.

    Raises:
        OSError: no space, or the file system allows no file of this size.
    """
    _require_allowed(descriptor, size)
    ends = clock() + _PATIENCE
    at = 0
    while at < size and clock() < ends:
        length = min(_STEP, size - at)
        if not _allocate(descriptor, at, length):
            break
        at += length
    at, step = max(at, os.fstat(descriptor).st_size), _STEP
    while at < size and clock() < ends:
        at = min(at + step, size)
        os.ftruncate(descriptor, at)
        step *= 2


def _require_allowed(descriptor: int, size: int) -> None:
    """Find out now rather than after 4 GiB (FAT); nothing is written."""
    try:
        os.lseek(descriptor, size, os.SEEK_SET)
    except OSError as error:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error
    os.lseek(descriptor, 0, os.SEEK_SET)


def _allocate(descriptor: int, start: int, length: int) -> bool:
    """Have the file system set blocks aside; False where it has no way to.

    Not posix_fallocate: where the file system cannot, the C library writes zeros itself.
    """
    fallocate = _fallocate()
    if fallocate is None:
        return False
    while number := fallocate(descriptor, start, length):
        if number in _FINAL:
            raise OSError(number, os.strerror(number))
        if number != errno.EINTR:
            return False
    return True


@lru_cache(maxsize=1)
def _fallocate() -> Callable[[int, int, int], int] | None:
    """Return what calls fallocate(2) and returns its error, 0 for none; None without it."""
    if sys.platform != "linux":
        return None
    # Late: it takes longer to import than many a file to fetch.
    import ctypes

    try:
        library = ctypes.CDLL(None, use_errno=True)
        function = getattr(library, "fallocate64", None) or library.fallocate
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int
    return lambda *place: ctypes.get_errno() if function(place[0], 0, *place[1:]) else 0
