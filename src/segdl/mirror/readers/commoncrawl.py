"""Common Crawl's lists of paths (`warc.paths.gz`), and others like them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO
from urllib.parse import urlsplit

from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import TOO_LONG, lines_in, lines_of
from segdl.mirror.readers.relative import resolver

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
        for number, line in enumerate(lines_of(stream, document), start=1):
            if line is None:
                yield Unusable(line=number, why=TOO_LONG)
            elif "://" in line:
                yield Unusable(line=number, why="it is a URL, not a path")
            elif path := line.strip():
                yield Entry(path=path, urls=(resolve(path),))


def _at_home(document: Document) -> Document:
    """Let names be relative to the root where the list lies deeper, at Common Crawl's host."""
    if document.url is None or document.base != document.url:
        return document
    return replace(document, base=_HOME) if urlsplit(document.url).hostname in _HOSTS else document
