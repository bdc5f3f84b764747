"""The figures of a run, shared by who adds to them and who shows them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.tally import Tally


class Board:
    """A tally with its clock and its lock: any thread may read it.

    Example:
        >>> from segdl.mirror.happenings import Listed
        >>> board = Board()
        >>> board.take(Listed(files=3, bytes=100, complete=True))
        >>> with board.read() as (tally, now):
        ...     tally.listed.files
        3
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._tally = Tally()
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def take(self, happening: Happening) -> None:
        """Add what happened just now."""
        with self._lock:
            self._tally.apply(happening, self.now)

    @contextmanager
    def read(self) -> Iterator[tuple[Tally, float]]:
        """Yield the sums, and the time in the run; they stand still meanwhile."""
        with self._lock:
            yield self._tally, self.now
