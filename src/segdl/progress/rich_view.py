"""A live area on a terminal: a bar for each file and for each of its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from segdl.progress.events import Event, Note, Restarted
from segdl.progress.live_area import LiveArea
from segdl.progress.paced_view import PacedView
from segdl.progress.rich_rows import frame
from segdl.progress.state import RunState, permanent_line

if TYPE_CHECKING:
    from collections.abc import Callable


class RichView(PacedView):
    """A view with bars, which are gone at the end; `clock` tells seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._area = LiveArea(stream)
        self._run = RunState()

    def _take(self, event: Event, now: float) -> str | None:
        state = self._run.apply(event, now)
        match event:
            case Restarted(reason=reason):
                return permanent_line(state, f"starting over: {reason}")
            case Note(text=text):
                return permanent_line(state, text)
            case _:
                return None

    def _print(self, line: str) -> None:
        self._area.print(line)

    def _show(self, now: float) -> None:
        files = list(self._run.files.values())
        if not files:
            self._area.erase()
            return
        area = self._area
        area.draw(frame(files, area.width, area.height, now, area.look))

    def _erase(self) -> None:
        self._area.erase()

    def _end(self) -> None:
        pass
