"""Requests that go to their origin without a library, as long as all is as usual.

urllib3 reads every answer whose head is not plain, from the bytes that came: nothing is asked for
twice, and what is odd ends as it does with a library. Loading it takes half as long as all of
ours: it is done where it is needed.
"""

from __future__ import annotations

import io
import re
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from segdl.core.plain import read_plain, write_plain
from segdl.core.url import Location, Origin
from segdl.net.answer import Answer, LibraryAnswer, PlainAnswer
from segdl.net.connector import Connector
from segdl.net.early import Early
from segdl.net.idle import IdleConnections
from segdl.net.proxies import target_of
from segdl.net.readable import is_held, wait_for_read
from segdl.net.wire import Wire

if TYPE_CHECKING:
    from typing_extensions import Buffer

# What a small file takes one call for, in bytes.
AT_ONCE = 64 * 1024
# Seconds in which an answer from nearby is here.
_FAR = 0.03
_LONGEST_HEAD = 16 * 1024
_BEGINNING = b"HTTP/1.1 "
_END = re.compile(rb"\n\r?\n")


class Line:
    """A connection that a request is on. One thread at a time uses it.

    Args:
        connected: its socket.
        origin: where it leads.
        idle: takes it when it can be used again.
    """

    def __init__(self, connected: socket.socket, origin: Origin, idle: IdleConnections) -> None:
        self.socket = connected
        self.drop: Callable[[], None] = connected.close
        self.keep: Callable[[], None] = partial(idle.keep, origin, connected)

    def answer(self, came: bytes = b"") -> Answer:
        """Wait for the answer.

        Args:
            came: what came of it already.

        Raises:
            one of `wire_errors`: no answer came.
        """
        came, end, ended = _read_head(self.socket, came)
        head = read_plain(came[:end])
        if head is not None:
            body = [came[end:]]
            return PlainAnswer(head, body, self.socket, keep=self.keep, drop=self.drop)
        begun = _Begun(came, self.socket, ended=ended)
        return _as_library_reads(begun, keep=self.keep, drop=self.drop)


class Direct:
    """Sends requests, and keeps their connections. Threads share it; what it has locks itself.

    Args:
        connector: makes connections.
        idle: keeps them.
        silence: seconds without a byte until a wait ends.
        early: a connection that was begun already.
    """

    def __init__(
        self,
        connector: Connector,
        idle: IdleConnections,
        silence: float,
        early: Early | None = None,
    ) -> None:
        self._early = early
        self._idle = idle
        self._connector = connector
        self._silence = silence

    def ask(self, location: Location, headers: Mapping[str, str], wire: Wire) -> Answer | None:
        """Send a GET and return its answer; where it is not plain return None, and send nothing.

        Args:
            location: what to ask for.
            headers: header fields.
            wire: what another thread aborts this by.

        Raises:
            AbortedError: the wire was aborted before.
            one of `wire_errors`: no answer came.
        """
        request = _written(location, headers)
        if request is None:
            return None
        wire.connected = False
        line = self._used(location.origin) or self._new(location, wire)
        try:
            wire.attach(line.socket)
            line.socket.settimeout(self._silence)
            asked = time.monotonic()
            line.socket.sendall(request)
            late = self._use_the_wait(line, wire)
            answer = line.answer()
            wire.waited = late or time.monotonic() - asked
            return answer
        except BaseException:
            line.drop()
            raise

    def _use_the_wait(self, line: Line, wire: Wire) -> float:
        """Do something else while an answer comes from afar.

        Returns seconds that it took about, where it came meanwhile; else 0.
        """
        if wire.meanwhile is None or wait_for_read(line.socket, _FAR):
            return 0.0
        wire.meanwhile()
        if not wait_for_read(line.socket, 0.0):
            return 0.0
        look = wire.arrived(0.0)
        return max(_FAR, look.least) if look is not None else _FAR

    def ask_ahead(self, location: Location, headers: Mapping[str, str]) -> Line | None:
        """Send a GET over a connection that is there, without a wait; None where none can be.

        The socket of the line that it returns does not block.
        """
        request = _written(location, headers)
        line = self._used(location.origin) if request else None
        if request is None or line is None:
            return None
        line.socket.settimeout(0.0)
        try:
            if line.socket.send(request) == len(request):
                return line
        except OSError:
            # Where something is wrong with it, another connection may do.
            pass
        line.drop()
        return None

    def idle(self, origin: Origin) -> int:
        """Return how many connections to an origin wait for a request."""
        return self._idle.count(origin)

    def drop_idle(self, origin: Origin) -> None:
        """Close one connection that waits for a request to an origin."""
        self._idle.drop(origin)

    def close(self) -> None:
        """Close every idle connection."""
        self._idle.close()
        if self._early is not None:
            self._early.close()

    def _used(self, origin: Origin) -> Line | None:
        """Return a connection that is not closed, as far as one can tell."""
        while connection := self._idle.take(origin):
            line = Line(connection, origin, self._idle)
            # Whatever there is to read, it is no answer: nothing was asked.
            if not (is_held(line.socket) or wait_for_read(line.socket, 0.0)):
                return line
            line.drop()
        return None

    def _new(self, location: Location, wire: Wire) -> Line:
        fits = self._early is not None and self._early.origin == location.origin
        early = self._early if fits else None
        wire.connected = True
        made = self._connector.connect(location, wire, early)
        return Line(made, location.origin, self._idle)


def _written(location: Location, headers: Mapping[str, str]) -> bytes | None:
    return write_plain(location.origin, target_of(location, None), headers.items())


def end_of_head(came: bytes) -> int | None:
    """Return where the body begins; 0 where the head has no end yet, None where it is not plain.

    It ends where a library would see it; whether all of it is plain is another matter.
    """
    if end := _END.search(came, 0, _LONGEST_HEAD):
        return end.end()
    return 0 if came.startswith(_BEGINNING) and len(came) < _LONGEST_HEAD else None


def _read_head(connected: socket.socket, came: bytes) -> tuple[bytes, int, bool]:
    """Return what came, where the body begins in it, and whether no more comes.

    It begins at 0 where the head is none, or cannot be plain.
    """
    more = came or connected.recv(AT_ONCE)
    came = more
    while more and (end := end_of_head(came)) == 0:
        more = connected.recv(_LONGEST_HEAD)
        came += more
    return came, (end or 0) if more else 0, not more


class _Begun(io.RawIOBase):
    """A socket of which something was read already; all that there is where it `ended`."""

    def __init__(self, came: bytes, connected: socket.socket, *, ended: bool) -> None:
        super().__init__()
        self.came = came
        self._ended = ended
        self._socket = connected

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Buffer, /) -> int:
        if not self.came:
            return 0 if self._ended else self._socket.recv_into(room)
        view = memoryview(room)
        count = min(len(view), len(self.came))
        view[:count] = self.came[:count]
        self.came = self.came[count:]
        return count


def _as_library_reads(
    begun: _Begun, *, keep: Callable[[], None], drop: Callable[[], None]
) -> LibraryAnswer:
    """Read an answer as urllib3 does, but for the connection, which is ours."""
    import urllib3

    from segdl.net.wholehead import WholeHead

    # All that it asks of a socket is to make a file of it.
    response = WholeHead(cast("socket.socket", begun), method="GET")
    try:
        response.begin()
        library = urllib3.HTTPResponse(
            body=response,
            headers=urllib3.HTTPHeaderDict(response.msg.items()),
            status=response.status,
            version=response.version,
            reason=response.reason,
            preload_content=False,
            decode_content=False,
            original_response=response,
            request_method="GET",
        )
    except BaseException:
        response.close()
        raise

    def finish() -> None:
        if response.isclosed() and not response.will_close and not begun.came:
            keep()
        else:
            response.close()
            drop()

    return LibraryAnswer(library, keep=finish, drop=drop, held=lambda: bool(begun.came))
