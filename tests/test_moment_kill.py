"""Killed at any moment: the same command, and the bytes are right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import data
from support.faults import Drip, StallAfter, Status, always
from support.partial import check_bytes, count, sizes
from support.program import Program, run_segdl, start_segdl
from support.request import bytes_asked_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import StartNginx
    from support.origin import Origin

MIB = 1024 * 1024


def parts(folder: Path) -> dict[str, int]:
    return {name: size for name, size in sizes(folder).items() if name.endswith(".part")}


def until(program: Program, condition: Callable[[], bool], timeout: float = 20.0) -> bool:
    """Poll without a pause until `condition` holds; False where the program ended before."""
    deadline = time.monotonic() + timeout
    while not condition():
        if program.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the moment never came"
    return True


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_killed_at_fifty_moments(nginx: StartNginx, tmp_path: Path, layout: str) -> None:
    size = 12 * MIB + 12345
    content = data.content(size)
    site, here = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    here.mkdir()
    (site / "f.bin").write_bytes(content)
    server = nginx(site, server=["limit_rate 5m;"])
    target, work = here / "f.bin", here / "f.bin.segdl"
    digest = hashlib.sha256(content).hexdigest()
    checksum = f"sha256={digest}"
    command = ("-q", "-j", "4", "--layout", layout, "--checksum", checksum, server.url("f.bin"))
    chance = random.Random(20)

    def fetched(least: int) -> Callable[[], bool]:
        return lambda: count(work) >= least

    def joining() -> bool:
        return parts(work).get("0.part", 0) > 4 * MIB

    def joined() -> bool:
        return count(work) == size and len(parts(work)) <= 1

    def quarter(number: int) -> Callable[[], bool]:
        return fetched(size * number // 4 + chance.randrange(MIB))

    killed: dict[str, int] = {}
    requests = 0
    most_again = 0
    for _ in range(12):
        moments: list[tuple[str, Callable[[], bool] | None]] = [
            ("start", None),
            ("probe", lambda: "lock" in sizes(work)),
            ("probe", lambda: "state.json" in sizes(work)),
            ("fetch", fetched(1)),
            ("fetch", quarter(1)),
            ("fetch", quarter(2)),
            ("fetch", None),
            ("fetch", quarter(3)),
            *([("join", joining)] if layout == "parts" else []),
            ("verify", joined),
            ("publish", target.exists),
        ]
        phases = {phase for phase, _ in moments}
        kills = 0
        for phase, condition in moments:
            with start_segdl(*command, cwd=here) as program:
                if condition is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        program.wait(chance.uniform(0, 0.4))
                    landed = program.poll() is None
                else:
                    landed = until(program, condition)
                program.kill()
                program.wait()
            if landed:
                killed[phase] = killed.get(phase, 0) + 1
                kills += 1
            if target.exists():
                assert target.read_bytes() == content, f"not whole, killed in {phase}"
            else:
                check_bytes(work, content)
        last = run_segdl(*command, cwd=here)
        assert (last.code, last.err) == (0, "")
        assert target.read_bytes() == content
        assert sorted(os.listdir(here)) == ["f.bin"]
        log = server.log()
        again = sum(record.sent for record in log[requests:]) - size
        requests = len(log)
        assert again <= kills * 4 * MIB, f"{again} bytes came again after {kills} kills"
        most_again = max(most_again, again // max(kills, 1))
        target.unlink()
        if sum(killed.values()) >= 50 and all(killed.get(phase, 0) >= 3 for phase in phases):
            break
    else:
        pytest.fail(f"too few kills landed: {killed}")
    print(f"{killed}; again: {most_again} bytes a kill")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["fetch", "stall", "wait"])
def test_a_signal_ends_it_soon(
    origin: Callable[..., Origin], tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    content = data.content(4 * MIB)
    faults = {
        "fetch": always(Drip(16384, 0.02)),
        "stall": always(StallAfter(100_000)),
        "wait": always(Status(503, retry_after=60)),
    }[moment]
    server = origin(content, faults=faults)
    work = tmp_path / "file.bin.segdl"
    with start_segdl("-j", "4", server.url, cwd=tmp_path) as program:
        if moment == "wait":
            assert until(program, lambda: bool(server.requests))
        else:
            assert until(program, lambda: sum(parts(work).values()) > 65536)
        begun = time.monotonic()
        program.send_signal(number)
        end = program.finish()
        assert time.monotonic() - begun < 2.0
    assert end.code == 130
    assert "the same command" in end.err
    assert "Traceback" not in end.err
    held = sum(parts(work).values())
    assert held > 65536 or moment == "wait"
    server.faults = None
    before = len(server.requests)
    assert run_segdl("-q", server.url, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == content
    again = server.requests[before:]
    asked = bytes_asked_once(again)
    # Beside what was missing: the look, and an overlap at both ends of a seam.
    assert moment == "wait" or asked <= len(content) - held + len(again) * 2 * 4096
    assert os.listdir(tmp_path) == ["file.bin"]


def big_parts(nginx: StartNginx, tmp_path: Path) -> tuple[tuple[str, ...], Path, Path]:
    """Return a command whose parts (4 of 64 MiB) are all there, its folder and the original."""
    site, here = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    here.mkdir()
    original, block = site / "big.bin", 64 * MIB
    with original.open("wb") as file:
        for number in range(4):
            file.seek(number * block)
            file.write(b"part %d" % number)
        file.truncate(4 * block - 5)
    server = nginx(site, server=["limit_rate 100k;"])
    command = ("-q", "-j", "4", server.url("big.bin"))
    work = here / "big.bin.segdl"
    with start_segdl(*command, cwd=here) as program:
        assert until(program, lambda: len(parts(work)) == 4)
        program.kill()
        program.wait()
    for name in parts(work):
        (work / name).unlink()
    for number in range(4):
        with (work / f"{number * block}.part").open("wb") as file:
            file.write(b"part %d" % number)
            file.truncate(block - 5 if number == 3 else block)
    return command, here, original


def same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while block := a.read(8 * MIB):
            if block != b.read(8 * MIB):
                return False
    return True


def test_ended_while_joining_big_parts(nginx: StartNginx, tmp_path: Path) -> None:
    command, here, original = big_parts(nginx, tmp_path)
    work = here / "big.bin.segdl"
    for number, least in [(signal.SIGKILL, 70), (signal.SIGTERM, 130), (signal.SIGINT, 180)]:
        # The one before may have got further: this one is at it when there is more.
        reached = max(least * MIB, parts(work).get("0.part", 0))
        with start_segdl(*command, cwd=here) as program:
            assert until(program, lambda: parts(work).get("0.part", 0) > reached)  # noqa: B023
            begun = time.monotonic()
            program.send_signal(number)
            end = program.finish()
            assert time.monotonic() - begun < 2.0
        if number != signal.SIGKILL:
            assert (end.code, "the same command" in end.err) == (130, True)
        assert not (here / "big.bin").exists()
        assert parts(work)
    end = run_segdl(*command, cwd=here)
    assert (end.code, end.err) == (0, "")
    assert same(here / "big.bin", original)
    assert os.listdir(here) == ["big.bin"]


def test_a_second_run_is_told_who_holds_the_target(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    content = data.content(2 * MIB)
    server = origin(content, faults=always(Drip(8192, 0.02)))
    work = tmp_path / "file.bin.segdl"
    with start_segdl("-q", "-j", "2", server.url, cwd=tmp_path) as first:
        assert until(first, lambda: sum(parts(work).values()) > 20_000)
        before = (work / "state.json").stat()
        second = run_segdl("-q", "--if-exists", "overwrite", "--fresh", server.url, cwd=tmp_path)
        assert second.code == 6
        assert f"process {first.pid} on {os.uname().nodename}" in second.err
        assert second.err.count("\n") == 1
        after = (work / "state.json").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
        assert parts(work)
        assert first.poll() is None
        first.kill()
        first.wait()
    # A lock whose holder is dead holds nothing.
    assert (work / "lock").exists()
    server.faults = None
    assert run_segdl("-q", server.url, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == content
    assert os.listdir(tmp_path) == ["file.bin"]


def test_two_that_start_at_once(origin: Callable[..., Origin], tmp_path: Path) -> None:
    content = data.content(160_000)
    server = origin(content, faults=always(Drip(16384, 0.01)))
    for number in range(20):
        here = tmp_path / str(number)
        here.mkdir()
        command = ("-q", "-j", "2", "--json", server.url)
        with start_segdl(*command, cwd=here) as one, start_segdl(*command, cwd=here) as other:
            ends = [one.finish(), other.finish()]
        # The slower one finds it held, or, where it is slower still, finished.
        won = [end for end in ends if '"complete"' in end.out]
        lost = [end for end in ends if end not in won]
        assert len(won) == 1, ends
        assert [end.code for end in won] == [0]
        for end in lost:
            held = end.code == 6 and "is being downloaded by" in end.err
            assert held or (end.code == 0 and '"skipped"' in end.out), end
        assert (here / "file.bin").read_bytes() == content
        assert os.listdir(here) == ["file.bin"]
