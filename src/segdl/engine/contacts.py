"""Makes contact with a server: asks what a file is, with patience."""

from __future__ import annotations

from dataclasses import replace

from segdl.core.causes import cause_of
from segdl.core.identity import Match, Version, compare
from segdl.core.pace import LONGEST_WAIT, Drip
from segdl.core.spans import Span
from segdl.core.verdict import Accept, Changed, Fail, Refused, Retry, Unranged, Verdict, judge
from segdl.engine.busy import RestingError
from segdl.engine.contact import NOT_MODIFIED, ONE_BYTE, Contact, Ranges, asks_too_long
from segdl.engine.door import Door
from segdl.engine.gate import Gate
from segdl.engine.run import Run
from segdl.errors import NetworkError, SegdlError, ServerError
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError
from segdl.net.source import Source
from segdl.net.wire import Wire
from segdl.progress.events import Progress, Waiting

_PARTIAL = 206
_UNAUTHORIZED = 401


class Contacts:
    """Makes contact, with patience. One thread uses it."""

    def __init__(self, run: Run, source: Source, number: int) -> None:
        self._run = run
        self._source = source
        self._number = number
        self._door = Door(run, source.asked, number, self._wait)
        self._gate = self._door.gate
        self._last: Contact | None = None
        self._drip = Drip(run.network.stall_timeout)

    def make(
        self,
        asked: Span | None,
        *,
        once: bool = False,
        only_head: bool = False,
        only_look: bool = False,
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
            only_look: the same, where no more comes than was asked for, and that is here with
                the head: the head says all that is to be known.
            unless: nothing is to come where the server has this version still.

        Raises:
            SegdlError: the server says no, or cannot be reached within the retries.
        """
        self.release()
        tries = 0
        while True:
            delay = self._run.backoff(tries + 1)
            self._door.pass_through(once=once)
            answer = self._ask(
                asked, delay, only_head=only_head, only_look=only_look, unless=unless
            )
            if isinstance(answer, Contact):
                self._last = answer
                self._drip = Drip(self._run.network.stall_timeout)
                return answer
            if isinstance(answer, Changed) and unless is not None:
                unless = None
                continue
            if isinstance(answer, Unranged | Changed):
                if asked is None:
                    raise ServerError(f"{self._source.asked}: {answer.why}")
                asked = None
                continue
            if isinstance(answer, RestingError):
                # Nobody was asked who could have had it.
                self._door.rest(answer, once=once)
                continue
            tries += 1
            error, pause = self._weigh(answer, delay)
            last = once or tries >= max(1, self._run.transfer.retries)
            if isinstance(answer, Refused) and not once:
                self._door.put_off(error, pause, by=answer.by, asked=True, last=last)
            if last:
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

        Args:
            contact: what `make` returned last.
            most: bytes.

        Raises:
            NetworkError: the connection broke, or nothing or hardly anything came for too long.
        """
        rested = False

        def rests() -> bool:
            nonlocal rested
            rested = rested or contact.resting
            return contact.resting

        reading = self._run.pool.submit(contact.read, most)
        limit, began = self._run.network.stall_timeout, self._run.clock()
        try:
            data = self._run.wait_for(reading, contact.abort, limit, excused=rests)
        except TransferError as failure:
            raise failure.error from failure
        # What waited for a limit on the rate says nothing of the server.
        if data and not rested:
            self._drip.took(len(data), after=self._run.clock() - began)
        if data and self.crawled:
            raise NetworkError(f"{self._source.asked}: hardly anything comes", trouble="silent")
        return data

    @property
    def crawled(self) -> bool:
        """Whether hardly anything came of the response that was read last: no progress."""
        return self._drip.crawls

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
        self,
        asked: Span | None,
        delay: float,
        *,
        only_head: bool,
        only_look: bool,
        unless: Version | None,
    ) -> Contact | Verdict | TransferError:
        """Send a request that was claimed; only what is to be worked with comes back open.

        Where it is refused, nobody asks for `delay` seconds, unless the server says when to.
        """
        network = self._run.network

        def open_(wire: Wire) -> Exchange:
            exchange = self._source.open(wire, asked, unless=unless, led=self._door.led_to)
            if only_head:
                exchange.finish_short_body()
            elif only_look and exchange.head.status == _PARTIAL:
                exchange.finish_what_came()
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
        if unless is not None and exchange.head.status == NOT_MODIFIED:
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
        closed = exchange.head.status == _UNAUTHORIZED
        if isinstance(verdict, Fail) and closed and self._source.logs_in_at(exchange.location):
            verdict.error.hint = "the user or password (-u, --netrc, -H) is wrong there"
        if not isinstance(verdict, Refused):
            self._gate.closed(was_streaming=False)
            return verdict
        return self._door.refused(exchange.location.origin, verdict, delay)

    def _wait(self, seconds: float) -> None:
        """Sleep, with an event a second so that a view can count down."""
        ends = self._run.clock() + seconds
        while (left := ends - self._run.clock()) > 0:
            self._run.sleep(min(1.0, left))
            if self._last is None:
                self._run.emit(Progress(self._number, 0, None, ()))

    def _weigh(self, answer: Verdict | TransferError, delay: float) -> tuple[SegdlError, float]:
        """Return what to raise if no try is left, and the seconds to the next one."""
        if isinstance(answer, Fail) or (isinstance(answer, TransferError) and answer.fatal):
            raise answer.error
        assert isinstance(answer, Refused | Retry | TransferError)
        if isinstance(answer, Refused) and answer.after is not None:
            if answer.after > LONGEST_WAIT:
                raise asks_too_long(answer.error, answer.after)
            return answer.error, answer.after
        return answer.error, delay


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
