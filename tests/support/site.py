"""A site of small files, `/1.bin`, `/2.bin` and so on, that can answer some in odd ways."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from support import data
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from support.connection import Connection
    from support.request import Request

KIB = 1024


def content(path: str) -> bytes:
    """Return what `/N.bin` is."""
    seed = int(path.strip("/").split(".")[0])
    return data.content(1 + seed * 997 % (90 * KIB), seed=seed)


def plain(body: bytes, *more: str, status: str = "200 OK") -> bytes:
    """Return an answer with more header fields."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(head).encode() + body


class Site(ScriptedServer):
    """Serves the files of `content`; `odd` answers some paths in its own way."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.odd: dict[str, Callable[[Request, Connection], bool | None]] = {}
        super().__init__(self._answer, tls=tls)

    def __enter__(self) -> Site:
        super().__enter__()
        return self

    def _answer(self, request: Request, connection: Connection) -> bool | None:
        if request.path in self.odd:
            return self.odd[request.path](request, connection)
        body, tag = content(request.path), f'"{request.path}"'
        if request.fields.get("if-none-match") == tag:
            connection.send(f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode())
        elif request.range == (0, 0):
            told = f"Content-Range: bytes 0-0/{len(body)}"
            head = plain(body[:1], f"ETag: {tag}", told, status="206 Partial Content")
            connection.send(head)
        else:
            connection.send(plain(body, f"ETag: {tag}"))
        return None

    def asked(self) -> Counter[str]:
        """Return how often each path was asked for."""
        return Counter(request.path for request in self.requests)
