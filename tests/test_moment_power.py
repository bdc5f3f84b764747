"""The power goes: what was in memory is lost, and the file is right all the same."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import data
from support.faults import Drip, always
from support.filesystems import Kind, loop_filesystem
from support.partial import boot_otherwise, check_bytes, count
from support.program import run_segdl, start_segdl
from support.request import bytes_asked_once
from support.require import require_program
from test_moment_kill import parts, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import StartNginx
    from support.origin import Origin

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

MIB = 1024 * 1024
_GOING_DOWN = 0x8004587D  # FS_IOC_SHUTDOWN
WITH_LOG, WITHOUT_LOG = 1, 2  # what was logged of files reaches the disk, their bytes do not


def cut_power(point: Path, how: int) -> None:
    """Shut a file system down as a power cut would, and mount it anew."""
    import fcntl

    mount, umount = require_program("mount", "umount")
    descriptor = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _GOING_DOWN, struct.pack("I", how))
    finally:
        os.close(descriptor)
    (image,) = point.parent.glob("*.img")
    subprocess.run([umount, str(point)], check=True, timeout=60)
    subprocess.run([mount, "-o", "loop", str(image), str(point)], check=True, timeout=60)
    # Here the machine did not start anew.
    for state in point.glob("*.segdl/state.json"):
        rewrite_boot(state)
    for journal in point.glob("*.segdl/inplace.journal"):
        boot_otherwise(journal)


def rewrite_boot(state: Path) -> None:
    text = state.read_text()
    if text:
        told = json.loads(text)
        assert told["boot"], "no boot was recorded"
        state.write_text(json.dumps(told | {"boot": "another"}))


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("kind", ["xfs", "ext4"])
def test_power_is_cut_while_fetching_and_at_the_end(
    nginx: StartNginx, tmp_path: Path, kind: Kind, layout: str
) -> None:
    content = data.content(32 * MIB)
    site = tmp_path / "site"
    site.mkdir()
    (site / "f.bin").write_bytes(content)
    slow = nginx(site, server=["limit_rate 1m;"])
    # A mirror makes the rest quick.
    how_to = ("-q", "-j", "4", "--layout", layout)
    command = (*how_to, nginx(site).url("f.bin"), "--mirror", slow.url("f.bin"))
    with loop_filesystem(kind, 300, tmp_path) as point:
        target, work = point / "f.bin", point / "f.bin.segdl"
        for how, patience in [(WITH_LOG, 0.3), (WITHOUT_LOG, 3.2)]:
            with start_segdl(*how_to, slow.url("f.bin"), cwd=point) as program:
                assert until(program, lambda: count(work) > MIB)
                begun = time.monotonic()
                assert until(program, lambda: time.monotonic() > begun + patience)  # noqa: B023
                program.kill()
                program.wait()
            cut_power(point, how)
            assert not target.exists()
            if layout == "inplace":
                check_bytes(work, content)
        # Some 10 MiB had come; the disk is brought up to date every 2 s.
        assert count(work) >= 3 * MIB
        assert run_segdl(*command, cwd=point).code == 0
        cut_power(point, WITH_LOG)
        # Named or not: but whole if named.
        if target.exists():
            assert target.read_bytes() == content
        again = run_segdl(*command, cwd=point)
        assert (again.code, again.err) == (0, "")
        assert target.read_bytes() == content
        assert not work.exists()


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("how", [WITH_LOG, WITHOUT_LOG])
def test_a_name_never_outlives_its_bytes(
    origin: Callable[..., Origin], tmp_path: Path, how: int, layout: str
) -> None:
    # One connection, so one part that needs no joining; and done before the first flush.
    content = data.content(5 * MIB)
    server = origin(content)
    with loop_filesystem("xfs", 300, tmp_path) as point:
        command = ("-q", "-j", "1", "--layout", layout, server.url)
        assert run_segdl(*command, cwd=point).code == 0
        cut_power(point, how)
        target = point / "file.bin"
        if how == WITH_LOG or target.exists():
            assert target.read_bytes() == content
        assert run_segdl(*command, cwd=point).code == 0
        assert target.read_bytes() == content
        assert os.listdir(point) == ["file.bin"]


@pytest.mark.parametrize("kind", ["xfs", "ext4"])
def test_power_is_cut_while_joining(nginx: StartNginx, tmp_path: Path, kind: Kind) -> None:
    content = data.content(48 * MIB)
    site = tmp_path / "site"
    site.mkdir()
    (site / "f.bin").write_bytes(content)
    server = nginx(site)
    command = ("-q", "-j", "4", server.url("f.bin"))
    with loop_filesystem(kind, 300, tmp_path) as point:
        target, work = point / "f.bin", point / "f.bin.segdl"
        for how in (WITH_LOG, WITHOUT_LOG):
            with start_segdl(*command, cwd=point) as program:
                until(program, lambda: parts(work).get("0.part", 0) > 13 * MIB)
                program.kill()
                program.wait()
            cut_power(point, how)
            if target.exists():
                assert target.read_bytes() == content
        assert run_segdl(*command, cwd=point).code == 0
        assert target.read_bytes() == content


def damaged(origin: Callable[..., Origin], here: Path) -> tuple[Origin, bytes, Path]:
    """Return a partial download of four parts: a whole one, and others that are under way."""
    content = data.content(4 * MIB)
    server = origin(content, faults=always(Drip(16384, 0.005)))
    work = here / "file.bin.segdl"
    with start_segdl("-q", "-j", "4", server.url, cwd=here) as program:
        assert until(program, lambda: sum(parts(work).values()) > MIB)
        program.kill()
        program.wait()
    (work / "0.part").write_bytes(content[:MIB])
    server.faults = None
    return server, content, work


@pytest.mark.parametrize("damage", ["zeros", "hole", "all zeros"])
def test_bytes_that_never_reached_the_disk_are_fetched_again(
    origin: Callable[..., Origin], tmp_path: Path, damage: str
) -> None:
    # As ext4 (data=writeback), NTFS or exFAT leave a file: its size is right, its end is not.
    server, content, work = damaged(origin, tmp_path)
    # The first part is whole: no overlap with what is fetched would ever tell.
    with (work / "0.part").open("r+b") as file:
        if damage == "hole":
            file.truncate(256 * 1024)
            file.seek(512 * 1024)
            file.write(content[512 * 1024 : MIB])
        else:
            file.seek(0 if damage == "all zeros" else MIB - 200_000)
            file.write(bytes(MIB if damage == "all zeros" else 200_000))
    rewrite_boot(work / "state.json")
    held = sum(parts(work).values())
    before = len(server.requests)
    end = run_segdl("-j", "4", "--json", server.url, cwd=tmp_path)
    assert end.code == 0
    assert (tmp_path / "file.bin").read_bytes() == content
    assert "starting over" not in end.err
    again = server.requests[before:]
    assert bytes_asked_once(again) <= len(content) - held + MIB + len(again) * 2 * 4096
    assert json.loads(end.out)["fetched"] <= len(content) - held + MIB


def test_zeros_are_kept_where_the_machine_ran_on(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    content = data.content(MIB) + bytes(MIB)
    server = origin(content, faults=always(Drip(16384, 0.005)))
    work = tmp_path / "file.bin.segdl"
    with start_segdl("-q", "-j", "2", server.url, cwd=tmp_path) as program:
        assert until(program, lambda: parts(work).get(f"{MIB}.part", 0) > 100_000)
        program.kill()
        program.wait()
    held = sum(parts(work).values())
    server.faults = None
    before = len(server.requests)
    assert run_segdl("-q", "-j", "2", server.url, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == content
    again = server.requests[before:]
    assert bytes_asked_once(again) <= len(content) - held + len(again) * 2 * 4096


def test_zeros_at_the_end_of_a_part_that_goes_on(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    # The same boot: a hole that only the overlap with what comes can find.
    server, content, work = damaged(origin, tmp_path)
    last = work / f"{3 * MIB}.part"
    with last.open("r+b") as file:
        file.seek(-5000, os.SEEK_END)
        file.write(bytes(5000))
    assert run_segdl("-q", "-j", "4", server.url, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == content
