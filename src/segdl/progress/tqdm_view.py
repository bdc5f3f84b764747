"""One tqdm bar for the bytes of the whole run; in a notebook, a widget."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from segdl.progress.events import Event, Finished, Note, Progress, Restarted, Started
from segdl.progress.state import FileState, RunState, permanent_line

with warnings.catch_warnings():
    # It warns where a notebook lacks widgets, and falls back to text by itself.
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# Characters of a file name beside the bar.
_NAME = 24


class _Bar(tqdm):  # type: ignore[type-arg]  # not generic at run time in every notebook class
    """A bar without tqdm's watching thread, which would draw between our events."""

    monitor_interval = 0


# tqdm's own lock works across processes, at the price of a helper process on some systems.
_Bar.set_lock(threading.RLock())


class TqdmView:
    """A view with one bar. `clock` tells the seconds of waits; tqdm measures speed itself."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._run = RunState()
        self._bar: _Bar | None = None
        self._closed = False
        # Bytes done and bytes in all, of every file that was ever started, by its number.
        self._done: dict[int, int] = {}
        self._size: dict[int, int | None] = {}
        # `hidden` may be called from another thread than the one that brings events.
        self._lock = threading.RLock()

    def __call__(self, event: Event, /) -> None:
        """Move the bar."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            state = self._run.apply(event, now)
            match event:
                case Note(text=text):
                    self._print(permanent_line(state, text))
                case Restarted(reason=reason):
                    self._print(permanent_line(state, f"starting over: {reason}"))
                    self._count(event.file, 0, self._size.get(event.file))
                case Started() if state:
                    self._count(event.file, state.done, state.size, fresh=False)
                case Progress() if state:
                    self._count(event.file, state.done, state.size)
                case Finished(size=size) if event.file in self._done:
                    self._count(event.file, size, size)
                case _:
                    pass
            self._describe(now)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar away while the caller prints."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()
            yield
            if self._bar is not None:
                self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is, on a line of its own."""
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def _count(self, file: int, done: int, size: int | None, *, fresh: bool = True) -> None:
        """Set how far a file is. Bytes that are not `fresh` were there before: no speed."""
        step = done - self._done.get(file, 0)
        self._done[file], self._size[file] = done, size
        if self._bar is None:
            self._bar = _Bar(
                file=self._stream,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                dynamic_ncols=True,
                mininterval=0.125,
                # Without the watching thread, tqdm's own guess of how many bytes deserve
                # a picture would leave a slow tail undrawn.
                miniters=1,
            )
        bar = self._bar
        sizes = [size for size in self._size.values() if size is not None]
        bar.total = sum(sizes) if len(sizes) == len(self._size) else None
        if fresh and step > 0:
            bar.update(step)
        else:
            bar.n += step
            bar.last_print_n += step
            bar.initial = min(bar.initial + max(0, step), bar.n)
        if not fresh or done == size:
            bar.refresh()

    def _describe(self, now: float) -> None:
        """Say beside the bar what is being done, and what is waited for."""
        bar = self._bar
        if bar is None:
            return
        files = list(self._run.files.values())
        trouble = next((text for f in files if (text := f.wait_text(now) or f.retry_text(now))), "")
        words = (_description(files, len(self._done)) or bar.desc, trouble)
        if words != (bar.desc, bar.postfix or ""):
            bar.set_description_str(words[0], refresh=False)
            bar.set_postfix_str(words[1], refresh=False)
            bar.refresh()

    def _print(self, line: str) -> None:
        _Bar.write(line, file=self._stream)
        self._stream.flush()


def _description(active: list[FileState], started: int) -> str:
    """Return what the bar is about; empty where the run's only file is through."""
    if len(active) != 1:
        return f"{len(active) or started} files" if started > 1 else ""
    state = active[0]
    name = state.name if len(state.name) <= _NAME else f"{state.name[: _NAME - 1]}…"
    return name if state.phase == "downloading" else f"{state.phase} {name}"
