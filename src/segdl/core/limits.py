"""What the operating system gives a process so many of, and no more."""

from __future__ import annotations

import errno

from segdl.errors import DiskError, SegdlError

_NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})


def no_more_files(error: BaseException, text: str) -> DiskError | None:
    """Return what to raise where files are all open that may be; a connection counts as one.

    Args:
        error: what was raised.
        text: what was tried, and at what, for the message.

    Example:
        >>> error = OSError(errno.EMFILE, "Too many open files")
        >>> print(no_more_files(error, "cannot open x"))
        cannot open x: too many open files; raise `ulimit -n`, or use fewer with -j or --max-files
        >>> no_more_files(OSError(errno.EIO, "Input/output error"), "cannot open x")
    """
    if not isinstance(error, OSError) or error.errno not in _NO_MORE_FILES:
        return None
    return DiskError(f"{text}: too many open files", hint="raise `ulimit -n`", instead="fewer")


def is_no_more_threads(error: BaseException) -> bool:
    """Tell whether a thread could not be started: Python has no class of errors for it.

    Example:
        >>> is_no_more_threads(RuntimeError("can't start new thread"))
        True
        >>> is_no_more_threads(RuntimeError("cannot schedule new futures after shutdown"))
        False
    """
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


def no_more_threads() -> SegdlError:
    """Return what to raise where nothing can go on without another thread.

    Example:
        >>> print(no_more_threads())
        cannot start another thread; raise `ulimit -u`, or use fewer with -j or --max-files
    """
    return SegdlError("cannot start another thread", hint="raise `ulimit -u`", instead="fewer")
