"""Programs that the lab starts for itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


class LabError(Exception):
    """The lab cannot be set up; the text says why."""


def run(*words: str) -> str:
    """Run a command and return what it printed.

    Raises:
        LabError: it is not there, or failed.
    """
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError(f"{words[0]} is not installed") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"`{' '.join(words)}` failed: {said}")
    return done.stdout


def as_installed(segdl: str) -> None:
    """Have segdl's bytecode beside its source, where pip leaves it.

    A checkout is compiled at its first start, and where PYTHONDONTWRITEBYTECODE is set at
    each: that is not what a user waits for.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    python = Path(segdl).with_name("python")
    if python.exists():
        package = run(str(python), "-c", "import segdl; print(segdl.__path__[0])").strip()
        run(str(python), "-m", "compileall", "-q", package)


def start(words: Sequence[str]) -> subprocess.Popen[str]:
    """Start a program whose output is read line by line."""
    try:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, bufsize=1
        )
    except FileNotFoundError:
        raise LabError(f"{words[0]} is not installed") from None


def end(process: subprocess.Popen[str]) -> None:
    """Kill a program and wait until it is gone."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
