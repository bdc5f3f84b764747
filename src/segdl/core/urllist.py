"""The format of lists of URLs: aria2's, a line at a time, so that a list of any length fits.

URLs of one file are TAB-separated on its line; indented lines below it say more of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from segdl.core.blanks import trimmed, trimmed_url
from segdl.core.checksum import Wanted, parse_wanted
from segdl.core.mirrorurl import MOST_MIRRORS
from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import UsageError

# One of aria2's that says yes without saying so.
_OPTION = re.compile("[a-z][a-z0-9-]*")
# Characters that the lines below a URL have in all.
_MOST_OPTIONS = 1 << 20


@dataclass(slots=True)
class UrlLines:
    """The line of a file's URLs, and the indented ones below it, as they are.

    Attributes:
        number: of its line in the list, from 1.
        line: its URLs.
        options: the lines below it, stripped; None where they are more than is read.
    """

    number: int
    line: str
    options: list[str] | None = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUrl:
    """What a list says of one file. Who saves it checks where `out` and `directory` lead.

    Attributes:
        urls: http and https, those to be tried first at the front.
        out: its path; None where the list leaves that open.
        directory: the folder that `out` is relative to; None where the list names none.
        checksum: the digest that it must have.
        headers: fields as ``Name: value``, not yet checked.
    """

    urls: tuple[str, ...] = field(repr=False)
    out: str | None = None
    directory: str | None = None
    checksum: Wanted | None = None
    headers: tuple[str, ...] = field(default=(), repr=False)


def entries(lines: Iterable[str | None]) -> Iterator[UrlLines]:
    r"""Yield the lines of each file; empty ones and comments (``#``) are left out.

    Args:
        lines: the list's; None stands for one that is too long to be read. As it may belong
            to the URL above, that one cannot be used, either.

    Example:
        >>> [(e.number, e.line, e.options) for e in entries(["http://h/a\n", "  out=b\n"])]
        [(1, 'http://h/a', ['out=b'])]
    """
    entry: UrlLines | None = None
    size = 0
    for number, line in enumerate(lines, start=1):
        if line is None:
            entry = entry or UrlLines(number, "")
            entry.options = None
            continue
        text = trimmed(line)
        if not text or text.startswith("#"):
            continue
        if entry is None or line[0] not in " \t" or _is_url(text):
            if entry is not None:
                yield entry
            entry, size = UrlLines(number, text), 0
            continue
        size += len(text)
        if size > _MOST_OPTIONS:
            entry.options = None
        elif entry.options is not None:
            entry.options.append(text)
    if entry is not None:
        yield entry


def _is_url(text: str) -> bool:
    """Tell whether an indented line is none about the one above, but another file's."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and "=" not in scheme


def read_entry(entry: UrlLines) -> ListedUrl:
    """Return what the lines of a file say; options of aria2 that say how it works are left out.

    Raises:
        UsageError: a URL is neither http nor https, there are too many of them, the digest is
            none, or an indented line is no option.

    Example:
        >>> read_entry(UrlLines(1, "http://h/a", ["dir=isos", "split=5"])).directory
        'isos'
    """
    if entry.options is None:
        raise UsageError("the line, or what is below it, is too long")
    urls = tuple(filter(None, map(trimmed_url, entry.line.split("\t"))))
    for url in urls:
        parse_url(url)
    if len(urls) > MOST_MIRRORS:
        raise UsageError(f"it has more than {MOST_MIRRORS} URLs")
    out = directory = checksum = None
    headers: list[str] = []
    for option in entry.options:
        key, separator, value = option.partition("=")
        if not separator and not _OPTION.fullmatch(option):
            raise UsageError(f"what is below it is no option: {printable(option, 60)!r}")
        value = trimmed(value)
        match trimmed(key):
            case "out":
                out = value
            case "dir":
                directory = value
            case "checksum":
                checksum = parse_wanted(value)
            case "header":
                headers.append(value)
    return ListedUrl(
        urls=urls, out=out, directory=directory, checksum=checksum, headers=tuple(headers)
    )
