"""A server of index pages that a test makes up, page by page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from support.connection import Connection
    from support.request import Request

Answer = bytes

# Instead of an answer: nothing is said, and the connection stays.
STALL = b"stall"


class Cut(bytes):
    """An answer behind which the connection is closed, whatever length it announced."""


def page(*names: str, title: str = "Index of") -> Answer:
    """Return an answer with an index page that links to `names`."""
    links = "".join(f'<a href="{name}">{name}</a>\n' for name in names)
    return html(f"<html><title>{title}</title><pre>{links}</pre></html>")


def html(text: str) -> Answer:
    return answer(200, text.encode(), "Content-Type: text/html")


def answer(status: int, body: bytes = b"", *fields: str) -> Answer:
    lines = [f"HTTP/1.1 {status} Whatever", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def moved(place: str, status: int = 301) -> Answer:
    return answer(status, b"", f"Location: {place}")


class Tree:
    """Answers each path with what `pages` has for it, or what it returns for it; else 404."""

    def __init__(
        self,
        pages: dict[str, Answer] | Callable[[str], Answer | None],
        *,
        robots: Answer | None = None,
    ) -> None:
        self._pages = pages
        self._robots = robots
        self.server = ScriptedServer(self._handle)

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return self.server.url(path, host=host)

    @property
    def asked(self) -> Counter[str]:
        """How often each target was asked for."""
        return Counter(request.target for request in self.server.requests)

    @property
    def requests(self) -> list[Request]:
        return self.server.requests

    def _handle(self, request: Request, connection: Connection) -> bool | None:
        path = request.target
        if path == "/robots.txt":
            found = self._robots
        elif isinstance(self._pages, dict):
            found = self._pages.get(path)
        else:
            found = self._pages(path)
        if found == STALL:
            connection.stall()
        connection.send(answer(404) if found is None else found)
        return False if isinstance(found, Cut) else None

    def __enter__(self) -> Tree:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, trace)
