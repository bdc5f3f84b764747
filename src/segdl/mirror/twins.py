"""A file that has the digest of another one that is here: a second name, not a second copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from segdl.core.identity import Version
from segdl.core.mirrorneed import Had
from segdl.engine.run import Run
from segdl.errors import DiskError
from segdl.mirror.job import Job
from segdl.mirror.moving import move
from segdl.mirror.options import MirrorOptions
from segdl.mirror.rows import Row
from segdl.mirror.stat import stat_of
from segdl.store.digests import digests_of


def link_twin(run: Run, options: MirrorOptions, job: Job, path: Path) -> bool:
    """Give one of the twins of a file its name, too, once it was read; tell whether one has it.

    Args:
        run: can be cancelled.
        options: the mirror.
        job: the file; is told how it came, and of twins that are corrupt.
        path: where it is to be.
    """
    wanted = job.row.listed.checksum
    for twin in job.twins:
        place = options.directory / twin.path
        if wanted is None or twin.had is None or stat_of(place) != twin.had.stat:
            continue
        temporary = options.folder / f"link-{job.row.id}"
        try:
            linked = _link(run, place, path, temporary, partial(_is_right, run, job, twin))
        except (OSError, DiskError):
            # It can be fetched.
            continue
        found = stat_of(path)
        if not linked or found is None:
            continue
        job.how, job.verified = "linked", wanted.algorithm
        job.had = Had(found, Version(size=found.size), None, wanted, twin.had.sha256)
        return True
    return False


def _is_right(run: Run, job: Job, twin: Row, path: Path) -> bool:
    """Tell whether what was a twin, and is at `path` now, is so still; note one that rotted."""
    wanted = job.row.listed.checksum
    assert wanted is not None
    if _digest(run, path, wanted.algorithm) == wanted.hexdigest:
        return True
    # It may just have been replaced by another thread.
    if twin.had is not None and stat_of(path) == twin.had.stat:
        job.rotted.append(twin)
    return False


def _digest(run: Run, path: Path, algorithm: str) -> str:
    return digests_of(path, {algorithm}, lambda _: run.check_cancelled())[algorithm]


def _link(
    run: Run, twin: Path, path: Path, temporary: Path, is_right: Callable[[Path], bool]
) -> bool:
    """Give a file a second name, or copy it where that cannot be; atomically.

    Returns whether it is right. It may have rotted, or just been replaced by another thread.
    """
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(twin, temporary)
        except OSError:
            shutil.copy2(twin, temporary)
        if not is_right(temporary):
            return False
        move(run, temporary, path)
        return True
    finally:
        temporary.unlink(missing_ok=True)
