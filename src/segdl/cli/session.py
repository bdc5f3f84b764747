"""What surrounds a command: signals, the progress view, lines that do not disturb it."""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from segdl.core.text import printable
from segdl.errors import CancelledError, DiskError, SegdlError
from segdl.progress.beside import Beside

log = logging.getLogger("segdl")

_SHOW_CURSOR = b"\x1b[?25h\r\n"


@contextmanager
def cancelled_by_signals(*, orderly: bool = False) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and SIGHUP set; a second one ends at once.

    With `orderly` a second one does nothing: what there is to clean up is a matter of
    moments, and nobody else would do it.

    A signal that is ignored stays so: that is what nohup and `&` rely on.

    This is where the work begins: what was loaded until here is for good, and garbage is looked
    for from here on.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    cancel = threading.Event()

    def stop(*_: object) -> None:
        if cancel.is_set() and not orderly:
            if sys.stderr.isatty() and _takes_more(2):
                os.write(2, _SHOW_CURSOR)
            os._exit(CancelledError.exit_code)
        cancel.set()

    numbers = [
        getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
    ]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def logging_to(view: Beside, *, verbose: bool, insecure: bool) -> Iterator[None]:
    """Log requests to standard error where that was asked for."""
    if insecure:
        # The user knows: that is what --insecure says.
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    if not verbose:
        yield
        return

    class ToView(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Where nobody reads them any more, the files matter.
            with suppress(OSError, ValueError):
                view.line(self.format(record), sys.stderr)

    handler = ToView()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


def _takes_more(terminal: int) -> bool:
    """Tell whether a terminal takes a few bytes without a wait, as far as the system tells."""
    if os.name == "nt":
        return True
    return bool(select.select([], [terminal], [], 0.0)[1])


class Printer:
    """Writes lines of results and errors around a view. One thread uses it."""

    def __init__(self, view: Beside) -> None:
        self._view = view

    def line(self, text: str, *, to_error: bool = False) -> None:
        """Write one line.

        Raises:
            DiskError: standard output is a file that cannot take it.
        """
        stream = sys.stderr if to_error else sys.stdout
        if stream is None:
            return
        try:
            self._view.line(text, stream)
        except (BrokenPipeError, ValueError):
            # Nobody reads the lines; the files matter.
            pass
        except OSError as error:
            if not to_error:
                raise DiskError(f"cannot write to standard output: {error.strerror}") from error

    def json(self, value: dict[str, object]) -> None:
        """Write one JSON object as a line, in ASCII: no terminal obeys it."""
        self.line(json.dumps(value))

    def error(self, error: SegdlError) -> None:
        """Write an error as its one line, and where it arose if that is logged."""
        self.line(f"segdl: {printable(str(error), 4000)}", to_error=True)
        if log.isEnabledFor(logging.DEBUG):
            from segdl.cli.trace import trace

            log.debug("%s", trace(error))
