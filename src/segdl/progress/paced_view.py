"""What views have in common that draw on a terminal: how often, and room for lines of others."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TextIO

from segdl.progress.pending_lines import PendingLines, write_all, write_line
from segdl.progress.ticker import Ticker

if TYPE_CHECKING:
    from segdl.progress.events import Event

# Seconds between two pictures, however much happens: small files come by the thousand.
INTERVAL = 0.125


class PacedView(ABC):
    """A view that is drawn in a thread of its own: a terminal that takes nothing keeps nobody.

    What happens, and lines of others, are shown with the next picture: nobody reads a thousand
    a second, and to draw below each takes longer than to fetch a small file.

    Events, lines and the ticker come from different threads: `_lock` owns what is known, and
    what waits. Only the ticker's thread draws, and `close` when that has ended; without a
    ticker whoever brings the news does, with the lock.

    Args:
        clock: tells seconds.
        ticking: whether it has such a thread.
    """

    def __init__(self, clock: Callable[[], float], *, ticking: bool) -> None:
        self._clock = clock
        self._ticking = ticking
        self._ticker: Ticker | None = None
        self._drawn: float | None = None
        # Whether there is anything that was not shown.
        self._stale = False
        self._lines = PendingLines()
        self._closed = False
        self._lock = threading.RLock()

    def __call__(self, event: Event, /) -> None:
        """Take in the event; what changed is drawn soon."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            line = self._take(event, now)
            if line is not None:
                self._lines.add(partial(self._print, line))
            self._changed(now)

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line above what is drawn, with the next picture; at once where it is elsewhere.

        Raises:
            OSError: the stream is no terminal, and cannot take it.
            ValueError: the stream is closed.
        """
        if stream.isatty():
            with self._lock:
                if not self._closed:
                    self._lines.add(partial(write_line, text, stream))
                    self._changed(self._clock())
                    return
        write_line(text, stream)

    def close(self) -> None:
        """Write what waits, and leave the terminal as it is to be left."""
        if self._ticker is not None:
            self._ticker.stop()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._erase()
                write_all(self._lines.take())
                self._end()

    def _changed(self, now: float) -> None:
        self._stale = True
        if self._ticking and self._ticker is None:
            self._ticker = Ticker(INTERVAL, self._tick, at_once=True)
            self._ticking = self._ticker.runs
        if not self._ticking and (self._drawn is None or now - self._drawn >= INTERVAL):
            self._drawn = now
            self._draw(*self._news(now))

    def _tick(self) -> None:
        with self._lock:
            if not self._stale:
                return
            lines, draw = self._news(self._clock())
        self._draw(lines, draw)

    def _news(self, now: float) -> tuple[list[Callable[[], None]], Callable[[], None]]:
        self._stale = False
        return self._lines.take(), self._picture(now)

    def _draw(self, lines: list[Callable[[], None]], draw: Callable[[], None]) -> None:
        if lines:
            self._erase()
            write_all(lines)
        draw()

    @abstractmethod
    def _take(self, event: Event, now: float) -> str | None:
        """Take in an event; return the line that stays of it, if any does."""

    @abstractmethod
    def _picture(self, now: float) -> Callable[[], None]:
        """Return what draws things as they are now."""

    @abstractmethod
    def _print(self, line: str) -> None:
        """Print a line that stays; nothing is drawn where it goes."""

    @abstractmethod
    def _erase(self) -> None:
        """Take what is drawn off the terminal."""

    @abstractmethod
    def _end(self) -> None:
        """Draw what is to stay when all is over, and give the terminal back."""
