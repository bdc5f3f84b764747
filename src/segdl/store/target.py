"""The final name: who may have it, and how a whole file gets it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segdl.core.names import NAME_BYTES, name_beside
from segdl.core.text import human_size
from segdl.errors import DiskError, TargetExistsError
from segdl.store.faults import disk_errors, shown

SUFFIX = ".segdl"

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True)
class Target:
    """Where a file is to be, and the folder beside it that holds its parts until then."""

    path: Path

    def __post_init__(self) -> None:
        try:
            os.fsencode(self.path)
        except UnicodeEncodeError:
            raise DiskError(
                f"the name {self.path.name!a} cannot be written in this locale",
                hint="set a UTF-8 locale (LC_ALL=C.UTF-8)",
                instead="name",
            ) from None

    @cached_property
    def workplace(self) -> Path:
        """The folder of parts; its name is cut where NAME.segdl would be too long."""
        return self.path.parent / name_beside(self.path.name, SUFFIX)

    def status(self) -> os.stat_result | None:
        """Look at what has the final name, not following a link; None where nothing has."""
        return _look_at(self.path)

    def followed(self) -> os.stat_result | None:
        """Look at what has the final name, following a link; None also where one leads nowhere."""
        status = self.status()
        if status is None or not stat.S_ISLNK(status.st_mode):
            return status
        try:
            return os.stat(self.path)
        except OSError:
            return None

    def require_file(self) -> None:
        """Check that what has the final name, if anything, is a file, a link to one or to nowhere.

        Who names a device or a FIFO wants the bytes in it, not a file in its stead.

        Raises:
            DiskError: it is something else.
        """
        status = self.followed()
        if status is None or stat.S_ISREG(status.st_mode):
            return
        what = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        linked = "a link to " if self.path.is_symlink() else ""
        text = f"{shown(self.path)} exists and is {linked}{what}, not a file"
        if stat.S_ISDIR(status.st_mode):
            raise DiskError(text, hint="move it away", instead="name")
        raise DiskError(text, instead="stream")

    def prepare(self) -> None:
        """Make the folder of parts.

        Raises:
            DiskError: it cannot be made, or what has the final name is no file.
        """
        self.require_file()
        # Found now rather than when the file is whole.
        if len(os.fsencode(self.path.name)) > NAME_BYTES:
            with disk_errors(self.path, "write"):
                raise OSError(errno.ENAMETOOLONG, "")
        with disk_errors(self.workplace, "make"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.workplace.mkdir()
            except FileExistsError:
                # A run that just ended may take it away: then it cannot be locked, and is made
                # again.
                found = _look_at(self.workplace)
                if found is not None and not stat.S_ISDIR(found.st_mode):
                    raise

    def require_writable(self) -> None:
        """Check that its folder takes a name, where that of the parts was there before.

        Raises:
            DiskError: it does not.
        """
        effective = os.access in os.supports_effective_ids
        # Windows has no such right of a folder.
        if os.name != "nt" and not os.access(
            self.path.parent, os.W_OK | os.X_OK, effective_ids=effective
        ):
            with disk_errors(self.path, "write"):
                raise OSError(errno.EACCES, "")

    def require_space(self, wanted: int, extra: int) -> None:
        """Check free space before a byte is asked for.

        Args:
            wanted: bytes still to fetch.
            extra: bytes that joining needs for a moment.

        Raises:
            DiskError: there is less.
        """
        with disk_errors(self.path.parent, "look at"):
            free = shutil.disk_usage(self.path.parent).free
        if free < wanted + extra:
            joining = f" and {human_size(extra)} for joining its parts" if extra else ""
            raise DiskError(
                f"{shown(self.path)} needs {human_size(wanted)} more{joining}; "
                f"{human_size(free)} are free",
                hint="make room",
                instead="folder",
            )

    def publish(self, whole: Path, *, replace: bool) -> None:
        """Give a whole file the final name, atomically.

        Args:
            whole: the file, on the same file system.
            replace: take the name from the file that has it (a link is replaced, not followed).

        Raises:
            TargetExistsError: something has the name and `replace` is false.
            DiskError: what has it is no file.
        """
        if replace:
            self.require_file()
        with disk_errors(self.path, "write"):
            if replace:
                os.replace(whole, self.path)
                return
            try:
                os.link(whole, self.path)
            except FileExistsError:
                raise self.exists_error() from None
            except (OSError, NotImplementedError):
                # No hard links here. On Windows rename refuses to replace by itself.
                if os.path.lexists(self.path):
                    raise self.exists_error() from None
                os.rename(whole, self.path)
                return
            os.unlink(whole)

    def exists_error(self, why: str = "exists and is not provably the remote file") -> DiskError:
        """Return the error for a name that is taken."""
        return TargetExistsError(
            f"{shown(self.path)} {why}",
            hint="see --if-exists (overwrite, rename, resume, skip)",
        )


def _look_at(path: Path) -> os.stat_result | None:
    with disk_errors(path, "look at"):
        try:
            return os.lstat(path)
        except FileNotFoundError:
            return None


def free_name(path: Path, is_ours: Callable[[Path], bool], busy: Set[Path] = frozenset()) -> Path:
    """Return `path`, or the first of ``NAME.1.EXT``, ``NAME.2.EXT`` … that nothing has.

    Args:
        path: the name wanted.
        is_ours: tells whether what has a name is what was to get it.
        busy: names that are as good as taken.
    """
    candidate, number = path, 0
    while candidate in busy or (os.path.lexists(candidate) and not is_ours(candidate)):
        number += 1
        ending = f".{number}{path.suffix}"
        room = NAME_BYTES - len(os.fsencode(ending))
        stem = os.fsencode(path.stem)
        # Not within a character.
        kept = path.stem if len(stem) <= room else stem[:room].decode(errors="ignore")
        candidate = path.with_name(kept + ending)
    return candidate
