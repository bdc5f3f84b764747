"""`--limit-rate` at work: real downloads take as long as they should, and end as they should."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

import segdl
from segdl.engine.gate import Gates
from segdl.engine.lookout import Lookout
from segdl.engine.once import Once
from segdl.engine.run import Run
from segdl.engine.shelf import Shelf
from segdl.engine.threads import Threads
from segdl.net.transport import Transport
from segdl.net.wire import Wire
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Progress, Retrying
from support import data
from support.fetching import fetch
from support.program import run_segdl, start_segdl
from support.proxy import HttpProxy, SocksProxy
from support.scripted import ScriptedServer
from test_core_rate import most_in_a_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segdl.net.exchange import Exchange
    from support.connection import Connection
    from support.nginx import Nginx
    from support.origin import Origin
    from support.request import Request as Asked
    from support.tls import Authority

K = 1024
SIZE = 1_500_000
CONTENT = data.content(SIZE, 3)
# What a test may take longer than the limit asks for: the machine may be busy.
AMPLE = 30.0


@pytest.fixture
def site(shared_nginx: Nginx) -> Nginx:
    (shared_nginx.root / "limited.bin").write_bytes(CONTENT)
    return shared_nginx


def took_as_long_as(seconds: float, size: int, rate: int) -> bool:
    """Tell whether a limit was kept, less what may be on its way at the end, and reached."""
    return 0.8 * size / rate <= seconds <= size / rate + AMPLE


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("connections", [1, 8])
def test_a_file(
    site: Nginx, authority: Authority, tmp_path: Path, tls: bool, connections: int
) -> None:
    fetched = fetch(
        site.url("limited.bin", tls=tls),
        tmp_path,
        connections=connections,
        network={"limit_rate": "1000000", "cacert": authority.cacert},
    ).is_whole(CONTENT)
    assert took_as_long_as(fetched.seconds, SIZE, 1_000_000)
    assert not fetched.told(Retrying)


def test_files_share_one_limit(site: Nginx, tmp_path: Path) -> None:
    lines = "".join(f"{site.url('limited.bin')}\n out={number}.bin\n" for number in range(3))
    (tmp_path / "list").write_text(lines)
    ended = run_segdl(
        *("-i", "list", "--limit-rate", "2M", "--max-files", "3", "-q", "-d", "out"), cwd=tmp_path
    )
    assert (ended.code, ended.err) == (0, "")
    assert took_as_long_as(ended.seconds, 3 * SIZE, 2 * K * K)
    for number in range(3):
        assert (tmp_path / "out" / f"{number}.bin").read_bytes() == CONTENT


def test_a_stream_in_order(site: Nginx, tmp_path: Path) -> None:
    ended = run_segdl(
        *("-o", "-", "--limit-rate", "1M", "-q", site.url("limited.bin")), cwd=tmp_path
    )
    assert ended.code == 0
    assert ended.stdout == CONTENT
    assert took_as_long_as(ended.seconds, SIZE, K * K)


def test_the_api_takes_numbers_and_text(site: Nginx, tmp_path: Path) -> None:
    url = site.url("limited.bin")
    limited = segdl.download(url, tmp_path / "a", limit_rate=1_000_000)
    assert took_as_long_as(limited.seconds, SIZE, 1_000_000)
    text = "mon-sun 00:00-24:00=1000000,unlimited"
    (outcome,) = segdl.download_many(
        [Request(url=url, directory=tmp_path, name="b")], limit_rate=text
    )
    assert isinstance(outcome, segdl.DownloadResult)
    assert took_as_long_as(outcome.seconds, SIZE, 1_000_000)
    # The keyword goes before the option, and 0 lifts it.
    slow = NetworkOptions(limit_rate=100)
    lifted = segdl.download(url, tmp_path / "c", limit_rate=0, network=slow)
    assert lifted.seconds < SIZE / 100


def test_a_rule_without_a_limit(site: Nginx, tmp_path: Path) -> None:
    ended = run_segdl(
        *("--limit-rate", "mon-sun=unlimited,1K", "-q", site.url("limited.bin")), cwd=tmp_path
    )
    assert ended.code == 0
    assert (tmp_path / "limited.bin").read_bytes() == CONTENT


def test_without_a_limit_nobody_counts() -> None:
    for nothing in (None, 0, "0", "unlimited", "mon-fri=0,unlimited"):
        assert Transport(NetworkOptions(limit_rate=nothing), connections=1)._limiter is None


@pytest.mark.parametrize("value", [-1, "fast", "mon=1M,1M,2M"])
def test_bad_limits_are_usage_errors(value: int | str) -> None:
    for make in (
        lambda: segdl.download("http://h/", limit_rate=value),
        lambda: list(segdl.download_many(["http://h/"], limit_rate=value)),
        lambda: NetworkOptions(limit_rate=value),
    ):
        with pytest.raises(segdl.UsageError):
            make()


@pytest.mark.parametrize("kind", ["tunnel", "socks"])
def test_through_a_proxy(
    origin: Callable[..., Origin], authority: Authority, tmp_path: Path, kind: str
) -> None:
    content = CONTENT[:300_000]
    served = origin(content, tls=authority.server_context())
    with HttpProxy() if kind == "tunnel" else SocksProxy() as proxy:
        scheme = "http" if kind == "tunnel" else "socks5h"
        fetched = fetch(
            served.url,
            tmp_path,
            network={
                "limit_rate": 300_000,
                "cacert": authority.cacert,
                "proxy": f"{scheme}://127.0.0.1:{proxy.port}",
            },
        ).is_whole(content)
    assert took_as_long_as(fetched.seconds, len(content), 300_000)


def test_a_body_in_chunks(tmp_path: Path, origin: Callable[..., Origin]) -> None:
    content = CONTENT[:300_000]

    def answer(request: Asked, connection: Connection) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(content), 7000):
            piece = content[at : at + 7000]
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        return True

    with ScriptedServer(answer) as server:
        fetched = fetch(server.url(), tmp_path, network={"limit_rate": 300_000})
    fetched.is_whole(content)
    assert took_as_long_as(fetched.seconds, len(content), 300_000)


class Counting:
    """A server that notes when it could send how much; little of it waits in its kernel."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent: list[tuple[float, int]] = []

    def __call__(self, request: Asked, connection: Connection) -> bool:
        connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        first, last = request.fields["range"].removeprefix("bytes=").split("-")
        start, stop = int(first), min(SIZE, int(last or SIZE) + 1)
        connection.send(
            b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n"
            b'ETag: "1"\r\nContent-Range: bytes %d-%d/%d\r\n\r\n'
            % (stop - start, start, stop - 1, SIZE)
        )
        for at in range(start, stop, 1024):
            piece = CONTENT[at : min(at + 1024, stop)]
            connection.send(piece)
            with self.lock:
                self.sent.append((time.monotonic(), len(piece)))
        return True


def test_what_a_server_sends_comes_evenly(tmp_path: Path) -> None:
    rate, counting = 500_000, Counting()
    with ScriptedServer(counting) as server:
        fetch(server.url(), tmp_path, network={"limit_rate": rate}).is_whole(CONTENT)
    # What is in the server's kernel was not on the wire; the clock may be late.
    waiting = 9 * 16_384
    assert most_in_a_second(counting.sent) <= 1.5 * rate + waiting


def test_a_low_limit_is_no_stall(site: Nginx, tmp_path: Path) -> None:
    """Each connection waits for its turn for longer than a silent one would be kept."""
    fetched = fetch(
        site.url("limited.bin"),
        tmp_path,
        min_split=4096,
        span="0-39999",
        network={"limit_rate": "10K", "stall_timeout": 0.4, "connect_timeout": 0.4},
    ).is_whole(CONTENT[:40_000])
    assert not fetched.told(Retrying)
    assert took_as_long_as(fetched.seconds, 40_000 - 8 * 8192, 10 * K)
    done = [event.done for event in fetched.told(Progress)]
    assert len({count for count in done if 0 < count < 40_000}) > 2


@pytest.mark.parametrize("after", [0.5, 4.0])
def test_ctrl_c_at_a_very_low_limit(site: Nginx, tmp_path: Path, after: float) -> None:
    with start_segdl(
        *("--limit-rate", "1K", "--progress", "json", site.url("limited.bin")), cwd=tmp_path
    ) as running:
        time.sleep(after)
        sent = time.monotonic()
        running.send_signal(signal.SIGINT)
        ended = running.finish(10)
        assert time.monotonic() - sent < 2
    assert ended.code == 130
    events = [json.loads(line) for line in ended.err.splitlines()]
    # On a busy machine it may not have come to its first request.
    assert events or after < 1
    if events:
        assert events[-1]["event"] == "failed"
        assert events[-1]["exit_code"] == 130


def test_a_cancelled_call_does_not_wait_for_its_turn(site: Nginx, tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Timer(1.0, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(segdl.CancelledError):
        segdl.download(site.url("limited.bin"), tmp_path / "x", limit_rate=1000, cancel=cancel)
    assert time.monotonic() - began < 3


def test_waiting_for_a_turn_is_not_waiting_for_an_answer() -> None:
    """The time that a request is given begins when it goes out."""
    network = NetworkOptions()
    transport = Transport(network, connections=1)
    run = Run(
        network=network,
        transfer=TransferOptions(),
        transport=transport,
        gates=Gates(1, time.monotonic),
        pool=Threads(1, thread_name_prefix="segdl-test"),
        lookout=Lookout(lambda: False, time.monotonic, 0.1),
        emit=lambda event: None,
        cancel=threading.Event(),
        once=Once(),
        shelf=Shelf(),
    )
    answer = cast("Exchange", object())
    aborted: list[bool] = []

    def work(wire: Wire) -> Exchange:
        wire.rest(1.0)
        aborted.append(wire.aborted)
        return answer

    with run.pool:
        assert run.call(work, limit=0.3) is answer
    assert aborted == [False]
    transport.close()


def test_the_option_is_read_from_the_command_line(tmp_path: Path) -> None:
    for value, says in (
        ("fast", "'fast' is not a rate"),
        ("mon-fry=1M", "'fry' is not a day"),
        ("1M,2M", "two rates"),
    ):
        ended = run_segdl("--limit-rate", value, "http://127.0.0.1:9/x", cwd=tmp_path)
        assert ended.code == 2
        assert ended.err.startswith("segdl: --limit-rate: ")
        assert says in ended.err
        assert ended.err.count("\n") == 1
