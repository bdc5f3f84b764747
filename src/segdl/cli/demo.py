"""`segdl demo`: the main job against an embedded server."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from segdl.cli.parser import Parser
from segdl.cli.session import Printer, cancelled_by_signals
from segdl.core.checksum import Checksum
from segdl.core.text import human_size
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.view import make_view
from segdl.results import DownloadResult
from segdl.store.faults import disk_errors

_SIZE = 24 * 1024 * 1024
_RATE = 4 * 1024 * 1024
_CONNECTIONS = (1, 8)
_BAR = 40


def _demo_parser() -> Parser:
    return Parser(
        prog="segdl demo",
        description="Download a file from an embedded server that throttles every connection, "
        "with one connection and with eight, and compare. No internet needed.",
        allow_abbrev=False,
    )


def demo(arguments: Sequence[str]) -> int:
    """Carry out `segdl demo` and return its exit code.

    Raises:
        SegdlError: a download failed, which it never should here.
    """
    parser = _demo_parser()
    if parser.read(arguments).urls:
        parser.error("takes no URL")
    from segdl.bench.server import make_file, throttled_server

    with (
        cancelled_by_signals() as cancel,
        disk_errors(tempfile.gettempdir(), "write to"),
        tempfile.TemporaryDirectory(prefix="segdl-demo-") as folder,
    ):
        file = Path(folder, "demo.bin")
        digest = make_file(file, _SIZE)
        view = make_view("none", sys.stderr)
        printer = Printer(view)
        printer.line(
            f"A server on this machine gives each connection {human_size(_RATE)}/s. "
            f"Downloading {human_size(_SIZE)} from it:"
        )
        results: dict[int, DownloadResult] = {}
        with throttled_server(file, _RATE) as url:
            for connections in _CONNECTIONS:
                target = Path(folder, f"copy-{connections}.bin")
                results[connections] = _download(url, target, digest, connections, cancel)
                _print_row(printer, connections, results[connections])
        ratio = results[1].seconds / results[8].seconds
        printer.line(f"Both copies have the right SHA-256 ({digest[:16]}…).")
        printer.line(f"8 connections were {ratio:.1f} times as fast as one.")
    return 0


def _download(
    url: str, target: Path, digest: str, connections: int, cancel: threading.Event
) -> DownloadResult:
    from segdl.engine.download import download
    from segdl.engine.surroundings import open_run

    view = make_view("auto" if sys.stderr.isatty() else "none", sys.stderr)
    transfer = TransferOptions(connections=connections)
    request = Request(
        url=url,
        directory=target.parent,
        name=target.name,
        checksum=Checksum("sha256", digest),
    )
    try:
        # Whatever proxy the environment names: the server is on this machine.
        with open_run(NetworkOptions(proxy=""), transfer, view, cancel, max_files=1) as run:
            return download(run, request)
    finally:
        view.close()


def _print_row(printer: Printer, connections: int, result: DownloadResult) -> None:
    width = round(_BAR * result.bytes_per_second / (_RATE * max(_CONNECTIONS)))
    bar = "█" * max(1, min(_BAR, width))
    speed = human_size(result.bytes_per_second)
    noun = "connection " if connections == 1 else "connections"
    printer.line(f"  {connections} {noun} {result.seconds:6.2f} s {speed + '/s':>11}  {bar}")
