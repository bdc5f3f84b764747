"""A second process fetches a mirror's small files; all that the mirror knows of them stays here."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support import data
from support.helped import COUNT, fetch, finish, helper_of, is_over, slow, start
from support.helped import check as check_files
from support.site import Site, content, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request as Asked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there it is done without")

MIRROR = ("mirror", "-q", "--per-host", "8", "--max-files", "8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site() as site:
        urls = (site.url(f"/{n}.bin") for n in range(1, COUNT + 1))
        (tmp_path / "list").write_text("\n".join(urls) + "\n")
        yield site


def sums(site: Site, folder: Path, wrong: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Write a list with digests; return what mirrors it."""
    lines = []
    for n in range(1, COUNT + 1):
        right = hashlib.sha256(content(f"/{n}.bin")).hexdigest()
        lines.append(f"{'0' * 64 if n in wrong else right}  {n}.bin\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    return (*MIRROR, "--base-url", site.url("/"), "SHA256SUMS", "out")


def check(folder: Path, but: tuple[int, ...] = ()) -> None:
    check_files(folder, but, beside=frozenset({".segdl"}))


def test_two_runs(site: Site, tmp_path: Path) -> None:
    ran = fetch(tmp_path, *MIRROR, "list", "out")
    assert (ran.code, ran.said) == (0, [])
    assert ran.given > 0
    check(tmp_path)
    assert set(site.asked().values()) == {1}
    again = fetch(tmp_path, *MIRROR, "list", "out")
    assert again.code == 0
    assert again.given > 0
    assert set(site.asked().values()) == {2}
    report = json.loads((tmp_path / "out" / ".segdl" / "report.json").read_text())
    assert report["files"]["unchanged"] == COUNT


def test_what_did_not_change_is_asked_for_once_whatever_its_size(
    site: Site, tmp_path: Path
) -> None:
    large = data.content(3 * 1024 * 1024, seed=9)

    def answer(request: Asked, connection: Connection) -> None:
        if request.fields.get("if-none-match") == '"l"':
            connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "l"\r\n\r\n')
        else:
            connection.send(plain(large, 'ETag: "l"'))

    for n in range(40, 60):
        site.odd[f"/{n}.bin"] = answer
    assert fetch(tmp_path, *MIRROR, "list", "out").code == 0
    asked = len(site.requests)
    again = fetch(tmp_path, *MIRROR, "list", "out")
    assert again.code == 0
    assert again.given > 0
    assert len(site.requests) == asked + COUNT


def test_what_a_list_has_digests_of_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    mirror = sums(site, tmp_path)
    ran = fetch(tmp_path, *mirror)
    assert (ran.code, ran.said) == (0, [])
    assert ran.given > 0
    check(tmp_path)
    asked = len(site.requests)
    assert fetch(tmp_path, *mirror).code == 0
    assert len(site.requests) == asked


def test_a_wrong_digest_is_set_aside(site: Site, tmp_path: Path) -> None:
    wrong = (50, 51, 52, 80)
    ran = fetch(tmp_path, *sums(site, tmp_path, wrong))
    assert ran.code == 5
    assert ran.given > 0
    for n in wrong:
        aside = tmp_path / "out" / f"{n}.bin.corrupt"
        assert aside.read_bytes() == content(f"/{n}.bin")
        aside.unlink()
    check(tmp_path, but=wrong)


def test_what_is_missing(site: Site, tmp_path: Path) -> None:
    for n in range(40, 60):
        site.odd[f"/{n}.bin"] = lambda _, connection: connection.send(
            plain(b"", status="404 Not Found")
        )
    ran = fetch(tmp_path, *MIRROR, "list", "out")
    assert ran.code == 4
    check(tmp_path, but=tuple(range(40, 60)))
    site.odd.clear()
    assert fetch(tmp_path, *MIRROR, "list", "out").code == 0
    check(tmp_path)


@pytest.mark.parametrize("how", ["interrupt", "kill", "kill the helper"])
def test_a_run_that_is_cut_short(site: Site, tmp_path: Path, how: str) -> None:
    for n in range(20, COUNT + 1):
        site.odd[f"/{n}.bin"] = slow(0.05)
    with start(tmp_path, *MIRROR, "list", "out") as running:
        helper = helper_of(tmp_path, running)
        if how == "interrupt":
            running.signal_all(signal.SIGINT)
            assert finish(running).code == 130
            assert is_over(helper)
        elif how == "kill":
            running.send_signal(signal.SIGKILL)
        else:
            os.kill(helper, signal.SIGKILL)
            assert finish(running).code == 0
            check(tmp_path)
    site.odd.clear()
    assert fetch(tmp_path, *MIRROR, "list", "out").code == 0
    check(tmp_path)


def test_files_have_the_time_of_their_server_and_are_replaced_at_once(
    site: Site, tmp_path: Path
) -> None:
    modified = "Last-Modified: Mon, 02 Jan 2023 03:04:05 GMT"

    def dated(version: str) -> Callable[[Asked, Connection], bool | None]:
        def answer(request: Asked, connection: Connection) -> None:
            connection.send(plain(version.encode() * 99, f'ETag: "{version}"', modified))

        return answer

    for version in ("one", "two!"):
        asked = len(site.requests)
        for n in range(1, COUNT + 1):
            site.odd[f"/{n}.bin"] = dated(version)
        ran = fetch(tmp_path, *MIRROR, "list", "out")
        assert (ran.code, ran.said) == (0, [])
        assert ran.given > 0
        assert len(site.requests) == asked + COUNT
        for n in range(1, COUNT + 1):
            path = tmp_path / "out" / f"{n}.bin"
            assert path.read_bytes() == version.encode() * 99
            assert path.stat().st_mtime == 1672628645


def test_what_is_meant_for_the_list_goes_to_nobody_else(site: Site, tmp_path: Path) -> None:
    """Not even where a host has header fields of its own."""
    urls = (f"{site.url(f'/{n}.bin')}\n  header=X-Own: 1\n" for n in range(1, COUNT + 1))
    text = "".join(urls).encode()
    with Site() as lists:
        lists.odd["/list"] = lambda _, connection: connection.send(
            plain(text, "Content-Type: text/plain")
        )
        url = lists.url("/list", host="localhost")
        secret = ("-u", "me:secret", "-H", "X-Token: secret")
        ran = fetch(tmp_path, *MIRROR, *secret, url, "out")
        assert (ran.code, ran.said) == (0, [])
        assert any("x-token" in request.fields for request in lists.requests)
    assert ran.given > 0
    check(tmp_path)
    for request in site.requests:
        assert request.fields["x-own"] == "1"
        assert not {"authorization", "x-token"} & set(request.fields)


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_host_has_more_connections_than_it_may(site: Site, tmp_path: Path, most: int) -> None:
    """Small files first, which both processes have connections for, then large ones."""
    large = data.content(12 * 1024 * 1024, seed=7)
    connections: list[int] = []

    def answer(request: Asked, connection: Connection) -> None:
        # Until the site has seen that others are closed, however busy the machine is.
        seen = time.monotonic() + 5.0
        time.sleep(0.1)
        while site.open_connections > most and time.monotonic() < seen:
            time.sleep(0.01)
        connections.append(site.open_connections)
        first, last = request.range or (0, None)
        stop = len(large) if last is None else min(last + 1, len(large))
        told = f"Content-Range: bytes {first}-{stop - 1}/{len(large)}"
        connection.send(plain(large[first:stop], told, 'ETag: "l"', status="206 Partial Content"))

    names = [f"large{n}.iso" for n in range(4)]
    for name in names:
        site.odd[f"/{name}"] = answer
    sizes = {f"{n}.bin": len(content(f"/{n}.bin")) for n in range(1, COUNT + 1)}
    lines = [
        json.dumps({"url": site.url(f"/{name}"), "path": name, "size": size})
        for name, size in {**sizes, **dict.fromkeys(names, len(large))}.items()
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    per_host = ("--order", "list", "--per-host", str(most))
    ran = fetch(tmp_path, "mirror", "-q", *per_host, "list.jsonl", "out")
    assert (ran.code, ran.said) == (0, [])
    assert (ran.given > 0) == (most > 1)
    assert max(connections) <= most
    for name in names:
        path = tmp_path / "out" / name
        assert path.read_bytes() == large
        path.unlink()
    check(tmp_path)
