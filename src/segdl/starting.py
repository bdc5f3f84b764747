"""Threads that the system may not give."""

from __future__ import annotations

import threading

from segdl.core.limits import is_no_more_threads


def starts(thread: threading.Thread) -> bool:
    """Start a thread; tell whether the system gave one.

    Example:
        >>> thread = threading.Thread(target=print)
        >>> starts(thread), thread.join()
        <BLANKLINE>
        (True, None)
    """
    try:
        thread.start()
    except RuntimeError as error:
        if not is_no_more_threads(error):
            raise
        return False
    return True
