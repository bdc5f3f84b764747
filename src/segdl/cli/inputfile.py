"""Lists of URLs as aria2 reads them, a line at a time: a list of any length fits.

A list may come from anywhere, so what it names stays inside the folder to save in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from segdl.core.fields import parse_header
from segdl.core.text import is_hostile, printable
from segdl.core.urllist import UrlLines, entries, read_entry
from segdl.errors import DiskError, SegdlError, UsageError
from segdl.options import Request
from segdl.store.faults import disk_errors


def read_requests(name: str, directory: Path) -> Iterator[Request | SegdlError]:
    """Yield a request for each URL of a list, or the error in its place.

    Who writes the list into a pipe may take time. A list that cannot be read (further) ends
    in that error.

    Args:
        name: the list's path; ``-`` is standard input.
        directory: the folder to save in; ``dir=`` and ``out=`` stay inside it.
    """
    source, shown = (0, "standard input") if name == "-" else (name, name)
    try:
        with (
            disk_errors(shown, "read"),
            # Bytes that are not UTF-8 stay what they are, as in an argument.
            open(
                source, encoding="utf-8-sig", errors="surrogateescape", closefd=source != 0
            ) as lines,
        ):
            yield from parse_list(lines, directory)
    except DiskError as error:
        yield error


def parse_list(lines: Iterable[str], directory: Path) -> Iterator[Request | SegdlError]:
    r"""Yield a request for each URL in `lines`, or the error in its place.

    Example:
        >>> [r.name for r in parse_list(["http://h/a\n", "  out=b\n"], Path())]
        ['b']
    """
    for entry in entries(lines):
        try:
            yield _request(entry, directory)
        except SegdlError as error:
            yield UsageError(f"line {entry.number} of the list: {error.message}", hint=error.hint)


def _request(entry: UrlLines, directory: Path) -> Request:
    listed = read_entry(entry)
    url, *mirrors = listed.urls
    if listed.directory is not None:
        directory /= _inside(listed.directory)
    return Request(
        url=url,
        directory=directory,
        name=None if listed.out is None else _inside(listed.out),
        checksum=listed.checksum,
        headers=tuple(map(parse_header, listed.headers)),
        mirrors=tuple(mirrors),
    )


def _inside(value: str) -> str:
    """Return a path of a list, which may not leave the folder to save in, nor hide in it."""
    path = PurePosixPath(value)
    windows = PureWindowsPath(value)
    climbs = ".." in path.parts or ".." in windows.parts
    if not value or path.is_absolute() or windows.anchor or climbs or "\0" in value:
        raise UsageError(
            f"{printable(value, 100)!r} leads out of the folder to save in",
            hint="choose that folder with --dir",
        )
    if any(part.startswith(".") for part in path.parts) or any(map(_steers, value)):
        raise UsageError(
            f"{printable(value, 100)!r} is hidden or has characters that deceive",
            hint="choose another name",
        )
    if any(part.endswith(".segdl") for part in (*path.parts, *windows.parts)):
        raise UsageError(
            f"{printable(value, 100)!r} is where segdl keeps parts", hint="choose another name"
        )
    return value


def _steers(character: str) -> bool:
    # Bytes that are not UTF-8 arrive as surrogates, and are what the user's files may have.
    return is_hostile(character) and not "\udc80" <= character <= "\udcff"
