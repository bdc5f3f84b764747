"""`--layout inplace`: the same promises, without part files that are joined."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import segdl
from segdl.progress.events import Joining, Note, Restarted
from support import data
from support.faults import Chunked, Drip, IgnoreRange, always
from support.fetching import NAME
from support.fetching import fetch as fetch_here
from support.filesystems import loop_filesystem, tiny_tmpfs
from support.partial import check_bytes, count, journal_of
from support.program import Finished, run, run_segdl, start_segdl
from support.request import bytes_asked, bytes_asked_once
from support.require import require_program
from test_moment_disk import fill_up, says
from test_moment_kill import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.origin import Origin

MIB = 1024 * 1024
SIZE = 3 * MIB + 77
CONTENT = data.content(SIZE)
NEWER = data.content(SIZE, seed=2)


@pytest.fixture
def server(origin: Callable[..., Origin]) -> Origin:
    return origin(CONTENT)


def fetch(server: Origin, here: Path, *options: str) -> Finished:
    return run_segdl("-j", "4", "--layout", "inplace", *options, server.url, cwd=here)


def whole(end: Finished, here: Path, content: bytes = CONTENT) -> None:
    """Check that a run left the exact file and nothing else."""
    assert end.code == 0, end
    assert os.listdir(here) == [NAME]
    assert (here / NAME).read_bytes() == content


def partial(server: Origin, here: Path, layout: str = "inplace") -> Path:
    """Leave a partial download behind, by kill -9; return its folder."""
    work = here / f"{NAME}.segdl"
    server.faults = always(Drip(16384, 0.005))
    command = ("-q", "-j", "4", "--layout", layout, server.url)
    with start_segdl(*command, cwd=here) as program:
        assert until(program, lambda: count(work) > 300_000)
        program.kill()
        program.wait()
    server.faults = None
    assert check_bytes(work, server.content) > 300_000
    return work


def test_one_file_is_filled(server: Origin, tmp_path: Path) -> None:
    server.faults = always(Drip(16384, 0.005))
    work = tmp_path / f"{NAME}.segdl"
    command = ("-q", "-j", "4", "--layout", "inplace", server.url)
    with start_segdl(*command, cwd=tmp_path) as program:
        assert until(program, lambda: count(work) > 200_000)
        names = sorted(os.listdir(work))
        inode = (work / "inplace.data").stat().st_ino
        whole(program.finish(), tmp_path)
    assert names == ["inplace.data", "inplace.journal", "lock", "state.json"]
    # Neither copied nor joined.
    assert (tmp_path / NAME).stat().st_ino == inode


def test_in_the_api(server: Origin, tmp_path: Path) -> None:
    seen: list[object] = []
    transfer = segdl.TransferOptions(layout="inplace")
    result = segdl.download(server.url, tmp_path / NAME, transfer=transfer, on_event=seen.append)
    assert (result.size, result.fetched, result.status) == (SIZE, SIZE, "complete")
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert not [event for event in seen if isinstance(event, Joining | Note)]
    assert os.listdir(tmp_path) == [NAME]
    assert segdl.download(server.url, tmp_path / NAME, transfer=transfer).size == SIZE


def test_it_goes_on_from_what_was_written(server: Origin, tmp_path: Path) -> None:
    held, before = count(partial(server, tmp_path)), len(server.requests)
    preview = json.loads(fetch(server, tmp_path, "--dry-run", "--json").out)
    assert preview["held"] == held
    before = len(server.requests)
    end = fetch(server, tmp_path)
    whole(end, tmp_path)
    again = server.requests[before:]
    assert bytes_asked_once(again) <= SIZE - held + len(again) * 2 * 4096
    assert "starting over" not in end.err


@pytest.mark.parametrize("begun", ["parts", "inplace"])
def test_the_layout_that_was_begun_goes_on(server: Origin, tmp_path: Path, begun: str) -> None:
    other = {"parts": "inplace", "inplace": "parts"}[begun]
    held, before = count(partial(server, tmp_path, begun)), len(server.requests)
    end = run_segdl("-j", "4", "--layout", other, server.url, cwd=tmp_path)
    whole(end, tmp_path)
    assert f"going on with --layout {begun}" in end.err
    again = server.requests[before:]
    assert bytes_asked_once(again) <= SIZE - held + len(again) * 2 * 4096


@pytest.mark.parametrize("begun", ["parts", "inplace"])
def test_fresh_changes_the_layout(server: Origin, tmp_path: Path, begun: str) -> None:
    other = {"parts": "inplace", "inplace": "parts"}[begun]
    work = partial(server, tmp_path, begun)
    server.faults = always(Drip(16384, 0.005))
    with start_segdl("--fresh", "--layout", other, server.url, cwd=tmp_path) as program:
        assert until(
            program,
            lambda: (
                journal_of(work).exists() == (other == "inplace")
                and (work / "0.part").exists() == (other == "parts")
            ),
        )
        end = program.finish()
    whole(end, tmp_path)
    assert "going on with" not in end.err


def test_another_version_is_not_mixed_in(server: Origin, tmp_path: Path) -> None:
    partial(server, tmp_path)
    server.replace(NEWER, '"v2"')
    end = fetch(server, tmp_path)
    whole(end, tmp_path, NEWER)
    assert "starting over" in end.err


@pytest.mark.parametrize("damage", ["missing", "header", "overlap"])
def test_a_journal_that_cannot_be_used(server: Origin, tmp_path: Path, damage: str) -> None:
    from segdl.core.journal import Kind, claim, read_journal

    journal = journal_of(partial(server, tmp_path))
    told = bytearray(journal.read_bytes())
    if damage == "missing":
        journal.unlink()
    else:
        if damage == "header":
            told[20] ^= 1
        else:
            key = read_journal(bytes(told), b"").key
            told[-64:-32] = claim((len(told) - 64 - 512) // 64, Kind.WRITTEN, 5, 20, key)
        journal.write_bytes(told)
    end = fetch(server, tmp_path)
    whole(end, tmp_path)
    assert "starting over: the journal of the partial data cannot be used" in end.err
    assert end.err.count("starting over") == 1


def test_a_wrong_digest_keeps_the_bytes(server: Origin, tmp_path: Path) -> None:
    end = fetch(server, tmp_path, "-q", "--checksum", f"sha256={'0' * 64}")
    assert (end.code, "inplace.data" in end.err) == (5, True)
    assert os.listdir(tmp_path) == [f"{NAME}.segdl"]
    before = len(server.requests)
    digest = hashlib.sha256(CONTENT).hexdigest()
    whole(fetch(server, tmp_path, "--checksum", f"sha256={digest}"), tmp_path)
    assert bytes_asked(server.requests[before:]) <= 2


def test_a_finished_file_is_gone_on_with(server: Origin, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[: 2 * MIB])
    before = len(server.requests)
    whole(fetch(server, tmp_path, "--if-exists", "resume"), tmp_path)
    again = server.requests[before:]
    assert bytes_asked_once(again) <= MIB + 77 + len(again) * 2 * 4096


@pytest.mark.parametrize("policy", ["overwrite", "rename", "error", "skip"])
def test_a_file_of_that_name(server: Origin, tmp_path: Path, policy: str) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    end = fetch(server, tmp_path, "-q", "--if-exists", policy)
    assert end.code == (6 if policy == "error" else 0)
    now = CONTENT if policy == "overwrite" else b"mine"
    assert (tmp_path / NAME).read_bytes() == now
    renamed = tmp_path / "file.1.bin"
    assert renamed.exists() == (policy == "rename")
    assert not renamed.exists() or renamed.read_bytes() == CONTENT
    assert not list(tmp_path.glob("*.segdl"))


@pytest.mark.parametrize("span", ["0-0", "100-1999999,0-9,-1"])
def test_pieces(server: Origin, tmp_path: Path, span: str) -> None:
    wanted = CONTENT[:1] if span == "0-0" else CONTENT[100:2_000_000] + CONTENT[:10] + CONTENT[-1:]
    whole(fetch(server, tmp_path, "--range", span), tmp_path, wanted)


@pytest.mark.parametrize("size", [0, 1, 4096, MIB + 1])
def test_small_files(origin: Callable[..., Origin], tmp_path: Path, size: int) -> None:
    whole(fetch(origin(CONTENT[:size]), tmp_path), tmp_path, CONTENT[:size])


def test_a_file_whose_length_is_not_told(server: Origin, tmp_path: Path) -> None:
    fetched = fetch_here(server.url, tmp_path, layout="inplace", connections=4)
    fetched.is_whole(CONTENT)
    (tmp_path / NAME).unlink()
    server.faults = always(IgnoreRange(), Chunked(50_000))
    fetched = fetch_here(server.url, tmp_path, layout="inplace", connections=4)
    fetched.is_whole(CONTENT)
    assert not fetched.told(Restarted)


def test_a_stream_has_no_layout(server: Origin, tmp_path: Path) -> None:
    end = fetch(server, tmp_path, "-q", "-o", "-")
    assert (end.code, end.stdout == CONTENT, os.listdir(tmp_path)) == (0, True, [])


# -- the disk --


def test_no_room_for_a_part_twice_is_needed(server: Origin, tmp_path: Path) -> None:
    with tiny_tmpfs(4 * MIB, tmp_path) as point:
        says(run_segdl("-q", "-j", "4", server.url, cwd=point), "for joining")
        whole(fetch(server, point), point)


def test_full_before_it_starts(server: Origin, tmp_path: Path) -> None:
    with tiny_tmpfs(6 * MIB, tmp_path) as point:
        filler = fill_up(point, MIB)
        says(fetch(server, point, "-q"), "needs 3.0 MiB more;", "are free", "make room")
        assert len(server.requests) == 1
        assert os.listdir(point) == ["filler"]
        filler.unlink()
        whole(fetch(server, point), point)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_room_that_was_set_aside_stays_its_own(server: Origin, tmp_path: Path) -> None:
    server.faults = always(Drip(16384, 0.005))
    with loop_filesystem("ext4", 32, tmp_path) as point:
        folder = point / "here"
        folder.mkdir()
        work = folder / f"{NAME}.segdl"
        command = ("-q", "-j", "4", "--layout", "inplace", server.url)
        with start_segdl(*command, cwd=folder) as program:
            assert until(program, lambda: count(work) > MIB // 2)
            fill_up(point, 0)
            whole(program.finish(), folder)


def test_full_in_the_middle(server: Origin, tmp_path: Path) -> None:
    # A file system that cannot set blocks aside.
    server.faults = always(Drip(16384, 0.01))
    with loop_filesystem("ext2", 16, tmp_path) as point:
        work = point / f"{NAME}.segdl"
        command = ("-q", "-j", "4", "--layout", "inplace", server.url)
        with start_segdl(*command, cwd=point) as program:
            assert until(program, lambda: count(work) > MIB // 2)
            with program.held_still():
                filler = fill_up(point, MIB // 4)
            end = program.finish()
        says(end, "no space left on the disk", "run the same command again")
        held = check_bytes(work, CONTENT)
        assert held > MIB // 2
        says(fetch(server, point, "-q"), "needs", "make room")
        assert check_bytes(work, CONTENT) == held
        filler.unlink()
        server.faults = None
        before = len(server.requests)
        end = fetch(server, point)
        again = server.requests[before:]
        assert (end.code, (point / NAME).read_bytes()) == (0, CONTENT)
        assert bytes_asked_once(again) <= SIZE - held + len(again) * 2 * 4096


def test_a_file_that_is_too_large_for_the_file_system(server: Origin, tmp_path: Path) -> None:
    # As 4 GiB are on FAT.
    (prlimit,) = require_program("prlimit")
    command = [prlimit, f"--fsize={2 * MIB}", sys.executable, "-m", "segdl"]
    end = run([*command, "-q", "--layout", "inplace", server.url], cwd=tmp_path)
    says(end, "allows no file of this size", "--dir")
    assert len(server.requests) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["inplace.data", "inplace.journal", "inplace.new"])
def test_links_are_not_followed(server: Origin, tmp_path: Path, name: str) -> None:
    work, elsewhere = tmp_path / f"{NAME}.segdl", tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    work.mkdir()
    (work / name).symlink_to(elsewhere)
    says(fetch(server, tmp_path, "-q"), "symbolic link", "remove it")
    assert elsewhere.read_text() == "mine"
