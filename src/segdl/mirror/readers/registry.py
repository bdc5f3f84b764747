"""Which reader a document is for."""

from __future__ import annotations

from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Reader
from segdl.mirror.readers.index_html import IndexHtml
from segdl.mirror.readers.index_json import IndexJson

_READERS: tuple[Reader, ...] = (IndexJson(), IndexHtml())


def reader_for(head: bytes, document: Document, name: str | None = None) -> Reader:
    """Return the reader of a format, or of what the document is recognised as.

    Raises:
        UsageError: there is none.
    """
    for reader in _READERS:
        if reader.name == name or (name is None and reader.recognises(head, document)):
            return reader
    raise UsageError(f"{printable(document.name or 'the document', 100)} is no list of files")
