"""Files at work of which little is still to come: others are about to have their share of the link.

What is left of a file after its last byte, its digest for one, and the first moments of the next
one leave a link idle where they are waited for.
"""

from __future__ import annotations

import threading

# The share of a file in which the next one is asked for and finds its pace.
_LITTLE = 1 / 8


class Ending:
    """Knows them by their rows' numbers. `_lock` owns `_files`.

    Example:
        >>> ending = Ending()
        >>> ending.note(7, done=90, size=100)
        >>> 7 in ending, 8 in ending
        (True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: set[int] = set()

    def note(self, file: int, done: int, size: int | None) -> None:
        """Note how much of a file is here.

        Args:
            file: its number.
            done: bytes.
            size: bytes of the whole; None where nobody knows.
        """
        if size is not None and size - done <= size * _LITTLE:
            with self._lock:
                self._files.add(file)

    def ended(self, file: int) -> None:
        """Forget a file; harmless where nothing was noted."""
        with self._lock:
            self._files.discard(file)

    def __contains__(self, file: object) -> bool:
        with self._lock:
            return file in self._files
