"""What the operating system says of a file, in segdl's terms."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from segdl.core.limits import no_more_files
from segdl.core.text import printable
from segdl.errors import DiskError, Instead

# What it is; what to do; what might be chosen otherwise.
_ADVICE: Mapping[int, tuple[str, str, Instead | None]] = {
    errno.ENOSPC: ("no space left on the disk", "make room and run the same command again", None),
    errno.EDQUOT: ("the disk quota is used up", "make room and run the same command again", None),
    errno.ENOENT: ("No such file or directory", "check the path", None),
    errno.EACCES: ("not permitted", "mend its permissions", "folder"),
    errno.EPERM: ("not permitted", "mend its permissions", "folder"),
    errno.EROFS: ("the file system is read-only", "", "folder"),
    errno.ENAMETOOLONG: ("the name is too long", "", "name"),
    errno.EINVAL: ("the file system refuses this name", "", "name"),
    errno.EILSEQ: ("the file system takes no name with these bytes", "", "name"),
    errno.EISDIR: ("it is a folder", "", "name"),
    errno.ENOTDIR: ("a part of the path is not a folder", "move it away", "folder"),
    errno.EFBIG: ("the file system allows no file of this size", "", "folder"),
    errno.ELOOP: ("a symbolic link stands where segdl keeps its parts", "remove it", None),
    errno.EEXIST: ("something else has that name", "move it away", "name"),
}


def shown(path: Path | str) -> str:
    """Write a path for a message: no control characters."""
    return printable(str(path), 1000)


class disk_errors:  # noqa: N801 - used like a function
    """Turns an OSError into a DiskError that says what to do.

    Args:
        path: the file it happened to.
        doing: what was tried, as in "cannot {doing} {path}".

    Raises:
        DiskError: where the body raised OSError.
    """

    __slots__ = ("_doing", "_path")

    # No generator: eight of them are entered for a small file.
    def __init__(self, path: Path | str, doing: str) -> None:
        self._path = path
        self._doing = doing

    def __enter__(self) -> None:
        """Do nothing: an error tells of itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise _explained(error, f"cannot {self._doing} {shown(self._path)}") from error


def _explained(error: OSError, text: str) -> DiskError:
    full = no_more_files(error, text)
    if full is not None:
        return full
    unknown = error.strerror or str(error), "", None
    what, hint, instead = _ADVICE.get(error.errno or 0, unknown)
    return DiskError(f"{text}: {what}", hint=hint, instead=instead)
