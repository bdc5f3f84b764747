"""Each file that is wanted, and what is said of it."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from typing import TYPE_CHECKING

from segdl.cli import wanted
from segdl.cli.places import is_single
from segdl.cli.session import Printer, logging_to
from segdl.core.text import human_size, printable
from segdl.engine.many import Failure, download_all
from segdl.engine.surroundings import open_run
from segdl.errors import CancelledError, DiskError, SegdlError
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.view import make_view
from segdl.results import DownloadResult
from segdl.store.faults import disk_errors

if TYPE_CHECKING:
    from segdl.core.s3url import S3Place
    from segdl.engine.helper import Helper
    from segdl.engine.run import Run
    from segdl.net.early import Early


def carry_out(
    options: argparse.Namespace,
    network: NetworkOptions,
    transfer: TransferOptions,
    *,
    prefix: S3Place | None,
    cancel: threading.Event,
    early: Early | None,
) -> int:
    """Download each file and return the exit code.

    Args:
        options: as they were read.
        network: how to reach servers.
        transfer: how to fetch and keep files.
        prefix: where in a bucket the files go; None keeps them on the disk.
        cancel: set from any thread to end it.
        early: a connection that was begun already; it is closed with the others.
    """
    shown = "none" if options.quiet or options.dry_run else options.progress
    max_files = 1 if is_single(options) else options.max_files
    with (
        _helping(options, network, transfer, prefix) as helper,
        closing(make_view(shown, sys.stderr)) as view,
        logging_to(view, verbose=options.verbose, insecure=options.insecure),
        open_run(
            network, transfer, view, cancel, max_files=max_files, early=early, helper=helper
        ) as run,
    ):
        if options.output == "-":
            _stream(run, options)
            return 0
        report = _Report(Printer(view), options)
        if options.dry_run:
            _preview_all(run, options, report)
        else:
            _download_all(run, options, prefix, report, max_files)
        if cancel.is_set():
            report.interrupted()
            return CancelledError.exit_code
        return report.exit_code


def _helping(
    options: argparse.Namespace,
    network: NetworkOptions,
    transfer: TransferOptions,
    prefix: S3Place | None,
) -> AbstractContextManager[Helper | None]:
    """Have another process ready for a list's small files; None where nothing is for it."""
    is_list = options.input_file is not None and prefix is None
    # What it would log is not seen.
    if not is_list or options.dry_run or options.verbose:
        return nullcontext()
    from segdl.engine.helper import helping

    return helping(network, transfer, options.max_files)


def _stream(run: Run, options: argparse.Namespace) -> None:
    from segdl.engine.ordered import stream

    if sys.__stdout__ is None:
        raise DiskError("standard output is closed", hint="save to a file with -o NAME")
    with (
        disk_errors("standard output", "write to"),
        open(1, "wb", buffering=0, closefd=False) as out,
    ):
        stream(run, wanted.only_request(run, options), out)


def _download_all(
    run: Run,
    options: argparse.Namespace,
    prefix: S3Place | None,
    report: _Report,
    max_files: int,
) -> None:
    fetch = _fetch_to(run, prefix)
    requests = wanted.requests(run, options)
    with closing(
        # What goes to a bucket waits for that as well.
        download_all(run, requests, fetch, max_files, needs_thread=lambda _: prefix is not None)
    ) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, Failure):
                report.failed(number, outcome.url, outcome.error)
            else:
                report.finished(outcome)


def _fetch_to(run: Run, prefix: S3Place | None) -> Callable[[Run, Request, int], DownloadResult]:
    """Return what saves a file: on the disk, or below a prefix."""
    if prefix is None:
        from segdl.engine.download import download

        return download
    from segdl.s3.store import Store
    from segdl.s3.upload import Uploader

    return Uploader(Store(run), prefix)


def _preview_all(run: Run, options: argparse.Namespace, report: _Report) -> None:
    from segdl.cli.preview import print_preview
    from segdl.engine.inspect import preview

    number = 0
    for request in wanted.requests(run, options):
        if run.cancel.is_set():
            return
        if request is None:
            continue
        number += 1
        try:
            if isinstance(request, SegdlError):
                raise request
            print_preview(preview(run, request), report.printer, as_json=options.json)
        except CancelledError:
            return
        except SegdlError as error:
            report.failed(number, "", error)


class _Report:
    """Says how each file ended. `exit_code` is the first failing file's."""

    def __init__(self, printer: Printer, options: argparse.Namespace) -> None:
        self.printer = printer
        self.exit_code = 0
        self._first: int | None = None
        self._json: bool = options.json
        self._quiet: bool = options.quiet
        # Then standard error is for events alone, and `failed` is one of them.
        self._events = options.progress == "json" and not options.quiet
        self._kept = options.if_exists == "skip"

    def finished(self, result: DownloadResult) -> None:
        """Say that a file is whole."""
        path = result.shown_as
        if self._json:
            self.printer.json(
                {
                    "v": 1,
                    "status": result.status,
                    "path": path,
                    "url": result.url,
                    "size": result.size,
                    "fetched": result.fetched,
                    "seconds": round(result.seconds, 3),
                    "bytes_per_second": round(result.bytes_per_second),
                    "checksum": result.checksum,
                    "requests": result.requests,
                }
            )
            return
        if self._quiet:
            return
        line = f"{printable(path, 4096)}  {human_size(result.size)}  "
        if result.status == "skipped":
            self.printer.line(
                line + ("exists, left as it is" if self._kept else "already complete")
            )
        else:
            speed = human_size(result.bytes_per_second)
            self.printer.line(f"{line}{result.seconds:.1f} s  {speed}/s")

    def failed(self, number: int, url: str, error: SegdlError) -> None:
        """Say that the file of this number cannot be had."""
        if self._first is None or number < self._first:
            self._first, self.exit_code = number, error.exit_code
        if self._json:
            self.printer.json(
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
        if not isinstance(error, CancelledError) and not self._events:
            self.printer.error(error)

    def interrupted(self) -> None:
        """Say that the run was ended, and how to go on."""
        if not self._events:
            hint = "run the same command to go on from here"
            self.printer.error(CancelledError("interrupted", hint=hint))
