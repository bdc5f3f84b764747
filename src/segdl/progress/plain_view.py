"""Lines for a log: what began, now and then how far it is, and whatever went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from segdl.progress.beside import Undrawn
from segdl.progress.events import (
    Event,
    Joining,
    Note,
    Progress,
    Restarted,
    Retrying,
    Started,
    Verifying,
    Waiting,
)
from segdl.progress.format import human_duration, human_rate, human_size, percent
from segdl.progress.state import FileState, RunState, permanent_line

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds from the start of a file to its first line of progress, and between two of them.
_FIRST = 5.0
_INTERVAL = 10.0
# Seconds between two lines about retries of one file.
_RETRY_INTERVAL = 10.0


class PlainView(Undrawn):
    """A view for a stream that is no terminal. Seconds come from `clock`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._run = RunState()
        self._due: dict[int, float] = {}
        self._retry_due: dict[int, float] = {}
        self._untold: dict[int, int] = {}

    def __call__(self, event: Event, /) -> None:
        """Write the line that this event deserves, if any."""
        now = self._clock()
        state = self._run.apply(event, now)
        match event:
            case Restarted(reason=reason):
                self._write(permanent_line(state, f"starting over: {reason}"))
            case Note(text=text):
                self._write(permanent_line(state, text))
            case Started() if state:
                self._due[state.number] = now + _FIRST
                self._write(_started_line(state, event))
            case Progress() | Joining() | Verifying() if state and state.number in self._due:
                if now >= self._due[state.number]:
                    self._due[state.number] = now + _INTERVAL
                    self._write(_progress_line(state, now))
            case Waiting() if state and state.wait_text(now):
                self._write(f"{state.name}: {state.wait_text(now)}")
            case Retrying() if state:
                self._retry(state, now)
            case _:
                pass

    def close(self) -> None:
        """Do nothing: every line is whole."""

    def _retry(self, state: FileState, now: float) -> None:
        untold = self._untold.get(state.number, 0)
        if now < self._retry_due.get(state.number, now):
            self._untold[state.number] = untold + 1
            return
        self._retry_due[state.number] = now + _RETRY_INTERVAL
        self._untold[state.number] = 0
        since = f"; {untold} more since the last such line" if untold else ""
        self._write(f"{state.name}: {state.retry_text(now)}{since}")

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _started_line(state: FileState, event: Started) -> str:
    facts = ["size unknown" if event.size is None else human_size(event.size)]
    if event.held:
        facts.append(f"{human_size(event.held)} of it here already")
    if event.connections > 1:
        facts.append(f"up to {event.connections} connections")
    else:
        facts.append("1 connection" if event.connections else "nothing to fetch")
    return f"{state.name}: {', '.join(facts)}"


def _progress_line(state: FileState, now: float) -> str:
    if state.size is None:
        facts = [human_size(state.done)]
    else:
        facts = [f"{percent(state.done, state.size)}% of {human_size(state.size)}"]
    if state.phase != "downloading":
        facts[0] = f"{state.phase}, {facts[0]}"
    if (speed := state.speed(now)) is not None:
        facts.append(human_rate(speed))
    if (left := state.seconds_left(now)) is not None:
        facts.append(f"{human_duration(left)} left")
    return f"{state.name}: {', '.join(facts)}"
