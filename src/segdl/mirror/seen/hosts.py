"""What is known of each host of a run."""

from __future__ import annotations

from segdl.core.causes import Cause
from segdl.mirror.happenings import Done
from segdl.mirror.seen.sketch import Sketch
from segdl.mirror.seen.timeline import Timeline
from segdl.progress.meter import Meter

# Hosts that are counted apart; those of a list may be any number.
MOST_HOSTS = 200
# What all beyond them are counted as.
OTHERS = "(other hosts)"
# Stretches in which pauses are told.
_STRETCHES = 120
# Seconds over which a host's speed is averaged.
_MEMORY = 8.0


class HostTally:
    """The sums of one host. Times are seconds since the run began.

    Attributes:
        name: the host.
        at_work: files that are being fetched from it.
        done: files that came from it, or that it said are unchanged.
        failed: files that cannot be had.
        put_off: files that wait for the next run: it does not answer.
        fetched: bytes that came over the network.
        requests: requests sent for the files that are done.
        retries: requests made again, by cause.
        refusals: answers that asked to come back later, by status: 429 or 503.
        pauses: how often it was paused.
        paused: seconds when it was; see `settle`.
        paused_until: when the pause ends; in the past where there is none.
        reason: of the latest pause.
        pausing: seconds paused, over time.
        speeds: bytes a second of each file that was fetched.
        seconds: how long each of them took.
        meter: bytes a second of all of them at the moment.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.at_work = 0
        self.done = 0
        self.failed = 0
        self.put_off = 0
        self.fetched = 0
        self.requests = 0
        self.retries: dict[Cause, int] = {}
        self.refusals = {429: 0, 503: 0}
        self.pauses = 0
        self.paused = 0.0
        self.paused_until = 0.0
        self.reason = ""
        self.pausing = Timeline(_STRETCHES)
        self.speeds = Sketch()
        self.seconds = Sketch()
        self.meter = Meter(_MEMORY)
        self._settled = 0.0

    def receive(self, count: int, now: float) -> None:
        """Count bytes that came over the network."""
        if not self.fetched:
            # Its speed is that since its first bytes, not since the run began.
            self.meter.start(0, now)
        self.fetched += count
        self.meter.observe(self.fetched, now)

    def finish(self, done: Done) -> None:
        """Count a file that is as it should be."""
        self.done += 1
        self.requests += done.requests
        if done.how in {"fetched", "repaired"} and done.fetched and done.seconds > 0:
            self.speeds.add(done.fetched / done.seconds)
            self.seconds.add(done.seconds)

    def retry(self, cause: Cause) -> None:
        """Count a request that is made again."""
        self.retries[cause] = self.retries.get(cause, 0) + 1

    def refuse(self, status: int, seconds: float, now: float) -> None:
        """Count an answer 429 or 503, and the pause that follows."""
        if status in self.refusals:
            self.refusals[status] += 1
        self.pause(seconds, f"the server answered {status}", now)

    def pause(self, seconds: float, reason: str, now: float) -> None:
        """Note that it is asked nothing for `seconds`; pauses that overlap are one longer."""
        if seconds <= 0:
            return
        self.settle(now)
        self.pauses += now >= self.paused_until
        self._settled = max(self._settled, now)
        self.paused_until = max(self.paused_until, now + seconds)
        self.reason = reason

    def settle(self, now: float) -> None:
        """Count what has passed of its pause."""
        until = min(now, self.paused_until)
        if until > self._settled:
            self.paused += until - self._settled
            self.pausing.add(self._settled, until, until - self._settled)
            self._settled = until


class Hosts:
    """The hosts of a run, in the order in which they were met; no more than `MOST_HOSTS`."""

    def __init__(self) -> None:
        self._hosts: dict[str, HostTally] = {}

    def __getitem__(self, name: str) -> HostTally:
        """Return the sums of a host: its own, or those of all that are too many."""
        found = self._hosts.get(name)
        if found is None:
            name = name if len(self._hosts) < MOST_HOSTS else OTHERS
            found = self._hosts.setdefault(name, HostTally(name))
        return found

    def all(self, now: float) -> list[HostTally]:
        """Return all, with their pauses counted up to `now`."""
        for host in self._hosts.values():
            host.settle(now)
        return list(self._hosts.values())
