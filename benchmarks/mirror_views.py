"""Shows a mirror run that never was, faster than it would be, in any of the views.

    python benchmarks/mirror_views.py --speed 20 --view rich
    python benchmarks/mirror_views.py --report /tmp/report
    python benchmarks/mirror_views.py --cost

`--cost` tells what the views cost: processor time a second with 64 files at work, each of
which tells how far it is five times a second. `--report` shows nothing, takes no time, and
writes what is left of such a run into a folder.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from segdl.mirror.happenings import Happening
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.report import About, report_of
from segdl.mirror.seen.report_files import write_report
from segdl.mirror.seen.tally import Tally
from segdl.mirror.seen.view import make_mirror_view
from support.mirrorrun import happenings


class Clock:
    """Simulated seconds that run `speed` times as fast as real ones."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = time.monotonic()

    def __call__(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    def wait_for(self, when: float) -> None:
        time.sleep(max(0.0, (when - self()) / self._speed))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--view", default="rich")
    parser.add_argument("--speed", type=float, default=10.0)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--hosts", type=int, default=12)
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    if options.report is not None:
        report(options.report, options.files, options.hosts)
        return
    if options.cost:
        for kind in ("none", "rich", "plain", "json"):
            cost(kind)
        return
    play(options.view, sys.stderr, options.speed, options.files, options.hosts)


def play(view: str, stream: TextIO, speed: float, files: int, hosts: int) -> None:
    clock = Clock(speed)
    board = Board(clock)
    shown = make_mirror_view(view, stream, board)
    try:
        for when, happening in happenings(files=files, hosts=hosts):
            clock.wait_for(when)
            board.take(happening)
            shown(happening)
    finally:
        shown.close()


def report(folder: Path, files: int, hosts: int) -> None:
    tally, now = Tally(), 0.0
    for now, happening in happenings(files=files, hosts=hosts):
        tally.apply(happening, now)
    about = About(
        name="A made-up mirror",
        source="https://ftp.example.org/SHA256SUMS",
        began=datetime(2026, 11, 5, 3, 0, tzinfo=timezone.utc),
        exit_code=4,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder, report_of(tally, now, about))


def cost(kind: str, seconds: float = 10.0) -> None:
    """Print what a second of a run costs with this view, on a terminal of 50 rows."""
    stretch: list[tuple[float, Happening]] = []
    for when, happening in happenings(files=20_000, hosts=12):
        if when > 40 + seconds:
            break
        stretch.append((when, happening))
    os.environ.update(COLUMNS="120", LINES="50", TERM="xterm-256color")
    ours, theirs = pty.openpty()
    reader = threading.Thread(target=_drain, args=(ours,), daemon=True)
    reader.start()
    # Lines and JSON go to a file, or nowhere: only a terminal is drawn on.
    stream: TextIO = os.fdopen(theirs, "w") if kind == "rich" else io.StringIO()
    began = time.monotonic()
    board = Board(lambda: now if (now := 40 + time.monotonic() - began) else 0.0)
    view = make_mirror_view(kind, stream, board)
    at_work = 0
    before = 0.0
    for when, happening in stretch:
        if when >= 40 and not before:
            began = time.monotonic()
            before = time.process_time()
        if before:
            time.sleep(max(0.0, when - 40 - (time.monotonic() - began)))
        board.take(happening)
        view(happening)
        with board.read() as (tally, _):
            at_work = max(at_work, len(tally.work))
    spent = time.process_time() - before
    view.close()
    print(f"{kind}: {1000 * spent / seconds:.1f} ms of CPU a second, {at_work} files at work")
    stream.close()


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


if __name__ == "__main__":
    main()
