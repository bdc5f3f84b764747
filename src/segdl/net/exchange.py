"""A response whose body is being read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from segdl.core.framing import framing_trouble, heeded_fields
from segdl.core.head import Head, parse_head
from segdl.core.url import Location
from segdl.errors import NetworkError, ServerError
from segdl.net.answer import Answer
from segdl.net.cookies import shown_to_jar
from segdl.net.failures import TransferError, translate, wire_errors
from segdl.net.gathering import Gathering
from segdl.net.wire import AbortedError, Wire

if TYPE_CHECKING:
    import socket
    from http.cookiejar import CookieJar

    from segdl.net.lane import Lane

# Bodies up to this are cheaper to read than a new connection is, in bytes.
_SHORT = 4096
# Seconds that one is waited for behind its head.
_MOMENT = 0.05


class Exchange:
    """A response whose body is being read by one thread.

    Attributes:
        head: status and fields.
        location: the URL that answered; of an object, that which names it.
        safe: whether it was asked for over TLS.
        waited: seconds from the request to the head.
        connected: whether it was sent over a new connection.
        since: seconds of the monotonic clock from when on its body came, or may have.
    """

    def __init__(
        self,
        answer: Answer,
        location: Location,
        wire: Wire,
        lane: Lane | None = None,
    ) -> None:
        self.waited = wire.waited
        self.connected = wire.connected
        self.since = time.monotonic()
        self.location = location
        self.safe = location.origin.scheme == "https"
        self._answer = answer
        self._wire = wire
        self._lane = lane
        self._gathering: Gathering | None = None
        self._finished = False
        trouble = framing_trouble(answer.status, answer.fields)
        if trouble is not None:
            self.close()
            raise TransferError(ServerError(f"{location}: the server sent {trouble}"))
        fields = heeded_fields(answer.fields)
        self.head: Head = parse_head(answer.status, fields, now=time.time())
        if lane is not None:
            lane.answered(self.head.length, in_chunks="Transfer-Encoding" in fields)

    @property
    def sized(self) -> bool:
        """Whether the response announces its length."""
        return self.head.length is not None

    @property
    def round_trip(self) -> float:
        """Seconds that a round trip takes when the path is at its emptiest; 0: nobody knows."""
        look = self._wire.arrived(0.0)
        return 0.0 if look is None else look.least

    @property
    def framed(self) -> bool:
        """Whether the end of the body can be told from a connection that broke."""
        return self.sized or self._answer.chunked

    def read(self, most: int) -> bytes:
        """Return what has arrived, at most `most` bytes; ``b""`` at the end of the body.

        Raises:
            TransferError: the connection broke, or was aborted.
        """
        try:
            data = self._read1(most)
        except wire_errors() as error:
            raise failure_of(error, self.location, self._wire) from error
        if self._wire.aborted:
            # Nothing may be written any more for somebody who was told to stop.
            raise failure_of(AbortedError(), self.location, self._wire)
        if data and len(data) > most:
            # http.client believes in chunks of negative size.
            raise TransferError(ServerError(f"{self.location}: the server sent broken chunks"))
        return data

    @property
    def lasts(self) -> bool:
        """Whether the connection can be used again behind it, as far as the server says."""
        return self._answer.lasts

    @property
    def sets_cookies(self) -> bool:
        """Whether the response has cookies to keep."""
        return "Set-Cookie" in self._answer.fields

    def keep_cookies(self, jar: CookieJar) -> None:
        """Have `jar` take what the response sets."""
        # urllib3's response, which all answers with cookies to keep have, has the one method
        # that a jar calls.
        jar.extract_cookies(self._answer.library, shown_to_jar(self.location))  # type: ignore[arg-type]

    @property
    def resting(self) -> bool:
        """Whether a read waits of our own accord, for a limit on the rate."""
        return self._wire.resting

    @property
    def fills(self) -> bool:
        """Whether `fill` can be used: a plain socket, no limit, and a kernel that does it."""
        if self._lane is not None or not hasattr(os, "splice"):
            return False
        return self.sized and self._wire.plain_socket is not None

    def fill(self, pipe: int, most: int) -> int:
        """Move what has arrived into a pipe, without the bytes passing through Python.

        A `read` of 8 KiB or more must have come before: it empties the buffer that the
        response's head was read through.

        Args:
            pipe: the end to write to.
            most: bytes, at most.

        Returns:
            Bytes moved; 0 where it takes a `read` to go on, such as at the body's end.

        Raises:
            TransferError: the connection broke, or was aborted.
        """
        plain, left = self._wire.plain_socket, self._left_there()
        # The last byte is left to `read`, which sees to it that the body is over.
        if plain is None or left <= 1:
            return 0
        most = min(most, left - 1)
        self._gather(plain, most)
        try:
            moved = os.splice(plain.fileno(), pipe, most)
        except OSError as error:
            raise failure_of(error, self.location, self._wire) from error
        if self._wire.aborted:
            raise failure_of(AbortedError(), self.location, self._wire)
        self._took(moved)
        return moved

    @property
    def receives(self) -> bool:
        """Whether `receive` can be used: TLS on a socket of its own, and no limit."""
        return self._lane is None and self.sized and self._wire.tls_socket is not None

    def receive(self, buffer: memoryview) -> int:
        """Fill a buffer from a TLS connection with what has come, without a copy in between.

        TLS brings 16 KiB at a time: all that are there are taken. As with `fill`, a `read`
        of 8 KiB or more must have come before.

        Returns:
            Bytes received; 0 where it takes a `read` to go on, such as at the body's end.

        Raises:
            TransferError: the connection broke, or was aborted.
        """
        secure, left = self._wire.tls_socket, self._left_there()
        if secure is None or left <= 1:
            return 0
        from segdl.net.records import take_what_came

        room = buffer[: min(len(buffer), left - 1)]
        try:
            got = take_what_came(secure, room)
        except wire_errors() as error:
            raise failure_of(error, self.location, self._wire) from error
        if self._wire.aborted:
            raise failure_of(AbortedError(), self.location, self._wire)
        self._took(got)
        return got

    def _gather(self, connected: socket.socket, most: int) -> None:
        if self._gathering is None:
            self._gathering = Gathering(connected)
        self._gathering.wait(most)

    def _took(self, count: int) -> None:
        self._answer.took(count)
        if self._gathering is not None:
            self._gathering.took(count)

    def _end_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.end()

    def _left_there(self) -> int:
        """Return the bytes of the body that come from the socket; 0 where others are next."""
        return 0 if self._answer.held else self._answer.left or 0

    def _read1(self, most: int) -> bytes:
        self._end_gathering()
        if self._lane is None:
            return self._answer.read1(most)
        with self._lane.turn(most) as turn:
            data = self._answer.read1(turn.most)
            turn.brought = len(data)
        return data

    def hand_over(self, wire: Wire) -> None:
        """Let another thread's `wire` abort this response from now on.

        Raises:
            TransferError: the wire was aborted before.
        """
        self._end_gathering()
        connected = self._wire.detach()
        self._wire = wire
        if self._lane is not None:
            self._lane.hand_over(wire)
        try:
            wire.attach(connected)
        except AbortedError as error:
            self.close()
            raise failure_of(error, self.location, wire) from error

    def abort(self) -> None:
        """End a read that another thread waits in."""
        self._wire.abort()

    def closed_early(self) -> TransferError:
        """Return the error for a body that ended before it should."""
        return TransferError(
            NetworkError(f"{self.location}: connection closed early", trouble="closed")
        )

    def wait(self, seconds: float) -> bool:
        """Tell whether more of the body, or its end, has come within `seconds`.

        As with `fill`, a `read` of 8 KiB or more must have come before.
        """
        self._end_gathering()
        return self._answer.held or self._wire.wait_for_bytes(seconds)

    def finish(self) -> None:
        """Give the connection back: the body was read to its end."""
        self._leave()
        self._finished = True
        self._answer.finish()

    def finish_short_body(self) -> None:
        """Read a body of a few KiB that nobody wants, and give the connection back.

        Raises:
            TransferError: as `read`.
        """
        if self.head.length is None or self.head.length > _SHORT:
            return
        try:
            while self.read(_SHORT):
                pass
        except TransferError:
            self.close()
            raise
        self.finish()

    def finish_what_came(self) -> None:
        """Give the connection back where all of a body that nobody wants is here in a moment."""
        if self.head.length is None or self.head.length > _SHORT:
            return
        try:
            while self._answer.left:
                if not self.wait(_MOMENT):
                    return
                self.read(_SHORT)
            self.read(1)
        except TransferError:
            # `close` does what is left to do.
            return
        self.finish()

    def finish_without_body(self) -> None:
        """Give the connection of a response back that has no body, such as 304."""
        try:
            self.read(1)
        except TransferError:
            # `close` does what is left to do.
            return
        self.finish()

    def close(self) -> None:
        """Close the connection; harmless after `finish`."""
        self._leave()
        if not self._finished:
            # Else it may serve another request by now.
            self._answer.close()

    def _leave(self) -> None:
        self._end_gathering()
        self._wire.detach()
        if self._lane is not None:
            self._lane.close()


def failure_of(error: Exception, location: Location, wire: Wire) -> TransferError:
    """Say what went wrong with a request: an abort goes before what it broke."""
    if wire.aborted:
        return TransferError(
            NetworkError(
                f"{location}: no answer in time", hint="see --stall-timeout", trouble="silent"
            )
        )
    return translate(error, str(location))
