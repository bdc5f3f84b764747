"""What surrounds a command: signals, the progress view, lines that do not disturb it."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from segdl.core.text import printable
from segdl.errors import CancelledError, SegdlError
from segdl.progress.view import View


@contextmanager
def cancelled_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and SIGHUP set; a second one ends at once."""
    cancel = threading.Event()

    def stop(*_: object) -> None:
        if cancel.is_set():
            os._exit(CancelledError.exit_code)
        cancel.set()

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop) for name in names}
    try:
        yield cancel
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def logging_to(view: View, *, verbose: bool, insecure: bool) -> Iterator[None]:
    """Log requests to standard error where that was asked for."""
    if insecure:
        # The user knows: that is what --insecure says.
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    if not verbose:
        yield
        return

    class Quietly(logging.StreamHandler):  # type: ignore[type-arg]
        def emit(self, record: logging.LogRecord) -> None:
            with view.hidden():
                super().emit(record)

    handler = Quietly(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log = logging.getLogger("segdl")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


class Printer:
    """Writes lines of results and errors around a view. One thread uses it."""

    def __init__(self, view: View) -> None:
        self._view = view

    def line(self, text: str, *, to_error: bool = False) -> None:
        """Write one line."""
        with self._view.hidden():
            try:
                print(text, file=sys.stderr if to_error else sys.stdout, flush=True)
            except (BrokenPipeError, ValueError):
                # Nobody reads the lines; the files matter.
                pass

    def json(self, value: dict[str, object]) -> None:
        """Write one JSON object as a line."""
        self.line(json.dumps(value, ensure_ascii=False))

    def error(self, error: SegdlError) -> None:
        """Write an error as its one line."""
        self.line(f"segdl: {printable(str(error), 2000)}", to_error=True)
