"""What happens during a run, as frozen values.

An engine emits them in order, one at a time (a view needs no lock); `file` is
the number of the file within the run, from 1 (0 where a note is about a list).
All byte counts are bytes of the file that is being made, all times seconds, all
ranges half-open. Text fields are safe to print: no control characters, no secrets.

`docs/events.md` describes the JSON form, which :func:`to_json` makes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeAlias

from segdl.core.causes import Cause

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Probing:
    """The first request is on its way."""

    file: int
    url: str


@dataclass(frozen=True, slots=True)
class Started:
    """The server answered and the plan is made.

    `held` bytes were on disk already. `size` is None where the server does not tell.
    """

    file: int
    url: str
    path: str
    size: int | None
    held: int
    connections: int


@dataclass(frozen=True, slots=True)
class SegmentState:
    """A segment `[start, stop)` of which `done` bytes are on disk; `active` while connected."""

    start: int
    stop: int | None
    done: int
    active: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Now and then while bytes come in. `done` includes what was held at the start."""

    file: int
    done: int
    size: int | None
    segments: tuple[SegmentState, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is asked of the server for `seconds`, because of `reason`.

    `cause` is its kind where an answer or a failure of this file led to it; None where the
    file only waits as others do.
    """

    file: int
    seconds: float
    reason: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """The server answered 429 or 503: its origin is asked nothing for `seconds`, for any file."""

    file: int
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """A segment lost its connection and is asked for again after `delay` seconds.

    `attempt` counts the tries in a row that brought nothing, `retries` is their limit;
    `cause` is the kind of `reason`.
    """

    file: int
    start: int
    attempt: int
    retries: int
    delay: float
    reason: str
    cause: Cause = "other"


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was fetched cannot be used (`reason`): progress goes back to zero."""

    file: int
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """One line that a user would want to read."""

    file: int
    text: str


@dataclass(frozen=True, slots=True)
class Joining:
    """Parts are being joined: `done` of `size` bytes are in place."""

    file: int
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class Verifying:
    """The rest of the digest is being computed: `done` of `size` bytes are hashed."""

    file: int
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The file is whole and has its final name. `status` as in DownloadResult."""

    file: int
    path: str
    url: str
    size: int
    fetched: int
    seconds: float
    status: str


@dataclass(frozen=True, slots=True)
class Failed:
    """This file cannot be had; `exit_code` and `kind` name the error class."""

    file: int
    url: str
    exit_code: int
    kind: str
    message: str
    hint: str


Event: TypeAlias = (
    Probing
    | Started
    | Progress
    | Waiting
    | Busy
    | Retrying
    | Restarted
    | Note
    | Joining
    | Verifying
    | Finished
    | Failed
)


def to_json(event: Event) -> dict[str, object]:
    """Return the documented, versioned form of an event.

    Example:
        >>> to_json(Note(1, "settled at 4 connections"))
        {'v': 1, 'event': 'note', 'file': 1, 'text': 'settled at 4 connections'}
    """
    return {"v": SCHEMA_VERSION, "event": type(event).__name__.lower(), **asdict(event)}
