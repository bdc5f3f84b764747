"""A live area on a terminal: a bar for each file and for each of its segments."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from segdl.progress.events import Event, Joining, Note, Progress, Restarted, Verifying
from segdl.progress.rich_cells import ASCII, UNICODE
from segdl.progress.rich_rows import frame
from segdl.progress.state import RunState, permanent_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds between two pictures while bytes come in.
_INTERVAL = 0.125


class RichView:
    """A view that redraws itself on events; `clock` tells seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        # Whoever chose this view saw a terminal; rich need not look for one again.
        self._console = Console(
            file=stream, force_terminal=True, markup=False, emoji=False, highlight=False
        )
        self._look = UNICODE if self._console.encoding.startswith("utf") else ASCII
        self._clock = clock
        self._run = RunState()
        self._live: Live | None = None
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
                    self._print(permanent_line(state, f"starting over: {reason}"))
                case Note(text=text):
                    self._print(permanent_line(state, text))
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
            self._erase()
            yield
            if not self._closed:
                self._draw(self._clock())

    def close(self) -> None:
        """Erase the live area and give the cursor back."""
        with self._lock:
            self._closed = True
            self._erase()

    def _draw(self, now: float) -> None:
        self._drawn = now
        files = list(self._run.files.values())
        if not files:
            self._erase()
            return
        # Room for the ^C that a terminal writes behind the last row: a row more than is
        # known of would stay on the screen.
        width = max(1, self._console.width - len("^C") - 1)
        rows = frame(files, width, self._console.height, now, self._look)
        picture = Text("\n", no_wrap=True, end="").join(rows)
        if self._live is None:
            # Other output stays on its own stream: what a user redirects must not
            # turn up here instead.
            self._live = Live(
                picture,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
        else:
            self._live.update(picture, refresh=True)

    def _erase(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, line: str) -> None:
        self._console.print(Text(line))
