"""What succeeded, and the ledger does not know of yet."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.mirrorneed import Had
from segdl.mirror.ledger import Ledger
from segdl.mirror.rows import Row


class Successes:
    """Gathers files, as one write for many costs least. The coordinator's thread owns it.

    What a kill keeps from being written is found on the disk.

    Args:
        ledger: where they are written down.
        clock: seconds.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._files: list[tuple[Row, Had, bool]] = []
        self._written_at = 0.0

    def add(self, row: Row, had: Had, *, unrun: bool) -> None:
        """Note a file, what is here of it now, and whether a program failed for it."""
        self._files.append((row, had, unrun))

    def write(self, *, unless: float = 0.0) -> None:
        """Have the ledger know of them, unless that was done so many seconds ago."""
        now = self._clock()
        if self._files and now >= self._written_at + unless:
            with self._ledger.transaction():
                for row, had, unrun in self._files:
                    self._ledger.succeeded(row, had, unrun=unrun)
            self._files.clear()
            self._written_at = now
