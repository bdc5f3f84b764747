"""What the kernel takes in before it is read: sockets, and transports that limit a rate."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from segdl.core.rate import KERNEL_WINDOW
from segdl.core.url import parse_url
from segdl.net import window
from segdl.net.failures import TransferError
from segdl.net.transport import Transport
from segdl.net.wire import Wire
from segdl.options import NetworkOptions
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.connection import Connection
    from support.request import Request


def connected(size: int | None) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        options = [] if size is None else window.before_connect(size)
        ours = socket.socket()
        for option in options:
            ours.setsockopt(*option)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    if size is not None:
        window.resize(ours, size)
    theirs.setblocking(False)
    return ours, theirs


def fill(theirs: socket.socket, ours: socket.socket) -> int:
    """Send until nothing more goes and return what waits to be read."""
    waited = 0.0
    while waited < 0.3:
        try:
            theirs.send(bytes(65_536))
            waited = 0.0
        except BlockingIOError:
            time.sleep(0.02)
            waited += 0.02
    ours.setblocking(False)
    return len(ours.recv(1 << 26, socket.MSG_PEEK))


unlocking = pytest.mark.skipif(not window._unlocks(), reason="needs Linux 5.15")
linux = pytest.mark.skipif(sys.platform != "linux", reason="says what Linux does")


@linux
@pytest.mark.parametrize("size", [4096, 12_500, 60_000])
def test_a_kernel_takes_in_what_is_charged(size: int) -> None:
    ours, theirs = connected(size)
    with ours, theirs:
        assert size // 4 <= fill(theirs, ours) <= size
        path = window.look(ours)
        assert abs(path.window - size) <= 2
        assert 0 < path.round_trip < 1


def is_locked(connected: socket.socket) -> bool:
    return bool(connected.getsockopt(socket.SOL_SOCKET, window._SO_BUF_LOCK) & 2)


@unlocking
def test_a_narrow_connection_can_be_made_wide_again() -> None:
    ours, theirs = connected(4096)
    with ours, theirs:
        assert is_locked(ours)
        # The factor that windows can grow by is agreed on when the connection is made.
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[6] >> 4 > 0
        window.resize(ours, 400_000)
        ours.setblocking(True)
        theirs.setblocking(True)
        total = 20_000_000
        sender = threading.Thread(target=theirs.sendall, args=(bytes(total),))
        sender.start()
        most = 0
        while total:
            got = len(ours.recv(1 << 20))
            total -= got
            most = max(most, got)
            time.sleep(0.001)
        sender.join()
        assert most > 65_536
        assert is_locked(ours)
        window.release(ours)
        assert not is_locked(ours)
        assert window.look(ours).window >= KERNEL_WINDOW


def test_a_connection_that_is_gone_is_no_error_here() -> None:
    ours, theirs = connected(None)
    ours.close()
    theirs.close()
    window.resize(ours, 5000)
    window.release(ours)
    assert window.look(ours).window == KERNEL_WINDOW


@linux
def test_a_kernel_counts_what_comes() -> None:
    ours, theirs = connected(None)
    with ours, theirs:
        first = window.arrived(ours, 1.0)
        theirs.sendall(bytes(300_000))
        ours.recv(300_000, socket.MSG_WAITALL)
        look = window.arrived(ours, 2.0)
    assert first is not None
    assert look is not None
    assert (first.in_order, first.segments, look.now) == (0, 0, 2.0)
    assert (look.in_order, look.strays) == (300_000, 0)
    assert look.segments >= 300_000 // 65_536
    assert 0 < look.least <= 1
    assert 0 <= look.round_trip < 1
    assert 500 < look.size <= 65_536
    # Kernels round it up: some bytes seem to be held where none are.
    assert look.arrived >= 300_000


def test_what_comes_is_not_known_of_a_connection_that_is_gone() -> None:
    ours, theirs = connected(None)
    theirs.close()
    ours.close()
    assert window.arrived(ours, 1.0) is None
    wire = Wire()
    assert wire.arrived(1.0) is None
    wire.attach(ours)
    assert wire.arrived(1.0) is None


@pytest.mark.parametrize("told", [b"", bytes(104), bytes(227)])
def test_kernels_that_know_less_tell_nothing(monkeypatch: pytest.MonkeyPatch, told: bytes) -> None:
    class Old(socket.socket):
        def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]
            return told

    monkeypatch.setattr(window, "_LINUX", True)
    with Old() as old:
        assert window.arrived(old, 1.0) is None


def test_systems_other_than_linux_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_LINUX", False)
    ours, theirs = connected(None)
    with ours, theirs:
        assert window.arrived(ours, 1.0) is None


class Talking(ScriptedServer):
    """Begins a long answer, and says no more after 20,000 bytes of `/quiet`.

    Attributes:
        offered: bytes that it could send at once when a request came.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self._lock = threading.Lock()
        self._sent = 0
        self.offered: list[int] = []

    @property
    def sent(self) -> int:
        """Bytes that its kernel took of the answers to other requests."""
        with self._lock:
            return self._sent

    def _answer(self, request: Request, connection: Connection) -> bool:
        connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        if sys.platform == "linux":
            # tcpi_snd_wnd: what the client lets it send.
            told = connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
            self.offered += struct.unpack("=228xI", told) if len(told) == 232 else ()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        if request.path == "/quiet":
            connection.send(bytes(20_000))
            connection.stall()
        for _ in range(1000):
            connection.send(bytes(10_000))
            with self._lock:
                self._sent += 10_000
        return True


@pytest.fixture
def talking() -> Iterator[Talking]:
    server = Talking()
    with server:
        yield server


@unlocking
def test_a_server_cannot_send_ahead(talking: Talking) -> None:
    """What is not read stays on the server; more connections get less each."""
    transport = Transport(NetworkOptions(limit_rate=200_000), connections=4)
    asked = parse_url(talking.url("/long"))
    first = transport.open(asked, {}, Wire(), payer="file")
    time.sleep(0.5)
    # Its own kernel holds some more.
    assert talking.sent <= 10_000 + 3 * 8192
    assert all(0 < bytes_ahead <= 10_000 for bytes_ahead in talking.offered)
    assert talking.offered
    ours = first._wire._socket
    assert ours is not None
    assert is_locked(ours)
    assert first.read(1)
    alone = window.look(ours).window
    second = transport.open(asked, {}, Wire(), payer="other file")
    assert first.read(1)
    shared = window.look(ours).window
    second.close()
    assert first.read(1)
    assert (shared, window.look(ours).window) == (alone // 2, alone)
    first.close()
    transport.close()


def test_one_that_waits_for_bytes_does_not_stand_in_line(talking: Talking) -> None:
    transport = Transport(NetworkOptions(limit_rate=1_000_000), connections=4)
    limiter = transport._limiter
    assert limiter is not None
    wire = Wire()
    quiet = transport.open(parse_url(talking.url("/quiet")), {}, wire, payer="file")
    got = 0
    while got < 20_000:
        got += len(quiet.read(20_000 - got))
    charged = limiter._bucket.level

    def read() -> None:
        with pytest.raises(TransferError):
            quiet.read(10)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    assert limiter._bucket.level == charged
    assert not limiter._waiting
    assert not wire.resting
    wire.abort()
    reader.join(5)
    assert not reader.is_alive()
    quiet.close()
    transport.close()


def test_a_silent_server_is_told_of_in_time(talking: Talking) -> None:
    options = NetworkOptions(limit_rate=1_000_000, stall_timeout=0.3)
    transport = Transport(options, connections=4)
    quiet = transport.open(parse_url(talking.url("/quiet")), {}, Wire(), payer="file")
    began = time.monotonic()
    got = 0
    while got < 20_000:
        got += len(quiet.read(20_000 - got))
    with pytest.raises(TransferError, match="silent"):
        quiet.read(100_000)
    assert time.monotonic() - began < 5
    quiet.close()
    transport.close()
