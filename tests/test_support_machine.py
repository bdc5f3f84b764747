"""nginx, file systems, subprocesses and terminals: each works, and each is gone afterwards."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import data
from support.filesystems import Kind, loop_filesystem, tiny_tmpfs
from support.leaks import Leaks
from support.nginx import Nginx
from support.program import run, run_segdl, start
from support.require import require, require_program
from support.terminal import in_pty, on_terminal

if TYPE_CHECKING:
    from support.tls import Authority

CONTENT = data.content(1_000_000)


def fetch(url: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return bytes(response.read())


# -- nginx --


def test_nginx_serves_and_logs(nginx: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    server: Nginx = nginx(tmp_path)
    assert fetch(server.url("a.bin")) == CONTENT
    assert fetch(server.url("/a.bin"), Range="bytes=10-19") == CONTENT[10:20]
    whole, part = server.log(at_least=2)
    assert (whole.status, whole.range, whole.sent, whole.method) == (200, "", 1_000_000, "GET")
    assert (part.status, part.range, part.sent, part.target) == (206, "bytes=10-19", 10, "/a.bin")
    assert part.request == "GET /a.bin HTTP/1.1"


def test_nginx_speaks_tls(shared_nginx: Nginx, authority: Authority, tmp_path: Path) -> None:
    (shared_nginx.root / "tls.bin").write_bytes(CONTENT)
    (curl,) = require_program("curl")
    target = tmp_path / "got"
    url = shared_nginx.url("tls.bin", tls=True)
    command = [curl, "-sS", "--noproxy", "*", "-o", str(target), url]
    subprocess.run([*command, "--cacert", str(authority.cacert)], check=True, timeout=10)
    assert target.read_bytes() == CONTENT
    assert subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 60
    assert fetch(shared_nginx.url("tls.bin")) == CONTENT


def test_nginx_takes_more_configuration(nginx: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    server: Nginx = nginx(
        tmp_path,
        http=["limit_conn_zone $server_port zone=all:1m;"],
        server=["autoindex on;", "limit_conn all 1;", "limit_rate 50k;"],
    )
    assert b'href="a.bin"' in fetch(server.url("/"))
    slow = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    slow.request("GET", "/a.bin")
    response = slow.getresponse()
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server.url("a.bin"))
    refused.value.close()
    assert refused.value.code == 503
    response.close()
    slow.close()


def test_nginx_stops_and_says_why_it_does_not_start(tmp_path: Path) -> None:
    with Nginx(tmp_path) as server:
        port = server.port
        server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    with pytest.raises(AssertionError, match="no_such_directive"):
        Nginx(tmp_path, server=["no_such_directive on;"]).start()


# -- requirements --


def test_missing_things_skip_but_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    require("never looked at", True)
    with pytest.raises(pytest.skip.Exception, match="a moon"):
        require("a moon is missing", False)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="a moon"):
        require("a moon is missing", False)
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        require_program("no-such-program")


# -- file systems --


def mounts() -> str:
    return Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_loop_filesystem(kind: Kind, tmp_path: Path) -> None:
    with loop_filesystem(kind, 64, tmp_path) as point:
        assert f" {point} {kind} " in mounts()
        source, copy = point / "a", point / "b"
        source.write_bytes(CONTENT)
        assert source.read_bytes() == CONTENT
        (cp,) = require_program("cp")
        cloned = subprocess.run(
            [cp, "--reflink=always", source, copy], capture_output=True, check=False
        )
        assert (cloned.returncode == 0) == (kind in {"xfs", "btrfs"})
    assert str(point) not in mounts()
    assert not list(tmp_path.glob("*.img"))


def test_loop_filesystem_is_unmounted_when_the_test_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), loop_filesystem("ext4", 16, tmp_path) as point:
        raise ZeroDivisionError
    assert str(point) not in mounts()


def test_tiny_tmpfs_fills_up(tmp_path: Path) -> None:
    with tiny_tmpfs(64 * 1024, tmp_path) as point:
        with pytest.raises(OSError) as full:
            (point / "a").write_bytes(CONTENT)
        assert full.value.errno == errno.ENOSPC
    assert str(point) not in mounts()


# -- programs --

PYTHON = sys.executable


def test_run_tells_everything() -> None:
    text = "import sys; print(input()); print('bad', file=sys.stderr); sys.exit(7)"
    ended = run([PYTHON, "-c", text], stdin=b"hello\n")
    assert (ended.code, ended.out, ended.err, ended.stdout) == (7, "hello\n", "bad\n", b"hello\n")
    assert 0 < ended.seconds < 20


def test_run_ends_what_hangs() -> None:
    begun = time.monotonic()
    with pytest.raises(AssertionError, match=r"did not end(.|\n)*waiting"):
        run(
            [PYTHON, "-c", "import time; print('waiting', flush=True); time.sleep(60)"], timeout=0.7
        )
    assert time.monotonic() - begun < 10


def test_started_programs_can_be_killed_with_their_children() -> None:
    text = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    with start([PYTHON, "-c", text]) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.signal_all(signal.SIGKILL)
        assert running.finish(10).code == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)
    with start([PYTHON, "-c", "import time; time.sleep(60)"]) as forgotten:
        pass
    assert forgotten.returncode == -signal.SIGKILL


def alive(pid: int) -> bool:
    """Whether it runs; an orphan that no one reaps yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_segdl_is_run_from_this_checkout() -> None:
    # Whatever segdl says to this, Python found it.
    assert "No module named segdl\n" not in run_segdl("--version", timeout=30).err


def test_terminal_has_a_size_and_ctrl_c() -> None:
    text = (
        "import os, sys, time\n"
        "assert all(os.isatty(n) for n in range(3))\n"
        "try:\n"
        "    print('size', *os.get_terminal_size(), flush=True)\n"
        # One long sleep does not end by a signal that comes just before it begins.
        "    while True:\n"
        "        time.sleep(0.05)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted'); sys.exit(130)\n"
    )
    screen = on_terminal(
        [PYTHON, "-c", text],
        columns=77,
        lines=11,
        timeout=10,
        keys=lambda output: b"\x03" if b"\n" in output else b"",
    )
    assert b"size 77 11" in screen.output
    assert b"interrupted" in screen.output
    assert screen.code == 130


def test_terminal_is_closed_when_the_program_hangs() -> None:
    begun = time.monotonic()
    with pytest.raises(AssertionError, match="still running"):
        on_terminal([PYTHON, "-c", "import time; time.sleep(60)"], timeout=0.3)
    assert time.monotonic() - begun < 5
    assert isinstance(in_pty(["--version"], columns=80, lines=24, timeout=30), bytes)


# -- leaks --


def test_leaks_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support.leaks._PATIENCE", 0.05)
    before = Leaks()
    before.check()
    with socket.socket(), pytest.raises(AssertionError, match=r"left open: .*socket"):
        before.check()
    with tempfile.NamedTemporaryFile() as file, pytest.raises(AssertionError, match=file.name):
        before.check()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="segdl-worker-0")
    thread.start()
    with pytest.raises(AssertionError, match="segdl-worker-0"):
        before.check()
    release.set()
    thread.join()
    before.check()


def test_content_is_the_same_every_time() -> None:
    data.content.cache_clear()
    assert data.content(2_000_000)[:1_000_000] == CONTENT
    assert data.content(10, seed=2) != data.content(10)
    assert data.content(0) == b""
    assert len(data.content(3 * 1024 * 1024 + 1)) == 3 * 1024 * 1024 + 1


def test_authority_signs_what_clients_accept(authority: Authority) -> None:
    assert isinstance(authority.client_context(), ssl.SSLContext)
    assert os.stat(authority.key).st_mode & 0o077 == 0
