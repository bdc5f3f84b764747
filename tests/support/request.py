"""What a client asked, as a value."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from segdl.core.spans import Span, union

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.connection import Connection

Range = tuple["int | None", "int | None"]

_LARGEST_HEAD = 256 * 1024
_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        headers: name and value as sent, in order.
        fields: the same by lower-case name; the last one wins.
        range: `(first, last)`, both inclusive, ``None`` where left open; ``None`` as a
            whole without a Range of one well-formed piece.
        time: of the monotonic clock, when the request was read.
        connection: number of the connection that it came on.
    """

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    fields: dict[str, str]
    range: Range | None
    body: bytes
    time: float
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """First value of each parameter."""
        parsed = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}

    @property
    def keep_alive(self) -> bool:
        asked = self.fields.get("connection", "").lower()
        return asked != "close" and (self.version == "HTTP/1.1" or asked == "keep-alive")


def parse_range(value: str | None) -> Range | None:
    """Read a Range of one piece; what else it may be counts as none (RFC 9110, 14.2)."""
    match = _RANGE.fullmatch(value) if value is not None else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is not None and last is not None and last < first:
        return None
    return first, last


def bytes_asked(requests: Iterable[Request]) -> int:
    """Return how many bytes were asked for by those that say where they end."""
    return sum(map(len, _spans(requests)))


def bytes_asked_once(requests: Iterable[Request]) -> int:
    """Return how many bytes were asked for, however often.

    Who takes the rest of a segment over asks for what another request named already, and
    whether anybody does depends on the machine; that rest comes only once.
    """
    return sum(map(len, union(_spans(requests))))


def _spans(requests: Iterable[Request]) -> list[Span]:
    ranges = [request.range or (None, None) for request in requests]
    return [Span(a, b + 1) for a, b in ranges if a is not None and b is not None]


def read_request(connection: Connection) -> Request | None:
    """Read one request; ``None`` where the client closed instead."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.receive()
        if not data or len(head) > _LARGEST_HEAD:
            return None
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    connection.unread(rest)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ", 2)
    pairs = [line.partition(":") for line in lines]
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    fields = {name.lower(): value for name, value in headers}
    return Request(
        method=method,
        target=target,
        version=version,
        headers=headers,
        fields=fields,
        range=parse_range(fields.get("range")),
        body=_read_body(connection, int(fields.get("content-length", "0"))),
        time=time.monotonic(),
        connection=connection.number,
    )


def _read_body(connection: Connection, size: int) -> bytes:
    body = b""
    while len(body) < size:
        data = connection.receive(size - len(body))
        if not data:
            break
        body += data
    return body
