"""net/reach.py: hosts of several addresses, some of which nobody answers at.

No connection may take longer here than a test may: one that waits until an address is given
up never ends.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.addresses import Address
from segdl.core.url import parse_url
from segdl.errors import NetworkError
from segdl.net.failures import TransferError
from segdl.net.race import Known, connect
from segdl.net.transport import Transport
from segdl.net.wire import AbortedError, Wire
from segdl.options import NetworkOptions
from support import data
from support.addresses import DeadAddress, needs_backlogs, resolving
from support.fetching import fetch
from support.proxy import HttpProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOR_EVER = 3600.0
CONTENT = data.content(3 * 1024 * 1024 + 77)
USUAL = {"User-Agent": "test", "Accept-Encoding": "identity"}

pytestmark = needs_backlogs


@pytest.fixture
def dead() -> Iterator[DeadAddress]:
    with DeadAddress() as dead:
        yield dead


@pytest.fixture
def live() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as live:
        yield live


def nothing() -> None:
    """Let an attempt go on."""


def at(place: tuple[str, int]) -> Address:
    return Address(socket.AF_INET, place)


def reach(*places: tuple[str, int], known: Known | None = None, **more: Any) -> socket.socket:
    return connect(
        [at(place) for place in places],
        **{
            "within": FOR_EVER,
            "options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            "known": known or Known(),
            "check": nothing,
            **more,
        },
    )


def nobody() -> tuple[str, int]:
    """Return where connections are refused."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place: tuple[str, int] = closed.getsockname()
    return place


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("silent", [0, 1, 3])
@pytest.mark.parametrize("refusing", [0, 1, 2])
def test_whoever_answers_is_taken(
    dead: DeadAddress, live: socket.socket, silent: int, refusing: int
) -> None:
    before = open_files()
    places = [dead.place] * silent + [nobody() for _ in range(refusing)] + [live.getsockname()]
    with reach(*places) as made:
        assert made.getpeername() == live.getsockname()
        assert made.gettimeout() == FOR_EVER
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert open_files() == before + 1
        taken, _ = live.accept()
        with taken:
            made.sendall(b"x")
            assert taken.recv(1) == b"x"
    assert open_files() == before


def test_what_took_a_connection_is_tried_first_from_then_on(
    dead: DeadAddress, live: socket.socket
) -> None:
    known, places = Known(), (dead.place, live.getsockname())
    reach(*places, known=known).close()
    assert known.usual == at(live.getsockname())
    dead.revive()
    with reach(*places, known=known) as made:
        assert made.getpeername() == live.getsockname()
    # What nobody knows better is as the system prefers it.
    with reach(*places) as made:
        assert made.getpeername() == dead.place


def test_what_takes_none_any_more_is_not_tried_first_again(
    dead: DeadAddress, live: socket.socket
) -> None:
    known = Known()
    known.usual = at(dead.place)
    reach(live.getsockname(), dead.place, known=known).close()
    assert known.usual == at(live.getsockname())


def test_the_first_that_answers_is_nothing_to_remember(live: socket.socket) -> None:
    known = Known()
    reach(live.getsockname(), nobody(), known=known).close()
    assert known.usual is None


@pytest.mark.parametrize(
    ("silent", "refusing", "kind"),
    [(0, 1, ConnectionRefusedError), (1, 2, ConnectionRefusedError), (2, 0, TimeoutError)],
)
def test_nobody_answers(dead: DeadAddress, silent: int, refusing: int, kind: type[OSError]) -> None:
    before = open_files()
    within = 0.3 if silent else FOR_EVER
    with pytest.raises(kind):
        reach(*[dead.place] * silent, *(nobody() for _ in range(refusing)), within=within)
    assert open_files() == before


def test_an_option_that_cannot_be_set(live: socket.socket) -> None:
    before = open_files()
    with pytest.raises(OSError, match="Protocol not available"):
        reach(live.getsockname(), options=[(socket.SOL_SOCKET, 9999, 1)])
    assert open_files() == before


def test_a_check_ends_it(dead: DeadAddress) -> None:
    before, left = open_files(), [nothing, nothing, nothing]

    def check() -> None:
        if not left:
            raise AbortedError
        left.pop()

    with pytest.raises(AbortedError):
        reach(dead.place, dead.place, check=check)
    assert open_files() == before


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(NetworkOptions(connect_timeout=FOR_EVER), connections=2)
    yield made
    made.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_thread_ends_it(transport: Transport, dead: DeadAddress, scheme: str) -> None:
    wire = Wire()
    threading.Timer(0.1, wire.abort).start()
    host, port = dead.place
    with pytest.raises(TransferError):
        transport.open(parse_url(f"{scheme}://{host}:{port}/"), USUAL, wire)


@pytest.mark.parametrize(
    ("scheme", "proxied", "limit"),
    [
        ("http", False, None),
        ("https", False, None),
        ("http", True, None),
        ("https", True, None),
        ("http", False, "100M"),
        ("https", False, "100M"),
    ],
)
def test_a_file(
    origin: Any,
    authority: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dead: DeadAddress,
    scheme: str,
    proxied: bool,
    limit: str | None,
) -> None:
    """Whichever way it goes, whoever is to be connected to has an address that is dead."""
    context = authority.server_context() if scheme == "https" else None
    served = origin(CONTENT, tls=context)
    network = {"connect_timeout": FOR_EVER, "cacert": authority.cacert, "limit_rate": limit}
    with HttpProxy() as proxy:
        port = proxy.port if proxied else served.server.port
        places = [dead.place, ("127.0.0.1", port), dead.place]
        network["proxy"] = f"http://localhost:{port}" if proxied else ""
        url = served.server.url() if proxied else served.server.url(host="localhost")
        with resolving(monkeypatch, "localhost", places) as asked:
            fetch(url, tmp_path, connections=3, network=network).is_whole(CONTENT)
        assert len(asked) > 1
        assert bool(proxy.asked) == proxied


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no"), "cannot resolve the host name"),
        (None, "refused"),
    ],
)
def test_what_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError | None, told: str
) -> None:
    with resolving(monkeypatch, "two.test", [nobody(), nobody()]):
        if error is not None:

            def fail(*_: object, **__: object) -> object:
                raise error

            monkeypatch.setattr(socket, "getaddrinfo", fail)
        fetched = fetch("http://two.test/x", tmp_path, retries=0)
    assert told in str(fetched.failed(NetworkError, parts=False))


def test_nobody_answers_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: DeadAddress
) -> None:
    with resolving(monkeypatch, "two.test", [dead.place, dead.place]):
        fetched = fetch("http://two.test/x", tmp_path, retries=0, network={"connect_timeout": 0.4})
    assert "connecting took too long" in str(fetched.failed(NetworkError, parts=False))
