"""What happens during a run, as frozen values.

An engine emits them in order, one at a time (a view needs no lock); `file` is
the number of the file within the run, from 1 (0 where a note is about a list).
All byte counts are bytes of the file that is being made, all times seconds, all
ranges half-open. Text fields are safe to print: no control characters, no secrets.

`docs/events.md` describes the JSON form, which :func:`to_json` makes.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from segdl.core.causes import Cause

SCHEMA_VERSION = 1


class Probing(NamedTuple):
    """The first request is on its way."""

    file: int
    url: str


class Started(NamedTuple):
    """The server answered and the plan is made.

    `held` bytes were on disk already. `size` is None where the server does not tell.
    """

    file: int
    url: str
    path: str
    size: int | None
    held: int
    connections: int


class SegmentState(NamedTuple):
    """A segment `[start, stop)` of which `done` bytes are on disk; `active` while connected."""

    start: int
    stop: int | None
    done: int
    active: bool


class Progress(NamedTuple):
    """Now and then while bytes come in. `done` includes what was held at the start."""

    file: int
    done: int
    size: int | None
    segments: tuple[SegmentState, ...]


class Waiting(NamedTuple):
    """Nothing is asked of the server for `seconds`, because of `reason`.

    `cause` is its kind where an answer or a failure of this file led to it; None where the
    file only waits as others do.
    """

    file: int
    seconds: float
    reason: str
    cause: Cause | None = None


class Busy(NamedTuple):
    """The server answered 429 or 503: its origin is asked nothing for `seconds`, for any file."""

    file: int
    status: int
    seconds: float


class Retrying(NamedTuple):
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


class Restarted(NamedTuple):
    """What was fetched cannot be used (`reason`): progress goes back to zero."""

    file: int
    reason: str


class Note(NamedTuple):
    """One line that a user would want to read."""

    file: int
    text: str


class Joining(NamedTuple):
    """Parts are being joined: `done` of `size` bytes are in place."""

    file: int
    done: int
    size: int


class Verifying(NamedTuple):
    """The rest of the digest is being computed: `done` of `size` bytes are hashed."""

    file: int
    done: int
    size: int


class Finished(NamedTuple):
    """The file is whole and has its final name. `status` as in DownloadResult."""

    file: int
    path: str
    url: str
    size: int
    fetched: int
    seconds: float
    status: str


class Failed(NamedTuple):
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
    fields = event._asdict()
    if isinstance(event, Progress):
        fields["segments"] = [segment._asdict() for segment in event.segments]
    return {"v": SCHEMA_VERSION, "event": type(event).__name__.lower(), **fields}
