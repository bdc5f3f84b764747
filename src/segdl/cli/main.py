"""Arguments in, exit code out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from segdl.errors import SegdlError
from segdl.version import __version__


def run() -> None:
    """Run the program and exit: what `segdl` on the command line calls."""
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # The reader of a pipe has gone; Python would complain at its own exit.
            pass
    # Not sys.exit: a thread may be stuck in a name look-up that nothing can interrupt.
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code."""
    if list(arguments) == ["--version"]:
        # Before anything is imported that takes time.
        print(f"segdl {__version__}")  # noqa: T201
        return 0
    try:
        return _dispatch(list(arguments))
    except SegdlError as error:
        print(f"segdl: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except SystemExit as leaving:
        # argparse leaves this way after --help.
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        return 130
    except Exception as defect:  # noqa: BLE001 - never a traceback
        return _report(defect, verbose="-v" in arguments or "--verbose" in arguments)


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == "info":
        from segdl.cli.info import info

        return info(arguments[1:])
    if command == "demo":
        from segdl.cli.demo import demo

        return demo(arguments[1:])
    from segdl.cli.get import get

    return get(arguments[1:] if command == "get" else arguments)


def _report(defect: Exception, *, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exception(defect)
    kind = type(defect).__name__
    hint = "" if verbose else " (-v shows where)"
    print(f"segdl: internal error: {kind}{hint}; please report it", file=sys.stderr)  # noqa: T201
    return 1
