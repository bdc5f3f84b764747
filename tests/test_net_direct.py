"""Requests without a library: which connections are used again, and what a library reads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from segdl.core.url import Origin, parse_url
from segdl.net.failures import TransferError
from segdl.net.idle import IdleConnections
from segdl.net.transport import Transport
from segdl.net.wire import Wire
from segdl.options import NetworkOptions
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from support.connection import Connection
    from support.request import Request

HEADERS = {"User-Agent": "test", "Accept-Encoding": "identity"}
OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = OK + b"Content-Length: 5\r\n\r\n"
BODY = b"12345"
# RFC 8297: the length is of what follows, and no body of its own comes after it.
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(NetworkOptions(stall_timeout=5), connections=4)
    yield made
    made.close()


def ask(transport: Transport, server: ScriptedServer, *, chunk: int = 65536) -> bytes:
    exchange = transport.open(parse_url(server.url()), HEADERS, Wire())
    try:
        body = b""
        while data := exchange.read(chunk):
            body += data
        exchange.finish()
        return body
    finally:
        # Harmless, whoever uses the connection by now.
        exchange.close()


def answering(*answers: bytes) -> ScriptedServer:
    """Return a server that gives each answer in turn, and keeps the connection."""
    left = list(answers)

    def handler(request: Request, connection: Connection) -> bool:
        connection.send(left.pop(0))
        return True

    return ScriptedServer(handler)


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN + BODY,
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + BODY,
        HINTS + PLAIN + BODY,
        HINTS * 5 + b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + BODY,
        b"HTTP/1.1 102 Processing\r\n\r\n" * 16 + PLAIN + BODY,
        b"HTTP/1.1 199 New\n\n" + PLAIN + BODY,
        PLAIN.replace(b"\r\n", b"\n") + BODY,
    ],
)
def test_a_connection_is_used_again(transport: Transport, answer: bytes) -> None:
    with answering(answer, PLAIN + BODY, answer) as server:
        for _ in range(3):
            assert ask(transport, server) == BODY
        assert server.accepted == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\n" + BODY,
        OK + b"Content-Length: 5, 5\r\n\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n" + BODY,
        PLAIN + BODY + b"and what nobody asked for",
        PLAIN + BODY + PLAIN + b"wrong",
    ],
)
def test_a_connection_that_cannot_be_used_again(transport: Transport, answer: bytes) -> None:
    with answering(answer, PLAIN + BODY) as server:
        assert ask(transport, server) == BODY
        assert ask(transport, server) == BODY
        assert server.accepted == 2


def test_what_comes_between_two_requests_is_no_answer(transport: Transport) -> None:
    def handler(request: Request, connection: Connection) -> bool:
        connection.send(PLAIN + BODY)
        time.sleep(0.05)
        connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        return True

    with ScriptedServer(handler) as server:
        assert ask(transport, server) == BODY
        time.sleep(0.3)
        assert ask(transport, server) == BODY
        assert server.accepted == 2


def test_a_body_that_is_not_read_to_its_end(transport: Transport) -> None:
    with answering(PLAIN + BODY, PLAIN + BODY) as server:
        exchange = transport.open(parse_url(server.url()), HEADERS, Wire())
        assert exchange.read(2) == b"12"
        exchange.finish()
        assert ask(transport, server) == BODY
        assert server.accepted == 2


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "head",
    [
        OK + b"Content-Length: 200000\r\nX: " + b"y" * 3000 + b"\r\n\r\n",
        OK + b"Content-Length: 200000\r\nX: " + b"y" * 30_000 + b"\r\n\r\n",
        OK + b"Content-Length: 200000\n\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 200000\r\n\r\n",
    ],
)
def test_heads_in_pieces(transport: Transport, head: bytes, size: int) -> None:
    """The body is the same, whoever reads the head, and in whatever pieces it comes."""
    body = bytes(range(250)) * 800

    def handler(request: Request, connection: Connection) -> None:
        for at in range(0, 100, size):
            connection.send(head[at : min(at + size, 100)])
        connection.send(head[100:] + body)

    with ScriptedServer(handler) as server:
        for chunk in (65536, 10_000, 1 << 20):
            assert ask(transport, server, chunk=chunk) == body


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "connection reset"),
        (OK, "connection reset"),
        (OK + b"Content-Length: 5", "connection reset"),
        (PLAIN + b"123", "closed early"),
        (b"SSH-2.0-x\r\n", "not HTTP"),
        (HINTS, "connection reset"),
        (HINTS[:-2], "connection reset"),
        (HINTS + OK, "connection reset"),
        (HINTS * 17 + PLAIN + BODY, "more than 16 interim responses"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + PLAIN + BODY, "more than 16 interim"),
        (HINTS[:-2] + b"X: y\r\n" * 1000, "not HTTP"),
        (OK + b"X: y\r\n" * 1000, "not HTTP"),
        (OK + b"X: " + b"y" * 70_000, "not HTTP"),
        (OK + b"a secret\r\nContent-Length: 5\r\n\r\n123", "its head is no field$"),
        (HINTS[:-2] + b"no field\r\n\r\n" + PLAIN + BODY, "no field"),
    ],
)
def test_answers_that_are_none(transport: Transport, answer: bytes, why: str) -> None:
    def handler(request: Request, connection: Connection) -> bool:
        connection.send(answer)
        return False

    with ScriptedServer(handler) as server:
        with pytest.raises(TransferError, match=why):
            ask(transport, server)
        assert len(server.requests) == 1


def test_a_wire_that_was_aborted(transport: Transport) -> None:
    with answering(PLAIN + BODY, PLAIN + BODY) as server:
        assert ask(transport, server) == BODY
        wire = Wire()
        wire.abort()
        with pytest.raises(TransferError):
            transport.open(parse_url(server.url()), HEADERS, wire)
        assert len(server.requests) == 1


class Kept:
    """A connection of which only the end is of interest."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def keep(idle: IdleConnections, host: str) -> Kept:
    kept: Any = Kept()
    idle.keep(Origin("http", host, 80), kept)
    return cast("Kept", kept)


def test_the_last_one_that_was_kept_is_used_first() -> None:
    idle = IdleConnections(2, 10)
    first, second, third = (keep(idle, "a") for _ in range(3))
    assert [first.closed, second.closed, third.closed] == [True, False, False]
    assert idle.take(Origin("http", "b", 80)) is None
    taken: list[object] = [idle.take(Origin("http", "a", 80)) for _ in range(3)]
    assert taken == [third, second, None]


def test_so_many_are_kept_of_all_origins() -> None:
    idle = IdleConnections(2, 3)
    first, second, third = keep(idle, "a"), keep(idle, "b"), keep(idle, "a")
    fourth = keep(idle, "c")
    # b was used least lately.
    assert [first.closed, second.closed, third.closed, fourth.closed] == [
        False,
        True,
        False,
        False,
    ]
    idle.close()
    late = keep(idle, "a")
    assert first.closed
    assert third.closed
    assert fourth.closed
    assert late.closed
    assert idle.take(Origin("http", "a", 80)) is None


def test_tls_is_told_a_name_without_the_dot_at_its_end(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6066, 3: servers look their certificates up by it."""
    hello: list[bytes] = []
    really = socket.getaddrinfo

    def look_up(host: str, *rest: Any) -> Any:
        return really(host.removesuffix("."), *rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with server.accept()[0] as connected:
                hello.append(connected.recv(4096))

        listening = threading.Thread(target=listen)
        listening.start()
        url = f"https://localhost.:{server.getsockname()[1]}/"
        with pytest.raises(TransferError):
            transport.open(parse_url(url), HEADERS, Wire())
        listening.join()
    assert b"localhost" in hello[0]
    assert b"localhost." not in hello[0]
