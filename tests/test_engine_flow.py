"""Bytes that go from the socket to the file within the kernel: the same promises hold."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.store.part import PipedPart
from support.data import content
from support.faults import CutAfter, Drip, StallAfter, always, sequence
from support.filesystems import tiny_tmpfs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.nginx import Nginx
    from support.tls import Authority

MIB = 1024 * 1024
SIZE = 12 * MIB + 345
CONTENT = content(SIZE)

pytestmark = pytest.mark.skipif(
    not hasattr(os, "splice"), reason="no os.splice here: bytes always pass through Python"
)


@pytest.fixture
def spliced(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Bytes by what they went into: a pipe or a file."""
    moved = {"pipe": 0, "file": 0}
    lock = threading.Lock()
    real = os.splice

    def splice(source: int, target: int, count: int, **place: int) -> int:
        done = real(source, target, count, **place)
        kind = "file" if os.path.isfile(f"/proc/self/fd/{target}") else "pipe"
        with lock:
            moved[kind] += done
        return done

    monkeypatch.setattr(os, "splice", splice)
    return moved


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("connections", [1, 4])
def test_most_bytes_do_not_pass_through_python(
    shared_nginx: Nginx, tmp_path: Path, spliced: dict[str, int], connections: int, layout: Any
) -> None:
    (shared_nginx.root / "flow.bin").write_bytes(CONTENT)
    url, transfer = shared_nginx.url("flow.bin"), segdl.TransferOptions(layout=layout)
    segdl.download(url, tmp_path / "f", connections=connections, transfer=transfer)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert spliced["pipe"] == spliced["file"] > SIZE - connections * MIB


def test_tls_does_without_the_kernels_copying(
    shared_nginx: Nginx, tmp_path: Path, authority: Authority, spliced: dict[str, int]
) -> None:
    (shared_nginx.root / "flow.bin").write_bytes(CONTENT)
    network = segdl.NetworkOptions(cacert=authority.cacert)
    url = shared_nginx.url("flow.bin", tls=True)
    segdl.download(url, tmp_path / "f", connections=2, network=network)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert spliced == {"pipe": 0, "file": 0}


def test_connections_are_used_again(nginx: StartNginx, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/f").write_bytes(CONTENT)
    server = nginx(tmp_path / "root")
    requests = [segdl.Request(url=server.url("f"), name=name, directory=tmp_path) for name in "abc"]
    outcomes = list(segdl.download_many(requests, connections=1, max_files=1))
    assert all(isinstance(outcome, segdl.DownloadResult) for outcome in outcomes)
    records = server.log(at_least=3)
    assert len({record.connection for record in records}) == 1


def test_a_connection_that_was_waited_on_for_many_bytes_brings_the_next_answer(
    nginx: StartNginx, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/f").write_bytes(CONTENT)
    server = nginx(tmp_path / "root", server=["limit_rate 30m;"])
    requests = [segdl.Request(url=server.url("f"), name=name, directory=tmp_path) for name in "abc"]
    network = segdl.NetworkOptions(stall_timeout=2.0)
    for outcome in segdl.download_many(requests, connections=1, max_files=1, network=network):
        assert isinstance(outcome, segdl.DownloadResult)
    for name in "abc":
        assert (tmp_path / name).read_bytes() == CONTENT
    assert len({record.connection for record in server.log(at_least=3)}) == 1


def test_bytes_before_a_cut_are_kept(
    origin: Callable[..., Any], tmp_path: Path, spliced: dict[str, int]
) -> None:
    server = origin(CONTENT, faults=sequence(*[CutAfter(700_001)] * 8))
    segdl.download(server.url, tmp_path / "f", connections=1)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert spliced["file"] > 0
    starts = [request.range[0] for request in server.requests]
    # Each goes on where the one before was cut, but for the bytes that are compared.
    assert all(after - before >= 600_000 for before, after in pairwise(starts[:9]))


def test_a_stalled_connection_is_woken(origin: Callable[..., Any], tmp_path: Path) -> None:
    server = origin(CONTENT, faults=sequence(StallAfter(MIB)))
    network = segdl.NetworkOptions(stall_timeout=1.0)
    segdl.download(server.url, tmp_path / "f", connections=1, network=network)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_file_system_that_takes_no_pages_from_a_pipe(
    origin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.splice

    def splice(source: int, target: int, count: int, **place: int) -> int:
        if os.path.isfile(f"/proc/self/fd/{target}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return real(source, target, count, **place)

    monkeypatch.setattr(os, "splice", splice)
    segdl.download(origin(CONTENT).url, tmp_path / "f", connections=3)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_pipe_that_is_not_granted(
    origin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pipe() -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    server = origin(CONTENT)
    monkeypatch.setattr(os, "pipe", pipe)
    segdl.download(server.url, tmp_path / "f", connections=3)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_disk_that_fills_up_on_the_way(origin: Callable[..., Any], tmp_path: Path) -> None:
    server = origin(CONTENT, faults=always(Drip(256 * 1024, 0.02)))
    with tiny_tmpfs(20 * MIB, tmp_path) as point:

        def fill(event: segdl.events.Event) -> None:
            filler = point / "filler"
            if (
                isinstance(event, segdl.events.Progress)
                and event.done > 2 * MIB
                and not filler.exists()
            ):
                with suppress(OSError), filler.open("wb") as file:
                    file.write(bytes(20 * MIB))

        with pytest.raises(segdl.DiskError, match="no space left"):
            segdl.download(server.url, point / "f", connections=2, on_event=fill)
        (point / "filler").unlink()
        segdl.download(server.url, point / "f", connections=2)
        assert (point / "f").read_bytes() == CONTENT


def test_a_part_on_disk_can_be_written_from_a_pipe(tmp_path: Path) -> None:
    from segdl.store.parts import Parts

    parts = Parts(tmp_path)
    part: PipedPart = parts.open(7)
    out, into = os.pipe()
    try:
        part.append(b"abc")
        os.write(into, b"defghi")
        assert part.fill(6, lambda to, at, most: os.splice(out, to, most, offset_dst=at)) == 6
        part.append(b"j")
        assert (part.size, part.stop) == (10, 17)
    finally:
        parts.release(part)
        os.close(out)
        os.close(into)
    assert (tmp_path / "7.part").read_bytes() == b"abcdefghij"
