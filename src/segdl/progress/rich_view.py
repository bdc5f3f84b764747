"""A live area on a terminal: a bar for each file and for each of its segments."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from segdl.progress.events import Event, Joining, Note, Progress, Restarted, Verifying
from segdl.progress.live_area import LiveArea
from segdl.progress.rich_rows import frame
from segdl.progress.state import RunState, permanent_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds between two pictures while bytes come in.
_INTERVAL = 0.125


class RichView:
    """A view that redraws itself on events; `clock` tells seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._area = LiveArea(stream)
        self._clock = clock
        self._run = RunState()
        self._drawn: float | None = None
        self._closed = False
        # `hidden` may be called from another thread than the one that brings events.
        self._lock = threading.RLock()

    def __call__(self, event: Event, /) -> None:
        """Take in the event and draw what changed."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            state = self._run.apply(event, now)
            match event:
                case Restarted(reason=reason):
                    self._area.print(permanent_line(state, f"starting over: {reason}"))
                case Note(text=text):
                    self._area.print(permanent_line(state, text))
                case _:
                    pass
            # The stream of progress is thinned out. All else is rare, and may be the
            # last event for a while: it has to be on the screen at once.
            stream = isinstance(event, Progress | Joining | Verifying)
            if not stream or self._drawn is None or now - self._drawn >= _INTERVAL:
                self._draw(now)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Erase the live area while the caller prints, and draw it again."""
        with self._lock:
            self._area.erase()
            yield
            if not self._closed:
                self._draw(self._clock())

    def close(self) -> None:
        """Erase the live area and give the cursor back."""
        with self._lock:
            self._closed = True
            self._area.erase()

    def _draw(self, now: float) -> None:
        self._drawn = now
        files = list(self._run.files.values())
        if not files:
            self._area.erase()
            return
        area = self._area
        area.draw(frame(files, area.width, area.height, now, area.look))
