"""Arguments in, exit code out."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from collections.abc import Sequence

from segdl.errors import CancelledError, DiskError, SegdlError
from segdl.version import __version__


def run() -> None:
    """Run the program and exit: what `segdl` on the command line calls."""
    _leave_quietly_on_signals()
    # Modules are for good: looking for garbage while they load takes a 15th of the start.
    gc.disable()
    # A stream that is closed (`>&-`) is None, and its descriptor free for any file to get.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that the terminal's encoding lacks is shown with escapes, not lost.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # The reader of a pipe has gone; Python would complain at its own exit.
            pass
    # Not sys.exit: a thread may be stuck in a name look-up that nothing can interrupt.
    os._exit(code)


def _leave_quietly_on_signals() -> None:
    """End without a traceback while there is nothing yet that would need an orderly end."""

    def leave(*_: object) -> None:
        os._exit(CancelledError.exit_code)

    for number in (signal.SIGINT, signal.SIGTERM):
        # What is ignored stays so: nohup and `&` rely on it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def main(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code."""
    try:
        if list(arguments) == ["--version"]:
            # Before anything is imported that takes time.
            print(f"segdl {__version__}", flush=True)  # noqa: T201
            return 0
        return _dispatch(list(arguments))
    except SegdlError as error:
        _complain(str(error))
        if _verbose(arguments):
            _show_trace(error)
        return error.exit_code
    except SystemExit as leaving:
        # argparse leaves this way after --help.
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Those of files were turned into DiskErrors where they arose, but for a few.
        _complain(_said_of(error))
        return DiskError.exit_code
    except Exception as defect:  # noqa: BLE001 - never a traceback
        from segdl.core.limits import is_no_more_threads, no_more_threads

        if is_no_more_threads(defect):
            _complain(str(no_more_threads()))
            return SegdlError.exit_code
        hint = "" if _verbose(arguments) else " (-v shows where)"
        _complain(f"internal error: {type(defect).__name__}{hint}; please report it")
        if _verbose(arguments):
            _show_trace(defect)
        return 1


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == "info":
        from segdl.cli.info import info

        return info(arguments[1:])
    if command == "bench":
        from segdl.cli.bench import bench

        return bench(arguments[1:])
    if command == "mirror":
        from segdl.cli.mirror import mirror

        return mirror(arguments[1:])
    if command == "demo":
        from segdl.cli.demo import demo

        return demo(arguments[1:])
    from segdl.cli.get import get

    return get(arguments[1:] if command == "get" else arguments)


def _said_of(error: OSError) -> str:
    from segdl.core.limits import no_more_files

    said = error.strerror or str(error) or type(error).__name__
    try:
        # What could not be written is in its buffer still.
        sys.stdout.flush()
    except (OSError, ValueError):
        return f"cannot write to standard output: {said}"
    place = "" if error.filename is None else f": {error.filename}"
    full = no_more_files(error, "cannot go on")
    return str(full) if full else f"{said}{place}"


def _verbose(arguments: Sequence[str]) -> bool:
    return "-v" in arguments or "--verbose" in arguments


def _complain(text: str) -> None:
    from segdl.core.text import printable

    print(f"segdl: {printable(text, 4000)}", file=sys.stderr)  # noqa: T201


def _show_trace(error: BaseException) -> None:
    from segdl.cli.trace import trace

    print(trace(error), file=sys.stderr)  # noqa: T201
