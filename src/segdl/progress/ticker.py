"""Something that is done now and then, whether anything happens or not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from segdl.starting import starts


class Ticker:
    """Calls `call` every `seconds`, in a thread of its own, until it is stopped.

    Args:
        seconds: between two calls.
        call: what is called.
        at_once: whether that is done for the first time before so many seconds are over.

    Attributes:
        runs: whether there is such a thread; False where the system gives no more.
    """

    def __init__(self, seconds: float, call: Callable[[], None], *, at_once: bool = False) -> None:
        self._seconds = seconds
        self._call = call
        self._at_once = at_once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="segdl-ticker", daemon=True)
        self.runs = starts(self._thread)

    def stop(self) -> None:
        """Return when it does not call any more; a second time does nothing."""
        self._stop.set()
        if self.runs:
            self._thread.join()

    def _go(self) -> None:
        if self._at_once:
            self._call()
        while not self._stop.wait(self._seconds):
            self._call()
