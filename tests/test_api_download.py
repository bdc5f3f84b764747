"""`segdl.download` and its sisters at work."""

from __future__ import annotations

import itertools
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.net.transport import Transport
from segdl.progress.events import Event, Finished, Probing, Progress, Started
from support.faults import Drip, Status, always
from support.program import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.connection import Connection
    from support.origin import Origin
    from support.request import Request

SIZE = 3_000_000


def test_a_file(
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    served = origin(content(SIZE))
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    url = served.url.replace("://", "://me:secret@") + "?sig=secret"
    result = segdl.download(url, tmp_path / "x.bin", headers={"X-A": "1"})
    assert result.path == tmp_path / "x.bin"
    assert result.path.read_bytes() == content(SIZE)
    assert (result.url, result.size, result.fetched) == (served.url, SIZE, SIZE)
    assert (result.status, result.checksum) == ("complete", None)
    assert result.bytes_per_second > 0
    assert served.requests[0].fields["x-a"] == "1"
    assert "secret" not in repr(result)
    again = segdl.download(url, tmp_path / "x.bin")
    assert (again.status, again.fetched, again.bytes_per_second) == ("skipped", 0, 0)
    in_folder = segdl.download(served.url, f"{tmp_path}/new/")
    assert in_folder.path == tmp_path / "new" / "file.bin"
    assert segdl.download(served.url, tmp_path).path == tmp_path / "file.bin"
    assert {n: signal.getsignal(n) for n in signal.valid_signals()} == handlers
    assert capfd.readouterr() == ("", "")


def test_progress_is_drawn_where_asked(
    origin: Callable[..., Origin], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    served = origin(b"x" * 1000)
    segdl.download(served.url, tmp_path / "a", progress="tqdm")
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err
    segdl.download(served.url, tmp_path / "b", progress="json")
    assert capfd.readouterr().err.startswith('{"v": 1, "event": "probing"')


def test_events_in_order_and_in_the_callers_thread(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE))
    seen: list[tuple[Event, threading.Thread]] = []
    outcome: list[segdl.DownloadResult] = []

    def work() -> None:
        outcome.append(
            segdl.download(
                served.url,
                tmp_path / "x",
                connections=3,
                transfer=segdl.TransferOptions(min_split=65536),
                on_event=lambda event: seen.append((event, threading.current_thread())),
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert outcome[0].size == SIZE
    assert {where for _, where in seen} == {thread}
    events = [event for event, _ in seen]
    assert isinstance(events[0], Probing)
    assert isinstance(events[-1], Finished)
    kinds = [type(event) for event in events]
    assert kinds.index(Started) < kinds.index(Progress)
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[-1] == SIZE


def test_an_exception_in_a_callback_comes_out_and_ends_all(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE), faults=always(Drip(8192, 0.02)))

    def fail(event: Event) -> None:
        if type(event) is Progress:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        segdl.download(served.url, tmp_path / "x", on_event=fail)
    assert served.server.wait_until(lambda: served.server.open_connections == 0)
    request = segdl.Request(url=served.url, directory=tmp_path)
    with pytest.raises(LookupError, match="mine"):
        list(segdl.download_many([request], transfer=None, on_event=fail))
    assert served.server.wait_until(lambda: served.server.open_connections == 0)


def cancelled_after(delay: float, call: Callable[[threading.Event], object]) -> float:
    """Return how long after the event was set the call raised."""
    stop = threading.Event()
    set_at = 0.0

    def set_it() -> None:
        nonlocal set_at
        time.sleep(delay)
        set_at = time.monotonic()
        stop.set()

    thread = threading.Thread(target=set_it)
    thread.start()
    with pytest.raises(segdl.CancelledError) as caught:
        call(stop)
    ended = time.monotonic()
    thread.join()
    assert caught.value.exit_code == 130
    return ended - set_at


def test_cancel_while_bytes_come(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE), faults=lambda request, number: Drip(65536, 0.05))
    path = tmp_path / "x"
    late = cancelled_after(0.4, lambda stop: segdl.download(served.url, path, cancel=stop))
    assert late < 1
    assert not path.exists()
    held = sum(part.stat().st_size for part in tmp_path.rglob("*.part"))
    assert held > 0
    served.faults = None
    result = segdl.download(served.url, path)
    assert path.read_bytes() == content(SIZE)
    assert result.fetched <= SIZE - held + 65536


def test_cancel_while_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for call in (
            lambda stop: segdl.download(url, tmp_path / "x", cancel=stop),
            lambda stop: segdl.info(url, cancel=stop),
            lambda stop: list(segdl.download_many([url] * 3, cancel=stop)),
            lambda stop: segdl.download(url.replace("http:", "https:"), tmp_path, cancel=stop),
        ):
            assert cancelled_after(0.2, call) < 1
    assert not list(tmp_path.iterdir())


def test_cancel_in_a_wait(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x", faults=always(Status(503, retry_after=60)))
    late = cancelled_after(
        0.3, lambda stop: segdl.download(served.url, tmp_path / "x", cancel=stop)
    )
    assert late < 1
    already = threading.Event()
    already.set()
    with pytest.raises(segdl.CancelledError):
        segdl.download(served.url, tmp_path / "x", cancel=already)


def test_many(
    origin: Callable[..., Origin], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    served = origin(b"x" * 100)
    served.routes["/gone"] = lambda request, connection: connection.send(
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    )
    events: list[Event] = []
    wanted = [
        segdl.Request(url=served.server.url(f"/{name}"), directory=tmp_path)
        for name in ("a", "gone", "b")
    ]
    outcomes = list(segdl.download_many([*wanted, "nonsense"], on_event=events.append))
    failures = [outcome for outcome in outcomes if isinstance(outcome, segdl.Failure)]
    assert sorted(failure.error.exit_code for failure in failures) == [2, 4]
    assert {failure.url for failure in failures} == {served.server.url("/gone"), ""}
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
    assert {event.file for event in events} == {1, 2, 3, 4}
    assert capfd.readouterr() == ("", "")


def test_many_of_an_endless_source_closed_early(
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work: list[str] = []

    def close(transport: Transport) -> None:
        names = [thread.name for thread in threading.enumerate()]
        at_work.extend(name for name in names if name.startswith("segdl-file"))
        closed(transport)

    closed = Transport.close
    monkeypatch.setattr(Transport, "close", close)
    served = origin(content(SIZE), faults=lambda request, number: Drip(65536, 0.02))

    def quick(request: Request, connection: Connection) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
        return False

    served.routes["/quick"] = quick
    read: list[int] = []
    readers: set[threading.Thread] = set()

    def endless() -> Iterator[segdl.Request]:
        for number in itertools.count():
            read.append(number)
            readers.add(threading.current_thread())
            path = "/quick" if number == 0 else "/slow"
            yield segdl.Request(
                url=served.server.url(path), directory=tmp_path, name=f"{number}.bin"
            )

    mine = threading.Event()
    outcomes = segdl.download_many(endless(), max_files=3, cancel=mine)
    first = next(outcomes)
    assert isinstance(first, segdl.DownloadResult)
    assert first.path == tmp_path / "0.bin"
    assert len(read) == 3
    assert readers == {threading.current_thread()}
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 2
    assert served.server.wait_until(lambda: served.server.open_connections == 0, 2)
    assert not mine.is_set(), "the event is the caller's"
    assert not at_work, "connections were closed under files at work"
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"0.bin"}


@pytest.mark.parametrize("last", ["", "raise SystemExit(3)", "import os; os.close(2); 1 / 0"])
def test_a_program_ends_that_left_a_run_open(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes], last: str
) -> None:
    """What a name still holds is closed before the interpreter stops its threads."""
    served = origin(content(SIZE), faults=lambda request, number: Drip(65536, 0.02))
    served.routes["/quick"] = lambda request, connection: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    )
    urls = [served.server.url("/quick"), served.url]
    code = f"""
import segdl, time
from pathlib import Path
runs = segdl.download_many({urls})
print(next(runs).size)
while not any(part.stat().st_size for part in Path().rglob("*.part")):
    time.sleep(0.01)
{last}
"""
    with start([sys.executable, "-c", code], cwd=tmp_path) as running:
        ended = running.finish(20)
    assert ended.out == "1\n"
    assert ended.err == ""
    assert ended.code == {"": 0, "r": 3, "i": 1}[last[:1]]
    held = {path.name for path in tmp_path.iterdir()}
    assert held == {"quick", "file.bin.segdl"}
    served.faults = None
    result = segdl.download(served.url, tmp_path / "file.bin")
    assert result.fetched < SIZE
    assert (tmp_path / "file.bin").read_bytes() == content(SIZE)


def test_a_folder_may_be_a_text(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 10)
    folder: Any = str(tmp_path)
    request = segdl.Request(url=served.url, directory=folder)
    assert request.directory == tmp_path
    assert [type(each) for each in segdl.download_many([request])] == [segdl.DownloadResult]


def test_info(origin: Callable[..., Origin]) -> None:
    served = origin(b"x" * 10, content_type="Text/Plain; charset=utf-8")
    remote = segdl.info(served.url, headers={"X-A": "1"})
    assert (remote.size, remote.etag, remote.media_type) == (10, '"v1"', "text/plain")
    assert (remote.name, remote.ranges, remote.digests) == ("file.bin", True, ())
    assert served.requests[0].fields["x-a"] == "1"


def test_ctrl_c_in_a_call_keeps_the_parts(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE), faults=lambda request, number: Drip(65536, 0.05))
    code = f"import segdl; segdl.download({served.url!r}, 'x')"
    with start([sys.executable, "-c", code], cwd=tmp_path) as running:
        while not any(part.stat().st_size for part in tmp_path.rglob("*.part")):
            time.sleep(0.01)
        sent = time.monotonic()
        running.send_signal(signal.SIGINT)
        ended = running.finish(10)
    assert ended.code == -signal.SIGINT
    assert ended.err.strip().endswith("KeyboardInterrupt")
    assert time.monotonic() - sent < 2
    assert not (tmp_path / "x").exists()
    held = sum(part.stat().st_size for part in tmp_path.rglob("*.part"))
    served.faults = None
    result = segdl.download(served.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content(SIZE)
    assert result.fetched < SIZE
    assert held > 0
