"""Where the bytes of one file come from: the URL asked for, and where it leads.

Redirects are resolved here, by our own rules, and the final URL is remembered, so that
segments do not each walk the same way. When a signed URL runs out, the request starts
again from the URL that the user gave.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from segdl.core.head import Head
from segdl.core.identity import Version
from segdl.core.spans import Span
from segdl.core.text import printable
from segdl.core.url import Location, follow
from segdl.core.verdict import MAYBE_EXPIRED
from segdl.errors import SegdlError, ServerError
from segdl.net.asked import Asked, Sender
from segdl.net.credentials import Credentials
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError
from segdl.net.wire import Wire

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 20
_MOST_VISITS = 3


def conditions(unless: Version | None) -> dict[str, str]:
    """Return the header fields that ask for a file unless it is a version that is known.

    Example:
        >>> conditions(Version(etag='"a"'))
        {'If-None-Match': '"a"'}
    """
    fields = {}
    if unless is not None and unless.etag is not None:
        fields["If-None-Match"] = unless.etag
    if unless is not None and unless.last_modified is not None:
        fields["If-Modified-Since"] = unless.last_modified
    return fields


class Source:
    """One file on a server. Threads share it; `_lock` owns `_final`, `_sent` and `_told`."""

    def __init__(
        self,
        transport: Sender,
        asked: Location,
        credentials: Credentials,
        file: object = None,
    ) -> None:
        self.asked = asked
        # Mirrors of one file share what a limit on the rate leaves for it.
        self._file = file or self
        self._transport = transport
        self._credentials = credentials
        self._lock = threading.Lock()
        self._final = asked
        self._sent = 0
        self._told: Head | None = None

    def sibling(self, asked: Location, credentials: Credentials) -> Source:
        """Return another place of the same file."""
        return Source(self._transport, asked, credentials, self._file)

    def logs_in_at(self, location: Location) -> bool:
        """Tell whether requests to a place say who asks, by a name and password or a token."""
        return "Authorization" in self._credentials.headers(location)

    @property
    def told(self) -> Head | None:
        """What the URL that was asked for said itself, a redirect included; not its errors."""
        with self._lock:
            return self._told

    @property
    def sent(self) -> int:
        """Requests sent so far, redirects included."""
        with self._lock:
            return self._sent

    @property
    def idle(self) -> int:
        """Connections that wait for a request to where the bytes come from, if that is known."""
        with self._lock:
            final = self._final
        return self._transport.idle(final)

    def count(self, requests: int) -> None:
        """Add requests that were sent elsewhere for this file's sake."""
        with self._lock:
            self._sent += requests

    def open(
        self,
        wire: Wire,
        span: Span | None,
        *,
        if_range: str | None = None,
        unless: Version | None = None,
        led: Callable[[Location], None] | None = None,
    ) -> Exchange:
        """Ask for `span` of the file, or for all of it, and follow redirects.

        Args:
            wire: what another thread aborts this by.
            span: bytes of the remote file; None sends no Range field.
            if_range: a strong entity tag: the whole file comes if it is another now.
            unless: 304 comes if the server has this version still (RFC 9110, 13.1).
            led: called before a redirect to another origin is followed; what it raises ends
                this.

        Raises:
            TransferError: no usable response.
        """
        fields = {} if span is None else {"Range": span.header}
        if span is not None and if_range is not None:
            fields["If-Range"] = if_range
        fields |= conditions(unless)
        with self._lock:
            start = self._final
        exchange = self._follow(start, fields, wire, led)
        if exchange.head.status in MAYBE_EXPIRED and start.url != self.asked.url:
            # A signed URL that ran out: the one asked for leads to a new one.
            exchange.close()
            exchange = self._follow(self.asked, fields, wire, led)
        return exchange

    def ask_ahead(self, span: Span, *, if_range: str | None, most: int) -> Asked | None:
        """Ask for `span` where its bytes come from, if that can be done without a wait.

        Args:
            span: bytes of the remote file.
            if_range: as in `open`.
            most: bytes of the longest body that is to be gathered.
        """
        with self._lock:
            location = self._final
        headers = self._credentials.headers(location)
        headers["Range"] = span.header
        if if_range is not None:
            headers["If-Range"] = if_range
        asked = self._transport.ask_ahead(location, headers, most)
        if asked is not None:
            self.count(1)
        return asked

    def _follow(
        self,
        location: Location,
        fields: dict[str, str],
        wire: Wire,
        led: Callable[[Location], None] | None,
    ) -> Exchange:
        visits: dict[str, int] = {}
        for _ in range(_MOST_REDIRECTS + 1):
            headers = self._credentials.headers(location)
            headers.update(fields)
            with self._lock:
                self._sent += 1
            exchange = self._transport.open(location, headers, wire, payer=self._file)
            if location.url == self.asked.url and exchange.head.status < 400:
                with self._lock:
                    self._told = self._told or exchange.head
            if exchange.head.status not in _REDIRECTS or exchange.head.location is None:
                if exchange.head.status not in MAYBE_EXPIRED:
                    with self._lock:
                        self._final = location
                return exchange
            self._credentials.remember_cookies(exchange)
            exchange.close()
            visits[location.url] = visits.get(location.url, 0) + 1
            if visits[location.url] >= _MOST_VISITS:
                break
            try:
                location = follow(location, exchange.head.location, safely=exchange.safe)
            except SegdlError as error:
                raise TransferError(error, fatal=True) from error
            if led is not None and location.origin != self.asked.origin:
                led(location)
        raise TransferError(
            ServerError(
                f"{printable(str(self.asked))}: the server redirects in a circle",
                hint="a login may be missing (--cookies, -H)",
            ),
            fatal=True,
        )
