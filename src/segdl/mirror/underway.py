"""What the threads of files at work tell of them: their sizes, and which are nearly here.

How large one is says it of others that are called alike, long before it is through. Of which
little is still to come, others are about to have its share of the link: what is left of a file
after its last byte, its digest for one, and the first moments of the next one leave a link idle
where they are waited for.
"""

from __future__ import annotations

import threading

from segdl.mirror.rows import Row

# The share of a file in which the next one is asked for and finds its pace.
_LITTLE = 1 / 8


class Underway:
    """Knows files by their rows' numbers. `_lock` owns every field."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ending: set[int] = set()
        self._sized: set[int] = set()
        self._news: list[tuple[str, int]] = []

    def note(self, file: Row, done: int, size: int | None) -> None:
        """Note how much of a file is here.

        Args:
            file: it is at work.
            done: bytes.
            size: bytes of the whole; None where nobody knows.
        """
        if size is None:
            return
        with self._lock:
            if file.id not in self._sized:
                self._sized.add(file.id)
                self._news.append((file.path, size))
            if size - done <= size * _LITTLE:
                self._ending.add(file.id)

    def sizes(self) -> list[tuple[str, int]]:
        """Return paths of files whose sizes were not told before, and the sizes, in bytes."""
        with self._lock:
            news, self._news = self._news, []
        return news

    def ended(self, file: Row) -> bool:
        """Forget a file; tell whether its size was told."""
        with self._lock:
            self._ending.discard(file.id)
            told = file.id in self._sized
            self._sized.discard(file.id)
        return told

    def is_ending(self, file: Row) -> bool:
        """Tell whether little of it is still to come."""
        with self._lock:
            return file.id in self._ending
