"""Lines that wait until what is drawn on the terminal is out of their way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TextIO

Write = Callable[[], None]


class PendingLines:
    """Keeps lines for a terminal until they are written. One thread at a time uses it."""

    def __init__(self) -> None:
        self._writes: list[Write] = []

    def add(self, write: Write) -> None:
        """Keep a line that `write` writes."""
        self._writes.append(write)

    def add_for(self, text: str, stream: TextIO) -> None:
        """Keep a line for a stream, which is a terminal."""
        self._writes.append(partial(print, text, file=stream, flush=True))

    def take(self) -> list[Write]:
        """Return what was kept, to be written by the caller."""
        writes, self._writes = self._writes, []
        return writes


def write_all(writes: list[Write]) -> None:
    """Write lines: nothing may be drawn where they go."""
    for write in writes:
        # Where the terminal is gone, so is who reads.
        with suppress(OSError, ValueError):
            write()
