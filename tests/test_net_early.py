"""net/early.py: the connection that is begun before the program is loaded."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from segdl.core.url import Origin, parse_url
from segdl.net.early import Early
from segdl.net.failures import TransferError
from segdl.net.transport import Transport
from segdl.net.wire import AbortedError, Wire
from segdl.options import NetworkOptions
from support import data
from support.addresses import DeadAddress, needs_backlogs
from support.program import run_segdl, start_segdl
from support.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.origin import Origin as Served

FOR_EVER = 3600.0
CONTENT = data.content(300_000)
USUAL = {"User-Agent": "test", "Accept-Encoding": "identity"}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        yield listener


def origin_of(place: tuple[str, int]) -> Origin:
    return Origin("http", *place)


def nothing() -> None:
    """Let a wait go on."""


def test_who_asks_first_has_it(listener: socket.socket) -> None:
    early = Early(origin_of(listener.getsockname()), within=FOR_EVER)
    made = early.take(nothing)
    assert made is not None
    with made, listener.accept()[0] as peer:
        peer.sendall(b"x")
        assert made.recv(1) == b"x"
        assert early.take(nothing) is None
        early.close()
        peer.sendall(b"y")
        assert made.recv(1) == b"y"


def test_what_nobody_asked_for_is_closed(listener: socket.socket) -> None:
    early = Early(origin_of(listener.getsockname()), within=FOR_EVER)
    with listener.accept()[0] as peer:
        early.close()
        peer.settimeout(10.0)
        assert peer.recv(1) == b""
    assert early.take(nothing) is None


def test_why_there_is_none_is_told_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = gone.getsockname()
    early = Early(origin_of(place), within=FOR_EVER)
    with pytest.raises(ConnectionRefusedError):
        early.take(nothing)
    assert early.take(nothing) is None


def test_a_name_that_is_none() -> None:
    with pytest.raises(UnicodeError):
        Early(Origin("http", "a" * 80, 80), within=FOR_EVER).take(nothing)


@needs_backlogs
def test_a_wait_for_it_can_be_ended() -> None:
    with DeadAddress() as dead:
        early = Early(origin_of(dead.place), within=FOR_EVER)
        with pytest.raises(AbortedError):
            early.take(abort)
        early.close()
        # Its thread sees that, too, though nobody ever answers.
        assert early.take(nothing) is None


def abort() -> None:
    raise AbortedError


@needs_backlogs
def test_its_time_is_the_time_to_connect() -> None:
    with DeadAddress() as dead, pytest.raises(TimeoutError):
        Early(origin_of(dead.place), within=0.3).take(nothing)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_first_request_goes_out_over_it(
    origin: Callable[..., Served], authority: Authority, scheme: str
) -> None:
    served = origin(CONTENT, tls=authority.server_context() if scheme == "https" else None)
    place = parse_url(served.url)
    options = NetworkOptions(cacert=authority.cacert)
    early = Early(place.origin, within=FOR_EVER)
    with closing(Transport(options, connections=2, early=early)) as transport:
        for _ in range(2):
            with closing(transport.open(place, USUAL, Wire())) as exchange:
                assert exchange.head.status == 200
        assert [request.connection for request in served.requests] == [0, 1]


def test_a_request_elsewhere_leaves_it_alone(origin: Callable[..., Served]) -> None:
    served = origin(CONTENT)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        early = Early(origin_of(other.getsockname()), within=FOR_EVER)
        with closing(Transport(NetworkOptions(), connections=1, early=early)) as transport:
            transport.open(parse_url(served.url), USUAL, Wire()).close()
            other.settimeout(10.0)
            with other.accept()[0] as peer:
                transport.close()
                peer.settimeout(10.0)
                assert peer.recv(1) == b""


def test_why_it_failed_is_what_the_request_tells() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = parse_url("http://{}:{}/f".format(*gone.getsockname()))
    early = Early(place.origin, within=FOR_EVER)
    with closing(Transport(NetworkOptions(), connections=1, early=early)) as transport:
        with pytest.raises(TransferError) as failure:
            transport.open(place, USUAL, Wire())
        assert "refused" in str(failure.value.error)


@pytest.mark.parametrize("options", [[], ["-j", "1"], ["--limit-rate", "100M"]])
def test_the_program_makes_no_connection_more(
    origin: Callable[..., Served], tmp_path: Path, options: list[str]
) -> None:
    served = origin(CONTENT)
    assert run_segdl("-q", *options, "-d", str(tmp_path), served.url).code == 0
    # One that was made for nothing would have been the first.
    assert {request.connection for request in served.requests} == {0}


def test_what_goes_by_a_proxy_does_not_go_there_besides(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.0)
        url = "http://{}:{}/f".format(*server.getsockname())
        with closing(socket.create_server(("127.0.0.1", 0))) as gone:
            proxy = "http://{}:{}".format(*gone.getsockname())
        for words, env in (([], {"http_proxy": proxy}), (["--proxy", proxy], None)):
            how = ["-q", "--retries", "1", "-d", str(tmp_path), *words, url]
            assert run_segdl(*how, env=env).code == 3
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["-u", "me"], b"no password"),
        (["--key", "key.pem"], b"needs its certificate"),
        (["--endpoint-url", "http://me:secret@store"], b"takes no user"),
    ],
)
def test_no_server_is_connected_to_for_what_is_refused(
    listener: socket.socket, tmp_path: Path, options: list[str], why: bytes
) -> None:
    listener.settimeout(0.0)
    url = "http://{}:{}/f".format(*listener.getsockname())
    ended = run_segdl("-q", *options, "-d", str(tmp_path), url)
    assert ended.code == 2
    assert why in ended.stderr
    with pytest.raises(BlockingIOError):
        listener.accept()


@needs_backlogs
def test_a_signal_ends_the_wait_for_it(tmp_path: Path) -> None:
    with DeadAddress() as dead:
        url = "http://{}:{}/f".format(*dead.place)
        with start_segdl("-q", "--connect-timeout", "600", "-d", str(tmp_path), url) as program:
            began = time.monotonic()
            while not is_connecting(dead.place):
                assert time.monotonic() < began + 20.0
                time.sleep(0.02)
            program.terminate()
            assert program.wait(20.0) in {130, 143}


def is_connecting(place: tuple[str, int]) -> bool:
    """Tell whether somebody other than the one that keeps it dead waits for a place."""
    port = f":{place[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[2].endswith(port) and row[3] == "02" for row in rows) > 1


def test_threads_are_not_left_behind(listener: socket.socket) -> None:
    early = Early(origin_of(listener.getsockname()), within=FOR_EVER)
    made = early.take(nothing)
    assert made is not None
    made.close()
    began = time.monotonic()
    while any(thread.name == "segdl-early" for thread in threading.enumerate()):
        assert time.monotonic() < began + 10.0
        time.sleep(0.01)
