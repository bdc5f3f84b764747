"""Values of options: text in, values out, complaints that show no secrets.

What takes long to load is loaded where an option needs it: no server is connected to before.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from segdl.core.connections import parse_connections
from segdl.core.s3url import S3Place, is_s3, parse_prefix
from segdl.core.schedule import parse_schedule
from segdl.core.url import parse_url
from segdl.errors import UsageError

if TYPE_CHECKING:
    from segdl.core.checksum import Wanted
    from segdl.core.selection import RangeSpec

T = TypeVar("T")


def read_limit(text: str) -> str:
    """Check a limit on the rate."""
    parse_schedule(text)
    return text


def read_user(text: str | None) -> tuple[str, str] | None:
    """Read ``NAME:PASS``; asks for a missing password on a terminal."""
    if text is None:
        return None
    name, colon, password = text.partition(":")
    if not colon:
        if not sys.stdin.isatty():
            raise UsageError("no password for -u", hint="write -u NAME:PASS, or use --netrc")
        import getpass

        try:
            password = getpass.getpass("password for -u: ")
        except EOFError:
            raise UsageError("no password for -u") from None
    return name, password


def read_proxy(text: str) -> str:
    """Read a proxy's URL; without a scheme it is http."""
    if not text:
        return ""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    proxy = f"{scheme.lower()}://{rest}"
    from segdl.options import NetworkOptions

    NetworkOptions(proxy=proxy)
    parse_url(f"http://{rest}")
    return proxy


def read_wanted(text: str) -> Wanted:
    """Read the digest that a file must have, or who is to be asked for it."""
    from segdl.core.checksum import parse_wanted

    return parse_wanted(text)


def read_range(text: str) -> RangeSpec:
    """Read which bytes of a file are wanted."""
    from segdl.core.selection import parse_range

    return parse_range(text)


def read_url(text: str) -> str:
    """Read a URL that can be fetched, and return it as it is."""
    parse_url(text)
    return text


def read_folder(text: str) -> Path | S3Place:
    """Read where files are to be saved."""
    return parse_prefix(text) if is_s3(text) else Path(text)


def typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Let argparse show a UsageError's own words."""

    def typed(text: str) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def count(least: int, most: int = 1 << 31) -> Callable[[str], int]:
    """Return what reads a number from `least` to `most`."""

    def number(text: str) -> int:
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number


def read_connections(text: str) -> str:
    """Read how many connections a file gets."""
    return str(typed(parse_connections)(text))


def read_seconds(text: str) -> float:
    """Read a time of more than nothing."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)
