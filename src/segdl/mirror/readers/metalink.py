"""Metalink documents, 4 and 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from segdl.core.markup import MOST_BYTES
from segdl.core.metalink import is_metalink, parse_metalink, urls_of
from segdl.core.metalinkfile import MetalinkFile
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import shown_name


class Metalink:
    """A document of at most 16 MiB and 10,000 files, read at once.

    In the place of a line number comes the number of the file in the document.
    """

    name = "metalink"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the root element is Metalink's, or its server calls it so."""
        return is_metalink(document.media_type, head)

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        what = shown_name(document)
        safely = document.url is not None and parse_url(document.url).origin.scheme == "https"
        files = parse_metalink(stream.read(MOST_BYTES + 1), what, as_named=True)
        for number, file in enumerate(files, start=1):
            try:
                yield _entry(file, urls_of(file, what, safely=safely))
            except UsageError as error:
                yield Unusable(line=number, why=str(error))


def _entry(file: MetalinkFile, urls: tuple[str, ...]) -> Entry:
    return Entry(
        path=file.name,
        urls=urls,
        size=file.size,
        checksum=file.checksums[0] if file.checksums else None,
        pieces=file.pieces,
    )
