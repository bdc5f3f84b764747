"""net/records.py: bytes out of TLS as far as they are there."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from segdl.net.records import take_what_came

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from support.tls import Authority

_SENT = bytes(range(256)) * 1000


@pytest.fixture(params=["bids farewell", "just ends"])
def secure(request: pytest.FixtureRequest, authority: Authority) -> Iterator[ssl.SSLSocket]:
    """Return a connection whose other end sends `_SENT`, in records, and ends."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        served = authority.server_context().wrap_socket(theirs, server_side=True)
        served.sendall(_SENT)
        if request.param == "bids farewell":
            # What it waits for then is ours, which never comes.
            served.settimeout(0.2)
            try:
                served.unwrap()
            except OSError:
                pass
        served.close()

    server = threading.Thread(target=serve)
    server.start()
    wrapped = authority.client_context().wrap_socket(ours, server_hostname="localhost")
    wrapped.settimeout(10.0)
    yield wrapped
    wrapped.close()
    server.join()


@pytest.mark.parametrize("step", [1000, 16 * 1024, 1024 * 1024])
def test_all_that_was_sent_is_taken_and_then_the_end(secure: ssl.SSLSocket, step: int) -> None:
    taken = bytearray()
    room = memoryview(bytearray(step))
    while count := take_what_came(secure, room):
        taken += room[:count]
    assert bytes(taken) == _SENT
    assert secure.gettimeout() == 10.0


def test_who_sends_nothing_is_not_waited_for_for_ever(authority: Authority) -> None:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with authority.server_context().wrap_socket(theirs, server_side=True) as served:
            served.recv(1)

    server = threading.Thread(target=serve)
    server.start()
    with authority.client_context().wrap_socket(ours, server_hostname="localhost") as wrapped:
        wrapped.settimeout(0.05)
        with pytest.raises(TimeoutError):
            take_what_came(wrapped, memoryview(bytearray(10)))
    server.join()
