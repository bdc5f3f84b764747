"""What the tasks of one driver's run share in a worker's process: connections, and an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from segdl.engine.gate import Gates
from segdl.engine.run import Run
from segdl.engine.surroundings import open_run
from segdl.errors import CancelledError
from segdl.mirror.engines.camp import is_over
from segdl.mirror.engines.orders import Camp, Order
from segdl.mirror.engines.telling import Send, Teller
from segdl.progress.events import Event

# Seconds between two looks at whether the run is over; those at a bucket cost money.
_LOOK = 1.0
_LOOK_FAR = 10.0
# Tasks that a process may have at once; threads are made as they are needed.
_MOST_TASKS = 64


class Station:
    """The surroundings of one driver's tasks in this process.

    `_lock` owns `_tellers` and `_left`.

    Args:
        order: the first one of that driver.
    """

    def __init__(self, order: Order) -> None:
        self.camp: Camp = order.camp
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._tellers: set[Teller] = set()
        self._left = False
        self._stack = ExitStack()
        self._run = self._stack.enter_context(
            open_run(
                order.head.network,
                order.head.transfer,
                _nobody,
                self._cancel,
                max_files=_MOST_TASKS,
                per_origin=_MOST_TASKS,
            )
        )
        threading.Thread(target=self._watch, name="segdl-station", daemon=True).start()

    @contextmanager
    def at_work(self, order: Order, send: Send) -> Iterator[Run]:
        """Yield the surroundings of one task.

        Raises:
            CancelledError: the run is over.
        """
        teller = Teller(order, send)
        with self._lock:
            # What is signed in it runs out.
            self.camp = order.camp
            if self._left or self._cancel.is_set():
                raise CancelledError("the run is over")
            self._tellers.add(teller)
        try:
            yield self._run._replace(
                network=order.head.network,
                transfer=order.head.transfer,
                emit=teller,
                own_threads=True,
                # What a host allows is the driver's to know.
                gates=Gates(1, time.monotonic),
            )
        finally:
            with self._lock:
                self._tellers.discard(teller)

    def _watch(self) -> None:
        """Keep telling that tasks go on, and end them once the run is over."""
        due = 0.0
        while True:
            if time.monotonic() >= due:
                if is_over(self.camp):
                    break
                due = time.monotonic() + (_LOOK_FAR if self.camp.beacon else 0.0)
            with self._lock:
                tellers = list(self._tellers)
            for teller in tellers:
                teller.alive()
            time.sleep(_LOOK)
        self._cancel.set()
        while True:
            with self._lock:
                if not self._tellers:
                    self._left = True
                    break
            time.sleep(_LOOK)
        self._stack.close()
        with _lock:
            if _stations.get(self.camp.nonce) is self:
                del _stations[self.camp.nonce]


_lock = threading.Lock()
# By the nonce of the driver's run.
_stations: dict[str, Station] = {}


def station_of(order: Order) -> Station:
    """Return this process's surroundings for the tasks of an order's driver."""
    with _lock:
        station = _stations.get(order.camp.nonce)
        if station is None:
            station = _stations[order.camp.nonce] = Station(order)
        return station


def _nobody(event: Event) -> None:
    """Take an event that belongs to no task."""
