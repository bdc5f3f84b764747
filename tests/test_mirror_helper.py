"""A second process fetches a mirror's small files; all that the mirror knows of them stays here."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from support.helped import (
    COUNT,
    Site,
    content,
    fetch,
    finish,
    helper_of,
    is_over,
    plain,
    slow,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    names = {f"{n}.bin" for n in range(1, COUNT + 1) if n not in but}
    there = {name for name in os.listdir(folder / "out") if not name.startswith(".")}
    assert there == names
    for name in names:
        assert (folder / "out" / name).read_bytes() == content(name)


def test_two_runs(site: Site, tmp_path: Path) -> None:
    ran = fetch(tmp_path, *MIRROR, "list", "out")
    assert (ran.code, ran.said) == (0, [])
    assert ran.given >= COUNT // 4
    check(tmp_path)
    assert {site.asked(f"/{n}.bin") for n in range(1, COUNT + 1)} == {1}
    assert site.peak_connections <= 8
    again = fetch(tmp_path, *MIRROR, "list", "out")
    assert again.code == 0
    assert again.given > 0
    assert {site.asked(f"/{n}.bin") for n in range(1, COUNT + 1)} == {2}
    report = json.loads((tmp_path / "out" / ".segdl" / "report.json").read_text())
    assert report["files"]["unchanged"] == COUNT


def test_what_a_list_has_digests_of_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    mirror = sums(site, tmp_path)
    ran = fetch(tmp_path, *mirror)
    assert (ran.code, ran.said) == (0, [])
    assert ran.given >= COUNT // 4
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
