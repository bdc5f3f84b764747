"""Google's Storage Transfer lists: ``TsvHttpData-1.0``."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from segdl.core.blanks import trimmed, trimmed_url
from segdl.core.checksum import Checksum
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item
from segdl.mirror.readers.columns import size_of
from segdl.mirror.readers.lines import items_of, lines_in, lines_of, shown_name

_FIRST = "TsvHttpData-1.0"


class TsvHttpData:
    """``URL TAB SIZE TAB MD5`` a line, the digest in base64; only the URL must be there.

    A file goes to HOST/PATH, as the format has it.
    """

    name = "tsvhttpdata"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line is the format's own."""
        del document
        return lines_in(head)[:1] == [_FIRST]

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        lines = enumerate(lines_of(stream, document), start=1)
        if trimmed(next(lines, (0, ""))[1] or "") != _FIRST:
            raise UsageError(f"{shown_name(document)} does not begin with {_FIRST}")
        return items_of(lines, _files)


def _files(line: str) -> tuple[Entry]:
    url, size, md5, *_ = [*map(trimmed, line.split("\t")), "", ""]
    url = trimmed_url(url)
    location = parse_url(url)
    path = unquote(urlsplit(location.url).path, errors="surrogateescape")
    count = size_of(size)
    if count is None and size:
        raise UsageError("its size is no number of bytes")
    checksum = _md5(md5) if md5 else None
    entry = Entry(path=location.origin.host + path, urls=(url,), size=count, checksum=checksum)
    return (entry,)


def _md5(text: str) -> Checksum:
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise UsageError("its digest is no MD5 in base64")
    return Checksum("md5", digest.hex())
