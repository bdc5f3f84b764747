"""What is shown while a benchmark runs: a line for each run, and a bar on a terminal."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from segdl.core.text import human_size, printable
from segdl.progress.stream import unfailing

if TYPE_CHECKING:
    from segdl.bench.contenders import Contender
    from segdl.bench.prepare import Plan
    from segdl.bench.report import Run


class RunsView:
    """Shows runs on `stream`. One thread uses it."""

    def __init__(self, plan: Plan, stream: TextIO, *, quiet: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._done = 0
        safe = unfailing(stream)
        self._console = Console(file=safe, markup=False, emoji=False, highlight=False)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if not quiet and safe.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = Progress(
                BarColumn(24),
                TextColumn("{task.description}", markup=False),
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task("", total=plan.runs)

    def __enter__(self) -> RunsView:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, contender: Contender, number: int, done: int) -> None:
        """Show the run that is under way, of which `done` bytes are on disk if it tells."""
        if self._bar is None:
            return
        length = self._plan.job.length
        text = f"{self._round(number)}  {contender.label}"
        if done:
            text += f"  {human_size(done)}"
        part = done / length if length else 0.0
        self._bar.update(self._task, completed=self._done + part, description=text)
        self._bar.refresh()

    def ended(self, contender: Contender, run: Run) -> None:
        """Say how a run ended."""
        self._done += 1
        if self._quiet:
            return
        told = printable(run.error, 500) or f"{run.seconds:8.2f} s {human_size(run.rate):>11}/s"
        style = "red" if run.error else ""
        line = f"{self._round(run.round)}  {contender.label:<14} {told}"
        self._console.print(Text(line, style=style), soft_wrap=True)

    def _round(self, number: int) -> str:
        return f"round {number} of {self._plan.wishes.rounds}"
