"""What happens during a mirror run, beside the events of the files at work.

Both kinds go to one place, in order, one at a time. `file` is the number that the engine's
events of that file have. Paths are those of the ledger, relative to the mirror; sizes are
bytes, times seconds. Texts are safe to print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from segdl.progress.events import Event

How = Literal["fetched", "unchanged", "linked", "repaired"]


@dataclass(frozen=True, slots=True)
class Listed:
    """So many files of so many bytes are listed by now; `complete` once the list ended."""

    files: int
    bytes: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """So many files of so many bytes, in all, are here already: nothing is asked for them."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A file was given to a thread. `size` is what the list says."""

    file: int
    path: str
    host: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """A file is as the list wants it. `verified` names the algorithm of the digest it had."""

    file: int
    path: str
    host: str
    size: int
    fetched: int
    seconds: float
    how: How
    verified: str | None
    requests: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A file cannot be had. `url` is without user, password and query."""

    file: int
    path: str
    host: str
    url: str
    exit_code: int
    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A host does not answer: so many of its files wait for the next run."""

    host: str
    files: int
    message: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What the list no longer has went to the trash, or for good."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Paused:
    """A host is asked nothing for a while, for any file: it said 429 or 503, or is not there."""

    host: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line that the operator of a mirror would want to read."""

    text: str


@dataclass(frozen=True, slots=True)
class Round:
    """A round begins: the list is read. The first is 1."""

    number: int


Happening: TypeAlias = (
    Listed | Kept | Taken | Done | Lost | GaveUp | Removed | Paused | Said | Round | Event
)
