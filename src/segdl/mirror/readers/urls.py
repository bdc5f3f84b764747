"""URL lists, and aria2's input files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import BinaryIO

from segdl.core.checksum import AUTO
from segdl.core.fields import parse_header
from segdl.core.urllist import UrlLines, entries, read_entry
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import lines_in, lines_of
from segdl.mirror.readers.relative import path_of

# One URL, and nothing in it that is to be decoded: most lines are so, and it takes a fifth of
# the time.
_PLAIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/(?:[A-Za-z0-9._~/+=,@:-]*/)?"
    r"([A-Za-z0-9][A-Za-z0-9._~+=,@:-]*)"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")


class UrlList:
    """A file a line: its URLs, TAB-separated; indented lines below it say more of it.

    A file goes to ``dir=``, under the name that ``out=`` gives, else the last component of its
    URL.
    """

    name = "urls"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line that says something is a URL, of whatever scheme."""
        del document
        return any(_URL.match(line) for line in lines_in(head)[:1])

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        for lines in entries(lines_of(stream, document)):
            if lines.options == [] and (plain := _PLAIN.fullmatch(lines.line)):
                yield Entry(path=plain[1], urls=(lines.line,))
                continue
            try:
                yield _entry(lines)
            except UsageError as error:
                yield Unusable(line=lines.number, why=str(error))


def _entry(lines: UrlLines) -> Entry:
    listed = read_entry(lines)
    if listed.checksum == AUTO:
        raise UsageError("checksum=auto is not for mirrors", hint="give the digest itself")
    out = path_of(listed.urls[0]) if listed.out is None else listed.out
    return Entry(
        path=posixpath.join(listed.directory or "", out),
        urls=listed.urls,
        checksum=listed.checksum,
        headers=tuple(map(parse_header, listed.headers)),
    )
