"""A live area on a terminal: a bar for each file and for each of its segments."""

from __future__ import annotations

from functools import partial
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

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, ticking: bool) -> None:
        super().__init__(clock, ticking=ticking)
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

    def _picture(self, now: float) -> Callable[[], None]:
        files = list(self._run.files.values())
        if not files:
            return self._area.erase
        area = self._area
        return partial(area.draw, frame(files, area.width, area.height, now, area.look))

    def _erase(self) -> None:
        self._area.erase()

    def _end(self) -> None:
        pass
