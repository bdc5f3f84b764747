"""Many files in one run, however long their list."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeAlias

from segdl.core.url import parse_url
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


Outcome: TypeAlias = DownloadResult | Failure


def download_all(
    run: Run,
    requests: Iterable[Request | SegdlError | None],
    fetch: Callable[[Run, Request, int], DownloadResult],
    max_files: int,
) -> Generator[tuple[int, Outcome], None, None]:
    """Fetch each request, `max_files` at once; yield its number and outcome as it ends.

    The list is read as the run gets on, never ahead of it by more than `max_files`. An
    error in the place of a request is that file's outcome; None says that the list has
    nothing yet. A run that is cancelled yields what was at work and reads no further.
    Closing the generator cancels the run and waits for what was at work: close it before
    the run is taken down.

    Raises:
        Exception: a defect; never a SegdlError.
    """
    waiting = iter(requests)
    number, ended = 0, False
    pool = ThreadPoolExecutor(max_files, thread_name_prefix="segdl-file")
    at_work: dict[Future[Outcome], int] = {}
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
                at_work[pool.submit(_one, run, request, fetch, number)] = number
            if not at_work:
                if ended or run.cancel.is_set():
                    return
                continue
            done, _ = wait(at_work, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                yield at_work.pop(future), future.result()
    finally:
        if at_work:
            run.cancel.set()
        pool.shutdown(cancel_futures=True)


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
        return parse_url(request.url).public
    except SegdlError:
        return ""
