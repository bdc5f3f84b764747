"""Happenings for programs: one JSON object a line."""

from __future__ import annotations

import json
from typing import TextIO, get_args

from segdl.mirror.happenings import Happening, to_json
from segdl.mirror.seen.board import Board
from segdl.progress.beside import Undrawn
from segdl.progress.events import Event
from segdl.progress.json_view import JsonView


class JsonMirrorView(Undrawn):
    """A view that writes JSON lines; how far a file is is thinned out as in `JsonView`."""

    def __init__(self, stream: TextIO, board: Board) -> None:
        self._stream = stream
        self._events = JsonView(stream, lambda: board.now)

    def __call__(self, happening: Happening, /) -> None:
        """Write the line of what happened."""
        if isinstance(happening, get_args(Event)):
            self._events(happening)
        else:
            self._stream.write(f"{json.dumps(to_json(happening))}\n")
            self._stream.flush()

    def refresh(self) -> None:
        """Do nothing: what happens is written as it does."""

    def close(self) -> None:
        """Write what was held back."""
        self._events.close()
