"""A file at work: where it stands, and what came over the network for it."""

from __future__ import annotations

from segdl.mirror.happenings import Taken
from segdl.progress.events import Event, Progress, Restarted, Started
from segdl.progress.state import FileState


class Work:
    """A file that was given to a thread. Times are seconds since the run began.

    Attributes:
        taken: what it is.
        since: when it was given.
        state: how far it is, as the engine's events tell.
        fetched: bytes that came over the network so far.
        here: bytes of the file that are on the disk.
    """

    def __init__(self, taken: Taken, now: float) -> None:
        self.taken = taken
        self.since = now
        self.state = FileState(taken.file, taken.path)
        self.state.size = taken.size
        self.fetched = 0
        self.here = 0

    def apply(self, event: Event, now: float) -> int:
        """Take in an event; return how many bytes more came over the network."""
        self.state.apply(event, now)
        match event:
            case Started(held=held):
                self.here = held
            case Restarted():
                self.here = 0
            case Progress(done=done):
                came = max(0, done - self.here)
                self.here = max(self.here, done)
                self.fetched += came
                return came
            case _:
                pass
        return 0
