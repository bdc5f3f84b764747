"""Runs every contender in turns, and keeps nothing of what they fetched."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segdl.bench import child
from segdl.bench.contenders import Contender
from segdl.bench.job import OUTPUT, Job, environment, interleaved
from segdl.bench.report import Run
from segdl.bench.trace import Events, stretches
from segdl.core.text import printable
from segdl.errors import CancelledError
from segdl.store.digests import digests_of
from segdl.store.faults import disk_errors

_BLOCK = 1 << 20
# Another program gets at least so many seconds, and so many times segdl's slowest run.
_PATIENCE, _TIMES = 60.0, 10.0
_LAST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is run, and where.

    Attributes:
        job: what is fetched.
        contenders: who fetches it.
        rounds: how often.
        algorithm: of the digests, as `new_hash` takes it.
        folder: an empty one, for what is fetched.
        cancel: set to end it all.
        watch: called now and then with the contender at work, the round from 1, and the
            bytes on disk where it tells.
    """

    job: Job
    contenders: Sequence[Contender]
    rounds: int
    algorithm: str
    folder: Path
    cancel: threading.Event
    watch: Callable[[Contender, int, int], None]


def run_course(course: Course) -> Iterator[Run]:
    """Yield each run as it ends.

    Raises:
        CancelledError: `cancel` was set; no program is left running.
        DiskError: the folder cannot be used, or a program not be run.
    """
    slowest = 0.0
    for number, index in interleaved(course.rounds, len(course.contenders)):
        contender = course.contenders[index]
        limit = None if contender.own else patience(slowest)
        with _scratch(course.folder / "run") as folder:
            run = _run(course, index, number + 1, folder, limit)
        if contender.own:
            slowest = max(slowest, run.seconds)
        yield run


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    with disk_errors(folder, "write to"):
        folder.mkdir()
    try:
        yield folder
    finally:
        # At once: what is in the page cache need not be written during the next run then.
        shutil.rmtree(folder, ignore_errors=True)


def patience(slowest: float) -> float:
    """Return how many seconds another program gets, where segdl's slowest run took `slowest`.

    Example:
        >>> patience(2.0), patience(30.0)
        (60.0, 300.0)
    """
    return max(_PATIENCE, _TIMES * slowest)


def _run(course: Course, index: int, number: int, folder: Path, limit: float | None) -> Run:
    contender = course.contenders[index]
    listener = Events() if contender.own else _LastWords()

    def look() -> None:
        course.watch(contender, number, listener.done)

    def stop(seconds: float) -> bool:
        return course.cancel.is_set() or (limit is not None and seconds > limit)

    with disk_errors(contender.command.program[0], "run"):
        ended = child.run(
            contender.command,
            folder,
            environment(course.job.network),
            line=listener.line,
            look=look,
            stop=stop,
        )
    _check(course.cancel)
    made = folder / OUTPUT
    size = os.stat(made, follow_symlinks=False).st_size if made.is_file() else 0
    error = _error(ended, listener, size, secret=course.job.signed or course.job.credentials)
    return Run(
        contender=index,
        round=number,
        seconds=ended.seconds,
        size=size,
        digest="" if error else digest_of(made, course.algorithm, course.cancel),
        error=error,
        exit_code=ended.code,
        cpu=ended.cpu,
        memory=ended.memory,
        speeds=stretches(listener.moments),
        coming=listener.coming,
    )


class _LastWords(Events):
    """The last line that another program wrote to its standard error."""

    __slots__ = ()

    def line(self, seconds: float, text: bytes) -> None:  # noqa: ARG002 - as events have it
        """Keep the line."""
        words = text.decode("utf-8", "replace").strip()
        self.failure = words or self.failure


def _error(ended: child.Ended, listener: Events, size: int, *, secret: bool) -> str:
    """Say what went wrong; other programs quote URLs, which may be secret."""
    if ended.code is None:
        return f"ended after {ended.seconds:.0f} s: it took too long"
    if ended.code:
        how = f"exit code {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
        said = "" if secret and isinstance(listener, _LastWords) else listener.failure
        return f"{how}: {printable(said, _LAST_WORDS)}" if said else how
    return "" if size else "it made no file"


def digest_of(path: Path, algorithm: str, cancel: threading.Event) -> str:
    """Return the digest of a file in hexadecimal.

    Raises:
        CancelledError: `cancel` was set.
    """
    return digests_of(path, [algorithm], lambda _: _check(cancel))[algorithm]


def _check(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise CancelledError("interrupted", hint="what was fetched is removed")
