"""What views have in common that draw on a terminal: how often, and room for lines of others."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TextIO

from segdl.progress.pending_lines import PendingLines
from segdl.progress.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable

    from segdl.progress.events import Event

# Seconds between two pictures, however much happens: small files come by the thousand.
INTERVAL = 0.125


class PacedView(ABC):
    """A view that redraws itself on events; `clock` tells seconds.

    What comes too soon after a picture is shown with the next one, lines of others too: nobody
    reads a thousand a second, and to draw below each takes longer than to fetch a small file.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._drawn: float | None = None
        # Whether there is anything that was not shown.
        self._stale = False
        self._lines = PendingLines()
        self._ticker: Ticker | None = None
        self._closed = False
        # Events, lines and the ticker come from different threads; it owns everything.
        self._lock = threading.RLock()

    def __call__(self, event: Event, /) -> None:
        """Take in the event and draw what changed."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            line = self._take(event, now)
            if line is not None:
                # They stay in the order in which they came.
                if self._lines:
                    self._make_room()
                self._print(line)
            self._changed(now)

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line above what is drawn, with the next picture; at once where it is elsewhere.

        Raises:
            OSError: the stream is no terminal, and cannot take it.
            ValueError: the stream is closed.
        """
        with self._lock:
            if self._closed:
                print(text, file=stream, flush=True)
            elif self._lines.take(text, stream):
                self._changed(self._clock())

    def close(self) -> None:
        """Write what waits, and leave the terminal as it is to be left."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._make_room()
                self._end()
        if self._ticker is not None:
            self._ticker.stop()

    def _changed(self, now: float) -> None:
        """Draw, unless that was done just now; then the ticker does, if nothing else happens."""
        self._stale = True
        self._draw_if_due(now)
        if self._stale and self._ticker is None:
            self._ticker = Ticker(INTERVAL, self._tick)

    def _tick(self) -> None:
        with self._lock:
            if self._stale and not self._closed:
                self._draw_if_due(self._clock())

    def _draw_if_due(self, now: float) -> None:
        if self._drawn is None or now - self._drawn >= INTERVAL:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._drawn, self._stale = now, False
        if self._lines:
            self._make_room()
        self._show(now)

    def _make_room(self) -> None:
        """Erase what is drawn, and write the lines that wait in its place."""
        self._erase()
        self._lines.write()

    @abstractmethod
    def _take(self, event: Event, now: float) -> str | None:
        """Take in an event; return the line that stays of it, if any does."""

    @abstractmethod
    def _print(self, line: str) -> None:
        """Print a line that stays above what is drawn."""

    @abstractmethod
    def _show(self, now: float) -> None:
        """Draw things as they are now."""

    @abstractmethod
    def _erase(self) -> None:
        """Take what is drawn off the terminal."""

    @abstractmethod
    def _end(self) -> None:
        """Draw what is to stay when all is over, and give the terminal back."""
