"""Files that other protocols have, by way of fsspec: the same promises as by HTTP."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from segdl.core.elsewhere import asked_span, size_of, validators
from segdl.core.spans import Span
from segdl.core.url import parse_source
from segdl.errors import UsageError
from support import data
from support.program import SOURCE, Finished, run_segdl, start_segdl
from support.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BIG = data.content(9 * 1024 * 1024 + 5)
SHA = f"sha256={hashlib.sha256(BIG).hexdigest()}"


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    pytest.importorskip("paramiko")
    with Sshd() as server:
        yield server


def environment(sshd: Sshd) -> dict[str, str]:
    return {"HOME": str(sshd.home), "SSH_AUTH_SOCK": ""}


def get(sshd: Sshd, folder: Path, *arguments: str) -> Finished:
    return run_segdl("-q", "-d", str(folder), *arguments, env=environment(sshd))


def test_a_file_comes_over_several_streams_of_sftp(sshd: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "a b%41.bin"
    source.write_bytes(BIG)
    ended = get(sshd, tmp_path / "to", "-j", "4", "--remote-time", sshd.url(source))
    assert (ended.code, ended.err) == (0, "")
    target = tmp_path / "to" / source.name
    assert target.read_bytes() == BIG
    assert int(os.stat(target).st_mtime) == int(os.stat(source).st_mtime)
    again = get(sshd, tmp_path / "to", "--json", sshd.url(source))
    assert '"status": "skipped"' in again.out


def test_killed_in_the_middle_it_goes_on(sshd: Sshd, tmp_path: Path) -> None:
    source, folder = tmp_path / "big.bin", tmp_path / "to"
    source.write_bytes(BIG)
    command = ["-q", "-d", str(folder), "--checksum", SHA, sshd.url(source)]
    with start_segdl("--limit-rate", "4M", *command, env=environment(sshd)) as running:
        deadline = time.monotonic() + 30
        while sum(part.stat().st_size for part in folder.glob("*.segdl/*.part")) < 2**20:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.signal_all(signal.SIGKILL)
        running.finish()
    held = sum(part.stat().st_size for part in folder.glob("*.segdl/*.part"))
    ended = run_segdl("--json", *command, env=environment(sshd))
    assert (ended.code, ended.err) == (0, "")
    assert (folder / "big.bin").read_bytes() == BIG
    fetched = int(ended.out.partition('"fetched": ')[2].partition(",")[0])
    assert fetched <= len(BIG) - held


def test_another_version_is_never_gone_on_with(sshd: Sshd, tmp_path: Path) -> None:
    source, folder = tmp_path / "big.bin", tmp_path / "to"
    source.write_bytes(BIG)
    command = ["-q", "-d", str(folder), sshd.url(source)]
    with start_segdl("--limit-rate", "4M", *command, env=environment(sshd)) as running:
        deadline = time.monotonic() + 30
        while sum(part.stat().st_size for part in folder.glob("*.segdl/*.part")) < 2**20:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.signal_all(signal.SIGKILL)
        running.finish()
    source.write_bytes(BIG[::-1])
    os.utime(source, (1, 1))
    assert run_segdl(*command, env=environment(sshd)).code == 0
    assert (folder / "big.bin").read_bytes() == BIG[::-1]


def test_a_connection_that_breaks_is_made_anew(sshd: Sshd, tmp_path: Path) -> None:
    source, folder = tmp_path / "big.bin", tmp_path / "to"
    source.write_bytes(BIG)
    command = ["--limit-rate", "4M", "--retries", "20", "-q", "-d", str(folder), sshd.url(source)]
    with start_segdl(*command, env=environment(sshd)) as running:
        deadline = time.monotonic() + 30
        while sum(part.stat().st_size for part in folder.glob("*.segdl/*.part")) < 2**20:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        sshd.kill()
        sshd.launch()
        ended = running.finish()
    assert (ended.code, ended.err) == (0, "")
    assert (folder / "big.bin").read_bytes() == BIG


def test_what_is_not_there_and_who_is_not_known(sshd: Sshd, tmp_path: Path) -> None:
    missing = get(sshd, tmp_path, sshd.url(tmp_path / "none"))
    assert (missing.code, "404" in missing.err) == (4, True)
    folder = get(sshd, tmp_path, sshd.url(tmp_path))
    assert folder.code == 4
    sshd.trust(yes=False)
    try:
        source = tmp_path / "few"
        source.write_bytes(b"few")
        unknown = get(sshd, tmp_path / "to", sshd.url(source))
        assert (unknown.code, "known_hosts" in unknown.err) == (2, True)
        assert get(sshd, tmp_path / "to", "-k", sshd.url(source)).code == 0
    finally:
        sshd.trust()


def test_a_wrong_password_is_not_shown(sshd: Sshd, tmp_path: Path) -> None:
    (sshd.home / ".ssh" / "id_ed25519").rename(sshd.home / ".ssh" / "kept")
    try:
        url = sshd.url(tmp_path / "x").replace("@", ":hunter2@")
        ended = get(sshd, tmp_path, "--retries", "1", url)
    finally:
        (sshd.home / ".ssh" / "kept").rename(sshd.home / ".ssh" / "id_ed25519")
    assert ended.code == 3
    assert "hunter2" not in ended.err
    assert "Authentication" in ended.err


def test_without_fsspec_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "fsspec.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), str(SOURCE)])
    ended = run_segdl("-q", "sftp://h/x", env={"PYTHONPATH": path}, cwd=tmp_path)
    assert (ended.code, "pip install 'segdl[fsspec]'" in ended.err) == (2, True)


@pytest.mark.parametrize("url", ["ftp://h/x", "file:///etc/passwd", "memory://x", "sftp://h/"])
def test_what_is_not_a_source(url: str) -> None:
    with pytest.raises(UsageError):
        parse_source(url)


MOMENT = datetime(2024, 2, 29, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("info", "etag", "modified"),
    [
        ({}, None, False),
        ({"ETag": 'W/"a"'}, '"a"', False),
        ({"etag": "bad\x1b"}, None, False),
        (
            {"md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==", "updated": "2024-02-29T12:00:00Z"},
            '"1B2M2Y8AsgTpgAmY7PhCfg=="',
            True,
        ),
        ({"content_md5": bytearray(b"x")}, None, False),
        ({"content_md5": b"\x01\x02"}, '"0102"', False),
        ({"mtime": MOMENT}, None, True),
        ({"mtime": MOMENT.timestamp() + 0.5}, f'"{MOMENT.timestamp() + 0.5!r}"', True),
        ({"modificationTime": int(MOMENT.timestamp() * 1000)}, None, True),
        ({"mtime": "yesterday"}, None, False),
        ({"mtime": float("inf")}, None, False),
        ({"mtime": True}, None, False),
    ],
)
def test_validators(info: dict[str, object], etag: str | None, modified: bool) -> None:
    found = validators(info)
    assert found.get("ETag") == etag
    assert found.get("Last-Modified") == ("Thu, 29 Feb 2024 12:00:00 GMT" if modified else None)


def test_sizes_and_spans() -> None:
    assert size_of({"size": 5}) == 5
    assert [size_of({"size": size}) for size in (None, -1, "5", 2**63)] == [None] * 4
    assert asked_span(None, 5) is None
    assert asked_span("bytes=1-2,4-5", 5) is None
    assert asked_span("bytes=1-99", 5) == Span(1, 5)
    assert not asked_span("bytes=7-9", 5)
