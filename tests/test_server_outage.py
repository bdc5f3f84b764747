"""A server that goes away and comes back, and answers that are hardly any."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.core.identity import Version
from segdl.core.selection import whole
from segdl.engine.attempt import attempt
from segdl.engine.contact import Ranges
from segdl.engine.job import Job
from segdl.engine.outcome import Broken
from segdl.engine.segment import Segment
from segdl.engine.site import Pin, Site
from segdl.net.wire import Wire
from segdl.store.parts import Parts
from support.data import content
from support.faults import (
    Drip,
    IgnoreRange,
    Multipart,
    ShiftedRange,
    WrongTotal,
    always,
)
from support.program import run_segdl
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import StartNginx
    from support.connection import Connection
    from support.request import Request

MIB = 1024 * 1024


def test_the_same_validators_for_other_bytes_are_found_out(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    # As nginx has it for two files of one size that were made in the same second.
    old, new = content(16 * MIB, 1), content(16 * MIB, 2)
    served = origin(old, faults=lambda request, index: Drip(256 * 1024, 0.05))
    served.replace_after(3, new, '"v1"')
    result = run_segdl("-j", "2", "-o", "-", served.url, cwd=tmp_path)
    assert result.code == 5
    assert "remote file changed" in result.err
    assert result.stdout != new


@pytest.mark.parametrize("policy", ["auto", "skip", "overwrite"])
def test_a_digest_is_not_claimed_unread(
    origin: Callable[..., Any], tmp_path: Path, policy: Any
) -> None:
    served = origin(content(5000))
    segdl.download(served.url, tmp_path / "f")
    transfer = segdl.TransferOptions(if_exists=policy)
    wrong = "sha256=" + "0" * 64
    if policy == "skip":
        kept = segdl.download(served.url, tmp_path / "f", checksum=wrong, transfer=transfer)
        assert (kept.status, kept.checksum) == ("skipped", None)
        return
    error = segdl.TargetExistsError if policy == "auto" else segdl.ChecksumMismatchError
    with pytest.raises(error):
        segdl.download(served.url, tmp_path / "f", checksum=wrong, transfer=transfer)
    assert (tmp_path / "f").read_bytes() == content(5000)


def test_fresh_does_not_throw_a_finished_file_away(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    served = origin(content(5000))
    (tmp_path / "f").write_bytes(content(5000)[:2000])
    transfer = segdl.TransferOptions(if_exists="resume", fresh=True)
    with pytest.raises(segdl.TargetExistsError):
        segdl.download(served.url, tmp_path / "f", transfer=transfer)
    assert (tmp_path / "f").read_bytes() == content(5000)[:2000]


def test_two_urls_of_one_name_are_renamed_apart(origin: Callable[..., Any], tmp_path: Path) -> None:
    served = origin(content(3 * MIB), faults=always(Drip(128 * 1024, 0.01)))
    result = run_segdl("--if-exists", "rename", served.url, served.url + "?2", cwd=tmp_path)
    assert result.code == 0, result.err
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["file.1.bin", "file.bin"]


def test_answers_of_a_byte_are_not_asked_for_at_full_speed(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    from support.faults import CutAfter

    served = origin(content(50_000), faults=always(CutAfter(1)))
    cancel = threading.Event()
    threading.Timer(2.0, cancel.set).start()
    with pytest.raises(segdl.SegdlError):
        segdl.download(served.url, tmp_path / "f", cancel=cancel)
    assert len(served.requests) < 20


def test_nginx_that_is_restarted(nginx: StartNginx, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "f").write_bytes(content(12 * MIB))
    server = nginx(tmp_path / "root", server=["limit_rate 1m;"])

    restarted = threading.Timer(1.0, server.restart, args=[2.0])
    restarted.start()
    result = segdl.download(server.url("f"), tmp_path / "got", connections=4)
    restarted.join()
    assert result.path is not None
    assert result.path.read_bytes() == content(12 * MIB)


def test_a_part_that_grew_behind_our_back_is_not_appended_to(
    origin: Callable[..., Any], tmp_path: Path, make_job: Callable[..., Job]
) -> None:
    data = content(2 * MIB)
    served = origin(data)
    parts = Parts(tmp_path)
    job = make_job(served.url, parts, Pin(Version(size=len(data), etag='"v1"'), Ranges.WORK))
    segment = Segment(0, len(data), 0)
    (tmp_path / "0.part").write_bytes(data[:70_000])
    outcome = attempt(job, job.origin, segment, Wire(), opened=None)
    assert isinstance(outcome, Broken)
    assert segment.position == 70_000
    assert (tmp_path / "0.part").read_bytes() == data[:70_000]


@pytest.fixture
def make_job() -> Any:
    from segdl.core.url import parse_url
    from segdl.engine.gate import Gate, Gates
    from segdl.net.credentials import Credentials
    from segdl.net.source import Source
    from segdl.net.transport import Transport

    opened: list[Transport] = []

    def make(url: str, parts: Parts, pin: Pin) -> Job:
        network = segdl.NetworkOptions()
        transport = Transport(network, connections=2)
        opened.append(transport)
        asked = parse_url(url)
        credentials = Credentials(network, segdl.Request(url=url), asked)
        gate = Gate(2, lambda: 0.0)
        assert gate.try_ask()
        return Job(
            origin=Site(source=Source(transport, asked, credentials), gate=gate, pin=pin),
            parts=parts,
            selection=whole(pin.version.size or 0),
            delay=lambda attempt: 0.0,
            chunk=65536,
            gates=Gates(2, lambda: 0.0),
        )

    yield make
    for transport in opened:
        transport.close()


def test_a_cancel_is_heard_while_a_finished_file_is_compared(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    from support.faults import StallAfter

    data = content(50_000)
    (tmp_path / "f").write_bytes(data[:30_000])
    # The look is answered; the comparison hangs.
    served = origin(data, faults=lambda request, index: StallAfter(10) if index else None)
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    began = time.monotonic()
    transfer = segdl.TransferOptions(if_exists="resume")
    with pytest.raises(segdl.CancelledError):
        segdl.download(served.url, tmp_path / "f", cancel=cancel, transfer=transfer)
    assert time.monotonic() - began < 5.0
    assert (tmp_path / "f").read_bytes() == data[:30_000]


def test_a_range_in_name_only(tmp_path: Path) -> None:
    # 206 and the Content-Range that was asked for, and then the whole file all the same.
    data = content(3 * MIB)

    def handle(request: Request, connection: Connection) -> bool:
        if request.range is None:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n"
            connection.send(head.encode() + data)
            return True
        first, last = request.range
        last = min(len(data) - 1 if last is None else last, len(data) - 1)
        connection.send(
            b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
            + f"Content-Range: bytes {first}-{last}/{len(data)}\r\n\r\n".encode()
            + f"{len(data):x}\r\n".encode()
            + data
            + b"\r\n0\r\n\r\n"
        )
        return True

    with ScriptedServer(handle) as server:
        result = segdl.download(server.url("/f"), tmp_path / "f", connections=2)
    assert result.path is not None
    assert result.path.read_bytes() == data


def test_a_stream_is_confirmed_at_its_end(origin: Callable[..., Any], tmp_path: Path) -> None:
    old, new = content(6 * MIB, 1), content(6 * MIB, 2)
    calm = origin(old)
    assert run_segdl("-q", "-j", "1", "-o", "-", calm.url, cwd=tmp_path).stdout == old
    # The last request is the one that asks whether the file still is what it was.
    assert calm.requests[-1].range == (0, 0)
    served = origin(old)
    served.replace_after(len(calm.requests) - 1, new)
    ended = run_segdl("-q", "-j", "1", "-o", "-", served.url, cwd=tmp_path)
    assert ended.code == 5
    assert "changed after" in ended.err


@pytest.mark.parametrize("odd", [IgnoreRange(), Multipart(), WrongTotal(), ShiftedRange()])
def test_one_odd_answer_does_not_cost_what_an_earlier_run_fetched(
    origin: Callable[..., Any], tmp_path: Path, odd: Any
) -> None:
    size = 16 * MIB
    served = origin(content(size), faults=always(Drip(64 * 1024, 0.02)))
    cancel = threading.Event()

    def stop(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Progress) and event.done > 8 * MIB:
            cancel.set()

    with pytest.raises(segdl.CancelledError):
        segdl.download(served.url, tmp_path / "f", connections=4, cancel=cancel, on_event=stop)
    before = len(served.requests)
    served.faults = lambda request, index: odd if index == before else None
    result = segdl.download(served.url, tmp_path / "f", connections=4)
    assert (tmp_path / "f").read_bytes() == content(size)
    assert result.fetched <= size - 8 * MIB
