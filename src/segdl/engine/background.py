"""Reading in a thread, so that who waits for input can do something else meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 16
_PATIENCE = 0.1


def read_ahead(source: Iterator[T]) -> Generator[T | None, None, None]:
    """Yield what `source` yields, and None when it has had nothing for a moment.

    It runs in a thread of its own, a few items ahead. The thread of a source that blocks
    for ever stays behind; a process that ends takes it along.

    Example:
        >>> [item for item in read_ahead(iter("ab")) if item is not None]
        ['a', 'b']
    """
    between = _Between[T]()

    def read() -> None:
        try:
            for item in source:
                if not between.put(item):
                    return
            between.end(None)
        except Exception as defect:  # noqa: BLE001 - raised where the items are wanted
            between.end(defect)

    threading.Thread(target=read, name="segdl-list", daemon=True).start()
    try:
        while True:
            items, ended = between.take(_PATIENCE)
            yield from items
            if ended:
                return
            if not items:
                yield None
    finally:
        between.leave()


class _Between(Generic[T]):
    """Items between the thread that reads and the one that takes them; its lock owns all fields.

    All that are there are taken at once: waking a thread costs more than most items do.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._items: list[T] = []
        self._ended = False
        self._defect: Exception | None = None
        self._left = False

    def put(self, item: T) -> bool:
        """Wait for room, and keep an item; tell whether anybody may take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or len(self._items) < _AHEAD)
            self._items.append(item)
            if len(self._items) == 1:
                self._changed.notify()
            return not self._left

    def end(self, defect: Exception | None) -> None:
        """Say that nothing follows, and why that is a defect."""
        with self._changed:
            self._ended, self._defect = True, defect
            self._changed.notify()

    def take(self, seconds: float) -> tuple[list[T], bool]:
        """Wait for items; return those that are there, and whether none follow.

        Raises:
            Exception: the defect of the source, once all before it was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended, timeout=seconds)
            items, self._items = self._items, []
            if self._defect is not None and not items:
                raise self._defect
            if len(items) == _AHEAD:
                self._changed.notify()
            return items, self._ended and self._defect is None

    def leave(self) -> None:
        """Take no more."""
        with self._changed:
            self._left = True
            self._changed.notify()
