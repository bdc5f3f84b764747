"""Many files in one run, however long their list."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable

from segdl.engine.batch import Batch, Failure, Fetch, Outcome, Settle, as_it_is
from segdl.engine.run import Run
from segdl.errors import SegdlError
from segdl.options import Request

__all__ = ["Failure", "Outcome", "download_all"]


def download_all(
    run: Run,
    requests: Iterable[Request | SegdlError | None],
    fetch: Fetch,
    max_files: int,
    first: int = 1,
    needs_thread: Callable[[int], bool] = lambda _: False,
    settle: Settle = as_it_is,
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
        requests: the list.
        fetch: downloads one file; called anew where it raised AskedTooMuchError.
        max_files: files at once.
        first: the first one's number.
        needs_thread: tells by its number whether `fetch` does more for a file than to download
            it: then nothing is asked before it is called, and it may take its time.
        settle: does here what `fetch` does once a file is downloaded, where another process
            downloaded it.

    Raises:
        Exception: a defect; never a SegdlError.
    """
    run = run._replace(own_threads=True)
    waiting = iter(requests)
    number, ended = first - 1, False
    batch = Batch(run, fetch, max_files, needs_thread, settle)
    put_off: tuple[int, Request | SegdlError] | None = None
    try:
        while True:
            while batch.at_work < max_files and not ended and not run.cancel.is_set():
                if put_off is None:
                    began = time.monotonic()
                    try:
                        request = next(waiting)
                    except StopIteration:
                        ended = True
                        break
                    finally:
                        batch.was_away(time.monotonic() - began)
                    if request is None:
                        break
                    number += 1
                    wanted = (number, request)
                else:
                    wanted, put_off = put_off, None
                if not batch.take(*wanted):
                    put_off = wanted
                    break
            if run.cancel.is_set() and batch.is_stuck:
                return
            if not batch.at_work and ended:
                return
            outcome = batch.next_outcome()
            if outcome is not None:
                began = time.monotonic()
                yield outcome
                batch.was_away(time.monotonic() - began)
    finally:
        batch.leave()
