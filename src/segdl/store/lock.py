"""One run holds a target at a time; the kernel lets go when the run dies, however it dies."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from segdl.core.text import printable
from segdl.errors import TargetLockedError
from segdl.store.faults import disk_errors, shown

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # Far behind the text that names the holder, which others must be able to read.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        """Closing it does: nobody else has it open."""

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        # Closing it lets go only where no child has inherited it.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError:
            # A file system that is gone holds nothing.
            pass


class Lock:
    """An exclusive hold on a file, for as long as it is open."""

    def __init__(self, path: Path, target: Path) -> None:
        """Take the lock.

        Args:
            path: the lock file.
            target: what it stands for, for the message.

        Raises:
            TargetLockedError: another run holds it.
            DiskError: the file cannot be made.
        """
        self._path = path
        self._descriptor = -1
        self._owner = os.getpid()
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        while self._descriptor < 0:
            with disk_errors(path, "lock"):
                descriptor = os.open(path, flags, 0o666)
                try:
                    if not _try_lock(descriptor):
                        raise _locked(target, descriptor)
                    # Between open and lock its holder may have finished and deleted it.
                    if _is_still(path, descriptor):
                        self._descriptor = descriptor
                finally:
                    if self._descriptor != descriptor:
                        os.close(descriptor)
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        try:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, text.encode())
        except OSError:
            # A full disk: the hold is what counts, not what it says of its holder.
            pass

    def release(self, *, delete: bool) -> None:
        """Let go, deleting the lock file first where nothing is left to protect.

        In a child that was forked meanwhile nothing is let go: the parent holds it.
        """
        if self._descriptor < 0:
            return
        ours = self._owner == os.getpid()
        delete = delete and ours
        # Deleted while it is held, so that no other run can have it; Windows refuses that.
        if delete and os.name != "nt":
            self._delete()
        if ours:
            _unlock(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        if delete and os.name == "nt":
            self._delete()

    def _delete(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            # A lock file that nobody holds blocks nobody.
            pass


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _locked(target: Path, descriptor: int) -> TargetLockedError:
    holder, hint = "another run", "wait for it"
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        told = json.loads(os.read(descriptor, 4096))
        holder = f"process {int(told['pid'])} on {printable(str(told['host']), 80)}"
        if (int(told["pid"]), told["host"]) == (os.getpid(), socket.gethostname()):
            holder, hint = "this run already", "once is enough if it is the same file"
    except (OSError, ValueError, KeyError, TypeError):
        # Whoever holds it has not said so yet.
        pass
    text = f"{shown(target)} is being downloaded by {holder}"
    return TargetLockedError(text, hint=hint, instead="name")
