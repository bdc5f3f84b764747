"""A connection to whichever address of a host takes one first (RFC 8305, Happy Eyeballs).

An address that nobody answers at would hold up each connection for as long as one may take.
So the next one is tried beside it before long. The thread that wants the connection does all
of it, with sockets that do not block.
"""

from __future__ import annotations

import errno
import math
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from segdl.core.addresses import Address, in_turn, most_telling

# Seconds from one attempt to the next (RFC 8305, 5), and until a wait looks whether anybody
# still wants it.
_STAGGER = 0.25
# Of a name's labels, in bytes (RFC 1035, 2.3.4).
_LONGEST_LABEL = 64
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY})
# Windows has no poll.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class Known:
    """What is known of a host's addresses. Threads share it: whoever connects last is right.

    Attributes:
        usual: the address that took a connection when the one that was tried first did not.
    """

    __slots__ = ("usual",)

    def __init__(self) -> None:
        self.usual: Address | None = None


def resolve(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[Address]:
    """Return the addresses of a host, in the order of the system's preference.

    Args:
        host: its name, or an address as URLs have it.
        port: where to connect.
        family: the only one that is of use, where that is known.

    Raises:
        UnicodeError: it is no name of a host.
        OSError: it has none.
    """
    found = socket.getaddrinfo(_encoded(host), port, family, socket.SOCK_STREAM)
    if not found:
        raise OSError("the host has no address")
    return [Address(family, place) for family, _, _, _, place in found]


def _encoded(host: str) -> str | bytes:
    """Return a host's name as it is looked up.

    Raises:
        UnicodeError: it is none.
    """
    bare = host.strip("[]")
    # For a text it loads what knows other alphabets: that takes longer than to connect nearby.
    if host.isascii() and all(0 < len(label) < _LONGEST_LABEL for label in host.split(".")):
        return bare.encode()
    host.encode("idna")
    return bare


def connect(
    found: Sequence[Address],
    *,
    within: float | None,
    options: Sequence[Any],
    known: Known,
    check: Callable[[], None],
) -> socket.socket:
    """Return a connection to one of several addresses; `within` is its timeout, too.

    Args:
        found: at least one, in the order of the system's preference.
        within: seconds that all of it may take; None: as long as it takes.
        options: for each socket, before it connects.
        known: of the host; it is told what was found out.
        check: raises what ends the attempt; called several times a second.

    Raises:
        OSError: none of them took it: the error that says most.
    """
    race = _Race(options)
    tried = in_turn(found, known.usual)
    try:
        made, address = race.run(tried, within, check)
    finally:
        race.close()
    if address != tried[0]:
        known.usual = address
    made.settimeout(within)
    return made


class _Race:
    """Attempts to connect, side by side. One thread owns it."""

    def __init__(self, options: Sequence[Any]) -> None:
        self._options = options
        self._selector = _Selector()
        self._errors: list[OSError] = []

    def run(
        self, addresses: Sequence[Address], within: float | None, check: Callable[[], None]
    ) -> tuple[socket.socket, Address]:
        """Return the first that connects, and where it leads; `close` ends the others."""
        left = deque(addresses)
        now = next_at = time.monotonic()
        ends = math.inf if within is None else now + within
        while left or self._selector.get_map():
            check()
            if now >= ends:
                self._errors.append(TimeoutError("nobody answered"))
                break
            failures = len(self._errors)
            if left and now >= next_at:
                next_at = now + _STAGGER
                first = self._start(left.popleft())
            else:
                first = self._wait(min(next_at if left else now + _STAGGER, ends) - now)
            if first is not None:
                return first
            now = time.monotonic()
            if len(self._errors) > failures:
                next_at = now
        raise most_telling(self._errors)

    def close(self) -> None:
        """Close every attempt that is under way still."""
        for key in self._selector.get_map().values():
            _socket_of(key).close()
        self._selector.close()

    def _start(self, address: Address) -> tuple[socket.socket, Address] | None:
        try:
            attempt = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            self._errors.append(error)
            return None
        try:
            for option in self._options:
                attempt.setsockopt(*option)
            attempt.settimeout(0.0)
            number = attempt.connect_ex(address.place)
            if number in _UNDER_WAY:
                self._selector.register(attempt, selectors.EVENT_WRITE, address)
                return None
        except OSError as error:
            attempt.close()
            self._errors.append(error)
            return None
        except BaseException:
            attempt.close()
            raise
        return self._ended(attempt, address, number)

    def _wait(self, seconds: float) -> tuple[socket.socket, Address] | None:
        for key, _ in self._selector.select(seconds):
            attempt = _socket_of(key)
            number = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._selector.unregister(attempt)
            first = self._ended(attempt, key.data, number)
            if first is not None:
                return first
        return None

    def _ended(
        self, attempt: socket.socket, address: Address, number: int
    ) -> tuple[socket.socket, Address] | None:
        if number == 0:
            return attempt, address
        attempt.close()
        self._errors.append(OSError(number, os.strerror(number)))
        return None


def _socket_of(key: selectors.SelectorKey) -> socket.socket:
    assert isinstance(key.fileobj, socket.socket)
    return key.fileobj
