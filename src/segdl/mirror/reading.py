"""The list, read in a thread of its own: whoever has files to fetch need not wait for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType

from segdl.engine.run import TICK
from segdl.errors import SegdlError
from segdl.mirror.listing import Found

_BATCH = 500
_BATCHES = 8
# Seconds after which a batch goes out that is not full.
_HURRY = 0.25


class Reading:
    """Reads a list ahead, within bounds. One thread uses it, and leaves it.

    `_reading` belongs to its own thread, which hands over by the queue; its end and its error
    come last.

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
        self._queue: queue.Queue[list[Found] | BaseException | None] = queue.Queue(_BATCHES)
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
        """Yield what has been read by now; wait up to `seconds` for the first of it."""
        while not self.ended:
            try:
                got = self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait()
            except queue.Empty:
                return
            seconds = 0.0
            if isinstance(got, list):
                yield got
                continue
            self.ended = True
            if isinstance(got, SegdlError):
                self.error = got
            elif got is not None:
                raise got

    def _reading(self) -> None:
        batch: list[Found] = []
        due = time.monotonic() + _HURRY
        try:
            with closing(self._read()) as found:
                for item in found:
                    batch.append(item)
                    if len(batch) >= _BATCH or time.monotonic() >= due:
                        if not self._hand_over(batch):
                            return
                        batch, due = [], time.monotonic() + _HURRY
            if batch and not self._hand_over(batch):
                return
            self._hand_over(None)
        except BaseException as error:  # noqa: BLE001 - its reader raises it
            self._hand_over(error)

    def _hand_over(self, what: list[Found] | BaseException | None) -> bool:
        """Put it into the queue; tell whether anybody will take it."""
        while not (self._left.is_set() or self._cancel.is_set()):
            try:
                self._queue.put(what, timeout=TICK)
            except queue.Full:
                continue
            return True
        return False
