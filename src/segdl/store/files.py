"""Files by descriptor, where platforms differ."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

# Writes to a descriptor, at a place in its file, so many bytes at most; returns how many.
Move: TypeAlias = Callable[[int, int, int], int]

# Made if missing; a symbolic link is refused; no translation of line ends.
FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

# Likewise, but never made.
EXISTING = FLAGS & ~os.O_CREAT

# Returns when the bytes of a file are on the disk.
sync_data = getattr(os, "fdatasync", os.fsync)


if sys.platform == "win32":

    def write_at(descriptor: int, data: bytes | memoryview, at: int) -> int:
        """Write at a place in the file and return how many bytes were.

        Here the place is the descriptor's: one thread at a time may use it.
        """
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.write(descriptor, data)

else:

    def write_at(descriptor: int, data: bytes | memoryview, at: int) -> int:
        """Write at a place in the file and return how many bytes were."""
        return os.pwrite(descriptor, data, at)


def pour(data: bytes | memoryview, fill: Callable[[int, Move], int]) -> None:
    """Have `fill` take the bytes of `data`, as far as it does."""
    left = memoryview(data)

    def write(descriptor: int, at: int, most: int) -> int:
        return write_at(descriptor, left[:most], at)

    while left and (written := fill(len(left), write)):
        left = left[written:]


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk, where the platform can tell."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def length_of(path: Path) -> int | None:
    """Return the size of a regular file in bytes; None where nothing has the name.

    Raises:
        OSError: something else has it; a link is not followed.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EEXIST, "not a file")
    return status.st_size
