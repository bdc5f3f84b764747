"""What a worker tells of its tasks while they go on, and how that travels.

Messages are lists of plain values: engines pass on no others. They hold no secrets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from segdl.mirror.engines.orders import Order
from segdl.progress.events import (
    Event,
    Note,
    Progress,
    Restarted,
    Retrying,
    Started,
    Verifying,
    Waiting,
)

Message: TypeAlias = list[object]
Send: TypeAlias = Callable[[Message], None]

ALIVE = "alive"
PROGRESS = "Progress"
_KINDS: dict[str, Callable[..., Event]] = {
    kind.__name__: kind for kind in (Started, Retrying, Waiting, Note, Restarted, Verifying)
}
# Of other events: so many a task at most.
_MOST = 200


class Teller:
    """Passes the events of one task on, few enough of them. `_lock` owns what changes.

    A task that is over in moments is not worth a word.
    """

    def __init__(self, order: Order, send: Send) -> None:
        self._head: Message = [order.number, order.head.attempt]
        self._every = order.camp.every
        self._send = send
        self._lock = threading.Lock()
        self._due = time.monotonic() + self._every
        self._sent = 0
        # How it began, until something else is told.
        self._began: Message | None = None

    def __call__(self, event: Event) -> None:
        """Take an event of the task."""
        kind = type(event).__name__
        if not isinstance(event, Progress) and kind not in _KINDS:
            return
        with self._lock:
            if isinstance(event, Progress):
                self._now_and_then([PROGRESS, event.done, event.size])
                return
            _, *fields = event
            if isinstance(event, Verifying):
                self._now_and_then([kind, *fields])
            elif isinstance(event, Started):
                self._began = [kind, *fields]
            elif self._sent < _MOST:
                self._sent += 1
                self._pass_on([kind, *fields])

    def alive(self) -> None:
        """Say that the task goes on, where nothing else was said of it lately."""
        with self._lock:
            self._now_and_then([ALIVE])

    def _now_and_then(self, words: Message) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            self._pass_on(words)

    def _pass_on(self, words: Message) -> None:
        began, self._began = self._began, None
        if began is not None:
            self._send([*self._head, *began])
        self._send([*self._head, *words])


def event_of(number: int, kind: str, fields: list[object]) -> Event | None:
    """Return the event that a message is about; None where it is about none.

    Example:
        >>> event_of(3, "Note", ["it goes on"])
        Note(file=3, text='it goes on')
    """
    known = _KINDS.get(kind)
    return known(number, *fields) if known is not None else None
