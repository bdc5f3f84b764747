"""`segdl bench`: this link, one connection against several, and against other tools."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segdl.cli.asoptions import network_options
from segdl.cli.benchoptions import bench_parser
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.core.text import human_size, printable
from segdl.core.url import parse_url
from segdl.engine.background import read_ahead
from segdl.errors import CancelledError, DiskError, SegdlError, UsageError
from segdl.progress.view import make_view
from segdl.store.faults import disk_errors, shown

if TYPE_CHECKING:
    from segdl.bench.prepare import Plan
    from segdl.bench.report import Report
    from segdl.options import NetworkOptions

_MIB = 1024 * 1024
# The embedded server's file, what it gives a connection, and what its link carries.
_SIZE, _RATE, _TOTAL = 16 * _MIB, 5 * _MIB // 2, 20 * _MIB


def bench(arguments: Sequence[str]) -> int:
    """Carry out `segdl bench` and return its exit code.

    Raises:
        SegdlError: there is nothing to report.
    """
    parser = bench_parser()
    options = parser.read(arguments)
    if len(options.urls) > 1:
        parser.error("takes one URL")
    for url in options.urls:
        parse_url(url)
    _check_page(options.html)
    # It may ask for a password: while it does, a signal ends the program at once.
    network = network_options(options)
    view = make_view("none", sys.stderr)
    with (
        cancelled_by_signals(orderly=True) as cancel,
        logging_to(view, verbose=options.verbose, insecure=options.insecure),
        _folder(options.dir) as folder,
    ):
        if options.urls:
            report = _measure(options, network, options.urls[0], folder, cancel)
        else:
            with _embedded(folder / "bench.bin") as url:
                # Whatever proxy the environment names: the server is on this machine.
                report = _measure(options, replace(network, proxy=""), url, folder, cancel)
    _deliver(options, report)
    return report.exit_code


def _check_page(page: Path | None) -> None:
    """Find out at once, not after minutes, that the page cannot be written."""
    if page is None:
        return
    folder = page.absolute().parent
    if page.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise DiskError(
            f"cannot write {shown(page)}", hint="give a file in a folder that can be written"
        )


@contextmanager
def _folder(where: Path | None) -> Iterator[Path]:
    with disk_errors(where or tempfile.gettempdir(), "write to"):
        made = tempfile.TemporaryDirectory(
            prefix="segdl-bench-", dir=where, ignore_cleanup_errors=True
        )
    with made as name:
        yield Path(name).absolute()


@contextmanager
def _embedded(file: Path) -> Iterator[str]:
    from segdl.bench.server import make_file, throttled_server

    with disk_errors(file, "write"):
        make_file(file, _SIZE)
    with throttled_server(file, _RATE, _TOTAL) as url:
        yield url


def _measure(
    options: argparse.Namespace,
    network: NetworkOptions,
    url: str,
    folder: Path,
    cancel: threading.Event,
) -> Report:
    from segdl.bench.measure import measure
    from segdl.bench.prepare import Wishes, prepare
    from segdl.cli.benchview import RunsView

    wishes = Wishes(
        url=url,
        network=network,
        connections=options.connections,
        against=options.against,
        rounds=options.rounds,
        most=options.max_bytes,
        checksum=options.checksum,
    )
    plan = prepare(wishes, cancel)
    _announce(options, plan)
    _ask(options, plan, cancel)
    with RunsView(plan, sys.stderr, quiet=options.quiet) as view:
        return measure(plan, folder, cancel, watch=view.watch, ended=view.ended)


def _announce(options: argparse.Namespace, plan: Plan) -> None:
    if options.quiet:
        return
    length, total = plan.job.length, plan.total
    if length is None or total is None:
        what = "a file of a size that the server does not tell"
    else:
        part = "" if plan.job.part is None else " (the first part of the file)"
        what = f"{human_size(length)} each{part}, {human_size(total)} in all"
    Printer(make_view("none", sys.stderr)).line(f"{plan.runs} runs of {what}", to_error=True)


def _ask(options: argparse.Namespace, plan: Plan, cancel: threading.Event) -> None:
    """Go on only where somebody knows how much will be fetched.

    Raises:
        UsageError: it is too much, and there is nobody to ask.
        SegdlError: the answer was no.
        CancelledError: the run was interrupted.
    """
    from segdl.bench.job import GUARD

    if options.yes or (plan.total is not None and plan.total <= GUARD):
        return
    much = "an unknown amount" if plan.total is None else human_size(plan.total)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"this would fetch {much} in all",
            hint="say --yes, or fetch less with --max-bytes, --rounds or --connections",
        )
    sys.stderr.write(f"This fetches {much} in all. Go on? [y/N] ")
    sys.stderr.flush()
    # In a thread: nothing interrupts who waits for a line.
    for line in read_ahead(iter(sys.stdin.readline, "")):
        if cancel.is_set():
            break
        if line is not None:
            if line.strip().lower() in {"y", "yes"}:
                return
            break
    if cancel.is_set():
        raise CancelledError("interrupted", hint="nothing was fetched")
    raise SegdlError("nothing was fetched", hint="answer y to go on")


def _deliver(options: argparse.Namespace, report: Report) -> None:
    """Print the report, and write the page."""
    from segdl.bench.report_json import to_json

    printer = Printer(make_view("none", sys.stderr))
    if options.json:
        printer.json(to_json(report))
    else:
        from segdl.bench.table import render

        printer.line(render(report, sys.stdout))
    if options.html is not None:
        from segdl.bench.page import page

        _write(options.html, page(report))
        if not options.json and not options.quiet:
            printer.line(f"plots: {printable(str(options.html), 4096)}")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        DiskError: it cannot be written.
    """
    with disk_errors(path, "write"):
        made = path.absolute().with_name(f".segdl-bench-{os.getpid()}.html")
        with open(made, "x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.close()
                os.replace(made, path)
            except BaseException:
                made.unlink()
                raise
