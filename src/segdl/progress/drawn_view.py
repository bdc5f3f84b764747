"""What views have in common that draw on a terminal."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from functools import partial
from typing import TextIO

from segdl.progress.beside import PendingLines, Write, write_all, write_line
from segdl.progress.ticker import Ticker


class DrawnView(ABC):
    """A view that is drawn in a thread of its own: a terminal that takes nothing keeps nobody.

    News, lines of others and the ticker come from different threads: `_lock` owns what is
    known, and what waits. Only the ticker's thread draws, and `close` when that has ended;
    without a ticker whoever brings the news does, with the lock.
    """

    def __init__(self) -> None:
        self._ticker: Ticker | None = None
        self._lines = PendingLines()
        self._closed = False
        self._lock = threading.RLock()

    @property
    def _ticks(self) -> bool:
        """Whether there is a thread that draws."""
        return self._ticker is not None and self._ticker.runs

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
                    self._has_news()
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

    def _draw(self, lines: list[Write], picture: Write) -> None:
        """Write lines where a picture was, and draw one below."""
        if lines:
            self._erase()
            write_all(lines)
        picture()

    @abstractmethod
    def _has_news(self) -> None:
        """See to it that what is new is drawn soon; the lock is held."""

    @abstractmethod
    def _erase(self) -> None:
        """Take what is drawn off the terminal."""

    @abstractmethod
    def _end(self) -> None:
        """Draw what is to stay when all is over, and give the terminal back."""
