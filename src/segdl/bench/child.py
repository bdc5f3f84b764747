"""One program run to its end, timed, and ended early where it has to be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from segdl.bench.job import Command

# Seconds between two looks at a program that runs, and at one that is about to end.
_LOOK, _CLOSE_LOOK = 0.05, 0.002
# Seconds that a program gets to end by itself.
_GRACE = 0.7
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code, or minus the number of the signal; None where it was ended here.
        seconds: from its start to its end, on the wall.
        cpu: seconds of all its processors; None where the system does not tell.
        memory: most bytes in memory at a time, as far as was seen, likewise.
    """

    code: int | None
    seconds: float
    cpu: float | None
    memory: int | None


def run(
    command: Command,
    folder: Path,
    environment: Mapping[str, str],
    *,
    line: Callable[[float, bytes], None],
    look: Callable[[], None],
    stop: Callable[[float], bool],
) -> Ended:
    """Run a program in `folder`, and return when it has ended.

    Args:
        command: what to run.
        folder: its working directory.
        environment: its variables.
        line: called with each line of its standard error and the seconds since its start,
            in a thread of its own, and not any more once this function has returned.
        look: called now and then while it runs, in the thread of the caller.
        stop: asked with the seconds since its start whether to end it.

    Raises:
        OSError: it cannot be run.
    """
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - a known program, no shell
        command.argv,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    closed = threading.Event()
    reader = threading.Thread(
        target=_read, args=(process, began, line, closed), name="segdl-bench", daemon=True
    )
    try:
        reader.start()
        _feed(process, command.stdin)
        ended = _wait(process, began, closed, look, stop)
        if ended is not None:
            return ended
        return Ended(None, time.monotonic() - began, None, None)
    finally:
        _end(process)
        # What it started itself and left behind may still hold the pipe.
        reader.join(_GRACE)
        assert process.stderr is not None
        if not reader.is_alive():
            process.stderr.close()


def _read(
    process: subprocess.Popen[bytes],
    began: float,
    line: Callable[[float, bytes], None],
    closed: threading.Event,
) -> None:
    assert process.stderr is not None
    try:
        while text := process.stderr.readline(_LONGEST_LINE):
            line(time.monotonic() - began, text)
    finally:
        closed.set()


def _feed(process: subprocess.Popen[bytes], text: str) -> None:
    if process.stdin is not None:
        # A program that ended at once reads nothing.
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(text.encode("utf-8", "surrogateescape"))


def _wait(
    process: subprocess.Popen[bytes],
    began: float,
    closed: threading.Event,
    look: Callable[[], None],
    stop: Callable[[float], bool],
) -> Ended | None:
    """Return how it ended, or None where it is to be ended."""
    memory: int | None = None
    while True:
        found = _reap(process, began)
        if found is not None:
            return replace(found, memory=memory or found.memory)
        memory = _peak_memory(process.pid) or memory
        passed = time.monotonic() - began
        if stop(passed):
            return None
        look()
        # Its standard error is closed when it ends, or a moment before.
        if closed.is_set():
            time.sleep(_CLOSE_LOOK)
        else:
            # More often at first: of a short run, too, there is a peak to be seen.
            closed.wait(min(_LOOK, _CLOSE_LOOK + passed / 4))


if sys.platform == "win32":

    def _reap(process: subprocess.Popen[bytes], began: float) -> Ended | None:
        code = process.poll()
        return None if code is None else Ended(code, time.monotonic() - began, None, None)

else:

    def _reap(process: subprocess.Popen[bytes], began: float) -> Ended | None:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid == 0:
            return None
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        # Linux counts in KiB, macOS in bytes.
        memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Ended(process.returncode, seconds, used.ru_utime + used.ru_stime, memory)


def _peak_memory(pid: int) -> int | None:
    """Return the most bytes that a program has had in memory so far; None off Linux.

    What wait4 tells there counts this process in, from which the program was forked.
    """
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            return next(int(row.split()[1]) * 1024 for row in status if row[:6] == b"VmHWM:")
    except (OSError, StopIteration, ValueError):
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
