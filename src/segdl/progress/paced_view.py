"""What views of events have in common that draw on a terminal: how often."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from segdl.progress.beside import Write
from segdl.progress.drawn_view import DrawnView
from segdl.progress.ticker import Ticker

if TYPE_CHECKING:
    from segdl.progress.events import Event

# Seconds between two pictures, however much happens: small files come by the thousand.
INTERVAL = 0.125


class PacedView(DrawnView):
    """A view that is drawn where there is news, and not too often.

    What happens, and lines of others, are shown with the next picture: nobody reads a thousand
    a second, and to draw below each takes longer than to fetch a small file.

    Args:
        clock: tells seconds.
        ticking: whether it draws in a thread of its own, which begins with the first news.
    """

    def __init__(self, clock: Callable[[], float], *, ticking: bool) -> None:
        super().__init__()
        self._clock = clock
        self._ticking = ticking
        self._drawn: float | None = None
        # Whether there is anything that was not shown.
        self._stale = False

    def __call__(self, event: Event, /) -> None:
        """Take in the event; what changed is drawn soon."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            line = self._take(event, now)
            if line is not None:
                self._lines.add(partial(self._print, line))
            self._has_news()

    def _has_news(self) -> None:
        self._stale = True
        if self._ticking and self._ticker is None:
            self._ticker = Ticker(INTERVAL, self._tick, at_once=True)
        if self._ticks:
            return
        now = self._clock()
        if self._drawn is None or now - self._drawn >= INTERVAL:
            self._drawn = now
            self._draw(*self._news(now))

    def _tick(self) -> None:
        with self._lock:
            if not self._stale:
                return
            lines, picture = self._news(self._clock())
        self._draw(lines, picture)

    def _news(self, now: float) -> tuple[list[Write], Write]:
        self._stale = False
        return self._lines.take(), self._picture(now)

    @abstractmethod
    def _take(self, event: Event, now: float) -> str | None:
        """Take in an event; return the line that stays of it, if any does."""

    @abstractmethod
    def _picture(self, now: float) -> Write:
        """Return what draws things as they are now."""

    @abstractmethod
    def _print(self, line: str) -> None:
        """Print a line that stays; nothing is drawn where it goes."""
