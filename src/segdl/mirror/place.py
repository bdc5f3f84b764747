"""Where a mirror's files are: in its folder, or in a bucket."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from segdl.core.mirrorneed import Stat
from segdl.engine.run import Run
from segdl.mirror.aside import drop_parts
from segdl.mirror.happenings import Happening
from segdl.mirror.job import Job
from segdl.mirror.options import INCOMING, MirrorOptions
from segdl.mirror.stat import look
from segdl.mirror.trash import Trash, as_fetched, prune
from segdl.mirror.work import Work
from segdl.results import DownloadResult
from segdl.store.faults import disk_errors

if TYPE_CHECKING:
    from segdl.mirror.engines.depot import Depot


class Place(Protocol):
    """What holds a mirror's files. Threads share it."""

    needs_threads: bool
    """Whether each file needs a thread of its own, as more is waited for than its server."""

    @property
    def work(self) -> Work | None:
        """What knows files on a disk; None where they are not on one."""

    def depot(self, least: int) -> Depot:
        """Return what takes in what the workers of an engine bring.

        Args:
            least: bytes of a piece, at least.
        """

    def has(self, path: str) -> bool:
        """Tell whether anything is where a file should be."""

    def drop_parts(self, path: str) -> None:
        """Throw away what was fetched of a file that is not wanted any more."""

    def prune(self, path: str) -> None:
        """Remove what only held a file that is gone: folders, where they are empty."""

    def sweep(self) -> None:
        """Throw away what there is of files that no run will go on with: all are there.

        Raises:
            SegdlError: it cannot be done.
        """

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file, None where none is there; tell also whether something is in its way."""

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make a file what the list says it is.

        Raises:
            SegdlError: it cannot be done; what was there, and was right, is there still.
        """

    def remove(self, path: str, expected: Stat | None, stamp: str | None, *, begun: bool) -> bool:
        """Take a file out; tell whether it is out: not where it is not the one expected.

        Args:
            path: relative to the mirror.
            expected: what it was when it was fetched; None where that is not known.
            begun: a run that was killed may have put another there: one that says itself that
                it was fetched goes, too.
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
        self._trash = options.folder / "trash"
        self._root = os.fspath(options.directory)
        self._incoming = options.folder / INCOMING
        self.work = Work(options, say)

    needs_threads = False

    def depot(self, least: int) -> Depot:  # noqa: ARG002
        """Return what takes in what workers bring."""
        from segdl.mirror.engines.intofolder import FolderDepot

        return FolderDepot(self._incoming, self._directory, self.work)

    def has(self, path: str) -> bool:
        """Tell whether anything is there; see `Place`."""
        return os.path.lexists(self._directory / path)

    def drop_parts(self, path: str) -> None:
        """Throw away what was fetched, unless that is behind a link, or held by a run."""
        drop_parts(self._directory, path)

    def prune(self, path: str) -> None:
        """Remove empty folders, none through a link; see `Place`."""
        prune(self._directory, path)

    def sweep(self) -> None:
        """Throw away what is in pieces still; see `Place`."""
        with disk_errors(self._incoming, "look at"):
            try:
                os.lstat(self._incoming)
            except FileNotFoundError:
                return
        # Once, at the end: the first files need not wait until it is loaded.
        from segdl.mirror.engines.pieced import sweep

        sweep(self._incoming)

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file; see `Place`."""
        return look(os.path.join(self._root, path))

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make a file right; see `Place`."""
        return self.work.carry_out(run, job, number)

    def remove(self, path: str, expected: Stat | None, stamp: str | None, *, begun: bool) -> bool:
        """Take a file out; see `Place`."""
        kept = None if stamp is None else self._trash / stamp
        return Trash(self._directory, kept).remove(
            path, as_fetched(self._directory / path, expected, begun=begun)
        )
