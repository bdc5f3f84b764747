"""Many files in one run, however long their list."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from segdl.core.url import parse_source
from segdl.engine.run import TICK, Run
from segdl.errors import SegdlError
from segdl.options import Request
from segdl.progress.events import Failed
from segdl.results import DownloadResult


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be had. `url` is without user, password and query."""

    url: str
    error: SegdlError = field(compare=False)


# Seconds after which a thread that was told to end is taken for one that nothing wakes.
_STUCK = 0.5

Outcome: TypeAlias = DownloadResult | Failure


def download_all(
    run: Run,
    requests: Iterable[Request | SegdlError | None],
    fetch: Callable[[Run, Request, int], DownloadResult],
    max_files: int,
    first: int = 1,
) -> Generator[tuple[int, Outcome], None, None]:
    """Fetch each request, `max_files` at once; yield its number and outcome as it ends.

    The list is read as the run gets on, never ahead of it by more than `max_files`. An
    error in the place of a request is that file's outcome; None says that the list has
    nothing yet. A run that is cancelled yields what was at work and reads no further.
    Closing the generator cancels the run and waits for what was at work: close it before
    the run is taken down. Only threads that nothing wakes are left behind, from the look-up
    of a name for one.

    Args:
        run: the surroundings.
        requests: what is wanted.
        fetch: fetches one, given its number.
        max_files: files at once.
        first: the first one's number.

    Raises:
        Exception: a defect; never a SegdlError.
    """
    run = replace(run, own_threads=True)
    waiting = iter(requests)
    number, ended = first - 1, False
    pool = ThreadPoolExecutor(max_files, thread_name_prefix="segdl-file")
    at_work: dict[Future[Outcome], int] = {}
    done: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
    try:
        while True:
            while len(at_work) < max_files and not ended and not run.cancel.is_set():
                try:
                    request = next(waiting)
                except StopIteration:
                    ended = True
                    break
                if request is None:
                    break
                number += 1
                future = pool.submit(_one, run, request, fetch, number)
                at_work[future] = number
                future.add_done_callback(done.put)
            if run.cancel.is_set() and len(at_work) <= run.lookout.stuck(_STUCK):
                return
            if at_work:
                try:
                    future = done.get(timeout=TICK)
                except queue.Empty:
                    continue
                yield at_work.pop(future), future.result()
            elif ended:
                return
    finally:
        if at_work:
            run.cancel.set()
        while at_work and len(at_work) > run.lookout.stuck(_STUCK):
            over, _ = wait(at_work, timeout=TICK)
            for future in over:
                del at_work[future]
        pool.shutdown(wait=not at_work, cancel_futures=True)


def _one(
    run: Run,
    request: Request | SegdlError,
    fetch: Callable[[Run, Request, int], DownloadResult],
    number: int,
) -> Outcome:
    if isinstance(request, SegdlError):
        return _failure(run, number, "", request)
    try:
        return fetch(run, request, number)
    except SegdlError as error:
        return _failure(run, number, _public(request), error)


def _failure(run: Run, number: int, url: str, error: SegdlError) -> Failure:
    run.emit(Failed(number, url, error.exit_code, type(error).__name__, error.message, error.hint))
    return Failure(url, error)


def _public(request: Request) -> str:
    try:
        return parse_source(request.url).public
    except SegdlError:
        return ""
