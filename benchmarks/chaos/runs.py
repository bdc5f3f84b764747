"""One run of `segdl mirror` in the midst of weather, from start to end or to the signal."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos.promises import Run
from chaos.server import Day, Servers
from chaos.world import World

# It gives up soon: what is tested is that it may give up at any moment.
_IMPATIENT = (
    "--retries 3 --connect-timeout 2 --stall-timeout 1 --patience 3 --per-host 4 --max-files 8 "
    "--progress none --delete=trash"
)
_HANGS = 120.0  # seconds after which a run counts as hanging
_LOOK = 0.005


@dataclass
class Runner:
    """Starts runs, and does to them, the servers and the disk what the weather wants.

    Attributes:
        segdl: the program, with arguments that come first.
        disk: the file system that mirrors are on.
    """

    segdl: Sequence[str]
    world: World
    servers: Servers
    disk: Path
    said: Path
    hung: list[str] = field(default_factory=list)

    def run(self, day: Day, folder: Path, *, max_delete: float) -> Run:
        """Run once, with whatever the day brings."""
        self.servers.begin(day)
        first = self.world.moment
        source = self.servers.source(day.kind)
        share = f"--max-delete={max_delete * 100:g}"
        command = [*self.segdl, "mirror", *_IMPATIENT.split(), share, source, str(folder)]
        with _full(self.disk, day.weather.room), open(self.said, "wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                sent = self._attend(process, day)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return Run(
            day=day,
            first=first,
            last=self.world.moment,
            code=process.returncode,
            signal=sent,
            said=self.said.read_text(errors="replace"),
            max_delete=max_delete,
        )

    def _attend(self, process: subprocess.Popen[bytes], day: Day) -> str | None:
        """Do what the weather wants when it wants it; return the signal that was sent."""
        weather = day.weather
        sent: str | None = None
        strikes: float | None = None
        back: float | None = None
        died = False
        hangs = time.monotonic() + _HANGS
        # Not by wait: whoever reaps it here cannot kill its group any more.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            now = time.monotonic()
            if not died and weather.dies_at is not None and day.requests >= weather.dies_at:
                died = True
                self.servers.end(weather.dies)
                back = None if weather.away is None else now + weather.away
            if back is not None and now >= back:
                back = None
                self.servers.start(weather.dies)
            if strikes is None and weather.signal and day.requests >= weather.signal_at:
                strikes = now + weather.signal_after
            if sent is None and strikes is not None and now >= strikes:
                sent = weather.signal
                process.send_signal(getattr(signal, f"SIG{sent}"))
            if now > hangs:
                self.hung.append(f"it hangs after {_HANGS:g} s")
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(_LOOK)
        return sent


@contextmanager
def _full(disk: Path, room: int | None) -> Iterator[None]:
    """Leave so many bytes on a file system for as long as the context lasts."""
    if room is None:
        yield
        return
    ballast = disk / "ballast"
    with open(ballast, "wb") as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        if free > room:
            os.posix_fallocate(file.fileno(), 0, free - room)
    try:
        yield
    finally:
        ballast.unlink()
