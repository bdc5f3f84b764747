"""A live area on a terminal: the most telling files, a line a host, the totals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TextIO

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.lines import Lines
from segdl.mirror.seen.rich_frame import frame
from segdl.progress.live_area import LiveArea
from segdl.progress.pending_lines import PendingLines, write_all, write_line
from segdl.progress.ticker import Ticker

# Seconds between two pictures, whatever happens.
_INTERVAL = 0.35


class RichMirrorView:
    """A view that is drawn now and then, and lines that stay above it.

    Happenings, lines of others and the ticker come from different threads: `_lock` owns what
    waits. Only the ticker's thread draws, and `close` when that has ended: a terminal that
    takes nothing keeps nobody. Without a ticker whoever brings a line writes it, with the lock.
    """

    def __init__(self, stream: TextIO, board: Board, *, ticking: bool) -> None:
        self._area = LiveArea(stream)
        self._board = board
        self._deserving = Lines(board, pauses=False)
        self._lines = PendingLines()
        self._closed = False
        self._lock = threading.RLock()
        self._ticker = Ticker(_INTERVAL, self.refresh) if ticking else None
        self._ticking = self._ticker is not None and self._ticker.runs

    def __call__(self, happening: Happening, /) -> None:
        """Print what deserves a line of its own."""
        line = self._deserving.of(happening)
        if line is not None:
            with self._lock:
                self._add(partial(self._area.print, *line))

    def refresh(self) -> None:
        """Draw the run as it is now."""
        area = self._area
        with self._lock:
            if self._closed:
                return
            lines = self._lines.take()
        with self._board.read() as (tally, now):
            rows = frame(tally, area.width, area.height, now, area.look)
        self._write(lines)
        area.draw(rows)

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line above the live area, with its next picture; at once where it is elsewhere.

        Raises:
            OSError: the stream is no terminal, and cannot take it.
            ValueError: the stream is closed.
        """
        if stream.isatty():
            with self._lock:
                if self._add(partial(write_line, text, stream)):
                    return
        write_line(text, stream)

    def close(self) -> None:
        """Erase the live area and give the cursor back."""
        if self._ticker is not None:
            self._ticker.stop()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._area.erase()
                write_all(self._lines.take())

    def _add(self, write: Callable[[], None]) -> bool:
        """Have a line written before the next picture; tell whether there may be another one."""
        if not self._closed:
            self._lines.add(write)
            if not self._ticking:
                self._write(self._lines.take())
        return not self._closed

    def _write(self, lines: list[Callable[[], None]]) -> None:
        if lines:
            self._area.erase()
            write_all(lines)
