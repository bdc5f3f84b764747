"""Threads that requests run in, where the system may give no more of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, Queue
from typing import Any, Generic, ParamSpec, TypeVar

from segdl.core.limits import no_more_threads
from segdl.starting import starts

P = ParamSpec("P")
T = TypeVar("T")


class _Task(Generic[T]):
    """Work that was handed in, and what is known of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.future: Future[T] = Future()

    def carry_out(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is for who waits
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def cancel(self) -> None:
        self.future.cancel()


class Threads:
    """A pool whose work waits for a thread of its own where no other can be started.

    The standard library's keeps what it found no thread for, and then takes a thread that is
    about to do that for an idle one: what comes next would wait for nobody. So this one counts
    what was handed in and did not end, which is exact at every moment.

    Threads share it; `_lock` owns `_started`, `_at_hand` and `_closed`. Whoever makes one shuts
    it down: its threads stay until then.

    Args:
        most: how many threads it has at most.
        thread_name_prefix: what their names begin with.

    Example:
        >>> with Threads(2, thread_name_prefix="example") as threads:
        ...     threads.submit(int, "7", base=8).result()
        7
    """

    def __init__(self, most: int, *, thread_name_prefix: str = "segdl") -> None:
        self._most = most
        self._prefix = thread_name_prefix
        self._lock = threading.Lock()
        self._started: list[threading.Thread] = []
        # What was handed in and did not end.
        self._at_hand = 0
        self._closed = False
        # None is for the threads to pass on to each other: there will be nothing more.
        self._queue: Queue[_Task[Any] | None] = Queue()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have work done, as soon as a thread is free.

        Raises:
            SegdlError: there is no thread, and none can be started.
            RuntimeError: it was shut down.
        """
        future = self.submit_beside(0, partial(work, *args, **kwargs))
        assert future is not None
        return future

    def submit_beside(self, busy: int, work: Callable[[], T]) -> Future[T] | None:
        """Have work done, unless no thread would be free for it.

        A thread whose work has just told what came of it is free in a moment: it takes on what
        waits.

        Args:
            busy: how many threads of the pool the caller keeps at work.
            work: what is to be done.

        Returns:
            Its future; None where as many threads as there are are busy, and no other can be
            started.

        Raises:
            SegdlError: there is no thread, and none can be started.
            RuntimeError: it was shut down.
        """
        task = _Task(work)
        with self._lock:
            if self._closed:
                raise RuntimeError("work was handed in after the shutdown of its threads")
            if not self._has_thread_beside(busy):
                return None
            self._at_hand += 1
            self._queue.put(task)
        return task.future

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Take nothing more; threads end when nothing waits for them.

        Args:
            wait: return when they ended.
            cancel_futures: what no thread has begun with is not done.
        """
        with self._lock:
            self._closed = True
            if cancel_futures:
                self._drop()
            self._queue.put(None)
            started = list(self._started)
        if wait:
            for thread in started:
                thread.join()

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def _has_thread_beside(self, busy: int) -> bool:
        if self._at_hand < len(self._started) or len(self._started) == self._most:
            return True
        name = f"{self._prefix}_{len(self._started)}"
        # Who is left behind in a wait that nothing ends keeps nobody.
        thread = threading.Thread(name=name, target=self._serve, daemon=True)
        if starts(thread):
            self._started.append(thread)
            return True
        if not self._started:
            raise no_more_threads()
        return len(self._started) > busy

    def _drop(self) -> None:
        try:
            while (task := self._queue.get_nowait()) is not None:
                task.cancel()
                self._at_hand -= 1
        except Empty:
            pass

    def _serve(self) -> None:
        while (task := self._queue.get()) is not None:
            task.carry_out()
            # What it holds lives no longer than it takes.
            del task
            with self._lock:
                self._at_hand -= 1
        self._queue.put(None)
