"""What is said once a run, however many files it is true of."""

from __future__ import annotations

import threading


class Once:
    """Remembers what was said. Files of a run share it; `_lock` owns `_said`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()

    def is_first(self, what: str) -> bool:
        """Tell whether nobody asked this of `what` before."""
        with self._lock:
            first = what not in self._said
            self._said.add(what)
            return first
