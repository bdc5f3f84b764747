"""The real program with a helper that is of use from the second file on."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from support import program
from support.site import content, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request as Asked

COUNT = 120

# It says at the end what became of the helper.
DRIVER = """
import json, os, sys
from segdl.core import sharing
from segdl.engine.helper import Helper

sharing._FILES, sharing._BUSY = 1, 0.0
given, real = [], Helper.give

def give(self, number, request):
    done = real(self, number, request)
    given.extend([number] * done)
    if done and len(given) == 1:
        with open("helper", "w") as told:
            told.write(str(self._process))
    return done

Helper.give = give
from segdl.cli.main import main

code = main(sys.argv[1:])
try:
    left = os.waitpid(-1, os.WNOHANG) is not None
except ChildProcessError:
    left = False
print(json.dumps({"given": len(given), "left": left}), file=sys.stderr, flush=True)
os._exit(code)
"""


class Ran(NamedTuple):
    """How the program ended: its exit code, lines of standard error, and files of the helper."""

    code: int
    said: list[str]
    given: int


def start(folder: Path, *arguments: str) -> program.Program:
    """Start the program; the files of `list` go to `out` unless something else is asked for."""
    usual = ("--max-files", "8", "-d", "out", "-q", "-i", "list")
    return program.start([sys.executable, "-c", DRIVER, *(arguments or usual)], cwd=folder)


def finish(running: program.Program) -> Ran:
    """Wait for its end; no process may be left then."""
    finished = running.finish()
    *said, last = finished.err.splitlines()
    told = json.loads(last)
    assert not told["left"], "a process is left"
    return Ran(finished.code, said, told["given"])


def fetch(folder: Path, *arguments: str) -> Ran:
    """Run the program to its end."""
    with start(folder, *arguments) as running:
        return finish(running)


def check(folder: Path, but: tuple[int, ...] = (), beside: frozenset[str] = frozenset()) -> None:
    """See to it that all files are there and right, and nothing else is but what is `beside`."""
    names = {f"{n}.bin" for n in range(1, COUNT + 1) if n not in but}
    assert set(os.listdir(folder / "out")) == names | beside
    for name in names:
        assert (folder / "out" / name).read_bytes() == content(name)


def slow(seconds: float) -> Callable[[Asked, Connection], bool | None]:
    """Return what answers after so many seconds."""

    def answer(request: Asked, connection: Connection) -> None:
        time.sleep(seconds)
        connection.send(plain(content(request.path), f'ETag: "{request.path}"'))

    return answer


def helper_of(folder: Path, running: program.Program) -> int:
    """Return the number of the helper's process once it has something to do."""
    path = folder / "helper"
    while not (path.exists() and (told := path.read_text())):
        assert running.poll() is None
        time.sleep(0.01)
    return int(told)


def is_over(process: int) -> bool:
    """Tell whether a process has ended."""
    try:
        with open(f"/proc/{process}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
