"""All who are told what happens in a run, behind one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from segdl.mirror.happenings import Happening, Said
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.log import Log, logging_to
from segdl.mirror.seen.view import MirrorView, make_mirror_view
from segdl.mirror.seen.words import summary

if TYPE_CHECKING:
    from segdl.mirror.seen.report import About, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOptions:
    """What a user wants to see of a run.

    Attributes:
        progress: the view, as `make_mirror_view` names them.
        log: where the JSON log goes; None writes none.
        metrics: where Prometheus may ask, as `parse_address` reads it; None is nowhere.
    """

    progress: str = "auto"
    log: Path | None = None
    metrics: str | None = None


class Audience:
    """Takes what happens, and tells everybody. Happenings come one at a time."""

    def __init__(self, board: Board, view: MirrorView) -> None:
        self._board = board
        self._view = view
        self.log: Log | None = None

    def __call__(self, happening: Happening, /) -> None:
        """Tell what happened just now."""
        # The log names files by what the tally has of them, as long as it has.
        self._board.take(happening)
        if self.log is not None:
            self.log(happening)
        self._view(happening)

    def keep(self, text: str) -> None:
        """Have the report and the log tell what somebody else shows, as why the run ended."""
        said = Said(text)
        self._board.take(said)
        if self.log is not None:
            self.log(said)

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line beside what is drawn, see the view's. Any thread may."""
        self._view.line(text, stream)

    def report(self, about: About) -> Report:
        """Return what is left of the run, which is over now."""
        # The first files need not wait until it is loaded.
        from segdl.mirror.seen.report import report_of

        with self._board.read() as (tally, now):
            return report_of(tally, now, about)

    def summary(self) -> str:
        """Return one line that says what came of the run."""
        with self._board.read() as (tally, now):
            return summary(tally, now)


@contextmanager
def audience(
    options: SeenOptions,
    stream: TextIO,
    name: str,
    *,
    board: Board | None = None,
    listening: Callable[[int], None] = lambda _: None,
) -> Iterator[Audience]:
    """Yield who is told what happens in a run of the mirror `name`.

    The view is drawn on `stream` until the end; the log is closed and nobody listens for
    Prometheus any more then, whatever the end is. `listening` is called with the port where
    somebody does.

    Raises:
        UsageError: an option makes no sense, or prometheus_client is missing.
        DiskError: the log cannot be opened.
    """
    board = board or Board()
    with ExitStack() as stack:
        view = make_mirror_view(options.progress, stream, board)
        stack.callback(view.close)
        told = Audience(board, view)
        if options.log is not None:
            tell = _teller(board, view)
            told.log = stack.enter_context(logging_to(options.log, board, name, tell))
        if options.metrics is not None:
            # It brings a server with it, which few want.
            from segdl.mirror.seen.metrics import metrics_at

            listening(stack.enter_context(metrics_at(options.metrics, board, name)))
        yield told


def _teller(board: Board, view: MirrorView) -> Callable[[str], None]:
    """Return what says a sentence to all but the log, of which it is."""

    def tell(text: str) -> None:
        said = Said(text)
        board.take(said)
        view(said)

    return tell
