"""What the operating system says of a file, in segdl's terms."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def disk_errors(path: Path | str, doing: str) -> Iterator[None]:
    """Turn an OSError into a DiskError that says what to do.

    Args:
        path: the file it happened to.
        doing: what was tried, as in "cannot {doing} {path}".

    Raises:
        DiskError: where the body raised OSError.
    """
    try:
        yield
    except OSError as error:
        text = f"cannot {doing} {shown(path)}"
        full = no_more_files(error, text)
        if full is not None:
            raise full from error
        unknown = error.strerror or str(error), "", None
        what, hint, instead = _ADVICE.get(error.errno or 0, unknown)
        raise DiskError(f"{text}: {what}", hint=hint, instead=instead) from error
