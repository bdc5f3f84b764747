"""Something that is done now and then, whether anything happens or not."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticker:
    """Calls `call` every `seconds`, in a thread of its own, until it is stopped; 0: never."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if seconds:
            self._thread = threading.Thread(target=self._go, name="segdl-ticker", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Return when it does not call any more; a second time does nothing."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _go(self) -> None:
        while not self._stop.wait(self._seconds):
            self._call()
