"""Ranges answered otherwise than asked; answers that are not a 206 stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.faults.base import Fault
from support.reply import Exchange, Reply


@dataclass(frozen=True)
class IgnoreRange(Fault):
    """200 with the whole file; `silent` about Accept-Ranges too."""

    silent: bool = False

    def prepare(self, exchange: Exchange) -> Exchange:
        return exchange.without("range")

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return reply.having(accept_ranges=None) if self.silent else reply


@dataclass(frozen=True)
class ShiftedRange(Fault):
    """Answer, and say so, the bytes `by` further on (back where that is behind the end)."""

    by: int = 1

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.span is None:
            return reply
        content = exchange.version.content
        start, stop = reply.span[0] + self.by, reply.span[1] + self.by
        if start < 0 or start >= len(content):
            start, stop = reply.span[0] - self.by, reply.span[1] - self.by
        start, stop = max(0, start), min(len(content), stop)
        if start >= stop:
            return reply
        return replace(reply, span=(start, stop), body=memoryview(content)[start:stop])


@dataclass(frozen=True)
class ShorterRange(Fault):
    """Answer at most `size` of the bytes asked for, and say so: legal."""

    size: int = 1000

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.span is None:
            return reply
        start, stop = reply.span
        stop = min(stop, start + self.size)
        return replace(reply, span=(start, stop), body=memoryview(reply.body)[: stop - start])


@dataclass(frozen=True)
class WrongTotal(Fault):
    """Content-Range with another total: ``"*"``, 2^60, or any number."""

    total: int | str = "*"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return reply if reply.span is None else replace(reply, total=self.total)


@dataclass(frozen=True)
class Multipart(Fault):
    """One range, wrapped in multipart/byteranges nobody asked for."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.span is None:
            return reply
        start, stop = reply.span
        head = (
            "\r\n--SEAM\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: bytes {start}-{stop - 1}/{reply.total}\r\n\r\n"
        )
        body = head.encode() + reply.body + b"\r\n--SEAM--\r\n"
        reply = reply.having(content_type="multipart/byteranges; boundary=SEAM")
        return replace(reply, span=None, body=body)


@dataclass(frozen=True)
class LongerBody(Fault):
    """More bytes than the range asked for (and announced), chunked."""

    extra: int = 1000

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.status not in {200, 206}:
            return reply
        return replace(reply, body=bytes(reply.body) + b"\xee" * self.extra, framing="chunked")


@dataclass(frozen=True)
class Unsatisfiable(Fault):
    """416, whatever was asked; `total` in Content-Range is the truth unless told."""

    total: int | str | None = None

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        total = len(exchange.version.content) if self.total is None else self.total
        return Reply(416, (("Content-Range", f"bytes */{total}"),))
