"""The real program on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.program import environment
from support.require import require_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Screen:
    """What came out on the terminal, escape sequences and all, and the exit code."""

    code: int
    output: bytes


def on_terminal(
    command: Sequence[str | os.PathLike[str]],
    *,
    columns: int = 100,
    lines: int = 30,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    keys: Callable[[bytes], bytes] | None = None,
) -> Screen:
    """Run a program with a terminal of this size as its own.

    `keys` gets all output so far whenever there is more, and returns what to type:
    ``b"\\x03"`` is Ctrl-C, and arrives as one. It is asked until it types something.
    """
    # It takes the terminal as its controlling one, without which Ctrl-C is but a byte.
    (setsid,) = require_program("setsid")
    ours, theirs = pty.openpty()
    try:
        try:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            process = subprocess.Popen(
                [setsid, "--ctty", "--wait", *command],
                cwd=cwd,
                env=environment({"TERM": "xterm-256color", **(env or {})}),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            )
        finally:
            os.close(theirs)
        try:
            output = _read(ours, keys, time.monotonic() + timeout)
            return Screen(process.wait(timeout=5), output)
        finally:
            if process.poll() is None:
                # setsid made it the leader of its group, unless it had no time to.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
    finally:
        os.close(ours)


def in_pty(
    arguments: Sequence[str | os.PathLike[str]],
    columns: int = 100,
    lines: int = 30,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> bytes:
    """Run segdl on a terminal and return what it drew."""
    command = [sys.executable, "-m", "segdl", *arguments]
    screen = on_terminal(command, columns=columns, lines=lines, cwd=cwd, env=env, timeout=timeout)
    return screen.output


def _read(ours: int, keys: Callable[[bytes], bytes] | None, deadline: float) -> bytes:
    output = b""
    while True:
        left = deadline - time.monotonic()
        assert left > 0, f"still running; so far it said {output!r}"
        if not select.select([ours], [], [], left)[0]:
            continue
        try:
            data = os.read(ours, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # Linux: the last one who had it open has closed it
                return output
            raise
        if not data:
            return output
        output += data
        typed = keys(output) if keys else b""
        if typed:
            os.write(ours, typed)
            keys = None
