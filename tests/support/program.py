"""The real program, run as a user runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended: exit `code` (minus the signal's number where one killed it)."""

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def out(self) -> str:
        return self.stdout.decode("utf-8", "surrogateescape")

    @property
    def err(self) -> str:
        return self.stderr.decode("utf-8", "surrogateescape")


class Program(subprocess.Popen[bytes]):
    """A running program with pipes, alone in its session; killed when its `with` is left."""

    def signal_all(self, number: int = signal.SIGKILL) -> None:
        """Signal it and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    @contextlib.contextmanager
    def held_still(self) -> Iterator[None]:
        """Have it do nothing meanwhile; it must be running."""
        self.send_signal(signal.SIGSTOP)
        try:
            # Not reaped: should it have ended instead, that is still to be told.
            told = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert told is not None
            assert told.si_code == os.CLD_STOPPED, "it has ended"
            yield
        finally:
            self.send_signal(signal.SIGCONT)

    def finish(self, timeout: float = 60.0, stdin: bytes | None = None) -> Finished:
        """Wait for the end; kill it and fail the test where that takes too long."""
        begun = time.monotonic()
        try:
            out, err = self.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            self.signal_all()
            out, err = self.communicate()
            raise AssertionError(
                f"{self.args!r} did not end in {timeout} s\nout: {out!r}\nerr: {err!r}"
            ) from None
        return Finished(self.returncode, out or b"", err or b"", time.monotonic() - begun)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.poll() is None:
            self.signal_all()
        super().__exit__(kind, value, traceback)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a user's environment: this checkout, no proxy, nothing that colours output."""
    dropped = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTEST_CURRENT_TEST"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.lower().endswith("_proxy")
    }
    older = kept.get("PYTHONPATH")
    kept["PYTHONPATH"] = f"{SOURCE}{os.pathsep}{older}" if older else str(SOURCE)
    return kept | dict(extra or {})


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Program:
    """Start any program with piped output; `env` comes on top of :func:`environment`."""
    return Program(
        command,
        cwd=cwd,
        env=environment(env),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    stdin: bytes | None = None,
) -> Finished:
    """Run any program to its end."""
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    with start(command, cwd=cwd, env=env, stdin=source) as program:
        return program.finish(timeout, stdin)


def start_segdl(
    *arguments: str | os.PathLike[str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Program:
    """Start segdl: ``with start_segdl(url) as running: running.signal_all(SIGKILL)``."""
    return start([sys.executable, "-m", "segdl", *arguments], cwd=cwd, env=env, stdin=stdin)


def run_segdl(
    *arguments: str | os.PathLike[str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    stdin: bytes | None = None,
) -> Finished:
    """Run segdl to its end: ``run_segdl("-j", "4", url, cwd=tmp_path).code == 0``."""
    command = [sys.executable, "-m", "segdl", *arguments]
    return run(command, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
