"""What is on the disk where a mirror's file should be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from segdl.core.mirrorneed import Stat


def stat_of(path: Path | str) -> Stat | None:
    """Look at a file; None where none is there: a link or a folder is none."""
    return look(path)[0]


def look(path: Path | str) -> tuple[Stat | None, bool]:
    """Look at a file; tell also whether there cannot be one before something is moved away."""
    try:
        status = os.lstat(path)
    except NotADirectoryError:
        return None, True
    except (OSError, ValueError):
        return None, False
    if stat.S_ISREG(status.st_mode):
        return Stat.of(status), False
    return None, stat.S_ISDIR(status.st_mode)


def beginning_of(path: Path) -> bytes | None:
    """Return the first bytes of a file, None where there is none that can be read."""
    if stat_of(path) is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read(64)
    except OSError:
        return None
