"""Events for programs: one JSON object a line, as `docs/events.md` describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from segdl.progress.beside import Undrawn
from segdl.progress.events import (
    Event,
    Failed,
    Finished,
    Joining,
    Progress,
    Restarted,
    Verifying,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds between two lines of progress of one file.
_INTERVAL = 0.25


class JsonView(Undrawn):
    """A view that writes JSON lines. Seconds come from `clock`.

    What tells how far a file is (progress, joining, verifying) is thinned out,
    except the first and the last of each kind; everything else is written.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._last: dict[int, tuple[type[Event], float]] = {}
        self._held: dict[int, Event] = {}

    def __call__(self, event: Event, /) -> None:
        """Write the event, or hold it back until it proves to be the last of its kind."""
        if isinstance(event, Progress | Joining | Verifying):
            self._thin(event)
            return
        if isinstance(event, Finished | Failed):
            self._release(event.file)
        elif isinstance(event, Restarted):
            # What was held back is no longer true.
            self._held.pop(event.file, None)
            self._last.pop(event.file, None)
        self._write(event)

    def close(self) -> None:
        """Write what was held back: an interrupted run ends with where it stood."""
        for file in tuple(self._held):
            self._release(file)

    def _thin(self, event: Progress | Joining | Verifying) -> None:
        now = self._clock()
        kind, since = self._last.get(event.file, (None, 0.0))
        if kind is type(event):
            if now - since < _INTERVAL:
                self._held[event.file] = event
                return
            self._held.pop(event.file, None)
        else:
            self._release(event.file)
        self._last[event.file] = (type(event), now)
        self._write(event)

    def _release(self, file: int) -> None:
        self._last.pop(file, None)
        held = self._held.pop(file, None)
        if held is not None:
            self._write(held)

    def _write(self, event: Event) -> None:
        self._stream.write(f"{json.dumps(to_json(event))}\n")
        self._stream.flush()
