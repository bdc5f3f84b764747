"""Common Crawl's lists of paths (`warc.paths.gz`), and others like them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO
from urllib.parse import urlsplit

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item
from segdl.mirror.readers.lines import items_of, lines_in, lines_of
from segdl.mirror.readers.relative import is_own, resolver

_HOME = "https://data.commoncrawl.org/"
_HOSTS = frozenset({"data.commoncrawl.org", "commoncrawl.s3.amazonaws.com"})
_OURS = re.compile(r"(crawl-data|cc-index|contrib|projects)/\S+")


class CommonCrawlPaths:
    """A path a line, from the root of Common Crawl's data, or of whatever base is given."""

    name = "paths"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether it is called so and has paths, or has Common Crawl's own."""
        lines = lines_in(head)[:1]
        if document.name.endswith(".paths"):
            return any("://" not in line and not line.startswith("<") for line in lines)
        return any(_OURS.fullmatch(line) for line in lines)

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        resolve = resolver(_at_home(document))

        def files(line: str) -> tuple[Entry]:
            if "://" in line:
                raise UsageError("it is a URL, not a path")
            return (Entry(path=line, urls=(resolve(line),)),)

        return items_of(enumerate(lines_of(stream, document), start=1), files)


def _at_home(document: Document) -> Document:
    """Let names be relative to the root where the list lies deeper, at Common Crawl's host."""
    host = urlsplit(document.url or "").hostname
    return replace(document, base=_HOME) if is_own(document) and host in _HOSTS else document
