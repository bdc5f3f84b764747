"""A run in figures: happenings go in, sums come out. Memory is bounded, whatever the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from segdl.core.causes import Cause
from segdl.mirror.happenings import (
    Done,
    Ended,
    GaveUp,
    Happening,
    How,
    Kept,
    Listed,
    Lost,
    Paused,
    Removed,
    Round,
    Said,
    Taken,
)
from segdl.mirror.seen.hosts import Hosts, HostTally
from segdl.mirror.seen.timeline import Timeline
from segdl.mirror.seen.work import Work
from segdl.progress.events import (
    Busy,
    Event,
    Failed,
    Finished,
    Note,
    Probing,
    Progress,
    Restarted,
    Retrying,
    Started,
    Waiting,
)
from segdl.progress.meter import Meter

# Failures, and notes, that are kept; beyond that they are only counted.
MOST_FAILURES = 10_000
MOST_NOTES = 1_000
# Stretches in which the throughput is told.
_STRETCHES = 600
# Seconds over which the speed that is shown is averaged, and that which tells the time left.
_MEMORY = 8.0
_LONG_MEMORY = 30.0
# How the host of what belongs to none is called.
_NOBODY = ""


@dataclass(slots=True)
class Amount:
    """Files and their bytes."""

    files: int = 0
    bytes: int = 0


class Tally:
    """The sums of a run. Times are seconds since it began.

    Attributes:
        round: how often the list was read.
        listed: what the list names, as far as it was read in this round.
        reading: whether there is more of it to come.
        complete: whether it was read to its end.
        done: files that are as the list wants them, by what it took; kept ones not counted.
        done_bytes: the bytes of these files.
        fetched: bytes that came over the network.
        requests: requests sent for the files that are done.
        failed: files that cannot be had.
        failures: them, by path, as far as they are kept.
        put_off: files that wait for the next run.
        removed: what the list no longer has.
        verified: files by algorithm of the digest that they had; "" where there was none.
        retries: requests made again, by cause.
        restarts: how often what was fetched could not be used.
        hosts: the hosts.
        work: the files at work, by number, in the order in which they were taken.
        bytes_over_time: bytes that came over the network.
        files_over_time: files that were done.
        notes: what was said, as far as it is kept.
        said: how many of them there were.
    """

    def __init__(self) -> None:
        self.round = 1
        self.listed = Amount()
        self.reading = True
        self.complete = False
        self.done: dict[How, int] = dict.fromkeys(get_args(How), 0)
        self.done_bytes = 0
        self.fetched = 0
        self.requests = 0
        self.failed = 0
        self.failures: dict[str, Lost] = {}
        self.put_off = 0
        self.removed = Amount()
        self.verified: dict[str, int] = {}
        self.retries: dict[Cause, int] = {}
        self.restarts = 0
        self.hosts = Hosts()
        self.work: dict[int, Work] = {}
        self.bytes_over_time = Timeline(_STRETCHES)
        self.files_over_time = Timeline(_STRETCHES)
        self.notes: list[str] = []
        self.said = 0
        self._kept = Amount()
        self._before = Amount()
        self._last = Amount(), Amount()
        self._unsized = 0
        self._found = Amount()
        self._over = 0
        self._meter = Meter(_MEMORY)
        self._meter.start(0, 0.0)
        self._settled = 0
        self._partly = 0
        self._settling = Meter(_LONG_MEMORY)
        self._settling.start(0, 0.0)

    @property
    def named(self) -> Amount:
        """What the list names, as far as that is known: an earlier round may have read more."""
        return self.listed if self._is_known else self._last[0]

    @property
    def _is_known(self) -> bool:
        return self.complete or self.listed.files >= self._last[0].files

    @property
    def kept(self) -> Amount:
        """What was here already when the run began, and needed nothing."""
        return self._kept_now() if self._is_known else self._last[1]

    def _kept_now(self) -> Amount:
        return Amount(
            max(0, self._kept.files - self._before.files),
            max(0, self._kept.bytes - self._before.bytes),
        )

    @property
    def files_done(self) -> int:
        """Files that are as the list wants them, kept ones not counted."""
        return sum(self.done.values())

    @property
    def unsized(self) -> int:
        """Files whose size the list does not tell."""
        return self._unsized

    def files_left(self) -> int:
        """Return how many of the listed files are still to be done in this round."""
        return max(0, self.listed.files - self._kept.files - self._over)

    def speed(self, now: float) -> float:
        """Return the bytes a second over the last seconds."""
        return self._meter.speed(now) or 0.0

    def settled_bytes(self) -> int:
        """Return the bytes of the list that need nothing more, or are here already."""
        return self._kept.bytes + self._settled + self._partly

    def expected_bytes(self) -> int:
        """Return the bytes of all that is listed; sizes that are not told are guessed."""
        known = self._sizes_told()
        mean = self._found.bytes / max(1, self._found.files)
        guessed = int((self._unsized_left() - len(known)) * mean)
        return self.listed.bytes + self._found.bytes + sum(known) + guessed

    def _unsized_left(self) -> int:
        """Return how many files are to be done whose size the list does not tell."""
        return max(0, min(self._unsized - self._found.files, self.files_left()))

    def _sizes_told(self) -> list[int]:
        """Return the sizes that servers told of those at work."""
        told = [work.state.size for work in self.work.values() if work.taken.size is None]
        return [size for size in told if size is not None][: self._unsized_left()]

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds until all is done; None where nobody can tell."""
        if self.reading:
            return None
        if not self.files_left():
            return 0.0
        left = self.expected_bytes() - self.settled_bytes()
        unknown = not self._found.files and self._unsized_left() > len(self._sizes_told())
        if left <= 0 or unknown:
            return None
        return self._settling.seconds_left(left, now)

    def apply(self, happening: Happening, now: float) -> None:
        """Take in what happened at `now`."""
        match happening:
            case Started() | Progress():
                self._advance(happening, now)
            case Probing() | Finished() | Ended():
                # The mirror says itself when it begins with a file, and what came of it; of the
                # end there is nothing to be counted.
                pass
            case Taken(file=file):
                self.work[file] = Work(happening, now)
                self.hosts[happening.host].at_work += 1
            case Done():
                self._finish(happening, now)
            case Lost():
                self._lose(happening)
            case Listed():
                self.listed = Amount(happening.files, happening.bytes)
                self.complete, self._unsized = happening.complete, happening.unsized
                self.reading = not (happening.complete or happening.broken)
            case Kept(files=files, bytes=size):
                self._kept = Amount(files, size)
            case Round(number=number):
                self._begin_round(number, now)
            case Removed(size=size):
                self.removed.files += 1
                self.removed.bytes += size
            case Paused(host=host, seconds=seconds, reason=reason):
                self.hosts[host].pause(seconds, reason, now)
            case GaveUp(host=host, files=files, bytes=size, message=message):
                self.put_off += files
                self._over += files
                self._settled += size
                if not self.hosts[host].put_off:
                    self._note(message)
                self.hosts[host].put_off += files
            case Said(text=text):
                self._note(text)
            case _:
                self._engine(happening, now)

    def host_of(self, file: int) -> HostTally:
        """Return the host that a file at work comes from."""
        work = self.work.get(file)
        return self.hosts[work.taken.host if work else _NOBODY]

    def _advance(self, event: Event, now: float) -> Work | None:
        """Take in how far a file is; return it where it is at work."""
        work = self.work.get(event.file)
        if work is not None:
            before = work.here
            came = work.apply(event, now)
            self._partly += work.here - before
            if came:
                self._receive(work.taken.host, came, now, now)
        return work

    def _engine(self, event: Event, now: float) -> None:
        work = self._advance(event, now)
        match event:
            case Retrying(cause=cause) | Waiting(cause=str(cause)):
                self.retries[cause] = self.retries.get(cause, 0) + 1
                self.host_of(event.file).retry(cause)
            case Busy(file=file, status=status, seconds=seconds):
                self.host_of(file).refuse(status, seconds, now)
            case Restarted():
                self.restarts += 1
            case Failed():
                # It is lost, which comes next, or goes back to wait for its host.
                self._leave(event.file)
            case Note(text=text) if work is None:
                self._note(text)
            case _:
                pass

    def _finish(self, done: Done, now: float) -> None:
        work = self._leave(done.file)
        came = done.fetched - (work.fetched if work else 0)
        if came > 0:
            self._receive(done.host, came, work.since if work else now, now)
        self.done[done.how] += 1
        self.done_bytes += done.size
        self.requests += done.requests
        verified = done.verified or ""
        self.verified[verified] = self.verified.get(verified, 0) + 1
        self.hosts[done.host].finish(done)
        self._forgive(done.path)
        self.files_over_time.add(now, now, 1)
        if work is not None and work.taken.size is None:
            self._found.files += 1
            self._found.bytes += done.size
        self._settle(done.size, now)

    def _lose(self, lost: Lost) -> None:
        self._leave(lost.file)
        if self._forgive(lost.path) or len(self.failures) < MOST_FAILURES:
            self.failures[lost.path] = lost
        self.failed += 1
        self.hosts[lost.host].failed += 1
        self._over += 1
        # There is nothing more to wait for.
        self._settled += lost.size or 0

    def _forgive(self, path: str) -> bool:
        """Take back that a file was lost in an earlier round."""
        before = self.failures.pop(path, None)
        if before is None:
            return False
        self.failed -= 1
        self.hosts[before.host].failed -= 1
        return True

    def _leave(self, file: int) -> Work | None:
        work = self.work.pop(file, None)
        if work is not None:
            self.hosts[work.taken.host].at_work -= 1
            self._partly -= work.here
        return work

    def _receive(self, host: str, count: int, start: float, now: float) -> None:
        self.fetched += count
        self._meter.observe(self.fetched, now)
        self.hosts[host].receive(count, now)
        self.bytes_over_time.add(start, now, count)
        self._settling.observe(self._settled + self._partly, now)

    def _settle(self, size: int, now: float) -> None:
        self._over += 1
        self._settled += size
        self._settling.observe(self._settled + self._partly, now)

    def _begin_round(self, number: int, now: float) -> None:
        """Count what the list names from the beginning again.

        What an earlier round did is found to be here already now.
        """
        self.round = number
        self._last = self.named, self.kept
        if number > 1:
            self._before = Amount(self.files_done, self.done_bytes)
        self.listed, self._kept = Amount(), Amount()
        self.reading, self.complete = True, False
        self._unsized, self._found = 0, Amount()
        self._settled = self._over = 0
        self._settling.start(self._partly, now)

    def _note(self, text: str) -> None:
        self.said += 1
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text)
