"""A real Dask scheduler and its workers, as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.ports import free_port
from support.program import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_START = 40.0
DASK = (sys.executable, "-m", "dask")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: the moment never came"
        time.sleep(0.02)


class Cluster:
    """A scheduler on 127.0.0.1 and workers; all are killed at the end.

    Args:
        folder: where they log, and keep what they keep.
        ttl: seconds of silence after which the scheduler takes a worker for dead.
    """

    def __init__(self, folder: Path, *, ttl: str = "3s") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ttl = ttl
        self.port = free_port()
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    @property
    def engine(self) -> str:
        return f"dask://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in [*self.workers, self.scheduler]:
            if each is not None:
                end(each)

    def start_scheduler(self, program: Sequence[str] = DASK) -> None:
        self.scheduler = self._start(
            ["scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"],
            program=program,
        )
        wait_until(self._answers, "the scheduler's start", _START)

    def start_worker(
        self, *, threads: int = 2, before: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a worker without a nanny: who kills it has killed it."""
        worker = self._start(
            [
                *("worker", self.address, "--no-nanny", "--no-dashboard"),
                *("--nthreads", str(threads), "--host", "127.0.0.1"),
                *("--local-directory", str(self._folder / "kept")),
            ],
            before,
        )
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count: int) -> None:
        """Return once so many are known to the scheduler."""
        from distributed import Client

        with Client(self.address, timeout=10, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=_START)

    def log(self) -> str:
        """Return all that scheduler and workers wrote."""
        return "".join(path.read_text(errors="replace") for path in self._folder.glob("*.log"))

    def _start(
        self,
        arguments: Sequence[str],
        before: Sequence[str] = (),
        program: Sequence[str] = DASK,
    ) -> subprocess.Popen[bytes]:
        self._started += 1
        log = self._folder / f"{self._started}-{arguments[0]}.log"
        command = [*before, *program, *arguments]
        extra = {
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": self._ttl,
            "DASK_LOGGING__DISTRIBUTED": "debug",
        }
        with open(log, "wb") as out:
            return subprocess.Popen(
                command,
                env=environment(extra),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
