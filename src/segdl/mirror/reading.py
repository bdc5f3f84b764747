"""The list, read in a thread of its own: whoever has files to fetch need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType

from segdl.engine.run import TICK
from segdl.errors import SegdlError
from segdl.mirror.listing import Found

# Items that are handed over at once, and that are read ahead at most.
_BATCH = 500
_AHEAD = 4000


class Reading:
    """Reads a list ahead, within bounds. One thread uses it, and leaves it.

    `_changed` and its lock own `_items`, `_over` and `_ending`; the thread that reads writes
    them, and ends where `_left` or the run's own event is set.

    Args:
        read: begins to read; closed at the end.
        cancel: set where the run is to end.

    Attributes:
        ended: whether the last batch was taken.
        error: why it was not read to its end.
    """

    def __init__(
        self, read: Callable[[], Generator[Found, None, None]], cancel: threading.Event
    ) -> None:
        self._read = read
        self._cancel = cancel
        self._left = threading.Event()
        self._changed = threading.Condition(threading.Lock())
        self._items: list[Found] = []
        self._over = False
        self._ending: BaseException | None = None
        self._thread = threading.Thread(target=self._reading, name="segdl-list", daemon=True)
        self.ended = False
        self.error: SegdlError | None = None

    def __enter__(self) -> Reading:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left.set()
        while self._thread.is_alive() and not (self._cancel.is_set() and self._is_stuck()):
            self._thread.join(TICK)

    def _is_stuck(self) -> bool:
        """Wait a moment; a thread that reads a pipe is not woken by anything of ours."""
        self._thread.join(5 * TICK)
        return self._thread.is_alive()

    def batches(self, seconds: float) -> Generator[list[Found], None, None]:
        """Yield what has been read by now; wait up to `seconds` for a batch to be full.

        A list that is there at once is known whole then, and its largest files with it.
        """
        while not self.ended:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._over or len(self._items) >= _BATCH, timeout=seconds
                )
                batch, self._items = self._items[:_BATCH], self._items[_BATCH:]
                over, ending = self._over, self._ending
                self._changed.notify()
            seconds = 0.0
            if batch:
                yield batch
                continue
            if not over:
                return
            self.ended = True
            if isinstance(ending, SegdlError):
                self.error = ending
            elif ending is not None:
                raise ending

    def _reading(self) -> None:
        ending: BaseException | None = None
        try:
            with closing(self._read()) as found:
                for item in found:
                    if not self._hand_over(item):
                        break
        except BaseException as error:  # noqa: BLE001 - its reader raises it
            ending = error
        with self._changed:
            self._over, self._ending = True, ending
            self._changed.notify()

    def _hand_over(self, item: Found) -> bool:
        """Keep an item until it is taken; tell whether anybody will take it."""
        with self._changed:
            while len(self._items) >= _AHEAD:
                if self._left.is_set() or self._cancel.is_set():
                    return False
                self._changed.wait(TICK)
            self._items.append(item)
            if len(self._items) == _BATCH:
                self._changed.notify()
        return not (self._left.is_set() or self._cancel.is_set())
