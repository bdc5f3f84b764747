"""`segdl info`: what the server says of a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from segdl.cli.asoptions import network_options
from segdl.cli.parser import Parser, add_network, add_store
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.cli.values import count
from segdl.core.text import human_size, printable
from segdl.core.url import parse_source
from segdl.options import Request, TransferOptions
from segdl.progress.view import make_view


def info_parser() -> Parser:
    """Return the parser of `segdl info`."""
    parser = Parser(
        prog="segdl info",
        usage="segdl info [OPTIONS] URL",
        description="Show what the server says of a file.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_network(parser)
    add_store(parser)
    parser.set_defaults(limit_rate=None)
    parser.add_argument(
        "--retries", type=count(0), default=5, metavar="N", help="tries before giving up (5)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log requests")
    return parser


def info(arguments: Sequence[str]) -> int:
    """Carry out `segdl info` and return its exit code.

    Raises:
        SegdlError: the server cannot be asked, or says no.
    """
    parser = info_parser()
    options = parser.read(arguments)
    if len(options.urls) != 1:
        parser.error("needs one URL")
    parse_source(options.urls[0])
    from segdl.engine.inspect import inspect
    from segdl.engine.surroundings import open_run

    view = make_view("none", sys.stderr)
    network = network_options(options)
    transfer = TransferOptions(retries=options.retries)
    with (
        cancelled_by_signals() as cancel,
        logging_to(view, verbose=options.verbose, insecure=options.insecure),
        open_run(network, transfer, view, cancel, max_files=1) as run,
    ):
        remote = inspect(run, Request(url=options.urls[0]))
    told: dict[str, object] = {
        "url": remote.url,
        "final_url": remote.final_url,
        "name": remote.name,
        "size": remote.size,
        "ranges": remote.ranges,
        "etag": remote.etag,
        "last_modified": remote.last_modified,
        "type": remote.media_type or None,
        "digests": dict(remote.digests),
    }
    printer = Printer(view)
    if options.json:
        printer.json({"v": 1, **told})
        return 0
    if remote.size is not None:
        told["size"] = f"{remote.size} ({human_size(remote.size)})"
    told["ranges"] = "yes" if remote.ranges else "no"
    told["digests"] = ", ".join(f"{name}: {value}" for name, value in remote.digests) or None
    for name, value in told.items():
        text = "not told" if value is None else printable(str(value), 2000)
        printer.line(f"{name.replace('_', ' '):<14} {text}")
    return 0
