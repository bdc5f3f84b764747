"""Requests that are sent ahead of the thread that wants their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from segdl.core.plain import PlainHead, read_plain
from segdl.core.url import Location
from segdl.net.answer import Answer, PlainAnswer
from segdl.net.direct import AT_ONCE, Line, end_of_head
from segdl.net.exchange import Exchange, failure_of
from segdl.net.failures import TransferError, is_closed_unanswered, wire_errors
from segdl.net.logged import log_answer
from segdl.net.readable import is_held, wants_more
from segdl.net.window import arrived
from segdl.net.wire import AbortedError, Wire

# The file, some of it, or word that it is what it was.
_USUAL = frozenset({200, 206, 304})
# What one call takes of a body, in bytes.
_MOST_AT_ONCE = 256 * 1024


class Sender(Protocol):
    """What sends requests, or did."""

    def open(
        self, location: Location, headers: Mapping[str, str], wire: Wire, payer: object = None
    ) -> Exchange:
        """Send a GET and return its response.

        Raises:
            TransferError: nothing usable came back.
        """

    def ask_ahead(self, location: Location, headers: Mapping[str, str], most: int) -> Asked | None:
        """Send a GET if it can be without a wait, over a connection that was used before."""

    def idle(self, location: Location) -> int:
        """Return how many connections wait for a request to a place, as far as is known."""

    def close(self) -> None:
        """Close every idle connection."""


class Asked:
    """A request that was sent, and what came for it. One thread at a time uses it.

    Args:
        location: what was asked for.
        headers: with which header fields.
        line: the connection; its socket does not block.
        silence: seconds without a byte after which the wait of a thread ends.
        most: bytes of the longest body that is gathered.

    Attributes:
        since: when it was sent, in seconds of the monotonic clock.
        waited: seconds until its head was here; 0 where it is not.
        whole: whether the whole file, or the range that was asked for, is here.
        unanswered: whether the connection was closed before it brought anything.
    """

    def __init__(
        self,
        location: Location,
        headers: Mapping[str, str],
        line: Line,
        *,
        silence: float,
        most: int,
    ) -> None:
        self.location = location
        self.headers = headers
        self.socket = line.socket
        self.since = time.monotonic()
        self.whole = self.unanswered = False
        self._line = line
        self._silence = silence
        self._most = most
        self._came: list[bytes] = []
        self._head: PlainHead | None = None
        self._left = 0
        self._is_logged = False
        self.waited = 0.0

    @property
    def least(self) -> float | None:
        """Seconds of the shortest round trip of its connection; None: the system does not tell."""
        look = arrived(self.socket, 0.0)
        return look.least if look is not None and look.least else None

    def gather(self) -> bool:
        """Take what has come; tell whether it is worth waiting for more of it."""
        try:
            while True:
                data = self.socket.recv(max(AT_ONCE, min(self._left, _MOST_AT_ONCE)))
                if not data:
                    self.unanswered = not self._came and self._head is None
                    return False
                if not self._take(data):
                    return False
                # The kernel tells when there is more, but not what TLS holds.
                if not is_held(self.socket):
                    return True
        except OSError as error:
            if wants_more(error):
                return True
            self.unanswered = not self._came and self._head is None
            return False

    def _take(self, data: bytes) -> bool:
        if self._head is None:
            data = b"".join([*self._came, data])
            self._came = [data]
            end = end_of_head(data)
            if end == 0:
                return True
            self.waited = time.monotonic() - self.since
            head = read_plain(data[:end])
            # What is not a file goes on where it can be waited for.
            if head is None or head.status not in _USUAL or head.length > self._most:
                return False
            self._head, self._left = head, head.length
            data = data[end:]
            self._came.clear()
        self._came.append(data)
        self._left -= len(data)
        self.whole = self._left <= 0
        if self.whole:
            # What nobody asked for would be taken for the next answer.
            lasts = self._head.lasts and self._left == 0
            (self._line.keep if lasts else self._line.drop)()
        return not self.whole

    def is_for(self, location: Location, headers: Mapping[str, str]) -> bool:
        """Tell whether it is what would be asked now."""
        return location == self.location and dict(headers) == dict(self.headers)

    def exchange(self, wire: Wire) -> Exchange:
        """Return the response as far as it is here; the rest of it is waited for.

        A whole one can be had again and again.

        Raises:
            TransferError: no answer came.
        """
        try:
            if not self.whole:
                wire.attach(self.socket)
                self.socket.settimeout(self._silence)
            answer = self._answer()
            if not self._is_logged:
                self._is_logged = True
                log_answer(self.location, self.headers, answer)
            exchange = Exchange(answer, self.location, wire)
        except wire_errors(AbortedError) as error:
            self.drop()
            raise failure_of(error, self.location, wire) from error
        exchange.since = self.since
        exchange.waited = self.waited or time.monotonic() - self.since
        return exchange

    def drop(self) -> None:
        """Close the connection, unless it is kept for others."""
        if not self.whole:
            self._line.drop()

    def _answer(self) -> Answer:
        keep, drop = self._line.keep, self._line.drop
        if self.whole:
            keep = drop = _nothing
        elif self._head is None:
            return self._line.answer(b"".join(self._came))
        assert self._head is not None
        return PlainAnswer(self._head, self._came, self.socket, keep=keep, drop=drop)


def _nothing() -> None:
    """Do nothing: the connection serves others already."""


class AskedTooMuchError(Exception):
    """A file wants more of its server than the answer that is here."""


class Prepared:
    """Sends requests, the first of which was sent already.

    Args:
        asked: the one.
        rest: sends the others; None refuses to.
    """

    def __init__(self, asked: Asked, rest: Sender | None) -> None:
        self._asked: Asked | None = asked
        self._rest = rest

    def open(
        self, location: Location, headers: Mapping[str, str], wire: Wire, payer: object = None
    ) -> Exchange:
        """Send a GET and return its response.

        Raises:
            TransferError: nothing usable came back.
            AskedTooMuchError: it would have to be sent.
        """
        asked, self._asked = self._asked, None
        if asked is not None and asked.is_for(location, headers):
            try:
                return asked.exchange(wire)
            except TransferError as failure:
                # The connection may have been closed when it was used again.
                if wire.aborted or not is_closed_unanswered(failure):
                    raise
        elif asked is not None:
            asked.drop()
        if self._rest is None:
            raise AskedTooMuchError
        return self._rest.open(location, headers, wire, payer)

    def ask_ahead(self, location: Location, headers: Mapping[str, str], most: int) -> Asked | None:
        """Send a GET if it can be without a wait, over a connection that was used before."""
        return None if self._rest is None else self._rest.ask_ahead(location, headers, most)

    def idle(self, location: Location) -> int:
        """Return how many connections wait for a request to a place, as far as is known."""
        return 0 if self._rest is None else self._rest.idle(location)

    def close(self) -> None:
        """Close the connection of what nobody asked for."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.drop()
