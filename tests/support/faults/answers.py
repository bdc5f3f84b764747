"""Another answer than the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone

from support.faults.base import Fault
from support.reply import Exchange, Reply, http_date


@dataclass(frozen=True)
class Status(Fault):
    """Another status, with an HTML body; Retry-After in seconds, or that far ahead as a date."""

    status: int
    retry_after: float | str | None = None
    as_date: bool = False
    body: bytes = b"<html><title>Sorry</title><h1>An error page</h1></html>"

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        wait: str | None = None
        if isinstance(self.retry_after, str):
            wait = self.retry_after
        elif self.retry_after is not None and self.as_date:
            now = datetime.now(timezone.utc).timestamp()
            # Dates have whole seconds: up, so that the client waits no less than was meant.
            wait = http_date(
                datetime.fromtimestamp(math.ceil(now + self.retry_after), timezone.utc)
            )
        elif self.retry_after is not None:
            wait = f"{self.retry_after:g}"
        return Reply(self.status, (("Content-Type", "text/html"),), self.body).having(
            retry_after=wait
        )


@dataclass(frozen=True)
class RefuseHead(Fault):
    """405 (or 403) to HEAD; presigned URLs do so."""

    status: int = 405

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(self.status) if exchange.request.method == "HEAD" else reply


@dataclass(frozen=True)
class RedirectTo(Fault):
    """A redirect to `location`: absolute, relative, back to itself, ``file:///etc/passwd``."""

    location: str
    status: int = 302

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(self.status, (("Location", self.location),), b"<a>moved</a>")


@dataclass(frozen=True)
class LoginPage(Fault):
    """A page with status 200, whatever was asked: hotel Wi-Fi, an expired session."""

    body: bytes = b"<!DOCTYPE html><html><form>Please log in</form></html>" * 20

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, (("Content-Type", "text/html; charset=utf-8"),), self.body)
