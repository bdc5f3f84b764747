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
    errno.EACCES: ("not permitted", "choose another folder, or mend its permissions"),
    errno.EPERM: ("not permitted", "choose another folder, or mend its permissions"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.EINVAL: ("the file system refuses this name", "choose another"),
    errno.EISDIR: ("it is a folder", "choose another name"),
    errno.ENOTDIR: ("a part of the path is not a folder", "choose another folder"),
    errno.EFBIG: ("the file system allows no file of this size", "choose another folder"),
    errno.ELOOP: ("a symbolic link stands where segdl keeps its parts", "remove it"),
    errno.EEXIST: ("something else has that name", "move it away or choose another name"),
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
