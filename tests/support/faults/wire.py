"""Framing that lies, and connections that break, stall or drip."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass, field, replace

from support.connection import Connection
from support.faults.base import Fault
from support.reply import End, Exchange, Reply


@dataclass(frozen=True)
class Gzip(Fault):
    """The body compressed, though nobody asked."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.status not in {200, 206}:
            return reply
        reply = reply.having(content_encoding="gzip")
        return replace(reply, body=gzip.compress(reply.body, 1, mtime=0))


@dataclass(frozen=True)
class EarlyHints(Fault):
    """`count` interim responses before the one that counts (RFC 8297)."""

    count: int = 1

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(
            reply, interim=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * self.count
        )


@dataclass(frozen=True)
class NoLength(Fault):
    """HTTP/1.1 without Content-Length: the body ends when the connection does."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, framing="close")


@dataclass(frozen=True)
class Chunked(Fault):
    """Correct chunks, no Content-Length."""

    size: int = 10_000

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, framing="chunked", chunk=self.size)


@dataclass(frozen=True)
class ChunkedCut(Fault):
    """Chunks that stop after `after` bytes of body (all: ``None``) without the terminator."""

    after: int | None = None
    end: End = "close"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        after = len(reply.body) if self.after is None else min(self.after, len(reply.body))
        return replace(reply, framing="chunked", end_after=after, end=self.end)


@dataclass(frozen=True)
class Http10(Fault):
    """HTTP/1.0: no ranges, no length, the body ends when the connection does."""

    def prepare(self, exchange: Exchange) -> Exchange:
        return exchange.without("range")

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply.having(accept_ranges=None), protocol="HTTP/1.0", framing="close")


@dataclass(frozen=True)
class WrongLength(Fault):
    """Content-Length is `by` more (or less) than the body, or `exactly` so much."""

    by: int = 0
    exactly: int | None = None

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        length = len(reply.body) + self.by if self.exactly is None else self.exactly
        return replace(reply, framing="length", length=max(0, length))


@dataclass(frozen=True)
class CutAfter(Fault):
    """Break off after `after` bytes of body: ``close`` (FIN) or ``reset`` (RST)."""

    after: int
    end: End = "close"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, end_after=self.after, end=self.end)


@dataclass(frozen=True)
class StallAfter(Fault):
    """Say nothing more after `after` bytes of body; the connection stays open."""

    after: int = 0

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, end_after=self.after, end="stall")


@dataclass(frozen=True)
class Silence(Fault):
    """No answer at all; the connection stays open."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, script=Connection.stall)


@dataclass(frozen=True)
class Drip(Fault):
    """`chunk` bytes every `interval` seconds; with a large chunk this is a rate limit."""

    chunk: int = 1
    interval: float = 0.01

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, chunk=self.chunk, interval=self.interval)


@dataclass(frozen=True)
class DripAndHold(Drip):
    """The same, with nothing behind about `after` bytes of body until an event is set."""

    after: int = 0
    until: threading.Event = field(default_factory=threading.Event)

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(super().apply(reply, exchange), held_at=self.after, held_by=self.until)


@dataclass(frozen=True)
class Garbage(Fault):
    """Something instead of a status line."""

    data: bytes = b"SSH-2.0-OpenSSH_9.2p1\r\n\x1b[31mnot HTTP\r\n\r\n"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, script=lambda connection: connection.send(self.data))


@dataclass(frozen=True)
class EmptyReply(Fault):
    """End the connection without a word: ``close`` or ``reset``."""

    end: End = "close"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, script=Connection.reset if self.end == "reset" else Connection.close)


@dataclass(frozen=True)
class EndlessHeaders(Fault):
    """Headers for as long as the client reads; 64 MiB at most, to spare the machine."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, script=self._script)

    @staticmethod
    def _script(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1024):
            connection.send(b"X-More: and more\r\n" * 3641)


@dataclass(frozen=True)
class HugeHeader(Fault):
    """One enormous header line before the rest of a correct answer."""

    size: int = 1024 * 1024

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return reply.having(x_huge="x" * self.size)
