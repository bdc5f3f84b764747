"""Files that have no name until they are whole; they are gone with the process before that."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_TMPFILE = getattr(os, "O_TMPFILE", 0)
_OPEN = "/proc/self/fd"


def open_unnamed(folder: Path) -> int | None:
    """Open a new file that has no name, on the file system of a folder that is made if missing.

    Returns:
        Its descriptor; None where the platform or the file system has no such files, or
        where the folder cannot be had.
    """
    if not _can_be_named():
        return None
    try:
        try:
            return _open(folder)
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            return _open(folder)
    except OSError:
        # An ordinary file may do; if not, opening it tells why.
        return None


def give_name(descriptor: int, path: Path) -> None:
    """Give an unnamed file its name, on the file system that it was made on.

    Raises:
        FileExistsError: something has it.
        OSError: it cannot have it.
    """
    # Only with a folder's descriptor, which is of no account before an absolute path, does
    # Python have the link followed to the file.
    os.link(f"{_OPEN}/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


def _open(folder: Path) -> int:
    return os.open(folder, _TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)


@cache
def _can_be_named() -> bool:
    return bool(_TMPFILE) and os.path.isdir(_OPEN)
