"""The first word with a server: what the file is, and its first bytes on their way.

A GET with a Range, never HEAD: presigned URLs and many servers refuse HEAD, and the
answer can be the first segment's stream.
"""

from __future__ import annotations

import time
from enum import Enum

from segdl.core import slowstart
from segdl.core.identity import Version
from segdl.core.spans import OPEN, Span
from segdl.core.verdict import Accept
from segdl.engine.gate import Gate
from segdl.errors import SegdlError, ServerError
from segdl.net.exchange import Exchange
from segdl.options import TransferOptions

MIB = 1024 * 1024
# The first request asks for this much: smaller files need no second one.
FIRST_BYTES = 2 * MIB
ONE_BYTE = Span(0, 1)
NOT_MODIFIED = 304


class Ranges(Enum):
    """What the server's answers say of ranges."""

    WORK = "work"
    """It answered a range as asked."""
    UNSURE = "unsure"
    """It sent the whole file: a range may be asked for, the whole file will do."""
    BROKEN = "broken"
    """It answered a range with something else: none is asked for again."""


class Contact:
    """What the server said, and the response that is still open. One thread owns it.

    Attributes:
        version: what names the remote file.
        ranges: whether parts of it can be asked for.
        accept: which bytes the open response brings.
        head: status and fields of the response.
        location: the URL that answered.
    """

    def __init__(
        self, version: Version, ranges: Ranges, accept: Accept, exchange: Exchange, gate: Gate
    ) -> None:
        self.version = version
        self.ranges = ranges
        self.accept = accept
        self.head = exchange.head
        self.location = exchange.location
        self._exchange: Exchange | None = exchange
        self._gate = gate

    @property
    def not_modified(self) -> bool:
        """Whether the server has the version still that was named to it; nothing came then."""
        return self.head.status == NOT_MODIFIED

    @property
    def age(self) -> float:
        """Seconds for which its body came, or may have, until now."""
        return 0.0 if self._exchange is None else time.monotonic() - self._exchange.since

    def soonest(self, count: int) -> float:
        """Return the seconds from the request until so many bytes can be here; 0: nobody knows.

        A connection that was used before may be at its pace by now.
        """
        if self._exchange is None or not self._exchange.connected:
            return 0.0
        return slowstart.seconds(count, self._exchange.round_trip)

    @property
    def is_open(self) -> bool:
        """Whether the response can still be taken."""
        return self._exchange is not None

    @property
    def framed(self) -> bool:
        """Whether the end of the open body can be told from a connection that broke."""
        return self._exchange is not None and self._exchange.framed

    @property
    def resting(self) -> bool:
        """Whether a read waits of our own accord."""
        return self._exchange is not None and self._exchange.resting

    def read(self, most: int) -> bytes:
        """Return what has come, at most `most` bytes; ``b""`` at the end. It may block.

        Raises:
            TransferError: the connection broke.
        """
        assert self._exchange is not None
        return self._exchange.read(most)

    def abort(self) -> None:
        """End a read that another thread waits in."""
        if self._exchange is not None:
            self._exchange.abort()

    def take(self) -> Exchange:
        """Hand the response to its reader, who closes it and tells the gate."""
        assert self._exchange is not None
        exchange, self._exchange = self._exchange, None
        return exchange

    def give_back(self, exchange: Exchange, came: int) -> None:
        """Return a response that was taken, and of which `came` bytes were read."""
        self.accept = self.accept._replace(start=self.accept.start + came)
        self._exchange = exchange

    def finished(self, came: int) -> None:
        """Say that a response that was taken is over, and that it brought `came` bytes."""
        self._gate.among.came_beside(came)
        self._gate.closed(was_streaming=True)

    def finish(self) -> None:
        """Give the connection back: nobody took the response, and `read` came to its end."""
        try:
            self.take().finish()
        finally:
            self._gate.closed(was_streaming=True)

    def release(self) -> None:
        """Close the response if nobody took it."""
        if self._exchange is not None:
            exchange = self.take()
            if self.not_modified:
                # It has no body, once that was looked for the connection is as good as new.
                exchange.finish_without_body()
            exchange.close()
            self._gate.closed(was_streaming=True)


def first_range(transfer: TransferOptions, *, only_look: bool) -> Span:
    """Return what the first request asks for."""
    if only_look:
        return ONE_BYTE
    return Span(0, OPEN if transfer.planned == 1 else FIRST_BYTES)


def asks_too_long(error: SegdlError, after: float) -> ServerError:
    """Return the error for a Retry-After that nobody would wait for."""
    return ServerError(
        error.message,
        hint=f"it asks to wait {after:.0f} s: run the same command then",
        status=error.status if isinstance(error, ServerError) else None,
    )
