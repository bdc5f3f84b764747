"""The command line of `segdl bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

from segdl.bench.peers import PEERS
from segdl.cli.parser import Parser, add_network
from segdl.cli.values import count, read_connections, typed
from segdl.core.checksum import parse_checksum
from segdl.core.size import parse_size

_CONNECTIONS = "1,2,4,8,16,auto"


def bench_parser() -> Parser:
    """Return the parser of `segdl bench`; `docs/cli.md` is checked against it."""
    parser = Parser(
        prog="segdl bench",
        usage="segdl bench [OPTIONS] [URL]",
        description="Measure this link: one connection against several, and against other "
        "tools. Without a URL, an embedded server is measured. What is fetched is removed.",
        allow_abbrev=False,
    )
    _add_bench(parser)
    add_network(parser)
    # What is measured is the link, not a limit.
    parser.set_defaults(limit_rate=None, endpoint_url=None, profile=None, region=None)
    return parser


def _add_bench(parser: Parser) -> None:
    group = parser.add_argument_group("what is measured")
    add = group.add_argument
    add(
        "-j",
        "--connections",
        type=read_connection_list,
        default=read_connection_list(_CONNECTIONS),
        metavar="LIST",
        help=f"numbers of connections to try ({_CONNECTIONS})",
    )
    add(
        "--against",
        type=read_peers,
        default=(),
        metavar="LIST",
        help=f"other tools, where installed: {','.join(PEERS)}, or all",
    )
    add("--rounds", type=count(1, 1000), default=3, metavar="N", help="how often each runs (3)")
    add(
        "--max-bytes",
        type=read_most,
        metavar="SIZE|all",
        help="fetch only the first part of a larger file (default: what keeps the whole "
        "benchmark within 1G, but from 32M to 256M)",
    )
    add(
        "--checksum",
        type=typed(parse_checksum),
        metavar="ALGO=HEX",
        help="the digest that every copy of the whole file must have",
    )
    add("-d", "--dir", type=Path, metavar="DIR", help="folder for what is fetched meanwhile")
    add("--yes", action="store_true", help="fetch more than 1G in all without asking")
    add("--html", type=Path, metavar="FILE", help="write a page with plots")
    add("--json", action="store_true", help="one JSON object on standard output")
    add("-q", "--quiet", action="store_true", help="print the result only")
    add("-v", "--verbose", action="store_true", help="log requests, and where an error arose")


def read_connection_list(text: str) -> tuple[str, ...]:
    """Read numbers of connections: each is what `-j` of `segdl get` takes.

    Example:
        >>> read_connection_list("8,1,8")
        ('8', '1')
    """
    items = [item.strip() for item in text.split(",")]
    for item in items:
        read_connections(item)
    return tuple(dict.fromkeys(item.lstrip("0") for item in items))


def read_peers(text: str) -> tuple[str, ...]:
    """Read the names of other tools."""
    if text == "all":
        return tuple(PEERS)
    names = tuple(dict.fromkeys(item.strip() for item in text.split(",")))
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not known (choose from {', '.join(PEERS)}, or all)"
            )
    return names


def read_most(text: str) -> int:
    """Read how much to fetch; 0 is all of it."""
    return 0 if text == "all" else typed(parse_size)(text)
