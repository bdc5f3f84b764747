"""JSON from strangers: objects, or none."""

from __future__ import annotations

import json
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document
from segdl.mirror.readers.lines import page_instead, shown_name

_BOM = b"\xef\xbb\xbf"
_MOST_BYTES = 16 * 1024 * 1024


def begins_object(head: bytes) -> bool:
    """Tell whether a document begins as an object does."""
    return head.removeprefix(_BOM).lstrip().startswith(b"{")


def object_of(text: str | bytes) -> dict[str, object]:
    """Return the object that a text is.

    Raises:
        UsageError: it is none.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return as_object(value)


def as_object(value: object) -> dict[str, object]:
    """Return a value that is an object.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, dict):
        raise UsageError("it is no JSON object")
    return value


def read_object(stream: BinaryIO, document: Document) -> dict[str, object]:
    """Return the object that a whole document is.

    Raises:
        UsageError: it is none, or larger than 16 MiB.
    """
    data = stream.read(_MOST_BYTES + 1)
    if data.lstrip().startswith(b"<"):
        raise page_instead(document)
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{shown_name(document)} is larger than {_MOST_BYTES >> 20} MiB")
    try:
        return object_of(data.removeprefix(_BOM))
    except UsageError:
        raise UsageError(f"{shown_name(document)} is no JSON object") from None
