"""Which reader a document is for."""

from __future__ import annotations

from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Reader
from segdl.mirror.readers.bagit import BagItFetch
from segdl.mirror.readers.checksums import ChecksumFile
from segdl.mirror.readers.commoncrawl import CommonCrawlPaths
from segdl.mirror.readers.csvtable import CsvTable
from segdl.mirror.readers.index_html import IndexHtml
from segdl.mirror.readers.index_json import IndexJson
from segdl.mirror.readers.jsonlines import JsonLines
from segdl.mirror.readers.metalink import Metalink
from segdl.mirror.readers.s3 import S3Listing
from segdl.mirror.readers.urls import UrlList

_READERS: tuple[Reader, ...] = (
    IndexJson(),
    IndexHtml(),
    Metalink(),
    S3Listing(),
    JsonLines(),
    ChecksumFile(),
    CsvTable(),
    BagItFetch(),
    UrlList(),
    CommonCrawlPaths(),
)


def reader_for(head: bytes, document: Document, name: str | None = None) -> Reader:
    """Return the reader of a format, or of what the document is recognised as.

    Raises:
        UsageError: there is none.
    """
    for reader in _READERS:
        if reader.name == name or (name is None and reader.recognises(head, document)):
            return reader
    raise UsageError(f"{printable(document.name or 'the document', 100)} is no list of files")
