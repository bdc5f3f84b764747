"""`--engine processes:N`: workers on this machine, of our own making."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from segdl.engine.run import TICK, Run
from segdl.errors import CancelledError, NetworkError
from segdl.mirror.engines.answers import Told
from segdl.mirror.engines.camp import prove
from segdl.mirror.engines.engine import Files, refuse_unfit
from segdl.mirror.engines.orders import Camp, Order
from segdl.mirror.engines.telling import Message
from segdl.mirror.engines.worker import obey

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext
    from multiprocessing.queues import Queue

# Pools in a row that broke before anything came of them.
_MOST_BREAKS = 20
# Seconds that a process may take to begin.
_START = 60.0

_spoken: Queue[Message] | None = None


class _Pool:
    """A pool, and the queue through which its processes speak.

    The queue has a lock that a process takes with it when it is killed: a pool that broke
    leaves its queue behind, too.
    """

    def __init__(self, count: int, hear: Callable[[Message], None]) -> None:
        before = set(multiprocessing.active_children())
        context: SpawnContext = multiprocessing.get_context("spawn")
        self._queue: Queue[Message] = context.Queue()
        self._over = threading.Event()
        self._hear = hear
        self._before = before
        self.executor = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(self._queue,)
        )
        self._thread = threading.Thread(target=self._listen, name="segdl-told", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                message = self._queue.get(timeout=TICK)
            except queue.Empty:
                continue
            except (OSError, EOFError, ValueError):
                return
            self._hear(message)

    def close(self) -> None:
        """End everything; the processes are killed, which they are made for."""
        self._over.set()
        processes = [each for each in multiprocessing.active_children() if each not in self._before]
        for process in processes:
            process.kill()
        self.executor.shutdown(cancel_futures=True)
        for process in processes:
            process.join()
        self._thread.join()
        self._queue.close()
        self._queue.cancel_join_thread()
        # Their semaphores go with them: a program that ends without ceremony leaves none.
        del self.executor, self._queue


class Processes:
    """Processes of this machine.

    Args:
        count: how many.
        run: the driver's surroundings.
        hear: takes what they tell; called from another thread.
    """

    def __init__(self, count: int, run: Run, hear: Callable[[Message], None]) -> None:
        self.slots = count
        self._run = run
        self._hear = hear
        self._pool = _Pool(count, hear)
        self._broken = False
        self._breaks = 0

    def prove(self, camp: Camp, files: Files) -> None:
        """See to it that they see the folder: they all see what this process does."""
        proving = self._pool.executor.submit(prove, camp, files)
        try:
            proof = self._run.wait_for(proving, lambda: None, _START)
        except BrokenExecutor:
            raise NetworkError("processes end as soon as they are begun") from None
        refuse_unfit(camp, {"of this machine": proof})

    def submit(self, order: Order) -> Future[Told]:
        """Hand an order over."""
        try:
            future = self._pool.executor.submit(carry_out, order)
        except BrokenExecutor as error:
            self._broken = True
            lost: Future[Told] = Future()
            lost.set_exception(error)
            return lost
        future.add_done_callback(self._note)
        return future

    def _note(self, future: Future[Told]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._breaks = 0

    def is_loss(self, error: BaseException) -> bool:
        """Tell whether a process was lost, and with it all of the pool's orders."""
        lost = isinstance(error, BrokenExecutor)
        self._broken = self._broken or lost
        return lost

    def is_stuck(self) -> bool:
        """Tell that it is: a process that was stopped may hold the lock that others wait for."""
        self._broken = True
        return True

    def mend(self) -> bool:
        """Make a new pool in place of one that broke."""
        self._run.check_cancelled()
        if self._broken:
            self._breaks += 1
            if self._breaks > _MOST_BREAKS:
                raise NetworkError("processes end as soon as they are begun")
            self._pool.close()
            self._pool = _Pool(self.slots, self._hear)
            self._broken = False
        return False

    def dismiss(self, worker: str) -> None:
        """Do nothing: they are all alike."""

    def close(self) -> None:
        """Kill them."""
        self._pool.close()


def carry_out(order: Order) -> Told:
    """Carry an order out in one of the processes."""
    assert _spoken is not None
    return obey(order, _spoken.put)


def _begin(spoken: Queue[Message]) -> None:
    """Make ready in a process that was begun."""
    global _spoken  # noqa: PLW0603 - the one thing that a pool's process is given
    _spoken = spoken
    # Who has the credentials of a store signs for others.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # Ctrl-C is for the driver, who ends us.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end_with_parent() -> None:
            wait([parent.sentinel])
            os._exit(CancelledError.exit_code)

        threading.Thread(target=end_with_parent, name="segdl-parent", daemon=True).start()
