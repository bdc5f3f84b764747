"""What a test must not leave behind in this process."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")

_DESCRIPTORS = Path("/proc/self/fd")
_TEMPORARY = tempfile.gettempdir() + os.sep
_PATIENCE = 10.0  # seconds that a thread which was told to end may still take


def our_threads() -> set[threading.Thread]:
    """Return the threads that segdl or a scripted server started."""
    return {
        thread for thread in threading.enumerate() if thread.name.startswith(("segdl", "scripted-"))
    }


def open_files() -> set[str]:
    """Return the sockets, by inode, and the files of this process, by descriptor and path.

    None where /proc does not tell; of files those that a test makes.
    """
    found = set()
    for descriptor in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        try:
            target = os.readlink(_DESCRIPTORS / descriptor)
        except OSError:
            continue  # the descriptor of the listing itself
        if target.startswith("socket:"):
            found.add(target)
        elif target.startswith(_TEMPORARY):
            found.add(f"{descriptor}: {target}")
    return found


class Leaks:
    """Tells what came to be since it was made and is still there."""

    def __init__(self) -> None:
        self._threads = our_threads()
        self._files = open_files()

    def check(self) -> None:
        """Fail where threads, sockets or files are left after a moment's patience."""
        threads = _still(lambda: our_threads() - self._threads)
        assert not threads, f"threads left behind: {sorted(thread.name for thread in threads)}"
        files = _still(lambda: open_files() - self._files)
        assert not files, f"left open: {sorted(files)}"


def _still(left: Callable[[], set[Item]]) -> set[Item]:
    deadline = time.monotonic() + _PATIENCE
    collected = False
    while remaining := left():
        if not collected:
            # A cycle with a socket in it warns as it is collected, and warnings fail the
            # test: so this hides nothing, and tells who made the socket.
            gc.collect()
            collected = True
            # On a busy machine that takes longer than any patience: look once more.
            continue
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return remaining
