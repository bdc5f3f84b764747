"""A list that several runs share, which know nothing of each other."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from segdl.core.shards import Shard
from support import data
from support.mirroring import entry, mirror
from support.program import run_segdl, start_segdl

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.listing import Entry
    from support.nginx import Nginx

COUNT = 3


@pytest.fixture
def site(nginx: StartNginx, tmp_path: Path) -> Nginx:
    root = tmp_path / "site"
    (root / "pub").mkdir(parents=True)
    for n in range(40):
        (root / "pub" / f"f{n}.bin").write_bytes(data.content(1000 + 10 * n, n))
    return nginx(root)


def listed(site: Nginx, names: set[str]) -> list[Entry]:
    return [entry(site.url(name), name, size=(site.root / name).stat().st_size) for name in names]


def names_of(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and ".segdl" not in path.parts
    }


def test_runs_side_by_side_fetch_each_file_once(site: Nginx, tmp_path: Path) -> None:
    names = {f"pub/f{n}.bin" for n in range(40)}
    sums = "".join(
        f"{hashlib.sha256((site.root / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    )
    (site.root / "SHA256SUMS").write_text(sums)
    mirrored = tmp_path / "mirrored"
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                start_segdl(
                    *("mirror", "--json", "--shard", f"{index}/{COUNT}"),
                    site.url("SHA256SUMS"),
                    mirrored,
                )
            )
            for index in range(COUNT)
        ]
        done = [program.finish() for program in programs]
    assert [each.code for each in done] == [0] * COUNT, [each.err for each in done]
    told = [json.loads(each.out) for each in done]
    assert sum(each["fetched"] for each in told) == len(names)
    assert names_of(mirrored) == names
    asked = [each.target for each in site.log(COUNT + len(names))]
    assert sorted(each for each in asked if each != "/SHA256SUMS") == sorted(
        f"/{name}" for name in names
    )
    merged = run_segdl("mirror", "--report", "--json", mirrored)
    report = json.loads(merged.out)
    assert (merged.code, report["outcome"], report["exit_code"]) == (0, "equal", 0)
    assert report["files"]["fetched"] == len(names)
    size = sum((site.root / name).stat().st_size for name in names)
    assert report["bytes"]["fetched"] == sum(report["throughput"]["bytes"]) == size
    assert report["verified"] == {"sha256": len(names)}
    assert report["hosts"][0]["speed"]["count"] == len(names)
    assert json.loads((mirrored / ".segdl" / "report.json").read_text()) == report
    (mirrored / ".segdl" / Shard(1, COUNT).name / "report.json").unlink()
    lacking = run_segdl("mirror", "--report", mirrored)
    assert (lacking.code, "shard 1 of 3 has no report" in lacking.err) == (1, True)
    again = run_segdl("mirror", "--status", "--shard", f"1/{COUNT}", mirrored)
    assert (again.code, "complete" in again.out) == (0, True)


def test_each_deletes_what_is_its_own(site: Nginx, tmp_path: Path) -> None:
    names = {f"pub/f{n}.bin" for n in range(40)}
    mirrored = tmp_path / "mirrored"
    shards = [Shard(index, COUNT) for index in range(COUNT)]
    for shard in shards:
        assert mirror(mirrored, listed(site, names), shard=shard).result.failures.first == []
    kept = {name for name in names if int(name[5:-4]) >= 10}
    gone = names - kept
    first = mirror(mirrored, listed(site, kept), shard=shards[0], delete="now", max_delete=1.0)
    assert first.result.failures.first == []
    assert names_of(mirrored) == names - {name for name in gone if shards[0].has(name)}
    for shard in shards[1:]:
        ran = mirror(mirrored, listed(site, kept), shard=shard, delete="trash", max_delete=1.0)
        assert ran.result.failures.first == []
    assert names_of(mirrored) == kept
    trash = mirrored / ".segdl" / shards[1].name / "trash"
    assert {p.name for p in trash.rglob("*.bin")} == {
        name[4:] for name in gone if shards[1].has(name)
    }


def test_each_writes_the_sums_of_its_own(site: Nginx, tmp_path: Path) -> None:
    names = {f"pub/f{n}.bin" for n in range(40)}
    mirrored = tmp_path / "mirrored"
    lines: list[str] = []
    for index in range(COUNT):
        shard = Shard(index, COUNT)
        assert (
            mirror(mirrored, listed(site, names), shard=shard, sums=True).result.failures.first
            == []
        )
        lines += (mirrored / ".segdl" / shard.name / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in lines} == names
    assert names_of(mirrored) == names


def test_a_shard_may_have_nothing_to_do(site: Nginx, tmp_path: Path) -> None:
    name = "pub/f1.bin"
    other = next(Shard(i, COUNT) for i in range(COUNT) if not Shard(i, COUNT).has(name))
    ran = mirror(tmp_path / "mirrored", listed(site, {name}), shard=other)
    assert ran.result.failures.first == []
    assert names_of(tmp_path / "mirrored") == set()
