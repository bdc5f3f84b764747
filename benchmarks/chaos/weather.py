"""What goes wrong during one run, as a value that follows from a number."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Signal = Literal["KILL", "INT", "TERM"]
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Weather:
    """Numbers of requests count those of both servers, from the beginning of the run.

    Attributes:
        seed: of what goes wrong with single requests.
        faulty: share of the requests for files with which something goes wrong.
        faulty_lists: share of the requests for lists that go wrong.
        unlistable: lists that answer 500, however often they are asked for.
        gone: files that lists name and that answer 404.
        busy: so many requests are answered by 429 or 503, with Retry-After.
        dies_at: the request at which a server ends.
        dies: which one.
        away: seconds until it is back; None where it stays away.
        changes_at: requests before which the files change.
        room: bytes that are left on the disk; None where it has plenty.
        signal: what the run is ended with, if it is.
        signal_at: the request at which that happens.
        signal_after: seconds after it.
    """

    seed: int
    faulty: float = 0.0
    faulty_lists: float = 0.0
    unlistable: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    busy: int = 0
    dies_at: int | None = None
    dies: Literal["north", "south"] = "north"
    away: float | None = None
    changes_at: tuple[int, ...] = ()
    room: int | None = None
    signal: Signal | None = None
    signal_at: int = 0
    signal_after: float = 0.0

    def in_words(self) -> str:
        """Say what is not as it should be."""
        back = "for good" if self.away is None else f"for {self.away:g} s"
        told = {
            f"{self.faulty:.0%} of requests fail": self.faulty,
            f"{self.faulty_lists:.0%} of lists fail": self.faulty_lists,
            f"500 for {', '.join(self.unlistable)}": self.unlistable,
            f"{len(self.gone)} files 404": self.gone,
            f"{self.busy} x busy": self.busy,
            f"{self.dies} dies at {self.dies_at} {back}": self.dies_at is not None,
            f"{len(self.changes_at)} changes": self.changes_at,
            f"{(self.room or 0) / MIB:.1f} MiB of room": self.room is not None,
            f"SIG{self.signal} {self.signal_after:g} s after {self.signal_at}": self.signal,
        }
        return "; ".join(words for words, so in told.items() if so) or "calm"


def forecast(chance: random.Random, lists: Collection[str], files: Collection[str]) -> Weather:
    """Return some weather for a run that reads these lists and files."""

    def some(share: float) -> bool:
        return chance.random() < share

    signal: Signal | None = chance.choice(["KILL", "KILL", "INT", "TERM"]) if some(0.55) else None
    dies = some(0.2)
    return Weather(
        seed=chance.getrandbits(32),
        faulty=chance.choice([0.0, 0.0, 0.1, 0.3]),
        faulty_lists=chance.choice([0.0, 0.0, 0.0, 0.3]),
        unlistable=frozenset(chance.sample(sorted(lists), 1)) if some(0.15) else frozenset(),
        gone=frozenset(chance.sample(sorted(files), 2)) if some(0.15) else frozenset(),
        busy=chance.choice([1, 2, 5, 20]) if some(0.15) else 0,
        dies_at=chance.randint(1, 80) if dies else None,
        dies=chance.choice(["north", "south"]),
        away=chance.choice([0.3, 1.5, None]),
        changes_at=tuple(sorted(chance.sample(range(1, 100), 3))) if some(0.3) else (),
        room=chance.randint(0, 8 * MIB) if some(0.15) else None,
        signal=signal,
        # Before its first request Python may not have begun to run it.
        signal_at=chance.choice([0 if signal == "KILL" else 1, 1, 5, 20, 50, 90]),
        signal_after=chance.choice([0.0, 0.01, 0.1, 0.5]),
    )
