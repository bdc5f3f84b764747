"""`segdl mirror`: keep a folder equal to a remote list of files."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from segdl.cli.mirroroptions import Wanted, mirror_parser, wanted_of
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.core.text import human_size, printable
<<<<<<< HEAD
from segdl.errors import UsageError
=======
from segdl.errors import CancelledError, SegdlError, UsageError
>>>>>>> main
from segdl.progress.view import make_view

if TYPE_CHECKING:
    from segdl.engine.run import Run
    from segdl.mirror.happenings import Happening
    from segdl.mirror.listing import Found
    from segdl.mirror.session import Result

_MANY_CONNECTIONS = 10


def mirror(arguments: Sequence[str]) -> int:
    """Carry out `segdl mirror` and return its exit code.

    Raises:
        SegdlError: nothing was begun.
    """
    options = mirror_parser().read(arguments)
    if options.config is not None or options.check_config:
        from segdl.cli.mirrorconfig import read_config

        if options.config is None:
            raise UsageError("--check-config checks the file of --config", hint="give it")
        mirrors = read_config(options.config, options.urls)
        if options.check_config:
            return 0
    elif options.status:
        from segdl.cli.mirrorstatus import status

        return status(options)
    else:
        mirrors = [wanted_of(options)]
<<<<<<< HEAD
    codes = [_mirror_one(wanted) for wanted in mirrors]
    return next((code for code in codes if code), 0)
=======
    if len(mirrors) == 1:
        return _mirror_one(mirrors[0])
    return _mirror_all(mirrors)


def _mirror_all(mirrors: Sequence[Wanted]) -> int:
    """Carry several out, one after the other; return the first failure's code."""
    first = 0
    for wanted in mirrors:
        try:
            code = _mirror_one(wanted)
        except CancelledError:
            raise
        except SegdlError as error:
            Printer(make_view("none", sys.stderr)).error(error)
            code = error.exit_code
        first = first or code
    return first
>>>>>>> main


def _mirror_one(wanted: Wanted) -> int:
    # Imported here: they take 0.1 s, which a wrong option must not wait for.
    from segdl.engine.surroundings import open_run

    insecure = wanted.network.insecure
    with ExitStack() as stack:
        cancel = stack.enter_context(cancelled_by_signals())
        view = make_view(wanted.progress, sys.stderr)
        stack.callback(view.close)
        stack.enter_context(logging_to(view, verbose=wanted.verbose, insecure=insecure))
        printer = Printer(view)
        lock = threading.Lock()

        def tell(happening: Happening) -> None:
            with lock:
                view(happening)  # type: ignore[arg-type]

        if max(_per_host(wanted)) > _MANY_CONNECTIONS and not wanted.quiet:
            text = "more than 10 connections a host: many servers refuse that, or ban for it"
            printer.line(f"segdl: {text}", to_error=True)
        began = time.monotonic()
        with open_run(
            wanted.network,
            wanted.transfer,
            tell,
            cancel,
            max_files=wanted.mirror.max_files,
            per_origin=max(_per_host(wanted)),
        ) as run:
            result = _carry_out(wanted, run, tell)
        _say(wanted, result, time.monotonic() - began, printer)
        return result.exit_code


def _per_host(wanted: Wanted) -> list[int]:
    own = [each.connections or 0 for each in wanted.mirror.hosts]
    return [wanted.mirror.per_host, *own]


def _carry_out(wanted: Wanted, run: Run, tell: Callable[[Happening], None]) -> Result:
    from segdl.mirror.happenings import Said
    from segdl.mirror.session import Session
    from segdl.mirror.walk import walk

    def read() -> Generator[Found, None, None]:
        yield from walk(run, wanted.mirror.listing, lambda text: tell(Said(text)))

    session = Session(wanted.mirror, wanted.transfer, tell)
    return session.carry_out(run, read, once=wanted.mirror.listing.source == "-")


def _say(wanted: Wanted, result: Result, seconds: float, printer: Printer) -> None:
    """Say how the run ended."""
    figures = _figures(result)
    if wanted.json:
        printer.json(
            {
                "v": 1,
                "directory": os.fspath(wanted.mirror.directory),
                "exit_code": result.exit_code,
                "seconds": round(seconds, 3),
                **figures,
            }
        )
    elif not wanted.quiet:
        words = [f"{count} {what}" for what, count in figures.items() if what != "bytes"]
        line = f"{human_size(figures['bytes'])}: {', '.join(words)}  {seconds:.1f} s"
        printer.line(f"{printable(os.fspath(wanted.mirror.directory), 4096)}  {line}")


def _figures(result: Result) -> dict[str, int]:
    last = result.rounds[-1]
    fetched = sum(each.fetched for each in result.rounds)
    return {
        "files": last.intake.files,
        "bytes": last.intake.bytes,
        "fetched": fetched,
        "kept": last.intake.kept + last.done - last.fetched,
        "failed": last.failed,
        "removed": result.removed,
    }
