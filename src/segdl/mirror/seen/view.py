"""What every view of a mirror run is, and which one a user gets."""

from __future__ import annotations

import os
from typing import Protocol, TextIO

from segdl.errors import UsageError
from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.progress.beside import Beside, Undrawn
from segdl.progress.stream import unfailing

KINDS = ("auto", "rich", "plain", "json", "none")


class MirrorView(Beside, Protocol):
    """Something that shows a run. It never raises because its stream is gone."""

    def __call__(self, happening: Happening, /) -> None:
        """Take what happened, which the board has already. They come one at a time."""

    def refresh(self) -> None:
        """Show how far the run is now, where it is time to. Any thread may do this."""

    def close(self) -> None:
        """Leave the terminal as it was found. A second call does nothing."""


class Silent(Undrawn):
    """The view that shows nothing."""

    def __call__(self, happening: Happening, /) -> None:
        """Ignore it."""

    def refresh(self) -> None:
        """Do nothing: nothing is drawn."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


def make_mirror_view(
    kind: str, stream: TextIO, board: Board, *, ticking: bool = True
) -> MirrorView:
    """Return the view named `kind`, drawing on `stream` what `board` has.

    ``auto`` and ``rich`` draw on a terminal, and write plain lines where `stream` is none.
    Views draw in a thread of their own, until they are closed, unless they are not `ticking`.

    Raises:
        UsageError: there is no such view.
    """
    safe = unfailing(stream)
    match kind:
        case "auto" | "rich" if safe.isatty() and os.environ.get("TERM") != "dumb":
            from segdl.mirror.seen.view_rich import RichMirrorView

            return RichMirrorView(safe, board, ticking=ticking)
        case "auto" | "rich" | "plain":
            from segdl.mirror.seen.view_plain import PlainMirrorView

            return PlainMirrorView(safe, board, ticking=ticking)
        case "json":
            from segdl.mirror.seen.view_json import JsonMirrorView

            return JsonMirrorView(safe, board)
        case "none" | "quiet":
            return Silent()
        case _:
            raise UsageError(
                f"there is no view {kind!r} of a mirror", hint=f"one of {', '.join(KINDS)}"
            )
