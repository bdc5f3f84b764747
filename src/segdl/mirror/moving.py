"""A whole file gets its name in a mirror, on whichever disk its folder is."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from segdl.engine.run import Run
from segdl.errors import DiskError
from segdl.store.faults import disk_errors
from segdl.store.target import Target
from segdl.store.workplace import Workplace

_STEP = 1024 * 1024


def move(run: Run, held: Path, path: Path) -> None:
    """Give a whole file another name, atomically, in place of the file that has it.

    Args:
        run: can be cancelled, where the file has to be copied.
        held: the file; on another file system than its new name, where a folder of the mirror
            is a link.
        path: its new name.

    Raises:
        DiskError: it cannot be moved.
        TargetLockedError: another run is at work on that name.
        CancelledError: the run is to end; nothing was moved.
    """
    with disk_errors(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        Target(path).publish(held, replace=True)
    except DiskError as error:
        if not _is_of_another_disk(error):
            raise
        _copy(run, held, Target(path))
        with disk_errors(held, "delete"):
            held.unlink()


def _is_of_another_disk(error: DiskError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno == errno.EXDEV


def _copy(run: Run, held: Path, target: Target) -> None:
    """Copy a file to beside its new name, and give it that name."""
    with Workplace(target) as place:
        # Nothing may tell what the copy is of: if it stays by half, it is thrown away.
        place.clear()
    with Workplace(target) as place, disk_errors(held, "read"), open(held, "rb") as file:
        target.require_space(os.fstat(file.fileno()).st_size, 0)
        part = place.parts.open(0)
        try:
            while data := file.read(_STEP):
                run.check_cancelled()
                part.append(data)
            with disk_errors(target.path, "write"):
                shutil.copystat(held, place.parts.whole)
            place.parts.sync()
        finally:
            place.parts.release(part)
        target.publish(place.parts.whole, replace=True)
