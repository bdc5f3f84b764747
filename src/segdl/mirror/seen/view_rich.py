"""A live area on a terminal: the most telling files, a line a host, the totals."""

from __future__ import annotations

import threading
from typing import TextIO

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.lines import Lines
from segdl.mirror.seen.rich_frame import frame
from segdl.progress.live_area import LiveArea
from segdl.progress.pending_lines import PendingLines
from segdl.progress.ticker import Ticker

# Seconds between two pictures, whatever happens.
_INTERVAL = 0.35


class RichMirrorView:
    """A view that is drawn now and then; lines that stay appear above it at once."""

    def __init__(self, stream: TextIO, board: Board, *, ticking: bool) -> None:
        self._area = LiveArea(stream)
        self._board = board
        self._lines = Lines(board, pauses=False)
        self._waiting = PendingLines()
        self._closed = False
        # Happenings, the ticker and lines of others come from different threads.
        self._lock = threading.RLock()
        self._ticker = Ticker(_INTERVAL if ticking else 0.0, self.refresh)

    def __call__(self, happening: Happening, /) -> None:
        """Print what deserves a line of its own."""
        line = self._lines.of(happening)
        if line is not None:
            with self._lock:
                if not self._closed:
                    self._write_waiting()
                    self._area.print(*line)

    def refresh(self) -> None:
        """Draw the run as it is now."""
        with self._lock:
            if self._closed:
                return
            self._write_waiting()
            area = self._area
            with self._board.read() as (tally, now):
                rows = frame(tally, area.width, area.height, now, area.look)
            area.draw(rows)

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line above the live area, with its next picture; at once where it ends elsewhere.

        Raises:
            OSError: the stream is no terminal, and cannot take it.
            ValueError: the stream is closed.
        """
        with self._lock:
            if self._closed:
                print(text, file=stream, flush=True)
            else:
                self._waiting.take(text, stream)

    def close(self) -> None:
        """Erase the live area and give the cursor back."""
        with self._lock:
            self._closed = True
            self._area.erase()
            self._waiting.write()
        self._ticker.stop()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._area.erase()
            self._waiting.write()
