"""`--engine dask://HOST:PORT`: the workers of a Dask cluster, wherever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from functools import partial
from typing import Any

from segdl.core.text import printable
from segdl.engine.run import TICK, Run
from segdl.errors import NetworkError, SegdlError, UsageError
from segdl.mirror.engines.answers import Told, Unfit
from segdl.mirror.engines.camp import Proof, prove
from segdl.mirror.engines.engine import Files, refuse_unfit
from segdl.mirror.engines.orders import Camp, Order
from segdl.mirror.engines.scheduler import CONNECT, PARTING, reach
from segdl.mirror.engines.telling import Message
from segdl.mirror.engines.worker import obey
from segdl.version import __version__

# Seconds between two counts of the workers: they come and go.
_COUNT = 5.0
# For so many threads one order more is out: from one to the next it takes some ms.
_AHEAD = 2
# Workers that may die under an order before Dask gives it back as lost.
_RETRIES = 3


class Dask:
    """Workers of a Dask cluster.

    Args:
        address: the scheduler's, as Dask writes it.
        run: the driver's surroundings.
        camp: where they meet.
        hear: takes what they tell; called from another thread.
        patience: seconds that scheduler and workers get to be there.

    Raises:
        UsageError: distributed is not installed, or lacks what it needs for TLS.
        NetworkError: the scheduler does not answer.
    """

    def __init__(
        self,
        address: str,
        run: Run,
        camp: Camp,
        hear: Callable[[Message], None],
        patience: float,
    ) -> None:
        self._address = address
        self._camp = camp
        self._hear = hear
        self._run = run
        self._patience = patience
        self._counting: Future[dict[str, int]] | None = None
        self._counted_at = 0.0
        self._slots = 0
        self._is_open = False
        self._open()

    def _open(self) -> None:
        client = reach(self._address, self._run)
        # The name of a task, and so what the scheduler's pages show, is a number of no meaning.
        self._client, self._is_open = client, True
        self._comm = client.scheduler_comm
        self._executor = client.get_executor(pure=False, retries=_RETRIES)
        client.subscribe_topic(self._camp.topic, self._listen)

    def _listen(self, event: tuple[float, Message]) -> None:
        _, message = event
        self._hear(list(message))

    @property
    def slots(self) -> int:
        """How many orders may be out: one a thread, and some that wait on their way there."""
        now = self._run.clock()
        if self._counting is None and now > self._counted_at + _COUNT:
            self._counted_at = now
            # A scheduler that hangs must not have the driver hang.
            self._counting = self._run.pool.submit(self._client.nthreads)
        if self._counting is not None and self._counting.done():
            if self._counting.exception() is None:
                self._slots = _slots(self._counting.result())
            self._counting = None
        return self._slots

    def prove(self, camp: Camp, files: Files) -> None:
        """See to it that every worker can work."""
        ends = self._run.clock() + self._patience
        while not self._call(self._client.nthreads):
            if self._run.clock() > ends:
                raise NetworkError(
                    f"the Dask scheduler at {printable(self._address, 200)} has no workers",
                    hint="start some, with: dask worker ADDRESS; or wait longer, with --patience",
                )
            self._run.sleep(5 * TICK)
        self._require_scheduler()
        if camp.beacon is None:
            told = self._call(partial(self._client.run, prove, camp, files, on_error="return"))
        else:
            told = self._told_as_tasks(camp, files)
        refuse_unfit(camp, {printable(name, 100): _proof(proof) for name, proof in told.items()})
        self._slots = _slots(self._call(self._client.nthreads))

    def _told_as_tasks(self, camp: Camp, files: Files) -> dict[str, Proof | BaseException]:
        """Return what each worker says of itself, or what became of it.

        What is run beside tasks is in the debug log with its arguments, tasks are not.
        """
        asked = {}
        for name in self._call(self._client.nthreads):
            one = self._client.get_executor(
                pure=False, workers=[name], allow_other_workers=False, retries=0
            )
            asked[name] = one.submit(prove, camp, files)
        told: dict[str, Proof | BaseException] = {}
        for name, future in asked.items():
            try:
                told[name] = self._run.wait_for(future, future.cancel, self._patience)
            except SegdlError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is: it cannot work
                told[name] = error
        return told

    def _require_scheduler(self) -> None:
        """See to it that the scheduler can read orders, as Dask has it do.

        Raises:
            UsageError: it cannot.
        """
        try:
            found = self._call(partial(self._client.run_on_scheduler, _tell_version))["version"]
        except (ImportError, AttributeError):
            found = "none"
        if found != __version__:
            raise UsageError(
                f"the Dask scheduler at {printable(self._address, 200)} has segdl {found}, "
                f"the driver {__version__}",
                hint="install the same segdl there",
            )

    def _call(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the cluster answers; it can be interrupted.

        Raises:
            NetworkError: the scheduler is gone.
        """
        asking = self._run.pool.submit(ask)
        try:
            return self._run.wait_for(asking, lambda: None, CONNECT)
        except (OSError, TimeoutError, asyncio.TimeoutError) as error:
            raise NetworkError(f"the Dask scheduler is gone: {printable(str(error))}") from None

    def submit(self, order: Order) -> Future[Told]:
        """Hand an order over."""
        if not self.is_connected:
            # A client keeps what it is given until it finds its scheduler again, or for ever.
            lost: Future[Told] = Future()
            lost.set_exception(CancelledError())
            return lost
        future: Future[Told] = self._executor.submit(carry_out, order)
        return future

    def is_loss(self, error: BaseException) -> bool:
        """Tell whether an order was lost with its worker, or with the scheduler."""
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import NoValidWorkerError

        lost = KilledWorker | CommClosedError | CancelledError | NoValidWorkerError
        return isinstance(error, lost)

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler is there, and was all the time.

        A client that found it again, or another one in its place, has given up what was out,
        and gets no more words of workers.
        """
        comm = self._client.scheduler_comm
        lasts = comm is not None and comm is self._comm and not comm.comm.closed()
        return lasts and self._client.status == "running"

    def mend(self) -> bool:
        """Wait for the scheduler to come back, where it is gone."""
        if self.is_connected:
            return False
        ends = self._run.clock() + self._patience
        self._leave()
        while True:
            try:
                self._open()
                return True
            except NetworkError:
                if self._run.clock() > ends:
                    raise
            self._run.sleep(5 * TICK)

    def is_stuck(self) -> bool:
        """Tell that orders which nobody speaks of wait for workers: those may come."""
        return False

    def dismiss(self, worker: str) -> None:
        """Have the scheduler do without a worker: it would fail one order after the other."""
        try:
            self._client.retire_workers([worker], close_workers=True)
        except (OSError, TimeoutError, asyncio.TimeoutError, ValueError):
            # It is gone already.
            pass

    def close(self) -> None:
        """Cancel what is out, and leave; workers see for themselves that the run is over."""
        self._leave()

    def _leave(self) -> None:
        if self._is_open:
            self._is_open = False
            self._executor.shutdown(wait=False)
            self._client.close(timeout=PARTING)


def _tell_version() -> dict[str, str]:
    return {"version": __version__}


def _slots(threads: dict[str, int]) -> int:
    count = sum(threads.values())
    return count + -(-count // _AHEAD)


def _proof(told: Proof | BaseException) -> Proof:
    if isinstance(told, Proof):
        return told
    if isinstance(told, CancelledError):
        return Proof("?", "it does not answer")
    if isinstance(told, ImportError | AttributeError):
        return Proof("?", "it has no segdl, or another one")
    return Proof("?", f"it fails: {printable(repr(told), 200)}")


def carry_out(order: Order) -> Told:
    """Carry an order out in a worker's thread."""
    from distributed import get_worker

    worker, topic = get_worker(), order.camp.topic
    told = obey(order, lambda message: worker.log_event(topic, message))
    # By this name its driver can have it dismissed.
    return replace(told, worker=worker.address) if isinstance(told, Unfit) else told
