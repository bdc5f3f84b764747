"""One run of a tool, and what it cost."""

from __future__ import annotations

import hashlib
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SAMPLE = 0.01  # seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall clock and CPU, peak resident bytes, exit code (None: out of patience)."""

    wall: float
    cpu: float
    memory: int
    exit: int | None


def words(command: str, places: Mapping[str, Sequence[str]]) -> list[str]:
    """Fill a command's places; a word that is one place becomes as many words as it has.

    Example:
        >>> words("get -o {name} {urls}", {"name": ["a b"], "urls": ["x", "y"]})
        ['get', '-o', 'a b', 'x', 'y']
    """
    filled: list[str] = []
    for word in shlex.split(command):
        alone = re.fullmatch(r"\{(\w+)\}", word)
        if alone:
            filled += places[alone[1]]
        else:
            filled.append(word.format(**{name: " ".join(value) for name, value in places.items()}))
    return filled


def measure(
    commands: Sequence[Sequence[str]],
    said: Path,
    patience: float,
    *,
    enough: Callable[[], bool] = lambda: False,
) -> Cost:
    """Run commands beside each other until the last has ended.

    Args:
        said: the file that gets what they print.
        patience: seconds after which they are killed.
        enough: asked every 10 ms; they are killed once it holds, which is no want of patience.

    Returns:
        What they cost together; the exit code is that of the first that failed.
    """
    with open(said, "wb") as output:
        began = time.monotonic()
        processes = [_start(command, output) for command in commands]
    memory, patient = 0, True
    alive = {os.pidfd_open(process.pid): process for process in processes}
    poll = select.poll()
    for ended in alive:
        poll.register(ended, select.POLLIN)
    try:
        while alive:
            for ended, _ in poll.poll(_SAMPLE * 1000):
                poll.unregister(ended)
                os.close(ended)
                del alive[ended]
            memory = max(memory, sum(_peak_memory(each.pid) for each in alive.values()))
            patient = patient and time.monotonic() - began <= patience
            if not patient or enough():
                _kill(alive.values())
        wall = time.monotonic() - began
    finally:
        _kill(alive.values())
        for ended in alive:
            os.close(ended)
        cpu = sum(_reap(process) for process in processes)
    failed = [process.returncode for process in processes if process.returncode]
    code = next(iter(failed), 0) if patient else None
    return Cost(wall, cpu, memory, code)


def _start(command: Sequence[str], output: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _kill(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)


def _reap(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of CPU that a process, and what it waited for, have used."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _peak_memory(pid: int) -> int:
    # Not by wait4: its figure begins with what the process was forked from.
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) * 1024 if peak else 0


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or nothing where there is none."""
    if not path.is_file():
        return ""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            sha.update(data)
    return sha.hexdigest()
