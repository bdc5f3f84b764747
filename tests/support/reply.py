"""An answer as a value that faults can rewrite, and how it goes out on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from support.connection import ClientGone, Connection

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from support.request import Request

Framing = Literal["length", "chunked", "close"]
End = Literal["close", "reset", "stall"]

_PIECE = 64 * 1024
_BODILESS = {204, 304}


def http_date(moment: datetime) -> str:
    """Write a time as HTTP does; it must know its zone."""
    return format_datetime(moment.astimezone(timezone.utc), usegmt=True)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the remote file."""

    content: bytes = field(repr=False)
    etag: str | None
    last_modified: datetime | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an answer is made from.

    Attributes:
        request: as it came in.
        fields: its headers by lower-case name, as the origin is to heed them.
        version: the file, as the origin is to know it.
        number: counts the requests for the file from 0.
    """

    request: Request
    fields: dict[str, str]
    version: Version
    number: int

    def without(self, *names: str) -> Exchange:
        """Return this without some request headers (lower case)."""
        kept = {name: value for name, value in self.fields.items() if name not in names}
        return replace(self, fields=kept)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the framing headers are made when it is sent.

    Attributes:
        span: the bytes `[start, stop)` that Content-Range names, for a 206.
        total: what Content-Range says behind the slash.
        body: what is sent.
        length: Content-Length, where it is to lie.
        end_after: body bytes after which `end` happens instead of the rest.
        chunk: bytes sent at once, with `interval` seconds between.
        held_at: body bytes behind which nothing more is sent until `held_by` is set.
        interim: goes out before the head.
        script: writes everything instead; the connection is closed after it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | memoryview = field(default=b"", repr=False)
    span: tuple[int, int] | None = None
    total: int | str = "*"
    protocol: str = "HTTP/1.1"
    framing: Framing = "length"
    length: int | None = None
    end_after: int | None = None
    end: End = "close"
    chunk: int = _PIECE
    interval: float = 0.0
    held_at: int = 0
    held_by: threading.Event | None = None
    interim: bytes = b""
    script: Callable[[Connection], None] | None = None

    def having(self, **headers: str | None) -> Reply:
        """Return this with headers set (``content_type=…``), or left out where ``None``."""
        wanted = {name.replace("_", "-").title(): value for name, value in headers.items()}
        kept = [pair for pair in self.headers if pair[0].title() not in wanted]
        added = [(name, value) for name, value in wanted.items() if value is not None]
        return replace(self, headers=(*kept, *added))

    @property
    def honest(self) -> bool:
        """Whether the client can know where the body ends, so that the connection can go on."""
        return (
            self.framing != "close"
            and self.protocol == "HTTP/1.1"
            and self.length in {None, len(self.body)}
        )

    def head(self) -> bytes:
        """Return status line and headers."""
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Whatever"
        headers = list(self.headers)
        if self.span is not None:
            start, stop = self.span
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{self.total}"))
        if self.framing == "chunked":
            headers.append(("Transfer-Encoding", "chunked"))
        elif self.framing == "length" and self.status not in _BODILESS:
            length = len(self.body) if self.length is None else self.length
            headers.append(("Content-Length", str(length)))
        if not self.honest:
            headers.append(("Connection", "close"))
        lines = [f"{self.protocol} {self.status} {reason}", *(f"{n}: {v}" for n, v in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def deliver(
    reply: Reply, request: Request, connection: Connection, before_last: Callable[[], None]
) -> bool:
    """Send `reply`; return whether the connection can go on.

    `before_last` is called before the last bytes go out: who counts requests in flight
    must have counted this one off by the time the client knows that it is over.
    """
    if reply.script is not None:
        reply.script(connection)
        connection.close()
        return False
    if reply.interim:
        connection.send(reply.interim)
    if request.method == "HEAD" or reply.status in _BODILESS:
        before_last()
        connection.send(reply.head())
        return connection.keep and reply.honest
    connection.send(reply.head())
    cut = _end_of(reply)
    _send_body(reply, connection, len(reply.body) if cut is None else cut, before_last)
    if cut is not None:
        _break_off(reply.end, connection)
    if reply.framing == "chunked":
        connection.send(b"0\r\n\r\n")
    return connection.keep and reply.honest


def _end_of(reply: Reply) -> int | None:
    """Where the body breaks off; ``None`` where it would be whole by then."""
    if reply.end_after is None:
        return None
    # Chunks all sent but the terminator is still a cut.
    if reply.end_after >= len(reply.body) + (reply.framing == "chunked"):
        return None
    return reply.end_after


def _send_body(
    reply: Reply, connection: Connection, stop: int, before_last: Callable[[], None]
) -> None:
    view = memoryview(reply.body)[:stop]
    for at in range(0, len(view), reply.chunk):
        if at and reply.interval:
            connection.pause(reply.interval)
        if reply.held_by is not None and at >= reply.held_at:
            connection.hold(reply.held_by)
        piece = view[at : at + reply.chunk]
        if at + reply.chunk >= len(reply.body):
            before_last()
        if reply.framing == "chunked":
            connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        else:
            connection.send(piece)


def _break_off(end: End, connection: Connection) -> None:
    if end == "stall":
        connection.stall()
    elif end == "reset":
        connection.reset()
    else:
        connection.close(clean=False)
    raise ClientGone
