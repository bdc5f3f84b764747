"""What fsspec tells of a file, in HTTP's terms: its size, validators, and which bytes are meant.

Protocols differ in what they call things, and some tell little. Names that are not known say
nothing: what is made up here would let two versions be mixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import formatdate

from segdl.core.spans import OPEN, Span

# What another content of the file would not have.
_TAGS = ("etag", "ETag", "generation", "version_id", "md5Hash", "content_md5", "checksum", "sha")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "modificationTime")
_RANGE = re.compile("bytes=([0-9]{1,19})-([0-9]{0,19})")


def validators(info: Mapping[str, object]) -> dict[str, str]:
    """Return the header fields that name a file's version.

    Example:
        >>> validators({"size": 5, "etag": '"abc"', "mtime": 0.0})
        {'ETag': '"abc"', 'Last-Modified': 'Thu, 01 Jan 1970 00:00:00 GMT'}
        >>> validators({"size": 5, "time": 7})
        {}
    """
    fields = {}
    tags = [_text(info[name]) for name in _TAGS if info.get(name)]
    tag = next((found for found in tags if found is not None), None)
    if tag is not None:
        fields["ETag"] = f'"{tag}"'
    times = [_seconds(info[name]) for name in _TIMES if info.get(name) is not None]
    seconds = next((found for found in times if found is not None), None)
    if seconds is not None:
        fields["Last-Modified"] = formatdate(seconds, usegmt=True)
        if tag is None and seconds % 1:
            # HTTP's dates have no fractions, and two versions may be of one second.
            fields["ETag"] = f'"{seconds!r}"'
    return fields


def size_of(info: Mapping[str, object]) -> int | None:
    """Return a file's bytes; None where they are not told."""
    size = info.get("size")
    return size if isinstance(size, int) and 0 <= size < OPEN else None


def asked_span(value: str | None, size: int) -> Span | None:
    """Return the bytes that a Range field asks for, as far as a file has them.

    None where all are wanted. A span without a byte is one that the file does not have.

    Example:
        >>> asked_span("bytes=2-", 9), asked_span("bytes=0-3", 9), asked_span("bytes=9-", 9)
        (Span(start=2, stop=9), Span(start=0, stop=4), Span(start=9, stop=9))
    """
    match = _RANGE.fullmatch(value or "")
    if match is None:
        return None
    start = min(int(match[1]), size)
    stop = int(match[2]) + 1 if match[2] else size
    return Span(start, max(start, min(stop, size)))


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | bytes | int):
        return None
    text = value.hex() if isinstance(value, bytes) else str(value)
    text = text.strip().removeprefix("W/").strip('"')
    return text if re.fullmatch("[!#-~]{1,500}", text) else None


def _seconds(value: object) -> float | None:
    """Return seconds since 1970."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Hadoop counts milliseconds.
    seconds = float(value) / 1000 if value > 1e11 else float(value)
    return seconds if 0 <= seconds < 1e11 else None
