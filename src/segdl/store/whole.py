"""Files that are there as a whole, or as they were before."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from segdl.store.faults import disk_errors

_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_TRUNC
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def write_whole(path: Path, text: Iterable[str]) -> None:
    """Put text in the place of what a file holds: a reader finds the one or the other.

    Of several that write the same file at once one may fail: a lock is for the caller.

    Raises:
        DiskError: it cannot be written; what was there before still is.
    """
    temporary = path.with_name(f"{path.name}.new")
    with disk_errors(path, "write"):
        try:
            descriptor = os.open(temporary, _FLAGS, 0o666)
            with open(
                descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="\n"
            ) as file:
                file.writelines(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
