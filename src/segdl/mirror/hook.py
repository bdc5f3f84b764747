"""The user's program that is run for each file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from segdl.engine.run import GRACE, TICK, Run
from segdl.store.faults import shown


def run_hook(run: Run, command: tuple[str, ...], path: Path) -> str | None:
    """Run a program for a finished file; return what went wrong, if anything did.

    Where the run is to end, the program and what it started are ended.

    Args:
        run: may be cancelled meanwhile.
        command: the program and its arguments.
        path: is added to them.

    Raises:
        CancelledError: the run is to end, and the program was ended for that.
    """
    name = command[0]
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own, without a shell
            # A path from the root: a file of the name -rf is no option.
            [*command, os.path.abspath(path)],
            stdin=subprocess.DEVNULL,
            # What it prints must not come between our own lines of results.
            stdout=sys.stderr.fileno(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"{shown(name)} cannot be run for {shown(path)}: {shown(why)}"
    code = _wait(run, process)
    if code:
        run.check_cancelled()
    return f"{shown(name)} failed for {shown(path)}: exit code {code}" if code else None


def _wait(run: Run, process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait(TICK)
        except subprocess.TimeoutExpired:
            if not run.cancel.is_set():
                continue
        _end(process, signal.SIGTERM)
        try:
            return process.wait(GRACE)
        except subprocess.TimeoutExpired:
            _end(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a program that was not waited for yet, and what is in its session."""
    if hasattr(os, "killpg"):
        # It may just have ended.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    else:
        process.terminate()
