"""Lines for a log: now and then how far the run is, and whatever went wrong."""

from __future__ import annotations

import threading
from typing import TextIO

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.lines import Lines
from segdl.mirror.seen.words import status_line
from segdl.progress.beside import Undrawn
from segdl.progress.ticker import Ticker

# Seconds to the first line that tells how far it is; then each takes longer than the one
# before: a run of hours does not fill the mail that cron sends.
_FIRST = 10.0
_GROWTH = 1.5
_LONGEST = 60.0


class PlainMirrorView(Undrawn):
    """A view for a stream that is no terminal."""

    def __init__(self, stream: TextIO, board: Board, *, ticking: bool) -> None:
        self._stream = stream
        self._board = board
        self._lines = Lines(board, pauses=True)
        self._interval = _FIRST
        self._due = _FIRST
        self._closed = False
        self._lock = threading.Lock()
        self._ticker = Ticker(1.0, self.refresh) if ticking else None

    def __call__(self, happening: Happening, /) -> None:
        """Write what deserves a line of its own."""
        line = self._lines.of(happening)
        if line is not None:
            with self._lock:
                self._write(line[0])

    def refresh(self) -> None:
        """Write how far the run is, where it is time to."""
        with self._lock:
            now = self._board.now
            if now < self._due or self._closed:
                return
            self._interval = min(_LONGEST, self._interval * _GROWTH)
            self._due = now + self._interval
            with self._board.read() as (tally, now):
                line = status_line(tally, now)
            self._write(line)

    def close(self) -> None:
        """Write no more; every line is whole."""
        with self._lock:
            self._closed = True
        if self._ticker is not None:
            self._ticker.stop()

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
