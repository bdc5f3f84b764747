"""A live area on a terminal: the most telling files, a line a host, the totals."""

from __future__ import annotations

from functools import partial
from typing import TextIO

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.lines import Lines
from segdl.mirror.seen.rich_frame import frame
from segdl.progress.beside import write_all
from segdl.progress.drawn_view import DrawnView
from segdl.progress.live_area import LiveArea
from segdl.progress.ticker import Ticker

# Seconds between two pictures, whatever happens.
_INTERVAL = 0.35


class RichMirrorView(DrawnView):
    """A view that is drawn now and then, and lines that stay above it."""

    def __init__(self, stream: TextIO, board: Board, *, ticking: bool) -> None:
        super().__init__()
        self._area = LiveArea(stream)
        self._board = board
        self._deserving = Lines(board, pauses=False)
        if ticking:
            self._ticker = Ticker(_INTERVAL, self.refresh)

    def __call__(self, happening: Happening, /) -> None:
        """Print what deserves a line of its own."""
        line = self._deserving.of(happening)
        if line is not None:
            with self._lock:
                if not self._closed:
                    self._lines.add(partial(self._area.print, *line))
                    self._has_news()

    def refresh(self) -> None:
        """Draw the run as it is now."""
        with self._lock:
            if self._closed:
                return
            lines = self._lines.take()
        area = self._area
        with self._board.read() as (tally, now):
            rows = frame(tally, area.width, area.height, now, area.look)
        self._draw(lines, partial(area.draw, rows))

    def _has_news(self) -> None:
        if not self._ticks:
            # The next picture may be long in coming.
            self._erase()
            write_all(self._lines.take())

    def _erase(self) -> None:
        self._area.erase()

    def _end(self) -> None:
        pass
