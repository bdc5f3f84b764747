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
    background = Background(source, _AHEAD)
    background.start()
    try:
        while True:
            items, ended = background.take(_PATIENCE)
            yield from items
            if ended:
                return
            if not items:
                yield None
    finally:
        background.leave()


class Background(Generic[T]):
    """A source that a thread reads, some items ahead of another one that takes them.

    Items are handed over by the handful: waking a thread costs more than most items do.
    `_changed`'s lock owns all fields that change.

    Args:
        source: what is read, and closed at the end where it can be, in the thread.
        ahead: items that wait to be taken, at most.
    """

    def __init__(self, source: Iterator[T], ahead: int) -> None:
        self._source = source
        self._ahead = ahead
        self._changed = threading.Condition(threading.Lock())
        self._items: list[T] = []
        self._wanted = 0
        self._ended = False
        self._defect: BaseException | None = None
        self._left = False
        self._thread = threading.Thread(target=self._read, name="segdl-list", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(
        self, seconds: float, *, enough: int = 1, most: int | None = None
    ) -> tuple[list[T], bool]:
        """Wait for items; return the first of those that are there, and whether none follow.

        Args:
            seconds: to wait, at most, for as many as are enough, or for the end.
            enough: items to wait for; no more than `ahead`.
            most: items that are taken; None takes all.

        Raises:
            BaseException: what ended the source, once all before it was taken.
        """
        with self._changed:
            self._wanted = enough
            self._changed.wait_for(
                lambda: len(self._items) >= enough or self._ended, timeout=seconds
            )
            self._wanted = 0
            items, self._items = self._items[:most], self._items[most:] if most else []
            if self._defect is not None and not items:
                raise self._defect
            self._changed.notify()
            return items, self._ended and self._defect is None and not self._items

    def leave(self) -> None:
        """Take no more."""
        with self._changed:
            self._left = True
            self._changed.notify()

    def has_ended(self, seconds: float) -> bool:
        """Wait so long for the thread to end, and tell whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _read(self) -> None:
        defect: BaseException | None = None
        try:
            try:
                for item in self._source:
                    if not self._put(item):
                        break
            finally:
                if isinstance(self._source, Generator):
                    self._source.close()
        except BaseException as error:  # noqa: BLE001 - raised where the items are wanted
            defect = error
        with self._changed:
            self._ended, self._defect = True, defect
            self._changed.notify()

    def _put(self, item: T) -> bool:
        """Wait for room, and keep an item; tell whether anybody will take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or len(self._items) < self._ahead)
            self._items.append(item)
            if len(self._items) == self._wanted:
                self._changed.notify()
            return not self._left
