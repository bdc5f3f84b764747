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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def measure(command: Sequence[str], said: Path, patience: float) -> Cost:
    """Run a command to its end; what it prints goes to the file `said`."""
    with open(said, "wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    memory, patient = 0, True
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        while not poll.poll(_SAMPLE * 1000):
            memory = max(memory, _peak_memory(process.pid))
            if time.monotonic() - began > patience:
                patient = False
                os.killpg(process.pid, signal.SIGKILL)
        wall = time.monotonic() - began
    finally:
        os.close(ended)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    code = process.returncode if patient else None
    return Cost(wall, used.ru_utime + used.ru_stime, memory, code)


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
