"""What the operating system says of a file, in segdl's terms."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segdl.core.text import printable
from segdl.errors import DiskError

_ADVICE = {
    errno.ENOSPC: ("no space left on the disk", "make room and run the same command again"),
    errno.EDQUOT: ("the disk quota is used up", "make room and run the same command again"),
    errno.EACCES: ("not permitted", "choose another folder with --dir, or mend its permissions"),
    errno.EPERM: ("not permitted", "choose another folder with --dir, or mend its permissions"),
    errno.EROFS: ("the file system is read-only", "choose another folder with --dir"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one with -o"),
    errno.EINVAL: ("the file system refuses this name", "choose another with -o"),
    errno.EISDIR: ("it is a folder", "choose another name with -o"),
    errno.ENOTDIR: ("a part of the path is not a folder", "choose another with --dir"),
    errno.EFBIG: ("the file system allows no file of this size", "choose another with --dir"),
    errno.ELOOP: ("a symbolic link stands where segdl keeps its parts", "remove it"),
    errno.EEXIST: ("something else has that name", "move it away or choose another name with -o"),
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
        what, hint = _ADVICE.get(error.errno or 0, (error.strerror or str(error), ""))
        raise DiskError(f"cannot {doing} {shown(path)}: {what}", hint=hint) from error
