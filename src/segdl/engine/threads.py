"""Threads that requests run in, where the system may give no more of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from segdl.core.limits import is_no_more_threads, no_more_threads

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """A pool whose work waits for a thread of its own where no other can be started."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have work done, as soon as a thread is free.

        Raises:
            SegdlError: there is no thread, and none can be started.
        """
        future = self.submit_beside(0, partial(work, *args, **kwargs))
        assert future is not None
        return future

    def submit_beside(self, busy: int, work: Callable[[], T]) -> Future[T] | None:
        """Have work done, unless no thread would be free for it.

        A thread whose work has just told what came of it is free in a moment: it takes on what
        waits. The pool's own word for idle comes later than that.

        Args:
            busy: how many threads of the pool the caller keeps at work.
            work: what is to be done.

        Returns:
            Its future; None where as many threads as there are are busy, and no other can be
            started.

        Raises:
            SegdlError: there is no thread, and none can be started.
        """
        # What could not be given a thread lies in the pool's queue all the same, and its
        # future is lost: so it is ours.
        future: Future[T] = Future()
        try:
            carried = super().submit(_carry_out, future, work)
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
            threads = len(self._threads)
            if threads > busy or not future.cancel():
                return future
            if not threads:
                raise no_more_threads() from error
            return None
        carried.add_done_callback(partial(_follow, future))
        return future


def _follow(future: Future[T], carried: Future[None]) -> None:
    # As the pool does where it is shut down.
    if carried.cancelled():
        future.cancel()


def _carry_out(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it is for who waits
        future.set_exception(error)
    else:
        future.set_result(result)
