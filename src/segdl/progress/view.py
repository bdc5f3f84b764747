"""What every view is, and which one a user gets."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from segdl.errors import UsageError
from segdl.progress.beside import Beside, Undrawn
from segdl.progress.stream import unfailing

if TYPE_CHECKING:
    from collections.abc import Callable

    from segdl.progress.events import Event

KINDS = ("auto", "rich", "tqdm", "json", "none")


class View(Beside, Protocol):
    """Something that shows events. It never raises because its stream is gone."""

    def __call__(self, event: Event, /) -> None:
        """Take one event. Events of a run come one at a time."""

    def close(self) -> None:
        """Leave the terminal as it was found. A second call does nothing."""


class Silent(Undrawn):
    """The view that shows nothing."""

    def __call__(self, event: Event, /) -> None:
        """Ignore the event."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


def make_view(
    kind: str,
    stream: TextIO,
    clock: Callable[[], float] = time.monotonic,
    *,
    ticking: bool = True,
) -> View:
    """Return the view named `kind`, drawing on `stream`.

    ``auto`` and ``rich`` draw bars on a terminal, and write plain lines where
    `stream` is none (a log file has no use for bars). `clock` tells seconds.
    Those that draw do so in a thread of their own, unless they are not `ticking`.
    Only the module of the chosen view is imported: a start should not pay for
    the libraries of the others.

    Raises:
        UsageError: there is no such view.
    """
    safe = unfailing(stream)
    match kind:
        case "auto" | "rich":
            if safe.isatty() and os.environ.get("TERM") != "dumb":
                from segdl.progress.rich_view import RichView

                return RichView(safe, clock, ticking=ticking)
            from segdl.progress.plain_view import PlainView

            return PlainView(safe, clock)
        case "tqdm":
            from segdl.progress.tqdm_view import TqdmView

            # A notebook shows a bar where the thread is that draws it.
            return TqdmView(safe, clock, ticking=ticking and safe.isatty())
        case "json":
            from segdl.progress.json_view import JsonView

            return JsonView(safe, clock)
        case "none" | "quiet":
            return Silent()
        case _:
            raise UsageError(
                f"there is no progress view {kind!r}", hint=f"one of {', '.join(KINDS)}"
            )
