"""Programs that the lab starts for itself."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


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
