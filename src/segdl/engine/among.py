"""Files of one origin that are at work at once."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from segdl.core.capacity import Capacity


class Among:
    """Sums up what they bring. `_lock` owns every field."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = self._beside = 0
        # What each told last: the bytes that came for it, and its connections.
        self._last: dict[Hashable, tuple[int, int]] = {}
        self._capacity = Capacity()

    def tell(self, file: Hashable, received: int, connections: int, now: float) -> bool:
        """Take what came for a file; tell whether more connections would bring no more.

        Args:
            file: whatever stands for it.
            received: bytes so far; what came before it is told first does not count.
            connections: those whose bodies flow.
            now: seconds.
        """
        with self._lock:
            before, _ = self._last.get(file, (received, 0))
            self._received += max(0, received - before)
            self._last[file] = received, connections
            number = sum(each for _, each in self._last.values())
            self._capacity = self._capacity.note(now, self._received, number, self._beside)
            return self._capacity.is_full

    def came_beside(self, received: int) -> None:
        """Count bytes of a file that is told of nowhere else: its one connection is not counted."""
        with self._lock:
            self._beside += received

    def leave(self, file: Hashable) -> None:
        """Count a file no more; harmless where it was never told of."""
        with self._lock:
            self._last.pop(file, None)
            if not self._last:
                # A time without any is none of what they bring.
                self._capacity = Capacity()
