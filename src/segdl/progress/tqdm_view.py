"""One tqdm bar for the bytes of the whole run; in a notebook, a widget."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, TextIO

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


class TqdmView(PacedView):
    """A view with one bar, which stays. `clock` tells the seconds of waits; tqdm measures speed."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._stream = stream
        self._run = RunState()
        self._bar: _Bar | None = None
        # Bytes done and bytes in all, of every file that was ever started, by its number.
        self._done: dict[int, int] = {}
        self._size: dict[int, int | None] = {}
        # Their sizes' sum, as far as they are known, and how many are not.
        self._known = 0
        self._unknown = 0
        # Bytes that came since the bar was drawn.
        self._fresh = 0

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
        if self._bar is None:
            self._bar = _Bar(
                file=self._stream,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                dynamic_ncols=True,
                # When it is drawn is not for tqdm to say.
                mininterval=0,
                miniters=1,
            )
        bar = self._bar
        bar.total = None if self._unknown else self._known
        if fresh and step > 0:
            self._fresh += step
        else:
            bar.n += step
            bar.last_print_n += step
            bar.initial = min(bar.initial + max(0, step), bar.n)

    def _resize(self, file: int, size: int | None) -> None:
        before = self._size.get(file, 0)
        self._known += (size or 0) - (before or 0)
        self._unknown += (size is None) - (before is None)
        self._size[file] = size

    def _print(self, line: str) -> None:
        _Bar.write(line, file=self._stream)
        self._stream.flush()

    def _show(self, now: float) -> None:
        bar = self._bar
        if bar is None:
            return
        # Beside the bar: what is being done, and what is waited for.
        files = list(self._run.files.values())
        trouble = next((text for f in files if (text := f.wait_text(now) or f.retry_text(now))), "")
        bar.set_description_str(_description(files, len(self._done)) or bar.desc, refresh=False)
        bar.set_postfix_str(trouble, refresh=False)
        fresh, self._fresh = self._fresh, 0
        if fresh:
            bar.update(fresh)
        else:
            bar.refresh()

    def _erase(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _end(self) -> None:
        if self._bar is not None:
            self._show(self._clock())
            self._bar.close()
            self._bar = None


def _description(active: list[FileState], started: int) -> str:
    """Return what the bar is about; empty where the run's only file is through."""
    if len(active) != 1:
        return f"{len(active) or started} files" if started > 1 else ""
    state = active[0]
    name = state.name if len(state.name) <= _NAME else f"{state.name[: _NAME - 1]}…"
    return name if state.phase == "downloading" else f"{state.phase} {name}"
