"""Folders as nginx shows them with `autoindex_format json`."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from segdl.core.httpdate import parse_date
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Item, Unusable
from segdl.mirror.readers.index import Folder

_CHUNK = 64 * 1024
# Of one object: names have 255 bytes, and each may be written with six.
_MOST_UNPARSED = 64 * 1024
_BEGINS = re.compile(
    rb'\s*\[\s*(?:\]\s*$|\{\s*"name"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*"type"\s*:\s*'
    rb'"(?:directory|file|other)")',
    re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n]*")


class IndexJson:
    """Index pages in JSON: an array of objects with name, type, mtime and size."""

    name = "index-json"

    def recognises(self, head: bytes, document: Document) -> bool:  # noqa: ARG002
        """Tell whether this is a folder's index page, by its first object."""
        return _BEGINS.match(head.removeprefix(codecs.BOM_UTF8)) is not None

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield the files and folders that the page names, in its order.

        Raises:
            UsageError: see `Folder`; or it is no JSON, or something is behind its end.
        """
        folder = Folder(document)
        objects = _Window(stream, folder).array()
        for number, value in enumerate(objects, start=1):
            item = _item(value, folder, number)
            if item is not None:
                yield item


def _item(value: dict[str, object], folder: Folder, number: int) -> Item | None:
    match value:
        case {"name": str(name), "type": "file" | "directory" as kind} if name:
            mtime, size = value.get("mtime"), value.get("size")
            modified = parse_date(mtime) if isinstance(mtime, str) else None
            try:
                step = quote(name.encode("utf-8", "surrogateescape"), safe="")
            except UnicodeEncodeError:
                return Unusable(line=number, why=f"{printable(name, 100)!r} is no file's name")
            return folder.item(
                f"./{step}/" if kind == "directory" else f"./{step}",
                number,
                size=size if type(size) is int and size >= 0 else None,
                modified=None if modified is None else int(modified),
            )
        case {"name": str(), "type": "other"}:
            # A device, a pipe, a link to nothing: nothing that can be fetched.
            return None
    return Unusable(line=number, why=f"object {number} of {folder.place} has no name and type")


class _Window:
    """What is read of a document and not yet used. One thread uses it."""

    def __init__(self, stream: BinaryIO, folder: Folder) -> None:
        self._stream = stream
        self._folder = folder
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._json = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._ended = False

    def array(self) -> Iterator[dict[str, object]]:
        """Yield the objects of the array that the document is."""
        self._take("[")
        if self._next() != "]":
            yield self._object()
        while self._next() == ",":
            self._take(",")
            yield self._object()
        self._take("]")
        self._take("")

    def _next(self) -> str:
        """Return the character that comes next, but for space; ``""`` at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._fill()

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise self._broken()
        self._at += 1

    def _object(self) -> dict[str, object]:
        if self._next() != "{":
            raise self._broken()
        while True:
            try:
                value: dict[str, object]
                value, self._at = self._json.raw_decode(self._text, self._at)
                return value
            except (ValueError, RecursionError):
                if self._ended or len(self._text) - self._at > _MOST_UNPARSED:
                    raise self._broken() from None
            self._fill()

    def _fill(self) -> None:
        data = self._stream.read(_CHUNK)
        self._ended = not data
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._ended)
        self._at = 0

    def _broken(self) -> UsageError:
        return UsageError(
            f"{self._folder.place} is no index page, or not all of one: its JSON is broken",
            hint="see what the server sends",
        )
