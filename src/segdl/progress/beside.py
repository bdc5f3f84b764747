"""Lines beside what a view draws: of results, of errors, of the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TextIO

Write = Callable[[], None]


class Beside(Protocol):
    """What may be drawn on the terminal, and leaves room for lines."""

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line to a stream that may be the same terminal.

        It may be there some tenths of a second later, where many come; before the view is
        closed at the latest. Any thread may do this at any time.

        Raises:
            OSError: the stream cannot take it.
            ValueError: the stream is closed.
        """


class Undrawn:
    """What views have in common that draw nothing which a line would be in the way of."""

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line at once, see :class:`Beside`."""
        write_line(text, stream)


class PendingLines:
    """Keeps lines for a terminal until they are written. One thread at a time uses it."""

    def __init__(self) -> None:
        self._writes: list[Write] = []

    def add(self, write: Write) -> None:
        """Keep a line that `write` writes."""
        self._writes.append(write)

    def take(self) -> list[Write]:
        """Return what was kept, to be written by the caller."""
        writes, self._writes = self._writes, []
        return writes


def write_line(text: str, stream: TextIO) -> None:
    """Write a line at once, and in one piece.

    Raises:
        OSError: the stream cannot take it.
        ValueError: the stream is closed.
    """
    stream.write(f"{text}\n")
    stream.flush()


def write_all(writes: list[Write]) -> None:
    """Write lines: nothing may be drawn where they go."""
    for write in writes:
        # Where the terminal is gone, so is who reads.
        with suppress(OSError, ValueError):
            write()
