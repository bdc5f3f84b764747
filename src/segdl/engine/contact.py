"""The first word with a server: what the file is, and its first bytes on their way.

A GET with a Range, never HEAD: presigned URLs and many servers refuse HEAD, and the
answer can be the first segment's stream.
"""

from __future__ import annotations

import time
from dataclasses import replace
from enum import Enum

from segdl.core.causes import cause_of
from segdl.core.identity import Match, Version, compare
from segdl.core.pace import LONGEST_WAIT
from segdl.core.spans import OPEN, Span
from segdl.core.verdict import Accept, Changed, Fail, Refused, Retry, Unranged, Verdict, judge
from segdl.engine.busy import tell_busy
from segdl.engine.gate import Gate
from segdl.engine.run import TICK, Run
from segdl.errors import SegdlError, ServerError
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError
from segdl.net.source import Source
from segdl.net.wire import Wire
from segdl.options import TransferOptions
from segdl.progress.events import Progress, Waiting

MIB = 1024 * 1024
# The first request asks for this much: smaller files need no second one.
FIRST_BYTES = 2 * MIB
ONE_BYTE = Span(0, 1)
_NOT_MODIFIED = 304


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
        return self.head.status == _NOT_MODIFIED

    @property
    def age(self) -> float:
        """Seconds for which its body came, or may have, until now."""
        return 0.0 if self._exchange is None else time.monotonic() - self._exchange.since

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
        self.accept = replace(self.accept, start=self.accept.start + came)
        self._exchange = exchange

    def finished(self) -> None:
        """Say that a response that was taken is over."""
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


class Contacts:
    """Makes contact, with patience. One thread uses it."""

    def __init__(self, run: Run, source: Source, number: int) -> None:
        self._run = run
        self._source = source
        self._number = number
        self._gate: Gate = run.gates.of(source.asked.origin)
        self._last: Contact | None = None

    def make(
        self,
        asked: Span | None,
        *,
        once: bool = False,
        only_head: bool = False,
        unless: Version | None = None,
    ) -> Contact:
        """Ask for `asked`, or for the whole file, until there is an answer to work with.

        The caller sees to it that the contact is taken or released. The one before is
        released here: with one connection allowed it would be in the way.

        Args:
            asked: a range of the remote file; None asks for all of it.
            once: do not try again.
            only_head: the body is not wanted; a short one is read, so that the connection
                can be used again.
            unless: nothing is to come where the server has this version still.

        Raises:
            SegdlError: the server says no, or cannot be reached within the retries.
        """
        self.release()
        tries = 0
        while True:
            answer = self._ask(asked, only_head=only_head, unless=unless)
            if isinstance(answer, Contact):
                self._last = answer
                return answer
            if isinstance(answer, Changed) and unless is not None:
                unless = None
                continue
            if isinstance(answer, Unranged | Changed):
                if asked is None:
                    raise ServerError(f"{self._source.asked}: {answer.why}")
                asked = None
                continue
            tries += 1
            error, pause = self._weigh(answer, tries)
            if once or tries >= max(1, self._run.transfer.retries):
                raise error
            asks = isinstance(answer, Refused) and answer.after is not None
            reason = "server asks to wait" if asks else error.message
            self._run.emit(Waiting(self._number, pause, reason, cause_of(error)))
            self._wait(pause)

    def release(self) -> None:
        """Let go of the contact that was made last, if nobody took it."""
        if self._last is not None:
            self._last.release()

    def read(self, contact: Contact, most: int) -> bytes:
        """Return what has come of a response, at most `most` bytes; ``b""`` at its end.

        Raises:
            NetworkError: the connection broke, or nothing came for too long.
        """
        reading = self._run.pool.submit(contact.read, most)
        limit = self._run.network.stall_timeout
        try:
            return self._run.wait_for(
                reading, contact.abort, limit, excused=lambda: contact.resting
            )
        except TransferError as failure:
            raise failure.error from failure

    def read_all(self, contact: Contact, count: int) -> bytes:
        """Return the next `count` bytes of a response, fewer where it ends.

        Raises:
            NetworkError: as `read`.
        """
        data = bytearray()
        while len(data) < count and (more := self.read(contact, count - len(data))):
            data += more
        return bytes(data)

    def look(self, ranges: Ranges, *, once: bool = False) -> Version:
        """Learn which version the server has now.

        Raises:
            SegdlError: as `make`.
        """
        asked = None if ranges is Ranges.BROKEN else ONE_BYTE
        contact = self.make(asked, once=once, only_head=True)
        contact.release()
        return contact.version

    def _ask(
        self, asked: Span | None, *, only_head: bool, unless: Version | None = None
    ) -> Contact | Verdict | TransferError:
        """Send one request; only a response to work with comes back open, as a Contact."""
        self._pass_gate()
        network = self._run.network

        def open_(wire: Wire) -> Exchange:
            exchange = self._source.open(wire, asked, unless=unless)
            if only_head:
                exchange.finish_short_body()
            return exchange

        try:
            exchange = self._run.call(open_, network.connect_timeout + network.stall_timeout)
        except TransferError as failure:
            self._gate.closed(was_streaming=False)
            return failure
        except BaseException:
            self._gate.closed(was_streaming=False)
            raise
        verdict = _judge_first(asked, exchange)
        if isinstance(verdict, Accept):
            self._gate.answered(exchange.waited)
            return _contact(asked, exchange, verdict, self._gate)
        if unless is not None and exchange.head.status == _NOT_MODIFIED:
            self._gate.answered(exchange.waited)
            contact = Contact(unless, Ranges.UNSURE, Accept(0, 0), exchange, self._gate)
            told = replace(exchange.head.version, size=unless.size)
            untold = unless.etag is None and told.last_modified is None
            if untold or compare(told, unless) is Match.DIFFERENT:
                # Last-Modified went back: some take that for "not modified since". Others do
                # not tell which version they mean, and it may be an older one than that here.
                contact.release()
                return Changed("it was not modified since, but is another")
            return contact
        exchange.close()
        if isinstance(verdict, Refused):
            self._gate.refused(verdict.after, 0.0)
            tell_busy(self._run, self._number, verdict, self._gate)
        else:
            self._gate.closed(was_streaming=False)
        return verdict

    def _pass_gate(self) -> None:
        """Claim a request, as soon as the origin may be asked."""
        told = False
        while not self._gate.wait_to_ask(TICK):
            self._run.check_cancelled()
            pause = self._gate.pause()
            if pause > LONGEST_WAIT:
                raise asks_too_long(ServerError(f"{self._source.asked}: not asked again"), pause)
            if pause > 1.0 and not told:
                told = True
                self._run.emit(Waiting(self._number, pause, "server asks to wait"))

    def _wait(self, seconds: float) -> None:
        """Sleep, with an event a second so that a view can count down."""
        ends = self._run.clock() + seconds
        while (left := ends - self._run.clock()) > 0:
            self._run.sleep(min(1.0, left))
            if self._last is None:
                self._run.emit(Progress(self._number, 0, None, ()))

    def _weigh(self, answer: Verdict | TransferError, tries: int) -> tuple[SegdlError, float]:
        """Return what to raise if no try is left, and the seconds to the next one."""
        if isinstance(answer, Fail) or (isinstance(answer, TransferError) and answer.fatal):
            raise answer.error
        assert isinstance(answer, Refused | Retry | TransferError)
        if isinstance(answer, Refused) and answer.after is not None:
            if answer.after > LONGEST_WAIT:
                raise asks_too_long(answer.error, answer.after)
            return answer.error, answer.after
        return answer.error, self._run.backoff(tries)


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


def _judge_first(asked: Span | None, exchange: Exchange) -> Verdict:
    head = exchange.head
    told = head.content_range
    # No range of an empty file can be had (RFC 9110, 15.5.17).
    if head.status == 416 and told is not None and told.total == 0:
        return Accept(0, 0)
    verdict = judge(asked, head, None, str(exchange.location), whole_will_do=True)
    if isinstance(verdict, Accept) and head.status == 206 and head.version.size is None:
        # A range of a file of unknown length cannot be planned with.
        return Unranged("the server does not tell the file's length")
    return verdict


def _contact(asked: Span | None, exchange: Exchange, accept: Accept, gate: Gate) -> Contact:
    head = exchange.head
    if head.status == 200:
        ranges = Ranges.BROKEN if asked is None else Ranges.UNSURE
    else:
        ranges = Ranges.WORK
    return Contact(head.version, ranges, accept, exchange, gate)
