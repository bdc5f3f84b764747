"""Orders that go out to workers, and come back or are lost."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from segdl.core.url import parse_url
from segdl.errors import SegdlError, ServerError
from segdl.mirror.engines.answers import Failed, Told, Unfit
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.depot import Depot
from segdl.mirror.engines.engine import Engine, Files
from segdl.mirror.engines.flights import Flight, Flights
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.engines.telling import PROGRESS, Message, event_of
from segdl.mirror.engines.traffic import Traffic
from segdl.mirror.happenings import Said
from segdl.progress.events import Busy, Started
from segdl.results import DownloadResult

# Seconds between two looks at who has not been heard of.
_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Back:
    """An order came back, or was lost."""

    number: int
    attempt: int
    future: Future[Told]


@dataclass(frozen=True, slots=True)
class Errand:
    """What was to be done here for a file is done."""

    number: int
    future: Future[DownloadResult | None]


Item: TypeAlias = "Back | Errand | Message"


class Dispatch:
    """Hands orders to an engine, and takes them back. The driver's thread owns it.

    It returns the files with which something happened: who has them sees to what they want next.

    Args:
        engine: has the workers.
        terms: what all files have in common.
        depot: takes in what workers bring.
        files: what has to be the same at each worker.
        inbox: takes what comes back.
        cap: tells how many orders of a host may be out at once.
        silence: seconds without a word after which an order is given to another worker.
    """

    def __init__(
        self,
        engine: Engine,
        terms: Terms,
        depot: Depot,
        files: Files,
        inbox: queue.Queue[Item],
        *,
        cap: Callable[[str], int],
        silence: float,
    ) -> None:
        self._engine = engine
        self._terms = terms
        self._depot = depot
        self._run = terms.run
        self._files = files
        self._inbox = inbox
        self._traffic = Traffic(cap, self._run.clock, self._run.backoff)
        self._flights = Flights(silence)
        self._looked_at = 0.0
        self._losses = 0
        self._deserted = False

    def add(self, parcel: Parcel) -> None:
        """Take note of what a file has to be asked."""
        self._traffic.add(parcel)

    def hand_over(self) -> list[Parcel]:
        """Give out what may go; return the files that ended over it."""
        ended: list[Parcel] = []
        why = self._depot.given_up()
        if why is not None:
            # Each would cost its server a request to find that out.
            ended = self._traffic.drain()
            for parcel in ended:
                parcel.end(copy(why))
            return ended
        slots = self._engine.slots
        self._tell_whether_anybody_works(slots)
        room = 0 if self._depot.pause() else slots - len(self._flights)
        for parcel, order in self._traffic.next(room):
            number, attempt = parcel.number, order.head.attempt
            try:
                dressed = parcel.dress(order)
            except SegdlError as error:
                self._traffic.back(parcel.host)
                parcel.end(error)
                ended.append(parcel)
                continue
            future = self._engine.submit(dressed)
            self._flights.add(Flight(parcel, order, future, self._run.clock()))
            future.add_done_callback(partial(self._put_back, number, attempt))
        return ended

    def _tell_whether_anybody_works(self, slots: int) -> None:
        if self._deserted != (slots == 0):
            self._deserted = slots == 0
            text = "no worker is left: the run waits for one" if self._deserted else "workers again"
            self._terms.say(Said(text))

    def _put_back(self, number: int, attempt: int, future: Future[Told]) -> None:
        self._inbox.put(Back(number, attempt, future))

    def came_back(self, back: Back) -> list[Parcel]:
        """Take what came of an order; return its file, unless that knows already.

        Raises:
            Exception: a defect.
        """
        flight = self._flights.find(back.number, back.attempt)
        if flight is None or flight.future is not back.future:
            # It was taken for lost, or back, and may be out anew.
            return []
        self._flights.remove(flight)
        parcel, order = flight.parcel, flight.order
        told = self._told(back.future)
        if told is None:
            self._traffic.back(parcel.host)
            parcel.lost(order)
            self._losses += 1
            return [parcel]
        if isinstance(told, Failed) and told.refused:
            pause = self._traffic.refused(parcel.host, told.pause)
            self._pause(parcel, pause, told)
            self._recall(parcel.host)
        else:
            self._traffic.back(parcel.host)
            if not isinstance(told, Failed | Unfit):
                self._traffic.answered(parcel.host)
        if isinstance(told, Unfit):
            self._terms.say(Said(f"worker {told.worker} cannot work: {told.why}"))
            self._engine.dismiss(told.worker)
        if parcel.outcome is not None:
            return []
        parcel.take(order, told)
        return [parcel]

    def _told(self, future: Future[Told]) -> Told | None:
        """Return what a worker told; None where it was lost."""
        try:
            return future.result()
        except FutureCancelled:
            self._engine.is_loss(FutureCancelled())
            return None
        except Exception as error:
            if not self._engine.is_loss(error):
                raise
            return None

    def _pause(self, parcel: Parcel, seconds: float, failed: Failed) -> None:
        """Have nobody ask a host that has had enough, for any file."""
        gate = self._run.gates.of(parse_url(parcel.job.request.url).origin)
        if seconds > gate.pause() and gate.try_ask():
            gate.refused(seconds, seconds)
        error = failed.error
        if isinstance(error, ServerError) and error.status is not None:
            self._run.emit(Busy(parcel.number, error.status, seconds))

    def _recall(self, host: str) -> None:
        """Take orders of a host back that no worker has begun with."""
        for flight in self._flights:
            if flight.parcel.host == host and flight.heard_at is None and flight.future.cancel():
                self._flights.remove(flight)
                self._traffic.back(host)
                flight.parcel.ready.appendleft(flight.order)
                self._traffic.add(flight.parcel)

    def hear(self, message: Message) -> None:
        """Take a word of a worker."""
        number, attempt, kind, *fields = message
        assert isinstance(number, int)
        assert isinstance(attempt, int)
        assert isinstance(kind, str)
        flight = self._flights.find(number, attempt)
        if flight is None:
            return
        flight.heard_at = self._run.clock()
        if kind == PROGRESS and isinstance(fields[0], int):
            flight.parcel.hear(flight.order, fields[0])
            return
        event = event_of(number, kind, fields)
        if isinstance(event, Started):
            event = event._replace(path=flight.parcel.name)
        if event is not None:
            self._run.emit(event)

    def look_after(self) -> list[Parcel]:
        """See to workers that were lost, or say nothing any more; return files that they had.

        Raises:
            NetworkError: they are gone for good.
        """
        now = self._run.clock()
        due = now >= self._looked_at + _LOOK
        lost: list[Parcel] = []
        if (self._losses or due) and not self._run.cancel.is_set():
            lost += self._mend()
        if due:
            self._looked_at = now
            lost += self._look_for_silence(now)
        return lost

    def _mend(self) -> list[Parcel]:
        """Have workers again where they were lost."""
        self._losses = 0
        if not self._engine.mend():
            return []
        # What was out is nobody's any more, and of some of it no word would ever come.
        lost = self._lose(list(self._flights))
        self._engine.prove(self._depot.fresh(self._terms.camp), self._files)
        return lost

    def _look_for_silence(self, now: float) -> list[Parcel]:
        """Take workers for lost that say nothing any more, and give their orders to others."""
        lost = self._flights.silent(now)
        if self._flights.all_silent(now) and self._engine.is_stuck():
            lost = list(self._flights)
        self._losses += len(lost)
        return self._lose(lost)

    def _lose(self, lost: list[Flight]) -> list[Parcel]:
        concerned: list[Parcel] = []
        for flight in lost:
            self._flights.remove(flight)
            self._traffic.back(flight.parcel.host)
            if flight.parcel.outcome is None:
                flight.parcel.lost(flight.order)
                concerned.append(flight.parcel)
        return concerned

    def forget(self) -> None:
        """Take nothing any more of what is out."""
        for flight in self._flights:
            self._traffic.back(flight.parcel.host)
        self._flights.clear()
