"""Names that stand for addresses of a test's choosing, and an address where nobody answers."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import TracebackType

needs_backlogs = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a full backlog refuses, and 127.0.0.2 is not there"
)
# More than any kernel makes of a backlog of none.
_MOST = 64
_AT_ONCE = 0.2  # seconds in which the loopback takes a connection if it takes it


class DeadAddress:
    """Drops whoever wants to connect, without a word: its backlog is full.

    Attributes:
        place: host and port.
    """

    def __init__(self, host: str = "127.0.0.2") -> None:
        self._listener = socket.socket()
        self._waiting: list[socket.socket] = []
        self._listener.bind((host, 0))
        self._listener.listen(0)
        self.place: tuple[str, int] = self._listener.getsockname()

    def __enter__(self) -> DeadAddress:
        for _ in range(_MOST):
            waiting = socket.socket()
            waiting.settimeout(_AT_ONCE)
            self._waiting.append(waiting)
            try:
                waiting.connect(self.place)
            except TimeoutError:
                return self
        raise AssertionError("its backlog is never full")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (*self._waiting, self._listener):
            each.close()

    def revive(self) -> None:
        """Take whoever waits, and who comes from now on."""
        self._listener.listen(_MOST)
        self._listener.settimeout(_AT_ONCE)
        with suppress(TimeoutError):
            while True:
                self._waiting.append(self._listener.accept()[0])


@contextmanager
def resolving(
    monkeypatch: pytest.MonkeyPatch, name: str, places: Sequence[tuple[str, int]]
) -> Iterator[list[str]]:
    """Have `name` stand for IPv4 addresses, whatever the port; yields what was looked up."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in {name, name.encode()}:
            return real(host, *args, **kwargs)
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        yield asked
