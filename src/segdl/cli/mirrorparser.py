"""The parser of `segdl mirror`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from segdl.cli.parser import Parser, add_network, add_store
from segdl.cli.values import count, read_limit, read_seconds, typed
from segdl.core.shards import parse_shard
from segdl.core.size import parse_size
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.options import FOLDER, MIB, EngineOptions

_EPILOG = """\
The list may be a file, - or a URL: URLs one a line, aria2's input files, checksum files
(SHA256SUMS and the like), index pages of Apache and nginx, Metalink, JSON lines, CSV, S3
listings, BagIt's fetch.txt, Common Crawl's paths; gzipped or not.

exit codes: 0 the folder is equal to the list, 1 other, 2 usage or a line that cannot be used,
3 network, 4 a server said no, 5 integrity, 6 disk, 130 interrupted
"""


def mirror_parser() -> Parser:
    """Return the parser of `segdl mirror`; `docs/cli.md` is checked against it."""
    parser = Parser(
        prog="segdl mirror",
        usage="segdl mirror [OPTIONS] SOURCE DIR|s3://BUCKET/PREFIX",
        description="Keep a folder, or a prefix in a bucket, equal to a remote list of files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_list(parser)
    _add_work(parser)
    _add_keeping(parser)
    add_network(parser)
    add_store(parser)
    _add_seen(parser)
    return parser


def _add_list(parser: Parser) -> None:
    add = parser.add_argument_group("the list").add_argument
    add("--format", metavar="NAME", help="what the list is (default: told by its content)")
    add("--base-url", metavar="URL", help="what names in the list are relative to")
    add("--depth", type=count(0), metavar="N", help="follow index pages N folders down")
    for option, what in (("include", "only files"), ("exclude", "no files")):
        add(
            f"--{option}",
            action="append",
            default=[],
            metavar="GLOB",
            help=f"{what} whose path, or name where GLOB has no /, matches; repeatable",
        )
    add("--no-robots", action="store_true", help="follow index pages whatever robots.txt says")
    add(
        "--rounds",
        type=count(1, 100),
        default=2,
        metavar="N",
        help="read the list again after the transfers, up to N times in all, until it is what "
        "was fetched (2)",
    )


def _add_work(parser: Parser) -> None:
    add = parser.add_argument_group("transfer").add_argument
    add("--max-files", type=count(1, 65536), metavar="N", help="files at once (16)")
    add(
        "-x",
        "--per-host",
        type=count(1, 64),
        default=6,
        metavar="N",
        help="connections a host, across all files (6)",
    )
    add(
        "--order",
        choices=("largest", "list"),
        default="largest",
        help="large files first, or as the list has them (largest)",
    )
    add(
        "--limit-rate",
        type=typed(read_limit),
        metavar="RATE",
        help="bytes a second for the whole run: 500K, 2M; or by the clock: "
        "'mon-fri 08:00-18:00=2M,unlimited'",
    )
    add(
        "--retries",
        type=count(0),
        default=5,
        metavar="N",
        help="tries in a row without progress before a file gives up (5)",
    )
    add(
        "--patience",
        type=read_seconds,
        default=150.0,
        metavar="S",
        help="wait for a host that does not answer, or does nothing but ask to come back later, "
        "for S seconds before its files are left to the next run (150)",
    )
    add("--layout", choices=("parts", "inplace"), default="parts", help="as in segdl get (parts)")
    add(
        "--engine",
        type=typed(read_engine),
        metavar="WHERE",
        help="have other processes fetch the files: processes:N here, or the workers of a Dask "
        "cluster at dask://HOST:PORT, by TLS at dask+tls://HOST:PORT; docs/mirror-cluster.md",
    )
    add(
        "--piece",
        type=typed(parse_size),
        default=64 * MIB,
        metavar="SIZE",
        help="with --engine: files of twice SIZE and more are brought in pieces (64M)",
    )
    add(
        "--shard",
        type=typed(parse_shard),
        metavar="I/N",
        help="see to the I-th of N shares of the list only, I from 0",
    )
    add("--fail-fast", action="store_true", help="end with the first file that cannot be had")
    add("--max-failures", type=count(1), metavar="N", help="end after N files that cannot be had")
    add(
        "--contact",
        metavar="URL|MAIL",
        help="whom servers may write to; sent in the User-Agent field",
    )


def _add_keeping(parser: Parser) -> None:
    add = parser.add_argument_group("what is kept").add_argument
    add(
        "--delete",
        nargs="?",
        choices=("trash", "now"),
        metavar="trash|now",
        default="no",
        help="take files out that the list no longer has, if all of the rest succeeded; into "
        f"{FOLDER}/trash (--delete), or for good (--delete=now, with the sign)",
    )
    add(
        "--formerly",
        action="append",
        default=[],
        metavar="SOURCE",
        help="where the list was before: what it named there, and names here no more, is taken "
        "out, too; repeatable",
    )
    add(
        "--max-delete",
        type=typed(read_share),
        default=0.1,
        metavar="PERCENT",
        help="delete nothing where it would be more of the files (10%%)",
    )
    add("--verify", action="store_true", help="read what is on the disk again, and repair it")
    add("--sums", action="store_true", help="write SHA256SUMS at the end")
    add(
        "--state",
        type=Path,
        metavar="FOLDER",
        help="where the ledger of a mirror in a bucket is kept (your state folder)",
    )
    add(
        "--exec",
        metavar="CMD",
        help="run CMD (no shell) for each file that was fetched, its path as last argument",
    )


def _add_seen(parser: Parser) -> None:
    add = parser.add_argument_group("what is seen").add_argument
    add(
        "--dry-run",
        action="store_true",
        help="read the list, print what would be done, and do nothing",
    )
    add("--status", action="store_true", help="say how the mirror in DIR is, run or not")
    add("--config", type=Path, metavar="FILE", help="mirrors of a TOML file, all or those named")
    add("--check-config", action="store_true", help="only check that file")
    add(
        "--report-to",
        type=Path,
        metavar="FOLDER",
        help=f"where report.json, report.html and failures.txt are written (DIR/{FOLDER})",
    )
    add(
        "--report",
        action="store_true",
        help="make one report of those in DIR..., of the shards of a mirror for one",
    )
    add("--log-json", type=Path, metavar="FILE", help="append what happens, one JSON object a line")
    add("--metrics", metavar="HOST:PORT", help="serve metrics for Prometheus, as 127.0.0.1:9123")
    add(
        "--progress",
        choices=("auto", "rich", "json", "none"),
        default="auto",
        help="json: one event a line on standard error",
    )
    add("--json", action="store_true", help="one result object on standard output")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add("-v", "--verbose", action="store_true", help="log requests, and where an error arose")


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line.

    Raises:
        UsageError: an unknown option, or a bad value.
    """
    return mirror_parser().read(spelled(arguments))


def spelled(arguments: Sequence[str]) -> list[str]:
    """Write a command line so that argparse reads it as it is meant."""
    # It would take what follows a bare --delete for its value.
    return ["--delete=trash" if each == "--delete" else each for each in arguments]


def read_engine(text: str) -> EngineOptions:
    """Read where files are fetched.

    Raises:
        UsageError: nobody knows such an engine.

    Example:
        >>> read_engine("processes:4").workers, read_engine("dask://n1:8786").address
        (4, 'tcp://n1:8786')
    """
    kind, _, rest = text.partition(":")
    if kind == "processes" and re.fullmatch(r"[1-9][0-9]{0,2}", rest):
        return EngineOptions(kind="processes", workers=int(rest))
    found = re.fullmatch(r"(dask|dask\+tls)://([0-9A-Za-z.:\[\]_-]+:[0-9]{1,5})/?", text)
    if found is None:
        raise UsageError(
            f"{printable(text, 60)!r} is no engine",
            hint="write processes:N, dask://HOST:PORT or dask+tls://HOST:PORT",
        )
    scheme = "tcp" if found[1] == "dask" else "tls"
    return EngineOptions(kind="dask", address=f"{scheme}://{found[2]}")


def read_share(text: str) -> float:
    """Read a share of files.

    Raises:
        UsageError: not a percentage from 0 to 100.

    Example:
        >>> read_share("10%"), read_share("2.5")
        (0.1, 0.025)
    """
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%?", text.strip())
    if found is None or float(found[1]) > 100:
        raise UsageError(f"{text!r} is not a percentage", hint="write 10 or 10%")
    return float(found[1]) / 100
