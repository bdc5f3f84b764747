"""A correct origin server of one file, that misbehaves as told.

with Origin(content, faults=sequence(Status(503, retry_after=1))) as origin:
    segdl.download(origin.url)
assert origin.requests[0].range == (0, None)
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from support.faults import Fault, FaultPlan
from support.reply import Exchange, Reply, Version, deliver, http_date
from support.request import Request, parse_range
from support.scripted import Handler, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ssl import SSLContext
    from types import TracebackType

    from support.connection import Connection

MODIFIED = datetime(2024, 2, 29, 12, 34, 56, tzinfo=timezone.utc)


class Origin:
    """Serves `content` at every path that `routes` does not name.

    Args:
        content: the file.
        etag: with its quotes; ``None`` for none.
        last_modified: whole seconds; ``None`` for none.
        path: of :attr:`url`.
        name: sent in Content-Disposition.
        headers: sent with every answer beside the usual ones.
        faults: called with each request for the file and its number from 0.
        limit: requests in flight beyond which the answer is `refusal` (429 or 503).
        retry_after: seconds that a refusal says to wait.
        tls: makes it https.
    """

    def __init__(
        self,
        content: bytes,
        *,
        etag: str | None = '"v1"',
        last_modified: datetime | None = MODIFIED,
        path: str = "/file.bin",
        name: str | None = None,
        content_type: str = "application/octet-stream",
        headers: tuple[tuple[str, str], ...] = (),
        faults: FaultPlan | None = None,
        limit: int | None = None,
        refusal: int = 429,
        retry_after: float | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self.path = path
        self.faults = faults
        self.routes: dict[str, Handler] = {}
        self.refused = 0
        self._headers = (("Content-Type", content_type), *headers)
        if name is not None:
            self._headers += (("Content-Disposition", f'attachment; filename="{name}"'),)
        self._limit = limit
        self._refusal = refusal
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self._version = Version(content, etag, last_modified)
        self._coming: list[tuple[int, Version]] = []
        self._served = 0
        self._busy = 0
        self._peak = 0
        self.server = ScriptedServer(self.handle, tls=tls)

    def __enter__(self) -> Origin:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, trace)

    # -- what a test looks at --

    @property
    def url(self) -> str:
        return self.server.url(self.path)

    @property
    def other_url(self) -> str:
        """The same file at another origin: by name, where `url` has the address."""
        return self.server.url(self.path, host="localhost")

    @property
    def requests(self) -> list[Request]:
        return self.server.requests

    @property
    def content(self) -> bytes:
        """The version that is served now."""
        with self._lock:
            return self._version.content

    @property
    def peak(self) -> int:
        """The most answers that were under way at once, refusals left out."""
        with self._lock:
            return self._peak

    # -- what a test changes --

    def replace(
        self, content: bytes, etag: str | None = '"v2"', last_modified: datetime | None = MODIFIED
    ) -> None:
        """Serve another version from the next request on; answers under way keep theirs."""
        with self._lock:
            self._version = Version(content, etag, last_modified)

    def replace_after(
        self,
        requests: int,
        content: bytes,
        etag: str | None = '"v2"',
        last_modified: datetime | None = MODIFIED,
    ) -> None:
        """Serve another version once `requests` requests for the file have come in."""
        with self._lock:
            self._coming.append((requests, Version(content, etag, last_modified)))
            self._coming.sort(key=lambda item: item[0])

    # -- how it answers --

    def handle(self, request: Request, connection: Connection) -> bool | None:
        """Answer one request; what the server underneath calls."""
        route = self.routes.get(request.path)
        return route(request, connection) if route else self.serve(request, connection)

    def serve(self, request: Request, connection: Connection) -> bool:
        """Answer with the file, whatever the path."""
        with self._lock:
            number = self._served
            self._served += 1
            while self._coming and self._coming[0][0] <= number:
                self._version = self._coming.pop(0)[1]
            version = self._version
            admitted = self._limit is None or self._busy < self._limit
            if admitted:
                self._busy += 1
                self._peak = max(self._peak, self._busy)
            else:
                self.refused += 1
        if not admitted:
            return deliver(self._refuse(), request, connection, lambda: None)
        leave = self._leave_once()
        try:
            exchange = Exchange(request, request.fields, version, number)
            return deliver(self._reply(exchange), request, connection, leave)
        finally:
            leave()

    def _leave_once(self) -> Callable[[], None]:
        left = False

        def leave() -> None:
            nonlocal left
            with self._lock:
                self._busy -= not left
                left = True

        return leave

    def _refuse(self) -> Reply:
        wait = None if self._retry_after is None else f"{self._retry_after:g}"
        reply = Reply(self._refusal, (("Content-Type", "text/html"),), b"<h1>Too many</h1>")
        return reply.having(retry_after=wait)

    def _reply(self, exchange: Exchange) -> Reply:
        planned = self.faults(exchange.request, exchange.number) if self.faults else None
        faults = [planned] if isinstance(planned, Fault) else list(planned or ())
        return faulty_reply(exchange, faults, self._headers)


def faulty_reply(
    exchange: Exchange, faults: Sequence[Fault], headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Answer as a server of files does, with `headers` of its own, but for these faults."""
    for fault in faults:
        exchange = fault.prepare(exchange)
    reply = correct_reply(exchange)
    version = exchange.version
    modified = version.last_modified
    reply = replace(reply, headers=(*headers, *reply.headers)).having(
        date=http_date(datetime.now(timezone.utc)),
        accept_ranges="bytes",
        last_modified=None if modified is None else http_date(modified),
    )
    if version.etag is not None:
        reply = replace(reply, headers=(*reply.headers, ("ETag", version.etag)))
    for fault in faults:
        reply = fault.apply(reply, exchange)
    return reply


def correct_reply(exchange: Exchange) -> Reply:
    """Answer GET and HEAD as RFC 9110 has it (13.2.2 for the order, 14.2 for the range)."""
    content = exchange.version.content
    if exchange.request.method not in {"GET", "HEAD"}:
        return Reply(405, (("Allow", "GET, HEAD"),))
    failed = _failed_precondition(exchange)
    if failed is not None:
        return Reply(failed)
    asked = parse_range(exchange.fields.get("range"))
    if asked is None or exchange.request.method == "HEAD" or not _range_applies(exchange):
        return Reply(200, body=content)
    first, last = asked
    size = len(content)
    if first is None:
        start, stop = max(0, size - (last or 0)), size
    else:
        start, stop = first, size if last is None else min(last + 1, size)
    if start >= stop:
        return Reply(416, (("Content-Range", f"bytes */{size}"),))
    return Reply(206, body=memoryview(content)[start:stop], span=(start, stop), total=size)


def _failed_precondition(exchange: Exchange) -> int | None:
    fields, version = exchange.fields, exchange.version
    if "if-match" in fields:
        if not _matches(fields["if-match"], version.etag, weakly=False):
            return 412
    elif _changed_since(fields.get("if-unmodified-since"), version, unknown=False):
        return 412
    if "if-none-match" in fields:
        if _matches(fields["if-none-match"], version.etag, weakly=True):
            return 304
    elif not _changed_since(fields.get("if-modified-since"), version, unknown=True):
        return 304
    return None


def _matches(listed: str, etag: str | None, *, weakly: bool) -> bool:
    if listed.strip() == "*":
        return True
    if etag is None:
        return False
    tags = [tag.strip() for tag in listed.split(",")]
    if weakly:
        return etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]
    return not etag.startswith("W/") and etag in tags


def _changed_since(value: str | None, version: Version, *, unknown: bool) -> bool:
    if value is None or version.last_modified is None:
        return unknown
    try:
        return version.last_modified > parsedate_to_datetime(value)
    except ValueError:
        return unknown


def _range_applies(exchange: Exchange) -> bool:
    condition, version = exchange.fields.get("if-range"), exchange.version
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return _matches(condition, version.etag, weakly=False)
    return version.last_modified is not None and condition == http_date(version.last_modified)
