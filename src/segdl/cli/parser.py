"""What all command lines have in common: their parser, and the options about servers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from segdl.cli.values import read_proxy, read_seconds, typed
from segdl.core.fields import parse_header
from segdl.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are UsageErrors, without what may be secret."""

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options, and as `urls` what stands between and behind them.

        Raises:
            UsageError: an unknown option, or a bad value.
        """
        # argparse's own positional arguments must not have options between them.
        end = arguments.index("--") if "--" in arguments else len(arguments)
        options, left = self.parse_known_args(arguments[:end])
        unknown = [text for text in left if text.startswith("-") and text != "-"]
        if unknown:
            # What follows "=" is the value of an option whose name has a typing error.
            name = unknown[0].partition("=")[0]
            name = name if name.startswith("--") else name[:2]
            self.error(f"unknown option {name}")
        options.urls = [*left, *arguments[end + 1 :]]
        return options

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError instead of printing and exiting."""
        raise UsageError(message.removeprefix("argument "), hint=f"see {self.prog} --help")


def add_network(parser: Parser) -> None:
    """Add the options about how to reach servers, which `network_options` reads."""
    group = parser.add_argument_group("network")
    add = group.add_argument
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        type=typed(parse_header),
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
    add(
        "--proxy",
        type=typed(read_proxy),
        metavar="URL",
        help="http, https, socks5 or socks5h; '' goes without (default: the environment's)",
    )
    add("--cacert", type=Path, metavar="FILE", help="certificate authorities to trust (PEM)")
    add("--cert", type=Path, metavar="FILE", help="client certificate (PEM)")
    add("--key", type=Path, metavar="FILE", help="its private key (PEM)")
    add("-k", "--insecure", action="store_true", help="do not verify certificates")
    add(
        "--connect-timeout",
        type=read_seconds,
        default=30.0,
        metavar="S",
        help="give up connecting after S seconds (30)",
    )
    add(
        "--stall-timeout",
        type=read_seconds,
        default=30.0,
        metavar="S",
        help="drop a connection that brought nothing for S seconds (30), and retry",
    )


def add_store(parser: Parser) -> None:
    """Add the options about which store ``s3://`` means; `network_options` reads them."""
    add = parser.add_argument_group("s3:// (needs segdl[s3])").add_argument
    add("--endpoint-url", metavar="URL", help="of a store that is not Amazon's")
    add("--profile", metavar="NAME", help="section of ~/.aws to take credentials from")
    add("--region", metavar="NAME", help="where the bucket is")
