"""The head of a response, read once into plain values (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from segdl.core.digests import digest_fields, strongest
from segdl.core.httpdate import parse_date
from segdl.core.identity import Version
from segdl.core.spans import OPEN, Span

_CONTENT_RANGE = re.compile(
    r"bytes\s+(?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)", re.IGNORECASE | re.ASCII
)
_MOST_HEADER_TEXT = 1024
_LONGEST_RETRY_AFTER = 1e9


class ContentRange(NamedTuple):
    """`span` of a representation of `total` bytes; None stands for ``*``."""

    span: Span | None
    total: int | None


class Head(NamedTuple):
    """Status and header fields of one response.

    Attributes:
        status: the HTTP status code.
        length: Content-Length in bytes; None where absent or broken.
        content_range: None where absent or broken.
        version: what names the representation.
        encoding: Content-Encoding in lower case, ``""`` for identity.
        retry_after: seconds that the server asks to wait.
        location: where a redirect leads, as sent.
        disposition: Content-Disposition, as sent.
        accept_ranges: Accept-Ranges in lower case.
        digests: fields that carry a digest of the whole representation, name to value.
        link: the Link fields, as sent, joined by commas.
    """

    status: int
    length: int | None = None
    content_range: ContentRange | None = None
    version: Version = Version()
    encoding: str = ""
    retry_after: float | None = None
    location: str | None = None
    disposition: str | None = None
    accept_ranges: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    link: str = ""


def parse_head(status: int, fields: Mapping[str, str], *, now: float) -> Head:
    """Read a response's head.

    Args:
        status: the HTTP status code.
        fields: header fields by case-insensitive name, repeated ones joined by commas.
        now: seconds since the epoch, for a Retry-After that is a date.

    Example:
        >>> head = parse_head(206, {"Content-Range": "bytes 0-9/20"}, now=0)
        >>> head.content_range.span, head.version.size
        (Span(start=0, stop=10), 20)
    """
    length = parse_length(fields.get("Content-Length"))
    content_range = parse_content_range(fields.get("Content-Range"))
    if status in {206, 416}:
        size = content_range.total if content_range else None
    else:
        size = length if status == 200 else None
    encoding = (fields.get("Content-Encoding") or "").strip().lower()
    digests: tuple[tuple[str, str], ...] = ()
    if status in {200, 206}:
        span = content_range.span if content_range else None
        whole = status == 200 or (span is not None and (span.start, span.stop) == (0, size))
        digests = digest_fields(fields, whole=whole)
    elif 300 <= status < 400:
        # RFC 6249, 6: the file's. Repr-Digest would be the redirect's own (RFC 9530, 3).
        told = digest_fields(fields, whole=False)
        digests = tuple((name, value) for name, value in told if name == "Digest")
    return Head(
        status=status,
        length=length,
        content_range=content_range,
        version=Version(
            size=size,
            etag=_short(fields.get("ETag")),
            last_modified=_short(fields.get("Last-Modified")),
            media_type=(fields.get("Content-Type") or "").partition(";")[0].strip().lower(),
            digest=strongest(digests),
            date=parse_date(_short(fields.get("Date"))),
        ),
        encoding="" if encoding == "identity" else encoding,
        retry_after=parse_retry_after(fields.get("Retry-After"), now),
        location=fields.get("Location"),
        disposition=fields.get("Content-Disposition"),
        accept_ranges=(fields.get("Accept-Ranges") or "").strip().lower(),
        digests=digests,
        link=fields.get("Link") or "",
    )


def parse_length(value: str | None) -> int | None:
    """Read Content-Length; the same value repeated counts once (RFC 9110, 8.6).

    Example:
        >>> parse_length("5, 5"), parse_length("5, 6"), parse_length("-1")
        (5, None, None)
    """
    values = {item.strip() for item in (value or "").split(",")}
    only = values.pop() if len(values) == 1 else ""
    if re.fullmatch(r"[0-9]{1,19}", only) and int(only) < OPEN:
        return int(only)
    return None


def parse_content_range(value: str | None) -> ContentRange | None:
    """Read Content-Range (RFC 9110, 14.4); None where it is absent or contradicts itself."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    first, last, size = match.groups()
    total = None if size == "*" else int(size)
    if total is not None and total >= OPEN:
        return None
    if first is None:
        return ContentRange(None, total)
    start, stop = int(first), int(last) + 1
    if stop <= start or stop >= OPEN or (total is not None and stop > total):
        return None
    return ContentRange(Span(start, stop), total)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read Retry-After: seconds or a date (RFC 9110, 10.2.3); a date that has passed is 0.

    Example:
        >>> parse_retry_after("20", 0), parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 15)
        (20.0, 45.0)
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(float(text), _LONGEST_RETRY_AFTER)
    date = parse_date(text)
    return None if date is None else max(0.0, date - now)


def _short(value: str | None) -> str | None:
    value = (value or "").strip()
    return value if 0 < len(value) <= _MOST_HEADER_TEXT else None
