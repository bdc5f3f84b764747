"""Disks that are full, names that cannot be, things in the way: exit 6, and nothing lost."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import data
from support.faults import Drip, always
from support.filesystems import loop_filesystem, tiny_tmpfs
from support.partial import count
from support.program import Finished, run, run_segdl, start, start_segdl
from support.request import bytes_asked, bytes_asked_once
from support.require import require, require_program
from test_moment_kill import parts, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.origin import Origin

MIB = 1024 * 1024
SIZE = 4 * MIB
CONTENT = data.content(SIZE)
SEGDL = (sys.executable, "-m", "segdl")


def says(end: Finished, *words: str) -> None:
    """Assert that it ended with the disk's exit code and one line with these words."""
    assert end.code == 6, end
    assert end.err.startswith("segdl: "), end
    assert end.err.count("\n") == 1, end
    for word in words:
        assert word in end.err, end


def fill_up(point: Path, leave: int) -> Path:
    """Fill a file system but for `leave` bytes."""
    status = os.statvfs(point)
    filler = point / "filler"
    with filler.open("wb") as file:
        file.write(bytes(status.f_bavail * status.f_frsize - leave))
    return filler


def identity(path: Path) -> tuple[int, ...]:
    """Tell a file from another one; when it was read last does not count."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def test_full_before_it_starts(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT)
    with tiny_tmpfs(6 * MIB, tmp_path) as point:
        filler = fill_up(point, 2 * MIB)
        end = run_segdl("-q", "-j", "4", server.url, cwd=point)
        says(end, "needs 4.0 MiB more and 1.0 MiB for joining", "are free", "make room")
        assert len(server.requests) == 1
        assert os.listdir(point) == ["filler"]
        filler.unlink()
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_no_block_is_left(origin: Callable[..., Origin], tmp_path: Path, kind: str) -> None:
    server = origin(CONTENT)
    full = tiny_tmpfs(8 * MIB, tmp_path) if kind == "tmpfs" else None
    with full or loop_filesystem("ext4", 16, tmp_path) as point:
        with (point / "filler").open("wb", buffering=0) as file:
            block = bytes(65536)
            while block:
                try:
                    file.write(block)
                except OSError:
                    block = block[: len(block) // 2]
        says(run_segdl("-q", "-j", "4", server.url, cwd=point), "no space left", "make room")
        assert len(server.requests) == 1
        (point / "filler").unlink()
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT


def test_parts_are_kept_where_the_rest_has_no_room(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    server = origin(CONTENT, faults=always(Drip(16384, 0.005)))
    with tiny_tmpfs(8 * MIB, tmp_path) as point:
        work = point / "file.bin.segdl"
        with start_segdl("-q", "-j", "4", server.url, cwd=point) as program:
            assert until(program, lambda: sum(parts(work).values()) > MIB)
            program.kill()
            program.wait()
        held = parts(work)
        filler = fill_up(point, 65536)
        before = len(server.requests)
        says(run_segdl("-q", "-j", "4", server.url, cwd=point), "needs", "make room")
        assert [each.range for each in server.requests[before:]] == [(0, 0)]
        assert parts(work) == held
        filler.unlink()
        server.faults = None
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT


def test_room_for_the_largest_part_twice(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT, faults=always(Drip(16384, 0.005)))
    with tiny_tmpfs(8 * MIB, tmp_path) as point:
        work = point / "file.bin.segdl"
        with start_segdl("-q", "-j", "4", server.url, cwd=point) as program:
            assert until(program, lambda: len(parts(work)) == 4)
            program.kill()
            program.wait()
        for name in parts(work):
            (work / name).unlink()
        (work / f"{MIB}.part").write_bytes(CONTENT[MIB:])
        server.faults = None
        # One MiB is missing, and three need to be there twice while they are joined.
        filler = fill_up(point, 3 * MIB)
        says(
            run_segdl("-q", "-j", "4", server.url, cwd=point),
            "needs 1.0 MiB more and 3.0 MiB for joining",
        )
        filler.unlink()
        fill_up(point, 4 * MIB + 65536)
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT


def test_full_in_the_middle_of_fetching(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT, faults=always(Drip(16384, 0.01)))
    with tiny_tmpfs(8 * MIB, tmp_path) as point:
        work = point / "file.bin.segdl"
        with start_segdl("-q", "-j", "4", server.url, cwd=point) as program:
            assert until(program, lambda: sum(parts(work).values()) > MIB // 2)
            with program.held_still():
                filler = fill_up(point, MIB // 2)
            end = program.finish()
        says(end, "no space left on the disk", "run the same command again")
        assert sum(parts(work).values()) > MIB // 2
        assert not (point / "file.bin").exists()
        filler.unlink()
        server.faults = None
        held, before = sum(parts(work).values()), len(server.requests)
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT
        again = server.requests[before:]
        assert bytes_asked_once(again) <= SIZE - held + len(again) * 2 * 4096
        assert os.listdir(point) == ["file.bin"]


def test_full_in_joining(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT, faults=always(Drip(16384, 0.005)))
    with tiny_tmpfs(8 * MIB, tmp_path) as point:
        work = point / "file.bin.segdl"
        with start_segdl("-q", "-j", "4", server.url, cwd=point) as program:
            assert until(program, lambda: sum(parts(work).values()) > MIB)
            program.kill()
            program.wait()
        # All is there, but no room for a part twice.
        for at in range(0, SIZE, MIB):
            (work / f"{at}.part").write_bytes(CONTENT[at : at + MIB])
        filler = fill_up(point, MIB // 2)
        says(run_segdl("-q", "-j", "4", server.url, cwd=point), "no space left")
        assert not (point / "file.bin").exists()
        assert sum(parts(work).values()) >= SIZE
        filler.unlink()
        before = len(server.requests)
        # One part of extra space is enough.
        filler = fill_up(point, MIB + 65536)
        assert run_segdl("-q", "-j", "4", server.url, cwd=point).code == 0
        assert (point / "file.bin").read_bytes() == CONTENT
        assert bytes_asked(server.requests[before:]) <= 4096


def as_nobody(tmp_path: Path) -> list[str]:
    """Return what begins a command of a user for whom the rights of folders count."""
    if os.geteuid() != 0:
        return []
    (setpriv,) = require_program("setpriv")
    command = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    above = tmp_path
    while above != above.parent and not above.stat().st_mode & stat.S_IXOTH:
        above.chmod(above.stat().st_mode | stat.S_IXOTH)
        above = above.parent
    probe = run([*command, sys.executable, "-c", "import segdl.cli.main"], cwd=Path("/"))
    require(f"nobody cannot run segdl here: {probe.err[-200:]}", probe.code == 0)
    return command


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_that_cannot_be_written_to(
    origin: Callable[..., Origin], tmp_path: Path, existing: bool
) -> None:
    server = origin(CONTENT)
    here = tmp_path / "here"
    here.mkdir()
    if existing:
        (here / "file.bin.segdl").mkdir()
    command = [*as_nobody(tmp_path), *SEGDL, "-q", "-d", str(here), server.url]
    here.chmod(0o555)
    end = run(command, cwd=Path("/"))
    says(end, "not permitted", "--dir")
    assert os.listdir(here) == (["file.bin.segdl"] if existing else [])


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_a_folder_that_cannot_be_written_to_any_more(
    origin: Callable[..., Origin], tmp_path: Path, layout: str
) -> None:
    server = origin(CONTENT, faults=always(Drip(65536, 0.02)))
    here = tmp_path / "here"
    here.mkdir()
    here.chmod(0o777)
    command = [*as_nobody(tmp_path), *SEGDL, "-q", "--layout", layout, "-d", str(here), server.url]
    work = here / "file.bin.segdl"
    with start(command, cwd=Path("/")) as program:
        assert until(program, lambda: count(work) > MIB)
    here.chmod(0o555)
    before = len(server.requests)
    says(run(command, cwd=Path("/")), "cannot write", "file.bin: not permitted", "--dir")
    assert bytes_asked(server.requests[before:]) <= 4096
    here.chmod(0o777)
    assert run(command, cwd=Path("/")).code == 0
    assert (here / "file.bin").read_bytes() == CONTENT


def test_a_file_system_that_is_read_only(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT)
    (mount,) = require_program("mount")
    with tiny_tmpfs(MIB, tmp_path) as point:
        assert run([mount, "-o", "remount,ro", str(point)]).code == 0
        says(run_segdl("-q", server.url, cwd=point), "read-only", "--dir")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n" * 300, ("too long", "-o")),
        ("n" * 256, ("too long", "-o")),
        ("d", ("is a folder", "-o")),
        (".", ("is a folder", "-o")),
        ("..", ("is a folder", "-o")),
        ("d/", ("is a folder", "-o")),
        ("f/x", ("not a folder", "--dir")),
        ("f/x/y", ("not a folder", "--dir")),
    ],
)
def test_names_that_cannot_be(
    origin: Callable[..., Origin], tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    server = origin(CONTENT)
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("mine")
    says(run_segdl("-q", "-o", name, server.url, cwd=tmp_path), *words)
    assert sorted(os.listdir(tmp_path)) == ["d", "f"]
    assert os.listdir(tmp_path / "d") == []


def test_names_that_can_be(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT)
    for name in ("n" * 255, "a/b/c.bin", "new\nline"):
        end = run_segdl("-q", "-o", name, server.url, cwd=tmp_path)
        assert end.code == 0, end
        assert (tmp_path / name).read_bytes() == CONTENT
    assert sorted(os.listdir(tmp_path)) == sorted(["a", "new\nline", "n" * 255])


@pytest.mark.parametrize("thing", ["file", "link", "dangling", "fifo"])
def test_something_else_is_called_like_the_folder_of_parts(
    origin: Callable[..., Origin], tmp_path: Path, thing: str
) -> None:
    server = origin(CONTENT)
    work, elsewhere = tmp_path / "file.bin.segdl", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if thing == "file":
        work.write_text("mine")
    elif thing == "fifo":
        os.mkfifo(work)
    else:
        work.symlink_to(elsewhere if thing == "link" else "nowhere")
    before = identity(work)
    says(run_segdl("-q", server.url, cwd=tmp_path), "something else has that name", "-o")
    assert identity(work) == before
    assert os.listdir(elsewhere) == []


@pytest.mark.parametrize("name", ["0.part", "1048576.part", "state.json", "state.new", "lock"])
def test_links_in_the_folder_of_parts_are_not_followed(
    origin: Callable[..., Origin], tmp_path: Path, name: str
) -> None:
    server = origin(CONTENT)
    work, elsewhere = tmp_path / "file.bin.segdl", tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    work.mkdir()
    (work / name).symlink_to(elsewhere)
    says(run_segdl("-q", "-j", "4", server.url, cwd=tmp_path), "symbolic link", "remove it")
    assert elsewhere.read_text() == "mine"
    (work / name).unlink(missing_ok=True)
    assert run_segdl("-q", "-j", "4", server.url, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("policy", ["auto", "overwrite", "resume", "rename", "skip", "error"])
@pytest.mark.parametrize("thing", ["link", "dangling"])
def test_a_link_at_the_target(
    origin: Callable[..., Origin], tmp_path: Path, policy: str, thing: str
) -> None:
    server = origin(CONTENT)
    target, elsewhere = tmp_path / "file.bin", tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    target.symlink_to(elsewhere if thing == "link" else tmp_path / "nowhere")
    options = () if policy == "auto" else ("--if-exists", policy)
    before = identity(target)
    end = run_segdl("-q", *options, server.url, cwd=tmp_path)
    kept = policy != "overwrite" and (policy, thing) != ("skip", "dangling")
    if policy in {"auto", "resume", "error"}:
        says(end, "exists")
    else:
        assert (end.code, end.err) == (0, "")
    if kept:
        assert identity(target) == before
    else:
        assert not target.is_symlink()
        assert target.read_bytes() == CONTENT
    if policy == "rename":
        assert (tmp_path / "file.1.bin").read_bytes() == CONTENT
    assert elsewhere.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert not list(tmp_path.glob("*.segdl"))


def make(thing: str, place: Path) -> None:
    """Make something of this kind at `place`."""
    if thing == "folder":
        place.mkdir()
    elif thing == "FIFO":
        os.mkfifo(place)
    elif thing == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.path.relpath(place))
    else:
        require("root makes devices", os.geteuid() == 0)
        os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 3))


@pytest.mark.parametrize("policy", ["auto", "overwrite", "resume", "rename", "skip", "error"])
@pytest.mark.parametrize("thing", ["FIFO", "device", "socket", "folder"])
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("size", [1000, SIZE])
def test_what_is_no_file_is_never_replaced(
    origin: Callable[..., Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    thing: str,
    linked: bool,
    size: int,
) -> None:
    server = origin(CONTENT[:size])
    # The address of a socket must be short.
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "file.bin"
    make(thing, tmp_path / "real" if linked else target)
    if linked:
        target.symlink_to("real")
    before = {name: identity(tmp_path / name)[:3] for name in os.listdir(tmp_path)}
    options = () if policy == "auto" else ("--if-exists", policy)
    end = run_segdl("-q", *options, server.url, cwd=tmp_path)
    if policy == "rename":
        assert (end.code, end.err) == (0, "")
        renamed = tmp_path / "file.1.bin"
        assert renamed.read_bytes() == CONTENT[:size]
        renamed.unlink()
    else:
        which = f"is {'a link to ' if linked else ''}a {thing}, not a file"
        says(end, which, "-o" if thing == "folder" else "-o - ")
    assert {name: identity(tmp_path / name)[:3] for name in os.listdir(tmp_path)} == before


def test_too_many_open_files(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(CONTENT)
    server.faults = always(Drip(16384, 0.01))
    (prlimit,) = require_program("prlimit")
    command = [sys.executable, "-m", "segdl", "-q", "-j", "8", "--min-split", "64K", server.url]
    # Sooner or later: what is opened in vain is a folder, a part or a connection.
    for most in range(14, 30, 3):
        end = run([prlimit, f"--nofile={most}", *command], cwd=tmp_path)
        says(end, "too many open files; raise `ulimit -n`, or use fewer with -j or --max-files")
    server.faults = None
    assert run(command, cwd=tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
