"""Small files, many of them: one thread asks for all, and waits for whatever comes first.

A thread for each costs more than a small file does: Python lets one run at a time, and each
wait hands over to another. So the first request for a file is sent ahead of its steps, over a
connection that was used before. What is whole within a moment goes through the same steps as
any other file, which then have nothing to wait for. Every other file gets a thread, and the
answer as far as it came.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from enum import Enum

from segdl.core.checksum import AUTO
from segdl.core.spans import Span
from segdl.core.url import Location, parse_url
from segdl.engine import outright
from segdl.engine.contact import FIRST_BYTES, ONE_BYTE, first_range
from segdl.engine.gate import Gate
from segdl.engine.place import target_of
from segdl.engine.run import Run
from segdl.errors import SegdlError
from segdl.net.asked import Asked
from segdl.net.credentials import Credentials
from segdl.net.source import conditions
from segdl.net.transport import Transport
from segdl.options import Request

# Bytes of answers that are kept in memory until they are whole.
_MOST_IN_ALL = 64 * 1024 * 1024
# What to do about a file that is there, where it may be to leave it.
_LEAVING = frozenset({"auto", "resume", "skip"})


class Took(Enum):
    """Whether a request was sent ahead."""

    YES = "yes"
    LATER = "later"
    """Those that were sent before come first."""
    NO = "no"
    """It needs a thread."""


def asks_once(request: Request) -> bool:
    """Tell whether its URL alone says whom to ask for what, and for all of it."""
    several = request.mirrors or request.expected.pieces or request.most_in_all is not None
    return not (several or request.guessed) and request.checksum != AUTO


class AskedFile:
    """A file whose first request was sent.

    Attributes:
        number: the file's number within the run.
        request: what is wanted.
        span: the bytes that were asked for first.
        asked: that request, and what came for it.
        gate: the door of its origin, where the request counts.
        is_late: whether its answer takes longer than a moment.
    """

    __slots__ = ("asked", "gate", "is_late", "number", "request", "span")

    def __init__(self, number: int, request: Request, span: Span, asked: Asked, gate: Gate) -> None:
        self.number = number
        self.request = request
        self.span = span
        self.asked = asked
        self.gate = gate
        self.is_late = False

    def leave(self, came: int = 0) -> None:
        """Say at the door that the request is over, and that it brought `came` bytes."""
        self.gate.among.came_beside(came)
        self.gate.closed(was_streaming=True)


class Ahead:
    """Sends first requests ahead. One thread uses it; `wake` can be called from any.

    Args:
        run: the surroundings.
        transport: sends them.
        max_files: files at once.
    """

    def __init__(self, run: Run, transport: Transport, max_files: int) -> None:
        self._run = run
        self._most = min(FIRST_BYTES, _MOST_IN_ALL // max_files)
        self._transport = transport
        self._span = first_range(run.transfer, only_look=False)
        network, transfer = run.network, run.transfer
        # Where more than the URL tells what is asked first, and with which secrets.
        self._never = bool(
            transfer.range or transfer.metalink_over_http or network.netrc or network.cookies
        )
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.settimeout(0.0)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._files: set[AskedFile] = set()
        self._ready: deque[AskedFile] = deque()

    @property
    def at_work(self) -> int:
        """Files that were taken and not returned."""
        return len(self._files)

    def take(self, number: int, request: Request) -> Took:
        """Send the first request for a file, if it can be sent without a wait."""
        if self._never or not asks_once(request):
            return Took.NO
        try:
            location = parse_url(request.url)
            gate = self._run.gates.of(location.origin)
            if self._files and not gate.may_ask_again:
                return Took.LATER
            target = target_of(request, location.path)
            if os.path.lexists(target.workplace):
                return Took.NO
            span = self._span
            if request.held is None and os.path.lexists(target.path):
                if not self._may_know(request):
                    return Took.NO
                span = ONE_BYTE
            headers = Credentials(self._run.network, request, location).headers(location)
        except SegdlError:
            # Its own steps will tell.
            return Took.NO
        headers["Range"] = span.header
        headers.update(conditions(request.held))
        if not gate.try_ask_again():
            return Took.NO
        asked = self._transport.ask_ahead(location, headers, self._most)
        if asked is None:
            gate.closed(was_streaming=True)
            return Took.NO
        file = AskedFile(number, request, span, asked, gate)
        self._selector.register(asked.socket, selectors.EVENT_READ, file)
        self._files.add(file)
        return Took.YES

    def _may_know(self, request: Request) -> bool:
        """Tell whether a file that is there may be one that tells itself what it is."""
        digest = request.checksum or request.expected.checksum
        return digest is None and self._run.transfer.if_exists in _LEAVING

    def next(self, seconds: float) -> AskedFile | None:
        """Return a file whose answer is here, or is not waited for any longer.

        Whoever goes on with it has it leave the door.
        It waits for one for `seconds` at most, or until `wake`; None where there is none.
        """
        if not self._ready:
            self._look(seconds)
        while self._ready:
            file = self._ready.popleft()
            if file.is_late or not file.asked.gather():
                return self._parted(file)
        return None

    def watch(self, other: socket.socket) -> None:
        """Have a wait end when there is news there, too."""
        self._selector.register(other, selectors.EVENT_READ)

    def watch_no_more(self, other: socket.socket) -> None:
        """Wait for it no longer."""
        self._selector.unregister(other)

    def goes_direct(self, location: Location) -> bool:
        """Tell whether requests go to a place itself, over connections that are kept here."""
        return self._transport.goes_direct(location)

    def drop_idle(self, location: Location) -> None:
        """Close one connection that waits for a request to a place."""
        self._transport.drop_idle(location)

    def give_up(self) -> AskedFile:
        """Return any file; its request is over."""
        self._ready.clear()
        file = self._parted(next(iter(self._files)))
        file.asked.drop()
        file.leave()
        return file

    def wake(self) -> None:
        """End a wait, or the next one where there is none."""
        try:
            self._waker.send(b"\0")
        except OSError:
            # It is as full as can be, or closed: nobody waits then.
            pass

    def close(self) -> None:
        """Let go of what was not yielded."""
        while self._files:
            self.give_up()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _look(self, seconds: float) -> None:
        """Find out which files there is news of."""
        for key, _ in self._selector.select(seconds):
            if key.data is not None:
                self._ready.append(key.data)
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
        patient_since = time.monotonic() - outright.MOMENT
        for file in self._files:
            if file.asked.since < patient_since:
                file.is_late = True
                if file not in self._ready:
                    self._ready.append(file)

    def _parted(self, file: AskedFile) -> AskedFile:
        self._files.remove(file)
        self._selector.unregister(file.asked.socket)
        return file
