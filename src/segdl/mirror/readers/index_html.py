"""Folders as web servers show them: Apache, nginx, lighttpd, Caddy, Python and their like.

Only the links are believed: Apache and nginx cut long names in the text, and most round
sizes. Exact sizes are nginx's, told by the form of its lines.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from html.parser import HTMLParser
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Further, Item
from segdl.mirror.readers.index import Folder

_CHUNK = 32 * 1024
# Of a tag, a comment or a script: nothing longer is kept.
_MOST_UNPARSED = 64 * 1024
# Of the text behind a link: dates and sizes are in its beginning.
_MOST_TEXT = 256

_MARKS = re.compile(
    rb"""<(?:title|h1|h2)[^>]*>\s*(?:index\ of|directory\ listing|directory:|listing\ of)
    | <pre>\s*<a\ href="\.\./"
    | href="[./]*\?(?:C=[NMSD]\b|sort=)
    | >\s*(?:\[to\ parent\ directory\]|parent\ directory)\s*</a>""",
    re.IGNORECASE | re.VERBOSE,
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_NGINX = re.compile(
    r"\s+(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d)(?:\s+(\d{1,18})\s*$)?", re.ASCII
)
_OTHERS = re.compile(r"\s*(\d{4})-(\d\d|[A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d)(?::(\d\d))?", re.ASCII)

# What servers write their lists into, and HTML does not let anybody leave open.
_AROUND = ("pre", "table")


class IndexHtml:
    """Index pages in HTML."""

    name = "index-html"

    def recognises(self, head: bytes, document: Document) -> bool:  # noqa: ARG002
        """Tell whether this is a folder's index page, by what such pages say of themselves."""
        begins = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<"
        return begins and _MARKS.search(head) is not None

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield the files and folders that the page links to, in its order.

        Raises:
            UsageError: see `Folder`; or the page is not HTML that anybody can read.
        """
        folder = Folder(document)
        yield from _merged(_items(stream, folder))


def _items(stream: BinaryIO, folder: Folder) -> Iterator[Item]:
    page = _Page()
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while data := stream.read(_CHUNK):
        try:
            page.feed(decoder.decode(data))
        except (AssertionError, ValueError):
            # What older versions of Python make of broken declarations, and of character
            # references with thousands of digits.
            raise _not_html(folder) from None
        if len(page.rawdata) > _MOST_UNPARSED:
            raise _not_html(folder)
        yield from page.taken(folder)
    page.end_link()
    yield from page.taken(folder)
    if page.left_out and not page.any_taken:
        raise UsageError(
            f"{folder.place} has {page.left_out} links with queries, and none to a file or folder",
            hint="look at it with a browser; give a list of the URLs",
        )
    if page.is_cut:
        raise UsageError(
            f"{folder.place} ends before its list of files does",
            hint="run it again; or see with a browser whether that page is whole",
        )


def _not_html(folder: Folder) -> UsageError:
    return UsageError(
        f"{folder.place} is no index page: its HTML cannot be read",
        hint="see with a browser what is there",
    )


def _merged(items: Iterator[Item]) -> Iterator[Item]:
    """Take links that follow each other and lead to one place for one: the last says most.

    Where icons are links, too, each file has two.
    """
    last: Item | None = None
    for item in items:
        if last is not None and _target(last) != _target(item):
            yield last
        last = item
    if last is not None:
        yield last


def _target(item: Item) -> object:
    match item:
        case Entry(urls=urls):
            return urls
        case Further(url=url):
            return url
    return item


@dataclass(slots=True)
class _Link:
    """A link, and the text between its end and the next one."""

    href: str
    line: int
    base: str | None
    text: str = ""

    def item(self, folder: Folder) -> Item | None:
        """Return what it leads to, as far as that counts."""
        modified, size = _told(self.text)
        return folder.item(self.href, self.line, base=self.base, size=size, modified=modified)


class _Page(HTMLParser):
    """Takes a page in, and gives its links out as each is complete."""

    def __init__(self) -> None:
        super().__init__()
        self._complete: list[_Link] = []
        self._link: _Link | None = None
        self._inside = False
        self._base: str | None = None
        self._open = dict.fromkeys(_AROUND, 0)
        self.any_taken = False
        self.left_out = 0

    @property
    def is_cut(self) -> bool:
        """Whether what is around the links was not closed: more may have come."""
        return any(self._open.values())

    def taken(self, folder: Folder) -> Iterator[Item]:
        """Yield what the links since the last call lead to."""
        links, self._complete = self._complete, []
        for link in links:
            item = link.item(folder)
            if item is not None:
                self.any_taken = True
                yield item
            else:
                self.left_out += folder.leaves_out(link.href, link.base)

    def end_link(self) -> None:
        """Say that nothing more belongs to the last link."""
        if self._link is not None:
            self._complete.append(self._link)
        self._link = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._open:
            self._open[tag] += 1
        if tag not in {"a", "base"}:
            return
        href = next((value for name, value in attrs if name == "href" and value), None)
        if tag == "a":
            self.end_link()
            self._inside = True
            if href is not None:
                self._link = _Link(href, self.getpos()[0], self._base)
        elif self._base is None:
            self._base = href

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._inside = False
        elif self._open.get(tag):
            self._open[tag] -= 1

    def handle_data(self, data: str) -> None:
        link = self._link
        if link is not None and not self._inside and len(link.text) < _MOST_TEXT:
            link.text += data[:_MOST_TEXT]


def _told(text: str) -> tuple[int | None, int | None]:
    r"""Return the time and the exact size that stand behind a link, as far as they do.

    Example:
        >>> _told("        26-Nov-2026 11:18         1234567\r\n")
        (1795691880, 1234567)
        >>> _told("     2026-11-26 11:18  1.2M  "), _told("    -   ")
        ((1795691880, None), (None, None))
    """
    if match := _NGINX.match(text):
        day, month, year, hour, minute, size = match.groups()
        second = "0"
    elif match := _OTHERS.match(text):
        year, month, day, hour, minute, second = match.groups(default="0")
        size = None
    else:
        return None, None
    number = int(month) if month.isdigit() else _MONTHS.get(month, 0)
    try:
        when = datetime(
            int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc
        )
    except ValueError:
        return None, None
    return int(when.timestamp()), None if size is None else int(size)
