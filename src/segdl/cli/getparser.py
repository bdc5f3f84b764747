"""The command line of `segdl get`: names that scripts rely on, turned into values."""

from __future__ import annotations

import argparse
from pathlib import Path

from segdl.cli.parser import Parser, add_network, add_store
from segdl.cli.values import (
    count,
    read_connections,
    read_folder,
    read_limit,
    read_range,
    read_url,
    read_wanted,
    typed,
)
from segdl.core.size import parse_size
from segdl.version import __version__

_EPILOG = """\
commands:
  segdl [get] URL ...     download (the default)
  segdl info URL          what the server says: size, ranges, validators, name, digests
  segdl bench [URL]       measure this link: one connection against several, and other tools
  segdl mirror SOURCE DIR keep a folder equal to a remote list of files
  segdl demo              the main job against an embedded server, no internet needed

`segdl COMMAND --help` says more of a command.

A partial download waits in NAME.segdl/: the same command goes on from it.

exit codes: 0 all files whole, 1 other, 2 usage, 3 network, 4 the server said no,
5 integrity, 6 disk, 130 interrupted
"""


def get_parser() -> Parser:
    """Return the parser of `segdl get`; `docs/cli.md` is checked against it."""
    parser = Parser(
        prog="segdl",
        usage="segdl [get] [OPTIONS] URL [URL ...]",
        description="Download each URL in segments, several connections a file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"segdl {__version__}")
    _add_what(parser)
    add_network(parser)
    add_store(parser)
    _add_transfer(parser)
    _add_output(parser)
    return parser


def _add_what(parser: Parser) -> None:
    group = parser.add_argument_group("what and where")
    add = group.add_argument
    add(
        "-o",
        "--output",
        metavar="NAME",
        help="file name, relative to --dir; - writes the bytes in order to standard output",
    )
    add(
        "-d",
        "--dir",
        type=typed(read_folder),
        default=Path(),
        metavar="DIR",
        help="folder to save in, or s3://BUCKET/PREFIX",
    )
    add(
        "-i",
        "--input-file",
        metavar="FILE",
        help="URLs, one a line (- is standard input), mirrors of one file TAB-separated; "
        "indented lines below one set out=, dir=, checksum=, header=",
    )
    add(
        "--mirror",
        action="append",
        default=[],
        type=typed(read_url),
        metavar="URL",
        help="another URL of the same file; repeatable, with one URL",
    )
    add(
        "-M",
        "--metalink",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="download what a Metalink document names; repeatable. URLs and files that end "
        "in .meta4 or .metalink are read as such anyway",
    )
    add(
        "--no-metalink",
        action="store_true",
        help="save what ends in .meta4 or .metalink as it is",
    )
    add(
        "--metalink-over-http",
        action="store_true",
        help="use the mirrors that a server names in Link fields beside a digest (RFC 6249)",
    )
    add("--max-files", type=count(1), default=4, metavar="N", help="files at once (4)")
    add(
        "--checksum",
        type=typed(read_wanted),
        metavar="ALGO=HEX|auto",
        help="the digest the file must have, as sha256=…; auto looks for URL.sha256, "
        "URL.sha256sum and SHA256SUMS beside the URL; a mismatch is exit code 5",
    )
    add(
        "--range",
        type=typed(read_range),
        metavar="SPEC",
        help="only these bytes: 0-499, 500-, -500, 0-0,-1; pieces are joined in this order",
    )
    add(
        "--if-exists",
        choices=("skip", "resume", "rename", "overwrite", "error"),
        default="auto",
        help="what to do with a finished file of that name (default: skip where it "
        "provably is the remote file, else error)",
    )
    add("--fresh", action="store_true", help="throw partial data away and start again")
    add("--remote-time", action="store_true", help="set the file's time from Last-Modified")
    add("--dry-run", action="store_true", help="probe and print the plan")


def _add_transfer(parser: Parser) -> None:
    group = parser.add_argument_group("transfer")
    add = group.add_argument
    add(
        "-j",
        "--connections",
        type=read_connections,
        default="auto",
        metavar="N|auto",
        help="connections a file; auto: as many as pay, up to 32; auto:N: up to N (auto)",
    )
    add(
        "--limit-rate",
        type=typed(read_limit),
        metavar="RATE",
        help="bytes a second for the whole run: 500K, 2M, 1.5G; or by the clock: "
        "'mon-fri 08:00-18:00=2M,unlimited'",
    )
    add(
        "--min-split",
        type=typed(parse_size),
        default=1024 * 1024,
        metavar="SIZE",
        help="no segment smaller than this (1M)",
    )
    add(
        "--retries",
        type=count(0),
        default=5,
        metavar="N",
        help="tries in a row without progress before a segment gives up (5)",
    )
    add(
        "--layout",
        choices=("parts", "inplace"),
        default="parts",
        help="part files that are joined at the end (the default), or one file filled in place",
    )


def _add_output(parser: Parser) -> None:
    group = parser.add_argument_group("output")
    add = group.add_argument
    add(
        "--progress",
        choices=("auto", "rich", "tqdm", "json", "none"),
        default="auto",
        help="json: one event a line on standard error",
    )
    add("--json", action="store_true", help="one result object a file on standard output")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add("-v", "--verbose", action="store_true", help="log requests, and where an error arose")
