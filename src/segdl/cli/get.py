"""`segdl [get]`: download each URL."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import chain

from segdl.cli.inputfile import read_requests
from segdl.cli.parser import get_parser, network_options, transfer_options
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.core.text import human_size, printable
from segdl.core.url import parse_url
from segdl.errors import CancelledError, SegdlError, UsageError
from segdl.options import Request
from segdl.progress.view import View, make_view
from segdl.results import DownloadResult


def get(arguments: Sequence[str]) -> int:
    """Carry out `segdl get` and return its exit code.

    Raises:
        SegdlError: nothing was begun.
    """
    options = get_parser().parse_args(arguments)
    _check(options)
    view = make_view("none" if options.quiet or options.dry_run else options.progress, sys.stderr)
    try:
        with (
            cancelled_by_signals() as cancel,
            logging_to(view, verbose=options.verbose, insecure=options.insecure),
        ):
            return _carry_out(options, view, cancel)
    finally:
        view.close()


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before a byte is asked for."""
    if not options.urls and options.input_file is None:
        raise UsageError("no URL", hint="segdl URL, or segdl --help")
    several = options.input_file is not None or len(options.urls) > 1
    for option in ("output", "checksum"):
        if several and getattr(options, option) is not None:
            raise UsageError(
                f"--{option} goes with one URL",
                hint="write a list for -i, with out= and checksum= lines",
            )
    for url in options.urls:
        parse_url(url)
    if options.output == "":
        raise UsageError("--output is empty")
    if options.output == "-" and (options.json or options.dry_run):
        raise UsageError("standard output cannot take both the file and that")
    if options.key and not options.cert:
        raise UsageError("--key needs --cert")


def _carry_out(options: argparse.Namespace, view: View, cancel: threading.Event) -> int:
    # requests takes 0.1 s to import: not before the options are known to be right.
    from segdl.api import open_run

    network, transfer = network_options(options), transfer_options(options)
    single = options.input_file is None and len(options.urls) == 1
    max_files = 1 if single else options.max_files
    with open_run(network, transfer, view, cancel, max_files=max_files) as run:
        printer = Printer(view)
        if options.output == "-":
            from segdl.engine.ordered import stream

            with open(1, "wb", buffering=0, closefd=False) as out:
                stream(run, _request(options, options.urls[0], None), out)
            return 0
        if options.dry_run:
            from segdl.cli.preview import print_preview

            return max(
                (print_preview(run, request, printer) for request in _requests(options)), default=0
            )
        from segdl.engine.download import download
        from segdl.engine.many import Failure, download_all

        failures: dict[int, SegdlError] = {}
        for number, outcome in download_all(run, _requests(options), download, max_files):
            if isinstance(outcome, Failure):
                failures[number] = outcome.error
                _print_failure(printer, outcome.url, outcome.error, options)
            else:
                _print_result(printer, outcome, options)
        if cancel.is_set():
            printer.error(CancelledError("interrupted", hint="the same command goes on from here"))
            return CancelledError.exit_code
        return failures[min(failures)].exit_code if failures else 0


def _requests(options: argparse.Namespace) -> Iterator[Request | SegdlError]:
    named = (_request(options, url, options.output) for url in options.urls)
    if options.input_file is None:
        return named
    return chain(named, read_requests(options.input_file, options.dir))


def _request(options: argparse.Namespace, url: str, name: str | None) -> Request:
    return Request(url=url, directory=options.dir, name=name, checksum=options.checksum)


def _print_result(printer: Printer, result: DownloadResult, options: argparse.Namespace) -> None:
    shown = printable(os.fspath(result.path or "-"), 4096)
    if options.json:
        printer.json(
            {
                "v": 1,
                "status": result.status,
                "path": os.fsdecode(os.fsencode(os.fspath(result.path or "-"))),
                "url": result.url,
                "size": result.size,
                "fetched": result.fetched,
                "seconds": round(result.seconds, 3),
                "bytes_per_second": round(result.bytes_per_second),
                "checksum": result.checksum,
                "requests": result.requests,
            }
        )
    elif options.quiet:
        return
    elif result.status == "skipped":
        printer.line(f"{shown}  {human_size(result.size)}  already complete")
    else:
        printer.line(
            f"{shown}  {human_size(result.size)}  {result.seconds:.1f} s  "
            f"{human_size(result.bytes_per_second)}/s"
        )


def _print_failure(
    printer: Printer, url: str, error: SegdlError, options: argparse.Namespace
) -> None:
    if options.json:
        printer.json(
            {
                "v": 1,
                "status": "failed",
                "url": url,
                "exit_code": error.exit_code,
                "kind": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
            }
        )
    if not isinstance(error, CancelledError):
        printer.error(error)
