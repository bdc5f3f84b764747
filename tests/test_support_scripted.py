"""The scripted server does what it is told, and always ends."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from support.connection import Connection
    from support.request import Request
    from support.tls import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_all(port: int, text: bytes = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(text)
        received = b""
        while data := client.recv(65536):
            received += data
        return received


def answer(request: Request, connection: Connection) -> None:
    connection.send(OK)


def answer_and_close(request: Request, connection: Connection) -> bool:
    connection.send(OK)
    return False


def test_records_what_was_asked() -> None:
    with ScriptedServer(answer) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        client.request("GET", "/x?a=1&b=", headers={"Range": "bytes=5-", "X-Twice": "1"})
        assert client.getresponse().read() == b"ok"
        client.request("POST", "/y", body=b"hello", headers={"Range": "bytes=-7"})
        assert client.getresponse().read() == b"ok"
        client.close()
        first, second = server.requests
    assert (first.method, first.target, first.path) == ("GET", "/x?a=1&b=", "/x")
    assert first.query == {"a": "1", "b": ""}
    assert first.range == (5, None)
    assert first.fields["x-twice"] == "1"
    assert ("X-Twice", "1") in first.headers
    assert (second.body, second.range) == (b"hello", (None, 7))
    assert first.connection == second.connection == 0, "the connection was kept"
    assert first.time <= second.time


def test_handler_decides_whether_the_connection_is_kept() -> None:
    with ScriptedServer(answer_and_close) as server:
        assert read_all(server.port) == OK

    def set_keep(request: Request, connection: Connection) -> None:
        connection.send(OK)
        connection.keep = False

    with ScriptedServer(set_keep) as server:
        assert read_all(server.port) == OK


def test_close_and_reset_differ() -> None:
    def close(request: Request, connection: Connection) -> None:
        connection.send(b"x" * 1000)
        connection.close()

    def reset(request: Request, connection: Connection) -> None:
        connection.send(b"x" * 1000)
        connection.reset()

    with ScriptedServer(close) as server:
        assert read_all(server.port) == b"x" * 1000
    with ScriptedServer(reset) as server, pytest.raises(ConnectionResetError):
        read_all(server.port)


def test_bytes_sent_before_a_reset_arrive() -> None:
    def reset(request: Request, connection: Connection) -> None:
        connection.send(b"x" * 100_000)
        connection.reset()

    received = 0
    with ScriptedServer(reset) as server, socket.socket() as client:
        # A small window and a late reader: most of it still waits at the server by then.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(5)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        with pytest.raises(ConnectionResetError):  # noqa: PT012  what came before counts
            while data := client.recv(65536):
                received += len(data)
    assert received == 100_000


def test_drip_takes_its_time() -> None:
    def drip(request: Request, connection: Connection) -> bool:
        connection.drip(b"abcdef", 2, 0.03)
        return False

    with ScriptedServer(drip) as server:
        begun = time.monotonic()
        assert read_all(server.port) == b"abcdef"
        assert time.monotonic() - begun >= 0.06


def test_stall_ends_with_the_client_and_with_the_server() -> None:
    def stall(request: Request, connection: Connection) -> None:
        connection.stall()

    with ScriptedServer(stall) as server:
        impatient = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        impatient.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert server.wait_until(lambda: server.in_flight == 1)
        impatient.close()
        assert server.wait_until(lambda: server.in_flight == 0)

        patient = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        patient.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert server.wait_until(lambda: server.in_flight == 1)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    with patient:
        assert patient.recv(10) == b""


def test_counts_what_goes_on_at_once() -> None:
    together = threading.Barrier(3, timeout=5)

    def meet(request: Request, connection: Connection) -> None:
        together.wait()
        connection.send(OK)

    with ScriptedServer(meet) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for client in clients:
            client.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        for client in clients:
            assert client.recv(100)
            client.close()
        assert server.wait_until(lambda: server.open_connections == 0)
        assert server.peak_connections == server.peak_in_flight == server.accepted == 3


def test_an_exception_in_a_handler_fails_the_test() -> None:
    def broken(request: Request, connection: Connection) -> None:
        raise ZeroDivisionError

    with pytest.raises(AssertionError, match="handler"), ScriptedServer(broken) as server:
        read_all(server.port)


def test_stops_with_idle_and_half_done_clients() -> None:
    with ScriptedServer(answer) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        half = socket.create_connection(("127.0.0.1", server.port))
        half.sendall(b"GET /a HT")
        assert server.wait_until(lambda: server.open_connections == 2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    idle.close()
    half.close()


def test_stops_while_it_sends_to_a_client_that_does_not_read() -> None:
    def flood(request: Request, connection: Connection) -> None:
        while True:
            connection.send(b"x" * 65536)

    with ScriptedServer(flood) as server:
        deaf = socket.create_connection(("127.0.0.1", server.port))
        deaf.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert server.wait_until(lambda: server.in_flight == 1)
        time.sleep(0.05)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    deaf.close()


def test_speaks_tls(authority: Authority) -> None:
    with ScriptedServer(answer_and_close, tls=authority.server_context()) as server:
        assert server.url("/x").startswith("https://127.0.0.1:")
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
            authority.client_context().wrap_socket(plain, server_hostname="127.0.0.1") as client,
        ):
            client.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            received = b""
            while data := client.recv(100):
                received += data
        assert received == OK
        # Strangers and silent ones do it no harm.
        silent = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    silent.close()
