"""Where the lab runs: namespaces of its own, which the kernel takes down with it.

The lab starts itself once more in a fresh process, network and mount namespace. Whatever
ends it (Ctrl-C, an error, kill -9), the kernel then ends every process in there, and with
them namespaces, devices and the tmpfs that files live on.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.network import set_up_loopback
from lab.programs import LabError, run

WORK = Path("/dev/shm")
_NEEDED = ("unshare", "nsenter", "setpriv", "mount", "ip", "tc", "nginx")


def why_not(needed: Sequence[str] = _NEEDED) -> str | None:
    """Tell what keeps the lab, which needs these programs, from running here; if anything does."""
    if sys.platform != "linux":
        return "the lab needs Linux: network namespaces are what it is made of"
    if os.geteuid() != 0:
        return "the lab needs root, to make network namespaces: sudo make bench"
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: util-linux iproute2 nginx-light)"
    return None


def main(
    name: str,
    program: str,
    arguments: Sequence[str],
    *,
    needed: Sequence[str] = _NEEDED,
    inside: bool,
    folder: Callable[[], str | None],
    work: Callable[[], int | None],
) -> int:
    """Start a program once more in the sandbox or, there, have it work; return the exit code.

    Args:
        name: the command's, for messages.
        program: the Python program.
        arguments: its own.
        needed: programs that it cannot do without.
        inside: whether this is the sandbox.
        folder: tells where what is downloaded goes; as `run_inside` takes it.
        work: is done in the sandbox; returns the exit code, None for 0.
    """
    try:
        if reason := why_not(needed):
            raise LabError(reason)
        if not inside:
            return run_inside(program, arguments, folder())
        furnish()
        set_up_loopback()
        return work() or 0
    except LabError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1


def run_inside(program: str, arguments: Sequence[str], folder: str | None) -> int:
    """Run a Python program in the sandbox; return its exit code.

    It gets ``--inside FOLDER`` beside its arguments: a new folder in `folder` for what is
    downloaded, removed afterwards; without `folder` one in the tmpfs.
    """
    target = tempfile.mkdtemp(prefix="segdl-lab-", dir=folder) if folder else str(WORK)
    words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork"]
    words += ["--kill-child=KILL", "--mount-proc"]
    words += [sys.executable, program, *arguments, "--inside", target]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A session of its own: Ctrl-C is for this process, which knows what to do about it.
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        process.kill()
        process.wait()
        if folder:
            shutil.rmtree(target, ignore_errors=True)


def furnish() -> None:
    """Set up the inside: a tmpfs that nobody else sees."""
    run("mount", "-t", "tmpfs", "-o", "size=75%,mode=0755", "segdl-lab", str(WORK))
