"""What a test must not leave behind in this process."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")

_DESCRIPTORS = Path("/proc/self/fd")
_PATIENCE = 2.0  # seconds that a thread which was told to end may still take


def our_threads() -> set[threading.Thread]:
    """Return the threads that segdl or a scripted server started."""
    return {
        thread for thread in threading.enumerate() if thread.name.startswith(("segdl", "scripted-"))
    }


def open_sockets() -> set[str]:
    """Return the sockets of this process by inode; none where /proc does not tell."""
    found = set()
    for descriptor in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        try:
            target = os.readlink(_DESCRIPTORS / descriptor)
        except OSError:
            continue  # the descriptor of the listing itself
        if target.startswith("socket:"):
            found.add(target)
    return found


class Leaks:
    """Tells what came to be since it was made and is still there."""

    def __init__(self) -> None:
        self._threads = our_threads()
        self._sockets = open_sockets()

    def check(self) -> None:
        """Fail where threads or sockets are left after a moment's patience."""
        threads = _still(lambda: our_threads() - self._threads)
        assert not threads, f"threads left behind: {sorted(thread.name for thread in threads)}"
        sockets = _still(lambda: open_sockets() - self._sockets)
        assert not sockets, f"sockets left open: {sorted(sockets)}"


def _still(left: Callable[[], set[Item]]) -> set[Item]:
    deadline = time.monotonic() + _PATIENCE
    collected = False
    while remaining := left():
        if not collected:
            # A cycle with a socket in it warns as it is collected, and warnings fail the
            # test: so this hides nothing, and tells who made the socket.
            gc.collect()
            collected = True
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return remaining
