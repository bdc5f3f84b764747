"""Files that the list no longer has: out of the mirror, never out of its folder.

Folders are walked one by one by descriptor, so that a symbolic link in the place of one leads
nowhere; where the platform cannot do that each step is looked at instead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segdl.core.mirrorneed import Stat
from segdl.core.mirrorpath import path_trouble
from segdl.errors import DiskError
from segdl.mirror.advice import in_terms_of
from segdl.store.faults import disk_errors, shown
from segdl.store.record import is_own

_BY_DESCRIPTOR = (
    hasattr(os, "O_NOFOLLOW")
    and {os.open, os.unlink, os.rename, os.rmdir, os.mkdir, os.stat} <= os.supports_dir_fd
)


class Trash:
    """Takes files out of a mirror.

    Args:
        directory: the mirror.
        folder: where they go, below it, with their folders; None deletes them.
        instead: what else can be done where one cannot be moved there.
    """

    def __init__(
        self, directory: Path, folder: Path | None, instead: str = "use --delete=now"
    ) -> None:
        self._directory = directory
        self._folder = folder
        self._instead = instead

    def remove(self, path: str, expected: Callable[[os.stat_result], bool]) -> bool:
        """Take one file out; tell whether it is out: not where it is not the one expected.

        Folders that are empty then go with it.

        Args:
            path: relative to the mirror.
            expected: tells by its status whether it is the one that was fetched.

        Raises:
            DiskError: it cannot be removed, or a symbolic link stands in its way.
        """
        why = path_trouble(path)
        if why is not None:
            raise DiskError(f"{shown(path)} is not deleted: {why}")
        *folders, name = path.split("/")
        # There is no other name, or folder, to be chosen.
        with in_terms_of({}), disk_errors(self._directory / path, "delete"):
            try:
                with _open_below(self._directory, folders) as folder:
                    status = folder.status(name)
                    if not (stat.S_ISREG(status.st_mode) and expected(status)):
                        return False
                    if self._folder is None:
                        folder.unlink(name)
                    else:
                        self._keep(folder, name, path)
            except FileNotFoundError:
                # A run that was killed may have come no further.
                pass
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                    raise DiskError(
                        f"{shown(self._directory / path)} is not deleted: its folder is not "
                        "one of the mirror, but a link",
                        hint="delete it yourself if you want to",
                    ) from error
                raise
        prune(self._directory, path)
        return True

    def _keep(self, folder: _Folder, name: str, path: str) -> None:
        assert self._folder is not None
        target = self._folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._not_kept(path, "is not a folder", "move it away") from error
        try:
            folder.move(name, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            why = "is on another file system, where files cannot be moved to at once"
            raise self._not_kept(path, why, "have it on that of the file") from error

    def _not_kept(self, path: str, why: str, hint: str) -> DiskError:
        assert self._folder is not None
        return DiskError(
            f"{shown(self._directory / path)} is not deleted: {shown(self._folder.parent)} {why}",
            hint=", or ".join(filter(None, (hint, self._instead))),
        )


def as_fetched(path: Path, had: Stat | None, *, begun: bool) -> Callable[[os.stat_result], bool]:
    """Return what tells by its status whether a file is the one that was fetched.

    Args:
        path: where it is.
        had: what it was then; None where that is not known.
        begun: a run that was killed may have put another there: one that says itself that it
            was fetched counts, too.
    """

    def is_expected(status: os.stat_result) -> bool:
        if had is not None and had.is_of(status):
            return True
        return begun and is_own(path, status)

    return is_expected


def prune(directory: Path, path: str) -> None:
    """Remove the folders of a file that is gone where they are empty, the innermost first.

    Args:
        directory: the mirror; it stays.
        path: the file's, relative to it.
    """
    if path_trouble(path) is not None:
        return
    folders = path.split("/")[:-1]
    for depth in range(len(folders), 0, -1):
        try:
            with _open_below(directory, folders[: depth - 1]) as parent:
                parent.rmdir(folders[depth - 1])
        except FileNotFoundError:
            continue
        except OSError:
            # It holds something else, or is no folder.
            return


class _Folder:
    """An open folder; `path` is for platforms without descriptors of folders."""

    def __init__(self, descriptor: int | None, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def _place(self, name: str) -> str | Path:
        return name if self._descriptor is not None else self._path / name

    def status(self, name: str) -> os.stat_result:
        return os.stat(self._place(name), dir_fd=self._descriptor, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        os.unlink(self._place(name), dir_fd=self._descriptor)

    def rmdir(self, name: str) -> None:
        os.rmdir(self._place(name), dir_fd=self._descriptor)

    def move(self, name: str, target: Path) -> None:
        os.rename(self._place(name), target, src_dir_fd=self._descriptor)


@contextmanager
def _open_below(directory: Path, folders: list[str]) -> Iterator[_Folder]:
    """Open a folder below a mirror, going through folders only."""
    if not _BY_DESCRIPTOR:
        path = directory
        for step in folders:
            path = path / step
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        yield _Folder(None, path)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    # The mirror's own folder may be reached through a link: the user named it.
    descriptor = os.open(directory, flags)
    try:
        for step in folders:
            inner = os.open(step, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield _Folder(descriptor, directory)
    finally:
        os.close(descriptor)
