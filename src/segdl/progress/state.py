"""What is known about a file that is under way: events go in, facts and words come out."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from segdl.progress.events import (
    Event,
    Failed,
    Finished,
    Joining,
    Probing,
    Progress,
    Restarted,
    Retrying,
    SegmentState,
    Started,
    Verifying,
    Waiting,
)
from segdl.progress.format import human_duration, printable
from segdl.progress.meter import Meter

Phase = Literal["connecting", "downloading", "joining", "verifying"]


@dataclass(frozen=True, slots=True)
class _Wait:
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Retry:
    label: str
    due: float
    outcome: str
    done: int


class FileState:
    """One file under way.

    Attributes:
        number: the file's number within the run.
        phase: what is being done with it.
        size: bytes of the whole, ``None`` where unknown.
        done: bytes done in this phase. Within a phase it only grows and never
            passes `size`; :class:`Restarted` alone takes it back.
        segments: the segments as last heard of, by where they start.
        meter: the speed of the download.
    """

    def __init__(self, number: int, url: str) -> None:
        self.number = number
        self._url = url
        self._path = ""
        self.phase: Phase = "connecting"
        self.size: int | None = None
        self.done = 0
        self.segments: tuple[SegmentState, ...] = ()
        self.meter = Meter()
        self._labels: dict[int, str] = {}
        self._wait: _Wait | None = None
        self._retries: dict[int, _Retry] = {}

    @property
    def name(self) -> str:
        """What to call it."""
        # Found when somebody looks: of many small files most are through before.
        return printable(os.path.basename(self._path)) or _name_in_url(self._url)

    def apply(self, event: Event, now: float) -> None:
        """Take in an event of this file that came at `now`, in seconds."""
        match event:
            case Started(path=path, size=size, held=held):
                if path != "-":
                    self._path = path
                self._begin(size, held, now)
            case Progress(done=done, size=size, segments=segments):
                self._progress(done, size, segments, now)
            case Waiting(seconds=seconds, reason=reason):
                self._wait = _Wait(now + seconds, printable(reason))
            case Retrying():
                self._retry(event, now)
            case Restarted():
                self._begin(self.size, 0, now)
            case Joining(done=done, size=size):
                self._advance("joining", done, size)
            case Verifying(done=done, size=size):
                self._advance("verifying", done, size)
            case _:
                pass

    def speed(self, now: float) -> float | None:
        """Return bytes a second while downloading."""
        return self.meter.speed(now) if self.phase == "downloading" else None

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds until the download is through, where that can be told."""
        if self.phase != "downloading" or self.size is None:
            return None
        return self.meter.seconds_left(self.size - self.done, now)

    def label(self, segment: SegmentState) -> str:
        """Return what to call a segment: ``#3`` stays ``#3`` when others are split."""
        return self._labels.get(segment.start, "#?")

    def is_retrying(self, segment: SegmentState) -> bool:
        """Tell whether this segment lost its connection and brought nothing since."""
        return segment.start in self._retries

    def wait_text(self, now: float) -> str:
        """Return what is waited for and how long still; empty where nothing is."""
        if self._wait is None or self._wait.until <= now:
            return ""
        return f"waiting {_countdown(self._wait.until - now)}: {self._wait.reason}"

    def retry_text(self, now: float) -> str:
        """Return the latest retry that brought nothing yet; empty where there is none."""
        if not self._retries:
            return ""
        last = list(self._retries.values())[-1]
        delay = f" in {_countdown(last.due - now)}" if last.due > now else ""
        others = len(self._retries) - 1
        more = f", {others} more" if others else ""
        return f"retrying{last.label}{delay}: {last.outcome}{more}"

    def _begin(self, size: int | None, held: int, now: float) -> None:
        self.phase = "downloading"
        self.size = size
        self.done = held if size is None else min(held, size)
        self.segments = ()
        self.meter.start(held, now)
        self._labels.clear()
        self._wait = None
        self._retries.clear()

    def _progress(
        self, done: int, size: int | None, segments: tuple[SegmentState, ...], now: float
    ) -> None:
        self._advance("downloading", done, self.size if size is None else size)
        self.meter.observe(done, now)
        self.segments = tuple(sorted(segments, key=lambda s: s.start))
        for segment in self.segments:
            self._labels.setdefault(segment.start, f"#{len(self._labels) + 1}")
        at = {segment.start: segment.done for segment in self.segments}
        self._retries = {
            start: retry
            for start, retry in self._retries.items()
            if start in at and at[start] <= retry.done
        }

    def _advance(self, phase: Phase, done: int, size: int | None) -> None:
        if phase != self.phase:
            self.done = 0
            self._wait = None
            self._retries.clear()
        self.phase, self.size = phase, size
        self.done = max(self.done, done)
        if size is not None:
            self.done = min(self.done, size)

    def _retry(self, event: Retrying, now: float) -> None:
        segment = next(
            (s for s in self.segments if s.start <= event.start and _reaches(s, event.start)), None
        )
        start = event.start if segment is None else segment.start
        self._retries.pop(start, None)  # so that it becomes the last one
        self._retries[start] = _Retry(
            label="" if segment is None else f" {self.label(segment)}",
            due=now + event.delay,
            outcome=f"{printable(event.reason)} ({event.attempt} of {event.retries})",
            done=0 if segment is None else segment.done,
        )


class RunState:
    """The files of a run that are under way.

    Attributes:
        files: them, by number, in the order in which they began.
    """

    def __init__(self) -> None:
        self.files: dict[int, FileState] = {}

    def apply(self, event: Event, now: float) -> FileState | None:
        """Take in an event that came at `now`; return its file as far as it is under way."""
        if isinstance(event, Finished | Failed):
            return self.files.pop(event.file, None)
        if isinstance(event, Probing | Started) and event.file not in self.files:
            self.files[event.file] = FileState(event.file, event.url)
        state = self.files.get(event.file)
        if state is not None:
            state.apply(event, now)
        return state


def permanent_line(state: FileState | None, text: str) -> str:
    """Return `text` as a line of its own, with the name of its file where that is known."""
    return f"{state.name}: {printable(text)}" if state else printable(text)


def _reaches(segment: SegmentState, offset: int) -> bool:
    return segment.stop is None or offset < segment.stop


def _countdown(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole} s" if whole < 100 else human_duration(whole)


def _name_in_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return printable(url)
    return printable(unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc or url)
