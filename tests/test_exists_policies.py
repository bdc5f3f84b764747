"""A file of that name exists, or a partial one: what happens to it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import segdl
from segdl.core.identity import Version
from segdl.store.state import FileId, State, save
from segdl.store.workplace import Workplace
from support import data
from support.faults import CutAfter, Drip, Fault, FreshEtag, IgnoreRange, NoValidators, always
from support.filesystems import tiny_tmpfs
from support.origin import MODIFIED
from support.program import Finished, run_segdl, start_segdl
from support.reply import http_date
from support.request import bytes_asked, bytes_asked_once
from test_moment_kill import parts, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.origin import Origin

MIB = 1024 * 1024
CONTENT = data.content(3 * MIB + 77)
NEWER = data.content(3 * MIB + 77, seed=2)


@pytest.fixture
def server(origin: Callable[..., Origin]) -> Origin:
    return origin(CONTENT)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not list(tmp_path.glob("*.segdl")), "something was left behind"


def asked(server: Origin, since: int) -> int:
    """Return how many bytes were asked for since so many requests."""
    return bytes_asked(server.requests[since:])


def fetch(server: Origin, here: Path, *options: str) -> Finished:
    return run_segdl("-q", "-j", "4", *options, server.url, cwd=here)


def partial(server: Origin, here: Path, *options: str, name: str = "file.bin") -> Path:
    """Leave a partial download behind, by kill -9; return its folder."""
    work = here / f"{name}.segdl"
    faults, server.faults = server.faults, always(Drip(16384, 0.005))
    with start_segdl("-q", "-j", "4", *options, server.url, cwd=here) as program:
        assert until(program, lambda: sum(parts(work).values()) > 300_000)
        program.kill()
        program.wait()
    server.faults = faults
    return work


def has_attributes(folder: Path) -> bool:
    try:
        os.setxattr(folder, "user.test", b"1")
    except (OSError, AttributeError):
        return False
    os.removexattr(folder, "user.test")
    return True


# -- the default --


def test_a_recorded_file_is_skipped(server: Origin, here: Path) -> None:
    if not has_attributes(here):
        pytest.skip("no extended attributes here")
    assert fetch(server, here).code == 0
    before = len(server.requests)
    end = run_segdl("-j", "4", server.url, cwd=here)
    assert (end.code, "already complete" in end.out) == (0, True)
    assert asked(server, before) == 1
    # Touched, changed, or another version at the server: no longer provably the same.
    server.replace(NEWER)
    assert fetch(server, here).code == 6
    server.replace(CONTENT, '"v1"')
    assert fetch(server, here).code == 0
    os.utime(here / "file.bin")
    assert fetch(server, here).code == 6
    assert (here / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("right", [True, False])
def test_a_checksum_proves_a_file(server: Origin, here: Path, right: bool) -> None:
    held = CONTENT if right else NEWER
    (here / "file.bin").write_bytes(held)
    digest = hashlib.sha256(CONTENT).hexdigest()
    end = fetch(server, here, "--checksum", f"sha256={digest}")
    assert end.code == (0 if right else 6)
    assert (here / "file.bin").read_bytes() == held


def test_without_attributes_a_file_just_exists(server: Origin, tmp_path: Path) -> None:
    with tiny_tmpfs(16 * MIB, tmp_path) as point:
        assert fetch(server, point).code == 0
        end = fetch(server, point)
        # Newer kernels have them on tmpfs, too.
        assert end.code == (0 if has_attributes(point) else 6)
        assert "is not provably the remote file" in end.err or end.code == 0
        assert os.listdir(point) == ["file.bin"]


@pytest.mark.parametrize(
    ("fault", "proves"),
    [(NoValidators(), False), (FreshEtag(), False), (FreshEtag(dated=True), True)],
)
def test_what_proves_nothing_is_not_recorded(
    server: Origin, here: Path, fault: Fault, proves: bool
) -> None:
    server.faults = always(fault)
    assert fetch(server, here).code == 0
    assert (here / "file.bin").read_bytes() == CONTENT
    assert fetch(server, here).code == (0 if proves and has_attributes(here) else 6)


# -- as asked --


def test_error(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(CONTENT)
    end = fetch(server, here, "--if-exists", "error")
    assert (end.code, "file.bin exists" in end.err, "--if-exists" in end.err) == (6, True, True)


def test_skip(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(b"mine")
    assert fetch(server, here, "--if-exists", "skip").code == 0
    assert (here / "file.bin").read_bytes() == b"mine"


def test_skip_leaves_a_partial_download_alone(server: Origin, tmp_path: Path) -> None:
    work = partial(server, tmp_path)
    held = parts(work)
    (tmp_path / "file.bin").write_bytes(b"mine")
    assert fetch(server, tmp_path, "--if-exists", "skip").code == 0
    assert parts(work) == held


def test_overwrite(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(b"mine")
    server.faults = always(CutAfter(200_000))
    partial(server, here, "--if-exists", "overwrite")
    assert (here / "file.bin").read_bytes() == b"mine"
    server.faults = None
    assert fetch(server, here, "--if-exists", "overwrite").code == 0
    assert (here / "file.bin").read_bytes() == CONTENT


def test_rename_goes_on_with_its_own_partial_file(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(b"mine")
    work = partial(server, here, "--if-exists", "rename", name="file.1.bin")
    held, before = sum(parts(work).values()), len(server.requests)
    assert fetch(server, here, "--if-exists", "rename").code == 0
    again = server.requests[before:]
    assert bytes_asked_once(again) <= len(CONTENT) - held + 10 * 4096
    assert fetch(server, here, "--if-exists", "rename").code == 0
    assert sorted(os.listdir(here)) == ["file.1.bin", "file.2.bin", "file.bin"]
    assert (here / "file.bin").read_bytes() == b"mine"
    assert (here / "file.1.bin").read_bytes() == (here / "file.2.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [0, 1, 5000, MIB + 1, len(CONTENT)])
def test_resume_a_file_that_is_a_beginning(server: Origin, here: Path, size: int) -> None:
    (here / "file.bin").write_bytes(CONTENT[:size])
    # One connection: a tail that is taken over would be asked for twice.
    assert fetch(server, here, "-j", "1", "--if-exists", "resume").code == 0
    assert (here / "file.bin").read_bytes() == CONTENT
    assert asked(server, 0) <= len(CONTENT) - size + 8 * 4096 + 8


@pytest.mark.parametrize("size", [1, MIB + 1, len(CONTENT)])
@pytest.mark.parametrize("differs", ["first", "middle", "last"])
def test_resume_refuses_what_is_no_beginning(
    server: Origin, here: Path, size: int, differs: str
) -> None:
    held = bytearray(CONTENT[:size])
    held[{"first": 0, "middle": max(0, size // 2 - 1), "last": -1}[differs]] ^= 1
    (here / "file.bin").write_bytes(held)
    before = (here / "file.bin").stat()
    end = fetch(server, here, "--if-exists", "resume")
    assert (end.code, "is not the beginning" in end.err) == (5, True)
    assert (here / "file.bin").read_bytes() == held
    assert (here / "file.bin").stat().st_mtime_ns == before.st_mtime_ns


def test_resume_refuses_a_longer_file(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(CONTENT + b"x")
    end = fetch(server, here, "--if-exists", "resume")
    assert (end.code, "longer" in end.err) == (6, True)
    assert (here / "file.bin").read_bytes() == CONTENT + b"x"


def test_resume_beside_a_partial_download_loses_neither(server: Origin, tmp_path: Path) -> None:
    work = partial(server, tmp_path)
    held = parts(work)
    (tmp_path / "file.bin").write_bytes(CONTENT[:1000])
    assert fetch(server, tmp_path, "--if-exists", "resume").code == 6
    assert parts(work) == held
    assert (tmp_path / "file.bin").read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("size", [50, 1_000_100, 1_400_000, 2_000_101])
def test_resume_knows_of_ranges(server: Origin, here: Path, size: int) -> None:
    spec = "1000000-1999999,100-1000200"
    wanted = CONTENT[1_000_000:2_000_000] + CONTENT[100:1_000_201]
    (here / "file.bin").write_bytes(wanted[:size])
    end = fetch(server, here, "--if-exists", "resume", "--range", spec)
    assert (end.code, end.err) == (0, "")
    assert (here / "file.bin").read_bytes() == wanted


@pytest.mark.parametrize(
    "policy", ["auto", "error", "skip", "overwrite", "rename", "resume", "fresh"]
)
@pytest.mark.parametrize("both", [True, False])
def test_killed_while_publishing(server: Origin, here: Path, policy: str, both: bool) -> None:
    # The file has its name; its part may have its own name still, and the folder is there.
    target, work = here / "file.bin", here / "file.bin.segdl"
    target.write_bytes(CONTENT)
    work.mkdir()
    (work / "lock").write_text("")
    version = Version(
        size=len(CONTENT), etag='"v1"', last_modified=http_date(MODIFIED),
        media_type="application/octet-stream",
    )  # fmt: skip
    published = FileId.of(target.stat())
    save(work / "state.json", State(url=server.url, version=version, publishing=published))
    if both:
        os.link(target, work / "0.part")
    options = {"auto": (), "fresh": ("--fresh",)}.get(policy, ("--if-exists", policy))
    end = fetch(server, here, *options)
    assert (end.code, end.err) == (0, "")
    assert asked(server, 0) <= 1
    assert target.stat().st_ino == published.inode
    assert os.listdir(here) == ["file.bin"]


@pytest.mark.parametrize("policy", ["auto", "overwrite"])
def test_what_was_published_may_be_old_by_now(server: Origin, here: Path, policy: str) -> None:
    target, work = here / "file.bin", here / "file.bin.segdl"
    target.write_bytes(CONTENT)
    work.mkdir()
    version = Version(size=len(CONTENT), etag='"v1"', last_modified=http_date(MODIFIED))
    published = FileId.of(target.stat())
    save(work / "state.json", State(url=server.url, version=version, publishing=published))
    server.replace(NEWER)
    options = () if policy == "auto" else ("--if-exists", policy)
    assert fetch(server, here, *options).code == (6 if policy == "auto" else 0)
    assert target.read_bytes() == (CONTENT if policy == "auto" else NEWER)


def just_published(server: Origin, here: Path, content: bytes, spec: str | None = None) -> None:
    """Leave what a run leaves that was killed right after the file got its name."""
    target, work = here / "file.bin", here / "file.bin.segdl"
    target.write_bytes(content)
    work.mkdir()
    version = Version(size=len(CONTENT), etag='"v1"', last_modified=http_date(MODIFIED))
    published = FileId.of(target.stat())
    state = State(url=server.url, version=version, range=spec, publishing=published)
    save(work / "state.json", state)


@pytest.mark.parametrize(("asked_for", "code"), [("0-99", 0), ("0-98", 6), (None, 6)])
def test_a_piece_that_was_published_is_not_the_file(
    server: Origin, here: Path, asked_for: str | None, code: int
) -> None:
    just_published(server, here, CONTENT[:100], "0-99")
    options = () if asked_for is None else ("--range", asked_for)
    assert fetch(server, here, *options).code == code
    assert (here / "file.bin").read_bytes() == CONTENT[:100]


@pytest.mark.parametrize("right", [True, False])
def test_what_was_published_is_held_against_a_digest(
    server: Origin, here: Path, right: bool
) -> None:
    just_published(server, here, CONTENT)
    digest = hashlib.sha256(CONTENT if right else NEWER).hexdigest()
    assert fetch(server, here, "--checksum", f"sha256={digest}").code == (0 if right else 6)
    assert (here / "file.bin").read_bytes() == CONTENT


def test_a_finished_file_does_not_cost_the_parts_of_another(server: Origin, tmp_path: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    (tmp_path / "file.bin").write_bytes(CONTENT)
    for url, kept in (("http://h.example/other", True), (server.url, False)):
        work = tmp_path / "file.bin.segdl"
        work.mkdir(exist_ok=True)
        (work / "0.part").write_bytes(b"begun")
        save(work / "state.json", State(url=url, version=Version(size=9, etag='"o"')))
        assert fetch(server, tmp_path, "--checksum", f"sha256={digest}").code == 0
        assert parts(work) == ({"0.part": 5} if kept else {})


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("policy", ["auto", "resume", "overwrite"])
def test_a_link_is_replaced_only_where_that_was_asked_for(
    server: Origin, here: Path, policy: str, layout: str
) -> None:
    (here / "elsewhere").write_bytes(CONTENT[:1000])
    (here / "file.bin").symlink_to(here / "elsewhere")
    options = () if policy == "auto" else ("--if-exists", policy)
    end = fetch(server, here, *options, "--layout", layout)
    if policy == "overwrite":
        assert end.code == 0
        assert not (here / "file.bin").is_symlink()
        assert (here / "file.bin").read_bytes() == CONTENT
    else:
        word = "not provably the remote file" if policy == "auto" else "is a link"
        assert (end.code, word in end.err) == (6, True)
        assert (here / "file.bin").is_symlink()
    assert (here / "elsewhere").read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("policy", ["auto", "resume", "skip"])
@pytest.mark.parametrize("proof", ["record", "checksum"])
def test_a_link_to_the_remote_file_is_already_there(
    server: Origin, here: Path, policy: str, proof: str
) -> None:
    (here / "archive").mkdir()
    if proof == "record":
        if not has_attributes(here):
            pytest.skip("no extended attributes here")
        assert fetch(server, here / "archive").code == 0
    else:
        (here / "archive" / "file.bin").write_bytes(CONTENT)
    (here / "file.bin").symlink_to("archive/file.bin")
    digest = hashlib.sha256(CONTENT).hexdigest()
    options = () if policy == "auto" else ("--if-exists", policy)
    checksum = ("--checksum", f"sha256={digest}") if proof == "checksum" else ()
    before = len(server.requests)
    end = run_segdl("--json", *options, *checksum, server.url, cwd=here)
    result = json.loads(end.out)
    assert (end.code, result["status"], result["size"]) == (0, "skipped", len(CONTENT))
    assert asked(server, before) == 1
    assert os.readlink(here / "file.bin") == "archive/file.bin"


def test_what_takes_a_name_meanwhile_is_not_replaced_by_skip(server: Origin, here: Path) -> None:
    server.faults = always(Drip(65536, 0.005))
    with start_segdl("-q", "--if-exists", "skip", server.url, cwd=here) as program:
        work = here / "file.bin.segdl"
        assert until(program, lambda: sum(parts(work).values()) > 100_000)
        (here / "file.bin").write_bytes(b"mine")
        end = program.finish()
        assert end.code == 6
        assert "made by somebody else meanwhile; run the same command again" in end.err
    assert (here / "file.bin").read_bytes() == b"mine"
    shutil.rmtree(work)


def test_resume_where_the_server_does_no_ranges(server: Origin, here: Path) -> None:
    server.faults = always(IgnoreRange())
    (here / "file.bin").write_bytes(CONTENT[:1000])
    end = fetch(server, here, "--if-exists", "resume")
    assert (end.code, "cannot be continued" in end.err) == (6, True)
    assert (here / "file.bin").read_bytes() == CONTENT[:1000]


def test_a_link_to_nowhere_is_no_file_to_skip(server: Origin, here: Path) -> None:
    (here / "file.bin").symlink_to(here / "nowhere")
    assert fetch(server, here, "--if-exists", "skip").code == 0
    assert not (here / "file.bin").is_symlink()
    assert (here / "file.bin").read_bytes() == CONTENT
    assert not (here / "nowhere").exists()


def test_a_file_changed_since_it_was_published_is_not_taken_for_a_part(
    server: Origin, here: Path
) -> None:
    test_killed_while_publishing(server, here, "auto", both=False)
    target, work = here / "file.bin", here / "file.bin.segdl"
    work.mkdir()
    os.link(target, work / "0.part")
    with target.open("r+b") as file:
        file.write(b"edited")
    save(
        work / "state.json",
        State(url=server.url, version=Version(size=len(CONTENT), etag='"v1"')),
    )
    assert fetch(server, here).code == 6
    assert target.read_bytes().startswith(b"edited")
    assert fetch(server, here, "--if-exists", "overwrite").code == 0
    assert target.read_bytes() == CONTENT


# -- partial downloads --


def test_a_changed_file_starts_over(server: Origin, here: Path) -> None:
    partial(server, here)
    server.replace(NEWER)
    end = run_segdl("-j", "4", server.url, cwd=here)
    assert (end.code, end.err.count("starting over")) == (0, 1)
    assert (here / "file.bin").read_bytes() == NEWER


def test_fresh(server: Origin, here: Path) -> None:
    partial(server, here)
    before = len(server.requests)
    assert fetch(server, here, "--fresh").code == 0
    assert (here / "file.bin").read_bytes() == CONTENT
    assert asked(server, before) >= len(CONTENT)


def test_the_partial_download_of_another_file_is_refused(
    server: Origin, origin: Callable[..., Origin], tmp_path: Path
) -> None:
    work = partial(server, tmp_path)
    held = parts(work)
    other = origin(NEWER + b"x", etag='"other"')
    end = fetch(other, tmp_path)
    assert (end.code, server.url in end.err, "--fresh" in end.err) == (6, True, True)
    assert parts(work) == held
    end = fetch(server, tmp_path, "--range", "0-99")
    assert (end.code, "the whole file" in end.err) == (6, True)
    assert parts(work) == held
    assert fetch(server, tmp_path).code == 0
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("text", ["", "{", '{"segdl": 99}', "[1]"])
def test_parts_of_nothing_known_are_not_used(server: Origin, here: Path, text: str) -> None:
    work = partial(server, here)
    for name in parts(work):
        (work / name).write_bytes(bytes(1000))
    (work / "state.json").write_text(text)
    end = run_segdl("-j", "4", server.url, cwd=here)
    assert (end.code, end.err.count("nothing tells")) == (0, 1)
    assert (here / "file.bin").read_bytes() == CONTENT


def test_parts_over_the_end_are_not_used(server: Origin, here: Path) -> None:
    work = partial(server, here)
    with (work / "0.part").open("ab") as file:
        file.write(bytes(len(CONTENT)))
    end = run_segdl("-j", "4", server.url, cwd=here)
    assert (end.code, "over the end" in end.err) == (0, True)
    assert (here / "file.bin").read_bytes() == CONTENT


# -- the rest --


def test_remote_time(server: Origin, here: Path) -> None:
    assert fetch(server, here, "--remote-time").code == 0
    assert (here / "file.bin").stat().st_mtime == MODIFIED.timestamp()
    if has_attributes(here):
        assert fetch(server, here, "--remote-time").code == 0


def test_a_name_taken_in_the_meantime_is_kept(server: Origin, tmp_path: Path) -> None:
    server.faults = always(Drip(16384, 0.005))
    work = tmp_path / "file.bin.segdl"
    with start_segdl("-q", "-j", "4", server.url, cwd=tmp_path) as program:
        assert until(program, lambda: bool(parts(work)))
        (tmp_path / "file.bin").write_bytes(b"mine")
        end = program.finish()
    assert (end.code, "exists" in end.err) == (6, True)
    assert (tmp_path / "file.bin").read_bytes() == b"mine"
    assert parts(work) == {"0.part": len(CONTENT)}
    before = len(server.requests)
    assert fetch(server, tmp_path, "--if-exists", "overwrite").code == 0
    assert asked(server, before) <= 2
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_rename_where_the_name_is_taken_in_the_meantime(
    server: Origin, here: Path, layout: str
) -> None:
    server.faults = always(Drip(16384, 0.005))
    options = ("--if-exists", "rename", "--layout", layout, "--json")
    with start_segdl("-q", "-j", "4", *options, server.url, cwd=here) as program:
        assert until(program, (here / "file.bin.segdl" / "state.json").exists)
        for name in ("file.bin", "file.1.bin"):
            (here / name).write_bytes(b"mine")
        end = program.finish()
    assert (end.code, end.err) == (0, "")
    assert json.loads(end.out)["path"] == "file.2.bin"
    assert sorted(os.listdir(here)) == ["file.1.bin", "file.2.bin", "file.bin"]
    assert (here / "file.bin").read_bytes() == (here / "file.1.bin").read_bytes() == b"mine"
    assert (here / "file.2.bin").read_bytes() == CONTENT


def test_the_api_raises_what_the_program_exits_with(server: Origin, here: Path) -> None:
    (here / "file.bin").write_bytes(b"mine")
    with pytest.raises(segdl.SegdlError) as caught:
        segdl.download(server.url, path=here / "file.bin")
    assert caught.value.exit_code == 6


def test_a_whole_file_needs_no_room_for_a_note(
    server: Origin, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    belongs_to = Workplace.belongs_to

    def full(self: Workplace, state: State) -> None:
        if state.publishing is not None:
            raise segdl.errors.DiskError("no space left on the disk")
        belongs_to(self, state)

    monkeypatch.setattr(Workplace, "belongs_to", full)
    segdl.download(server.url, path=here / "file.bin")
    assert (here / "file.bin").read_bytes() == CONTENT
