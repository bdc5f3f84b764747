"""Where a mirror's files are: in its folder, or in a bucket."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from segdl.core.mirrorneed import Stat
from segdl.engine.run import Run
from segdl.mirror.happenings import Happening
from segdl.mirror.options import FOLDER, MirrorOptions
from segdl.mirror.stat import look
from segdl.mirror.trash import Trash
from segdl.mirror.work import Job, Work
from segdl.results import DownloadResult


class Place(Protocol):
    """What holds a mirror's files. Threads share it."""

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file, None where none is there; tell also whether something is in its way."""

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make a file what the list says it is.

        Raises:
            SegdlError: it cannot be done; what was there, and was right, is there still.
        """

    def remove(self, path: str, expected: Stat, stamp: str | None) -> bool:
        """Take a file out; tell whether it is out: not where it is not the one expected.

        Args:
            path: relative to the mirror.
            expected: what it was when it was fetched.
            stamp: names what is kept of this run's; None keeps nothing.

        Raises:
            SegdlError: it cannot be removed.
        """


class Folder:
    """The mirror's own folder.

    Args:
        options: the mirror.
        say: takes what happens.
    """

    def __init__(self, options: MirrorOptions, say: Callable[[Happening], None]) -> None:
        self._directory = options.directory
        self._root = os.fspath(options.directory)
        self._work = Work(options, say)

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file; see `Place`."""
        return look(os.path.join(self._root, path))

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make a file right; see `Place`."""
        return self._work.carry_out(run, job, number)

    def remove(self, path: str, expected: Stat, stamp: str | None) -> bool:
        """Take a file out; see `Place`."""
        kept = None if stamp is None else self._directory / FOLDER / "trash" / stamp
        return Trash(self._directory, kept).remove(path, expected.is_of)
