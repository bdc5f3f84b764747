"""One tqdm bar for the bytes of the whole run; in a notebook, a widget."""

from __future__ import annotations

import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TextIO

from segdl.progress.beside import write_line
from segdl.progress.events import Event, Finished, Note, Progress, Restarted, Started
from segdl.progress.paced_view import PacedView
from segdl.progress.state import FileState, RunState, permanent_line

with warnings.catch_warnings():
    # It warns where a notebook lacks widgets, and falls back to text by itself.
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable


# Characters of a file name beside the bar.
_NAME = 24


class _Bar(tqdm):  # type: ignore[type-arg]  # not generic at run time in every notebook class
    """A bar without tqdm's watching thread, which would draw between our events."""

    monitor_interval = 0


# tqdm's own lock works across processes, at the price of a helper process on some systems.
_Bar.set_lock(threading.RLock())


class _Counted(NamedTuple):
    """Bytes that are done, of all files.

    Attributes:
        fresh: those that came.
        held: the others, which say nothing of the speed.
        initial: those of them that the bar began with.
    """

    fresh: int = 0
    held: int = 0
    initial: int = 0

    def plus(self, step: int, *, fresh: bool) -> _Counted:
        """Return it with more bytes, or with less."""
        if fresh:
            return self._replace(fresh=self.fresh + step)
        held = self.held + step
        return _Counted(self.fresh, held, min(self.initial + max(0, step), self.fresh + held))


def _nothing() -> None:
    """Draw nothing: nothing is known of any file."""


class TqdmView(PacedView):
    """A view with one bar, which stays. `clock` tells the seconds of waits; tqdm measures speed."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, ticking: bool) -> None:
        super().__init__(clock, ticking=ticking)
        self._stream = stream
        self._run = RunState()
        # Bytes done and bytes in all, of every file that was ever started, by its number.
        self._done: dict[int, int] = {}
        self._size: dict[int, int | None] = {}
        # Their sizes' sum, as far as they are known, and how many are not.
        self._known = 0
        self._unknown = 0
        self._counted = _Counted()
        # Whoever draws owns them.
        self._bar: _Bar | None = None
        self._shown = _Counted()

    def _take(self, event: Event, now: float) -> str | None:
        state = self._run.apply(event, now)
        match event:
            case Note(text=text):
                return permanent_line(state, text)
            case Restarted(reason=reason):
                self._count(event.file, 0, self._size.get(event.file))
                return permanent_line(state, f"starting over: {reason}")
            case Started() if state:
                self._count(event.file, state.done, state.size, fresh=False)
            case Progress() if state:
                self._count(event.file, state.done, state.size)
            case Finished(size=size) if event.file in self._done:
                self._count(event.file, size, size)
            case _:
                pass
        return None

    def _count(self, file: int, done: int, size: int | None, *, fresh: bool = True) -> None:
        """Set how far a file is. Bytes that are not `fresh` were there before: no speed."""
        step = done - self._done.get(file, 0)
        self._done[file] = done
        self._resize(file, size)
        self._counted = self._counted.plus(step, fresh=fresh and step > 0)

    def _resize(self, file: int, size: int | None) -> None:
        before = self._size.get(file, 0)
        self._known += (size or 0) - (before or 0)
        self._unknown += (size is None) - (before is None)
        self._size[file] = size

    def _print(self, line: str) -> None:
        write_line(line, self._stream)

    def _picture(self, now: float) -> Callable[[], None]:
        if not self._done:
            return _nothing
        files = list(self._run.files.values())
        trouble = next((text for f in files if (text := f.wait_text(now) or f.retry_text(now))), "")
        total = None if self._unknown else self._known
        words = _description(files, len(self._done)), trouble
        return partial(self._show, self._counted, total, words)

    def _show(self, counted: _Counted, total: int | None, words: tuple[str, str]) -> None:
        bar = self._bar
        if bar is None:
            self._bar = bar = _Bar(
                file=self._stream,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                dynamic_ncols=True,
                # When it is drawn is not for tqdm to say.
                mininterval=0,
                miniters=1,
            )
        # Beside the bar: what is being done, and what is waited for.
        description, trouble = words
        bar.set_description_str(description or bar.desc, refresh=False)
        bar.set_postfix_str(trouble, refresh=False)
        bar.total = total
        held = counted.held - self._shown.held
        bar.n += held
        bar.last_print_n += held
        bar.initial = counted.initial
        fresh = counted.fresh - self._shown.fresh
        self._shown = counted
        if fresh:
            bar.update(fresh)
        else:
            bar.refresh()

    def _erase(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _end(self) -> None:
        self._picture(self._clock())()
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _description(active: list[FileState], started: int) -> str:
    """Return what the bar is about; empty where the run's only file is through."""
    if len(active) != 1:
        return f"{len(active) or started} files" if started > 1 else ""
    state = active[0]
    name = state.name if len(state.name) <= _NAME else f"{state.name[: _NAME - 1]}…"
    return name if state.phase == "downloading" else f"{state.phase} {name}"
