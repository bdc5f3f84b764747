"""The orders that are out, and when each was heard of last."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from segdl.mirror.engines.answers import Told
from segdl.mirror.engines.orders import Order
from segdl.mirror.engines.parcel import Parcel

# So many times the silence of one worker is that of all.
_ALL = 2.0


@dataclass(slots=True)
class Flight:
    """An order that is out.

    Attributes:
        parcel: whose it is.
        order: what was asked.
        future: brings the answer.
        sent_at: when it went out, in seconds.
        heard_at: when it was last heard of; None before the first word: it may wait still.
    """

    parcel: Parcel
    order: Order
    future: Future[Told]
    sent_at: float
    heard_at: float | None = None


class Flights:
    """All of them, by file and attempt. The driver's thread owns it.

    Args:
        silence: seconds without a word after which an order is taken for lost.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._flights: dict[tuple[int, int], Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight]:
        return iter(list(self._flights.values()))

    def add(self, flight: Flight) -> None:
        """An order goes out."""
        self._flights[_key(flight)] = flight

    def find(self, number: int, attempt: int) -> Flight | None:
        """Return an order that is out; None where it is not, or not any more."""
        return self._flights.get((number, attempt))

    def remove(self, flight: Flight) -> None:
        """An order is out no more, whatever its worker may still do."""
        del self._flights[_key(flight)]

    def clear(self) -> None:
        """Nothing is out any more."""
        self._flights.clear()

    def silent(self, now: float) -> list[Flight]:
        """Return those that were begun with, and have not been heard of for too long."""
        return [
            flight
            for flight in self
            if flight.heard_at is not None and now > flight.heard_at + self._silence
        ]

    def all_silent(self, now: float) -> bool:
        """Tell whether nothing has been heard of any of them for far too long."""
        heard = max((each.heard_at or each.sent_at for each in self), default=now)
        return now > heard + _ALL * self._silence


def _key(flight: Flight) -> tuple[int, int]:
    return flight.order.number, flight.order.head.attempt
