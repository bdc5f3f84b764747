"""BagIt's `fetch.txt` (RFC 8493, 2.2.3): what is missing in a bag, and where to get it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from segdl.core.blanks import BLANKS
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item
from segdl.mirror.readers.lines import items_of, lines_in, lines_of

_LINE = re.compile(r"(\S+)[ \t]+([0-9]{1,18}|-)[ \t]+(\S.*)", re.DOTALL)
# What is percent-encoded, and nothing else: bags of earlier versions encode less.
_ENCODED = re.compile("%(0[AaDd]|25)")


class BagItFetch:
    """``URL LENGTH|- PATH`` a line. The folder to mirror into is the bag's own, above `data`."""

    name = "bagit"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line has a URL, a length, and a path below ``data/``."""
        del document
        found = [_LINE.fullmatch(line) for line in lines_in(head)[:1]]
        return any(line and "://" in line[1] and line[3].startswith("data/") for line in found)

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        return items_of(enumerate(lines_of(stream, document), start=1), _files)


def _files(line: str) -> tuple[Entry]:
    found = _LINE.fullmatch(line.lstrip(BLANKS))
    if found is None:
        raise UsageError("it is not URL, length and path")
    url, length, path = found.groups()
    parse_url(url)
    path = _ENCODED.sub(lambda code: chr(int(code[1], 16)), path)
    if not path.removeprefix("./").startswith("data/"):
        raise UsageError("its path is not below data/")
    return (Entry(path=path, urls=(url,), size=None if length == "-" else int(length)),)
