"""Speed over time, connection by connection: from the events of `--progress json`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# Seconds, both.
_WINDOW = 1.0
_NEAR = 0.1


@dataclass(frozen=True, slots=True)
class Moment:
    """What was on disk at a time.

    Attributes:
        seconds: since the program's start.
        segments: start -> (bytes on disk, whether a connection is at work on it).
    """

    seconds: float
    segments: dict[int, tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to the next: bytes a second of each connection.

    Attributes:
        start: seconds since the program's start.
        stop: likewise.
        speeds: bytes a second; the place in the row is the connection's for as long as it
            works. Zeros at the end are left out.
    """

    start: float
    stop: float
    speeds: tuple[float, ...]


@dataclass(slots=True)
class Events:
    """What the events of one run tell. One thread calls `line`; read it when that is done."""

    moments: list[Moment] = field(default_factory=list)
    done: int = 0
    failure: str = ""

    @property
    def coming(self) -> float | None:
        """Seconds from the start of the download to its last byte; None where none is told of."""
        return self.moments[-1].seconds - self.moments[0].seconds if self.moments else None

    def line(self, seconds: float, text: bytes) -> None:
        """Take one line of standard error; what is no event is what went wrong, or nothing."""
        try:
            event = json.loads(text)
            match event["event"]:
                case "started":
                    self.moments = [Moment(seconds, {})]
                case "progress":
                    segments = {
                        int(each["start"]): (int(each["done"]), bool(each["active"]))
                        for each in event["segments"]
                    }
                    self.moments.append(Moment(seconds, segments))
                    self.done = int(event["done"])
                case "failed":
                    self.failure = str(event["message"])
                case _:
                    pass
        except ValueError:
            self.failure = text.decode("utf-8", "replace").strip()
        except (KeyError, TypeError):
            # Not one of the events that are documented.
            pass


def stretches(moments: Sequence[Moment]) -> tuple[Stretch, ...]:
    """Return the speed of each connection between one moment and the next.

    The events tell of segments. A connection goes from segment to segment: a segment that
    begins to move takes the place of one that has ended.

    Example:
        >>> before = Moment(1.0, {0: (0, True), 50: (10, True)})
        >>> after = Moment(3.0, {0: (40, True), 50: (20, True)})
        >>> stretches([before, after])
        (Stretch(start=1.0, stop=3.0, speeds=(20.0, 5.0)),)
    """
    places: dict[int, int] = {}
    found = []
    for before, after in pairwise(_apart(moments)):
        seconds = after.seconds - before.seconds
        moved = {
            start: done - before.segments.get(start, (0, False))[0]
            for start, (done, _) in after.segments.items()
        }
        moving = [start for start, count in moved.items() if count > 0]
        _give_places(places, moving, after)
        speeds = [0.0] * (1 + max((places[start] for start in moving), default=-1))
        for start in moving:
            speeds[places[start]] += moved[start] / seconds
        found.append(Stretch(before.seconds, after.seconds, tuple(speeds)))
    return tuple(found)


def _apart(moments: Sequence[Moment]) -> list[Moment]:
    """Leave out moments so near to others that a speed between them would be chance."""
    kept = list(moments[:1])
    for moment in moments[1:]:
        if moment.seconds - kept[-1].seconds >= _NEAR:
            kept.append(moment)
    if len(kept) > 1 and kept[-1] is not moments[-1]:
        # The last one knows of every byte.
        kept[-1] = moments[-1]
    return kept


def _give_places(places: dict[int, int], moving: Sequence[int], after: Moment) -> None:
    """Keep places of what is at work, and give free ones to what began to move."""
    for start in [start for start in places if start not in moving]:
        if not after.segments.get(start, (0, False))[1]:
            del places[start]
    for start in moving:
        if start in places:
            continue
        # Two of one connection moved in this stretch where the first has ended in it.
        held = {
            place for other, place in places.items() if after.segments.get(other, (0, False))[1]
        }
        place = 0
        while place in held:
            place += 1
        places[start] = place


def connections_used(found: Sequence[Stretch]) -> int | None:
    """Return how many connections brought bytes in the same second, for most of the time.

    Within a shorter time it is chance which of them moved: servers send in bursts. None
    where the run was too short to tell.

    Example:
        >>> connections_used([Stretch(0, 0.5, (9.0,)), Stretch(0.5, 1, (0.0, 9.0))])
        2
    """
    counts: list[int] = []
    began, moved = 0.0, set[int]()
    for stretch in found:
        if not moved:
            began = stretch.start
        moved |= {place for place, speed in enumerate(stretch.speeds) if speed > 0}
        if moved and stretch.stop - began >= _WINDOW:
            counts.append(len(moved))
            moved = set()
    return statistics.median_high(counts) if counts else None
