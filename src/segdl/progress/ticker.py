"""Something that is done now and then, whether anything happens or not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from segdl.core.limits import is_no_more_threads


class Ticker:
    """Calls `call` every `seconds`, in a thread of its own, until it is stopped; 0: never.

    Where the system gives no more threads it never calls: nothing is lost but a picture.
    """

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if seconds:
            thread = threading.Thread(target=self._go, name="segdl-ticker", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not is_no_more_threads(error):
                    raise
            else:
                self._thread = thread

    def stop(self) -> None:
        """Return when it does not call any more; a second time does nothing."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _go(self) -> None:
        while not self._stop.wait(self._seconds):
            self._call()
