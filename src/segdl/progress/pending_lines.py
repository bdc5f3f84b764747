"""Lines of others that wait until what is drawn on the terminal is out of their way."""

from __future__ import annotations

from contextlib import suppress
from typing import TextIO


class PendingLines:
    """Keeps lines for a terminal until they are written. One thread at a time uses it."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, TextIO]] = []

    def __len__(self) -> int:
        return len(self._lines)

    def take(self, text: str, stream: TextIO) -> bool:
        """Take a line on; tell whether it waits: one that goes elsewhere is written at once.

        Raises:
            OSError: the stream is no terminal, and cannot take it.
            ValueError: the stream is closed.
        """
        if not stream.isatty():
            print(text, file=stream, flush=True)
            return False
        self._lines.append((text, stream))
        return True

    def write(self) -> None:
        """Write those that wait: nothing may be drawn where they go."""
        lines, self._lines = self._lines, []
        for text, stream in lines:
            # It was a terminal: if that is gone, so is who reads.
            with suppress(OSError, ValueError):
                print(text, file=stream, flush=True)
