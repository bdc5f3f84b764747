"""The command line: names that scripts rely on, turned into values."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from segdl.core.checksum import parse_checksum
from segdl.core.selection import parse_range
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.options import NetworkOptions, TransferOptions
from segdl.version import __version__

T = TypeVar("T")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*:\s*([^\r\n\0]*)")
# segdl decides what these say: a wrong one would end in wrong bytes.
_OURS = frozenset({"range", "if-range", "accept-encoding", "content-length", "connection"})
_MOST_CONNECTIONS = 256

COMMANDS = ("get", "info", "demo")

_EPILOG = """\
commands:
  segdl [get] URL ...     download (the default)
  segdl info URL          what the server says: size, ranges, validators, name, digests
  segdl demo              the main job against an embedded server, no internet needed

exit codes: 0 all files whole, 1 other, 2 usage, 3 network, 4 the server said no,
5 integrity, 6 disk, 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are UsageErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError instead of printing and exiting."""
        raise UsageError(message, hint=f"see {self.prog} --help")


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
    parser.add_argument("urls", nargs="*", metavar="URL", help="what to download")
    parser.add_argument("--version", action="version", version=f"segdl {__version__}")
    _add_what(parser)
    _add_network(parser)
    _add_transfer(parser)
    _add_output(parser)
    return parser


def info_parser() -> Parser:
    """Return the parser of `segdl info`."""
    parser = Parser(prog="segdl info", description="Show what the server says.", allow_abbrev=False)
    parser.add_argument("urls", nargs=1, metavar="URL", help="what to ask for")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    _add_network(parser)
    parser.add_argument(
        "--retries", type=_count(0), default=5, metavar="N", help="tries before giving up (5)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log requests")
    return parser


def demo_parser() -> Parser:
    """Return the parser of `segdl demo`."""
    return Parser(
        prog="segdl demo",
        description="Download a file from an embedded server that throttles every connection, "
        "with one connection and with eight, and compare. No internet needed.",
        allow_abbrev=False,
    )


def _add_what(parser: Parser) -> None:
    group = parser.add_argument_group("what and where")
    add = group.add_argument
    add(
        "-o",
        "--output",
        metavar="NAME",
        help="file name, relative to --dir; - writes the bytes in order to standard output",
    )
    add("-d", "--dir", type=Path, default=Path(), metavar="DIR", help="folder to save in")
    add(
        "-i",
        "--input-file",
        metavar="FILE",
        help="URLs, one a line (- is standard input); indented lines below one set "
        "out=, dir=, checksum=, header=",
    )
    add("--max-files", type=_count(1), default=4, metavar="N", help="files at once (4)")
    add(
        "--checksum",
        type=_typed(parse_checksum),
        metavar="ALGO=HEX",
        help="the digest the file must have, as sha256=…; a mismatch is exit code 5",
    )
    add(
        "--range",
        type=_typed(parse_range),
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


def _add_network(parser: Parser) -> None:
    group = parser.add_argument_group("network")
    add = group.add_argument
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        type=_typed(parse_header),
        metavar="'K: V'",
        help="repeatable; for the URL's origin only",
    )
    add("-u", "--user", metavar="NAME:PASS", help="Basic authentication (asks without :PASS)")
    add("--netrc", action="store_true", help="look users and passwords up in ~/.netrc")
    add("--cookies", type=Path, metavar="FILE", help="a Netscape cookie file")
    add(
        "--location-trusted",
        action="store_true",
        help="send -H and -u on to other origins after a redirect",
    )
    add("--proxy", type=_typed(_proxy), metavar="URL", help="http, https, socks5 or socks5h")
    add("--cacert", type=Path, metavar="FILE", help="certificate authorities to trust (PEM)")
    add("--cert", type=Path, metavar="FILE", help="client certificate (PEM)")
    add("--key", type=Path, metavar="FILE", help="its private key (PEM)")
    add("-k", "--insecure", action="store_true", help="do not verify certificates")
    add(
        "--connect-timeout",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="give up connecting after S seconds (30)",
    )
    add(
        "--stall-timeout",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="drop a connection that brought nothing for S seconds (30), and retry",
    )


def _add_transfer(parser: Parser) -> None:
    group = parser.add_argument_group("transfer")
    add = group.add_argument
    add(
        "-j",
        "--connections",
        type=_count(1, _MOST_CONNECTIONS),
        default=8,
        metavar="N",
        help="connections a file (8)",
    )
    add(
        "--min-split",
        type=_typed(parse_size),
        default=1024 * 1024,
        metavar="SIZE",
        help="no segment smaller than this (1M)",
    )
    add(
        "--retries",
        type=_count(0),
        default=5,
        metavar="N",
        help="tries in a row without progress before a segment gives up (5)",
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
    add("-q", "--quiet", action="store_true", help="only errors")
    add("-v", "--verbose", action="store_true", help="log requests; tracebacks of defects")


def network_options(arguments: argparse.Namespace) -> NetworkOptions:
    """Return how to reach servers; asks for a missing password on a terminal."""
    return NetworkOptions(
        headers=tuple(arguments.header),
        user=_user(arguments.user),
        netrc=arguments.netrc,
        cookies=arguments.cookies,
        location_trusted=arguments.location_trusted,
        proxy=arguments.proxy,
        cacert=arguments.cacert,
        cert=arguments.cert,
        key=arguments.key,
        insecure=arguments.insecure,
        connect_timeout=arguments.connect_timeout,
        stall_timeout=arguments.stall_timeout,
    )


def transfer_options(arguments: argparse.Namespace) -> TransferOptions:
    """Return how to fetch and keep each file."""
    return TransferOptions(
        connections=arguments.connections,
        min_split=arguments.min_split,
        retries=arguments.retries,
        if_exists=arguments.if_exists,
        range=arguments.range,
        remote_time=arguments.remote_time,
        fresh=arguments.fresh,
    )


def parse_size(text: str) -> int:
    """Read a size in bytes, 1024-based.

    Raises:
        UsageError: not a size, or less than one byte.

    Example:
        >>> parse_size("500K"), parse_size("1.5M")
        (512000, 1572864)
    """
    match = _SIZE.fullmatch(text.strip())
    size = 0
    if match:
        size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    if not 0 < size < 1 << 62:
        raise UsageError(f"{text!r} is not a size", hint="write it as 512K, 1M or 1.5G")
    return size


def parse_header(text: str) -> tuple[str, str]:
    """Read a header field as curl's -H takes it.

    Raises:
        UsageError: not ``Name: value``, or a field that segdl sets itself.

    Example:
        >>> parse_header("X-Token:  abc ")
        ('X-Token', 'abc')
    """
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        # Not the value: it may be a secret.
        raise UsageError("a header is not of the form 'Name: value'")
    if match[1].lower() in _OURS:
        hint = "use --range" if match[1].lower() == "range" else ""
        raise UsageError(f"the header {match[1]} is segdl's own to set", hint=hint)
    return match[1], match[2].strip()


def _user(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, colon, password = text.partition(":")
    if not colon:
        if not sys.stdin.isatty():
            raise UsageError("no password for -u", hint="write -u NAME:PASS, or use --netrc")
        password = getpass.getpass(f"password for {name}: ")
    return name, password


def _proxy(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme.lower() not in {"http", "https", "socks5", "socks5h"} or not rest:
        raise UsageError(
            "--proxy is not a proxy's URL", hint="http://, https://, socks5:// or socks5h://"
        )
    parse_url(f"http://{rest}")
    return f"{scheme.lower()}://{rest}"


def _typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Let argparse show a UsageError's own words."""

    def typed(text: str) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def _count(least: int, most: int = 1 << 31) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return count


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)
