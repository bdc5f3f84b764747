"""Servers that ask to wait, allow few connections, go silent or drip; redirects and secrets."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.engine.gate import Gate
from segdl.errors import CancelledError, NetworkError, ServerError
from segdl.options import NetworkOptions
from segdl.progress.events import Event, Note, Retrying, Waiting
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

MIB = 1024 * 1024
SIZE = 3 * MIB + 12345
CONTENT = data.content(SIZE)
SHORT = {"connect_timeout": 0.3, "stall_timeout": 0.4}

# -- Retry-After --


@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_nothing_is_asked_before_the_time(
    origin: Any, tmp_path: Path, index: int, status: int, as_date: bool
) -> None:
    refusal = f.Status(status, retry_after=1, as_date=as_date)
    cut = f.CutAfter(100_000)
    served = origin(CONTENT, faults=lambda _, n: refusal if n == index else cut if n < 3 else None)
    fetched = fetch(served.url, tmp_path, connections=1).is_whole(CONTENT)
    waited = served.requests[index + 1].time - served.requests[index].time
    # A date says no more than the whole second.
    assert (0.5 if as_date else 1.0) <= waited < 3.0
    assert any("asks to wait" in event.reason for event in fetched.told(Waiting))


def test_nobody_asks_while_the_server_rests(origin: Any, tmp_path: Path) -> None:
    rest = f.Status(503, retry_after=1)
    served = origin(CONTENT, faults=lambda _, n: rest if 1 <= n < 4 else None)
    fetch(served.url, tmp_path, connections=4).is_whole(CONTENT)
    times = [request.time for request in served.requests]
    assert len(times) <= 12
    # Those that were on their way already, then silence.
    assert max(b - a for a, b in pairwise(times)) >= 0.9


def test_a_server_that_names_no_time_is_left_alone_by_all_files(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would else find out by itself, at the server's cost."""
    told: list[tuple[float | None, float]] = []
    real = Gate.refused

    def refused(gate: Gate, after: float | None, delay: float, *, known: bool) -> None:
        told.append((after, delay))
        real(gate, after, delay, known=known)

    monkeypatch.setattr(Gate, "refused", refused)
    served = origin(CONTENT, faults=lambda _, n: f.Status(429) if n < 3 else None)
    fetch(served.url, tmp_path, connections=1).is_whole(CONTENT)
    assert [after for after, _ in told] == [None] * 3
    assert all(delay > 0 for _, delay in told)


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("connections", [1, 4])
def test_asking_to_wait_for_a_day(
    origin: Any, tmp_path: Path, first: int, connections: int
) -> None:
    absurd = f.Status(429, retry_after=100_000)
    cut = f.CutAfter(100_000)
    served = origin(CONTENT, faults=lambda _, n: absurd if n >= first else cut)
    fetched = fetch(served.url, tmp_path, connections=connections)
    error = fetched.failed(ServerError, parts=bool(first))
    assert "asks to wait" in error.hint
    assert fetched.seconds < 3
    assert len(served.requests) <= first + 8


def test_a_second_file_heeds_what_the_first_was_told(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.Status(429, retry_after=100_000)))
    began = time.monotonic()
    outcomes = list(
        segdl.download_many(
            [segdl.Request(url=served.url, directory=tmp_path, name=name) for name in "abc"],
            max_files=1,
        )
    )
    assert [type(getattr(outcome, "error", None)) for outcome in outcomes] == [ServerError] * 3
    assert len(served.requests) == 1
    assert time.monotonic() - began < 3


def test_cancelled_in_a_wait(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.Status(503, retry_after=60)))
    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    fetched = fetch(served.url, tmp_path, cancel=cancel)
    timer.join()
    fetched.failed(CancelledError, parts=False)
    assert fetched.seconds < 1.5


# -- fewer connections than wanted --


@pytest.mark.parametrize("connections", [8, 16, 32])
@pytest.mark.parametrize("refusal", [429, 503])
def test_settles_at_what_the_server_allows(
    origin: Any, tmp_path: Path, connections: int, refusal: int
) -> None:
    slow = f.Drip(chunk=8192, interval=0.004)
    served = origin(CONTENT, limit=2, refusal=refusal, faults=f.always(slow))
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(CONTENT)
    assert served.refused <= 20
    assert served.peak == 2
    assert any("no more connections" in note.text for note in fetched.told(Note))


def test_a_limit_with_retry_after(origin: Any, tmp_path: Path) -> None:
    slow = f.Drip(chunk=8192, interval=0.002)
    served = origin(CONTENT, limit=2, retry_after=1, faults=f.always(slow))
    fetch(served.url, tmp_path).is_whole(CONTENT)
    assert served.refused <= 20


@pytest.mark.parametrize("how", ["close", "reset", "silence"])
def test_a_limit_that_is_not_told(origin: Any, tmp_path: Path, how: str) -> None:
    # A segment takes longer than the silence: others stream when it is over.
    served = origin(
        CONTENT, faults=f.always(f.Drip(chunk=8192, interval=0.012 if how == "silence" else 0.003))
    )
    lock = threading.Lock()
    busy = turned_away = 0

    def handle(request: Request, connection: Connection) -> bool:
        nonlocal busy, turned_away
        with lock:
            admitted = busy < 2
            busy += admitted
            turned_away += not admitted
        if admitted:
            try:
                return bool(served.serve(request, connection))
            finally:
                with lock:
                    busy -= 1
        if how == "silence":
            connection.stall()
        connection.reset() if how == "reset" else connection.close()
        return False

    served.routes[served.path] = handle
    network = {"connect_timeout": 0.3, "stall_timeout": 0.3}
    fetch(served.url, tmp_path, network=network, retries=2).is_whole(CONTENT)
    assert turned_away <= 20


# -- silence and drips --


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("fault", [f.StallAfter(0), f.StallAfter(50_000), f.Drip(1, 0.1)])
def test_one_connection_goes_silent(
    origin: Any, tmp_path: Path, fault: f.Fault, index: int
) -> None:
    served = origin(CONTENT, faults=f.on(index, fault=fault))
    fetched = fetch(served.url, tmp_path, connections=4, network=SHORT).is_whole(CONTENT)
    assert fetched.seconds < 3


@pytest.mark.parametrize("fault", [f.StallAfter(0), f.Drip(1, 0.1)], ids=repr)
def test_all_connections_go_silent(origin: Any, tmp_path: Path, fault: f.Fault) -> None:
    served = origin(CONTENT, faults=f.always(fault))
    fetched = fetch(served.url, tmp_path, connections=2, network=SHORT, retries=2)
    fetched.failed(NetworkError, parts=isinstance(fault, f.Drip))
    assert fetched.seconds < 4
    assert len(served.requests) <= 6


def forever(head: bytes, drop: bytes, interval: float) -> Callable[[Request, Connection], bool]:
    def handler(request: Request, connection: Connection) -> bool:
        connection.send(head)
        while True:
            connection.send(drop)
            connection.pause(interval)

    return handler


DRIPS = [
    (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x"),
    (b"", b"H"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
]


@pytest.mark.parametrize(("head", "drop"), DRIPS)
def test_headers_that_drip_forever(tmp_path: Path, head: bytes, drop: bytes) -> None:
    with ScriptedServer(forever(head, drop, 0.05)) as server:
        fetched = fetch(server.url(), tmp_path, network=SHORT, retries=1)
        assert fetched.seconds < 1.5
        assert len(server.requests) == 1
    assert "no answer in time" in str(fetched.failed(NetworkError, parts=False))


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("head", "drop"), [(b"", b"H"), (b"HTTP/1.1 200 OK\r\nX: ", b"x")])
def test_a_proxy_that_drips_forever(
    authority: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    head: bytes,
    drop: bytes,
    secure: bool,
) -> None:
    # By what the system trusts, whatever --cacert says of origins.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.cacert))
    context = authority.server_context() if secure else None
    with ScriptedServer(forever(head, drop, 0.05), tls=context) as proxy:
        network = SHORT | {"proxy": proxy.url("")}
        fetched = fetch("https://127.0.0.1:9/file.bin", tmp_path, network=network, retries=1)
        assert [request.method for request in proxy.requests] == ["CONNECT"]
    assert "no answer in time" in str(fetched.failed(NetworkError, parts=False))


@pytest.mark.parametrize(("head", "drop"), DRIPS)
def test_headers_that_drip_in_the_middle(
    origin: Any, tmp_path: Path, head: bytes, drop: bytes
) -> None:
    served = origin(CONTENT)
    drip = forever(head, drop, 0.05)
    served.routes[served.path] = lambda request, connection: (
        drip(request, connection)
        if len(served.requests) == 3
        else served.serve(request, connection)
    )
    fetched = fetch(served.url, tmp_path, connections=4, network=SHORT).is_whole(CONTENT)
    assert fetched.seconds < 3


def test_trailers_without_end(tmp_path: Path) -> None:
    head = (
        b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"a\r\n0123456789\r\n0\r\n"
    )
    with ScriptedServer(forever(head, b"X: y\r\n", 0.02)) as server:
        fetched = fetch(server.url(), tmp_path, network=SHORT)
        assert fetched.seconds < 3
        assert len(server.requests) <= 3
    fetched.is_whole(b"0123456789")


# -- redirects and secrets --


def test_many_redirects_then_the_file(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT[:1000])
    for number in range(20):
        target = f"/hop{number + 1}" if number < 19 else served.path
        served.routes[f"/hop{number}"] = hop(served, target)
    fetch(served.server.url("/hop0"), tmp_path).is_whole(CONTENT[:1000])


def hop(served: Any, target: str) -> Callable[[Request, Connection], bool]:
    def handle(request: Request, connection: Connection) -> bool:
        connection.send(
            f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        return True

    return handle


def test_redirects_without_end(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    count = 0

    def handle(request: Request, connection: Connection) -> bool:
        nonlocal count
        count += 1
        return bool(hop(served, f"/file.bin?{count}")(request, connection))

    served.routes[served.path] = handle
    assert "circle" in str(fetch(served.url, tmp_path).failed(ServerError, parts=False))
    assert len(served.requests) == 21


def test_from_https_to_http(origin: Any, tmp_path: Path, authority: Any) -> None:
    plain = origin(CONTENT)
    safe = origin(CONTENT, tls=authority.server_context(), faults=f.always(f.RedirectTo(plain.url)))
    network = {"cacert": authority.cacert}
    error = fetch(safe.url, tmp_path, network=network).failed(ServerError, parts=False)
    assert "https to http" in str(error)
    assert plain.requests == []


@pytest.mark.parametrize("in_url", [True, False])
def test_secrets_stay_with_their_origin(origin: Any, tmp_path: Path, in_url: bool) -> None:
    served = origin(CONTENT)
    served.routes["/start"] = hop(served, served.other_url)
    headers = (("X-Api-Key", "k3y"), ("Cookie", "session=c00kie"))
    if in_url:
        url = served.server.url("/start").replace("//", "//me:pa55@")
        network = NetworkOptions(headers=headers)
    else:
        url = served.server.url("/start")
        network = NetworkOptions(headers=headers, user=("me", "pa55"))
    segdl.download(url, tmp_path / NAME, network=network, connections=4)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    for request in served.requests:
        ours = request.path == "/start"
        assert ("authorization" in request.fields) == ours
        assert ("x-api-key" in request.fields) == ours
        assert ("cookie" in request.fields) == ours
    kept = [request for request in served.requests if request.path == "/start"]
    assert len(kept) == 1


def test_a_header_authorization_stays_too(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    served.routes["/start"] = hop(served, served.other_url)
    network = {"headers": (("authorization", "Bearer t0ken"),)}
    fetch(served.server.url("/start"), tmp_path, network=network).is_whole(CONTENT)
    assert served.requests[0].fields["authorization"] == "Bearer t0ken"
    assert not any("authorization" in request.fields for request in served.requests[1:])


def test_a_connection_that_is_closed_when_it_is_used_again(origin: Any, tmp_path: Path) -> None:
    """A server may close what is idle at that very moment: no failure, and nothing to wait for."""
    content = b"something small"
    served = origin(content)
    asked: Counter[int] = Counter()

    def handle(request: Request, connection: Connection) -> bool:
        asked[request.connection] += 1
        return asked[request.connection] == 1 and bool(served.serve(request, connection))

    served.routes[served.path] = handle
    waits: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, Waiting | Retrying):
            waits.append(event)

    requests = [segdl.Request(url=served.url, directory=tmp_path / str(n)) for n in range(12)]
    outcomes = list(segdl.download_many(requests, max_files=2, on_event=note))
    assert all(isinstance(outcome, segdl.DownloadResult) for outcome in outcomes)
    assert waits == []
    assert max(asked.values()) == 2


def test_a_server_that_always_closes_is_not_asked_for_ever(origin: Any, tmp_path: Path) -> None:
    served = origin(b"x", faults=f.always(f.EmptyReply()))
    fetched = fetch(served.url, tmp_path, retries=3)
    assert isinstance(fetched.error, NetworkError)
    assert len(served.requests) == 3
