"""The merger: shares extents where it can, needs little space, refuses a hole."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.errors import DiskError, IntegrityError
from segdl.store import join as join_module
from segdl.store import part as part_module
from segdl.store.join import join
from segdl.store.parts import Parts
from support import data
from support.filesystems import Kind, loop_filesystem
from support.require import require, require_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from segdl.core.spans import Span

MIB = 1024 * 1024


@pytest.fixture
def small_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring each part to the disk by itself, however small."""
    monkeypatch.setattr(join_module, "_LEAST_FLUSH", 0)


def fill(folder: Path, content: bytes, *spans: tuple[int, int]) -> Parts:
    for start, stop in spans:
        (folder / f"{start}.part").write_bytes(content[start:stop])
    return Parts(folder)


def joined(parts: Parts, size: int, tell: Callable[[int], None] = lambda done: None) -> bytes:
    part = join(parts, size, tell)
    parts.release(part)
    assert os.listdir(parts.folder) == ["0.part"]
    return (parts.folder / "0.part").read_bytes()


def extents(path: Path) -> list[tuple[int, ...]]:
    """Return logical and physical place of each extent."""
    (filefrag,) = require_program("filefrag")
    said = subprocess.run([filefrag, "-v", str(path)], capture_output=True, text=True, check=True)
    rows = [line.replace(":", " ").replace("..", " ").split() for line in said.stdout.splitlines()]
    return [tuple(map(int, row[1:5])) for row in rows if len(row) > 5 and row[0].isdigit()]


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_extents_are_shared(tmp_path: Path, kind: Kind) -> None:
    content = data.content(32 * MIB + 1000)
    edges = [0, 8 * MIB, 16 * MIB, 24 * MIB, len(content)]
    with loop_filesystem(kind, 300, tmp_path) as point:
        parts = fill(point, content, *pairwise(edges))
        os.sync()
        before = {p for start in edges[:-1] for p in places(point / f"{start}.part")}
        assert len(before) == 32 * MIB // 4096 + 1
        part = join(parts, len(content), lambda done: None)
        part.sync()
        parts.release(part)
        after = set(places(point / "0.part"))
        # The last block may be written anew: it is not whole.
        assert len(after - before) <= 1
        assert (point / "0.part").read_bytes() == content


def places(path: Path) -> list[int]:
    """Return the number of each physical block of a file."""
    return [block for _, _, first, last in extents(path) for block in range(first, last + 1)]


def test_the_kernel_copies_where_extents_cannot_be_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("no copy_file_range here", hasattr(os, "copy_file_range"))
    content = data.content(6 * MIB)
    monkeypatch.setattr(join_module, "_copy", lambda *_: pytest.fail("copied by hand"))
    with loop_filesystem("ext4", 32, tmp_path) as point:
        folder = point / "parts"
        folder.mkdir()
        parts = fill(folder, content, (0, 2 * MIB), (2 * MIB, 4 * MIB), (4 * MIB, 6 * MIB))
        assert joined(parts, len(content)) == content


@pytest.mark.parametrize("how", ["missing", "refused"])
def test_copies_by_hand_where_the_kernel_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "missing":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    else:
        monkeypatch.setattr(join_module, "_copy_in_kernel", lambda *_: 0)
    content = data.content(5 * MIB + 3)
    parts = fill(tmp_path, content, (0, 1), (1, 3 * MIB + 7), (3 * MIB + 7, len(content)))
    told: list[int] = []
    assert joined(parts, len(content), told.append) == content
    assert told == sorted(told)
    assert told[-1] == len(content)


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EXDEV, errno.ENOSYS, 0])
def test_goes_on_by_hand_where_the_kernel_stops_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    require("no copy_file_range here", hasattr(os, "copy_file_range"))
    in_kernel = os.copy_file_range
    answers = iter([1000, 0, 2000, 0])

    def now_and_then(source: int, target: int, count: int, *places: int) -> int:
        most = next(answers, 0)
        if not most and refusal:
            raise OSError(refusal, os.strerror(refusal))
        return in_kernel(source, target, min(count, most), *places) if most else 0

    monkeypatch.setattr(os, "copy_file_range", now_and_then)
    monkeypatch.setattr(join_module, "_BUFFER", 500)
    content = data.content(9000)
    assert joined(fill(tmp_path, content, (0, 10), (10, 5000), (5000, 9000)), 9000) == content


def test_a_broken_disk_is_told_and_keeps_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "copy_file_range", broken, raising=False)
    content = data.content(100)
    parts = fill(tmp_path, content, (0, 50), (50, 100))
    with pytest.raises(DiskError):
        join(parts, 100, lambda done: None)
    assert parts.sizes() == {0: 50, 50: 50}


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 10), (10, 100)],
        [(0, 60), (10, 100)],
        [(0, 60), (10, 30), (20, 100)],
        [(0, 100), (50, 80)],
        [(0, 0), (0, 40), (40, 40), (40, 100), (99, 100)],
        [(0, 5000), (1, 4999), (2, 9999), (5000, 10_000), (9000, 9001)],
    ],
)
def test_parts_may_overlap(tmp_path: Path, spans: list[tuple[int, int]]) -> None:
    size = max(stop for _, stop in spans)
    content = data.content(size)
    assert joined(fill(tmp_path, content, *spans), size) == content


@pytest.mark.parametrize("spans", [[(0, 10), (11, 100)], [(1, 100)], [(0, 99)]])
def test_a_hole_is_an_error(tmp_path: Path, spans: list[tuple[int, int]]) -> None:
    content = data.content(100)
    parts = fill(tmp_path, content, *spans)
    before = sum(parts.sizes().values())
    with pytest.raises(IntegrityError, match="no part holds byte"):
        join(parts, 100, lambda done: None)
    assert sum(parts.sizes().values()) == before


@pytest.mark.parametrize("spans", [[(0, 50), (50, 200)], [(0, 200)], [(0, 100), (150, 200)]])
def test_bytes_behind_the_end_are_an_error(tmp_path: Path, spans: list[tuple[int, int]]) -> None:
    parts = fill(tmp_path, data.content(200), *spans)
    with pytest.raises(IntegrityError, match="do not make a file of 100 bytes"):
        join(parts, 100, lambda done: None)


def test_a_part_that_becomes_shorter_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fill(tmp_path, data.content(100), (0, 50), (50, 100))

    def shorten(done: int) -> None:
        os.truncate(tmp_path / "50.part", 10)

    with pytest.raises(IntegrityError, match="became shorter"):
        join(parts, 100, shorten)


@pytest.mark.usefixtures("small_flushes")
def test_whatever_ends_it_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_module, "_STEP", 1000)
    monkeypatch.setattr(join_module, "_FLUSH_EVERY", 2500)
    content = data.content(20_000)
    parts = fill(tmp_path, content, (0, 3000), (3000, 9500), (9500, 20_000))

    class Stop(Exception):  # noqa: N818
        pass

    rounds = 0
    while True:
        steps = 0

        def tell(done: int) -> None:
            nonlocal steps
            steps += 1
            if steps > 3:
                raise Stop

        try:
            assert joined(parts, len(content), tell) == content
            break
        except Stop:
            rounds += 1
            covered = [(start, start + size) for start, size in parts.sizes().items()]
            assert covered[0][0] == 0
            assert all(b[0] <= a[1] for a, b in pairwise(covered))
            for start, stop in covered:
                assert (tmp_path / f"{start}.part").read_bytes() == content[start:stop]
    assert rounds >= 5


def test_joining_needs_one_part_of_extra_space(tmp_path: Path) -> None:
    from support.filesystems import tiny_tmpfs

    content = data.content(8 * MIB)
    with tiny_tmpfs(10 * MIB + 65536, tmp_path) as point:
        folder = point / "parts"
        folder.mkdir()
        edges = [(at, at + 2 * MIB) for at in range(0, 8 * MIB, 2 * MIB)]
        assert joined(fill(folder, content, *edges), len(content)) == content


def test_a_full_disk_keeps_the_parts(tmp_path: Path) -> None:
    from support.filesystems import tiny_tmpfs

    content = data.content(8 * MIB)
    with tiny_tmpfs(9 * MIB, tmp_path) as point:
        folder = point / "parts"
        folder.mkdir()
        parts = fill(folder, content, (0, 4 * MIB), (4 * MIB, 8 * MIB))
        with pytest.raises(DiskError, match="no space left"):
            join(parts, len(content), lambda done: None)
        assert parts.held()[0].stop == len(content)
        for start, size in parts.sizes().items():
            assert (folder / f"{start}.part").read_bytes() == content[start : start + size]


@pytest.mark.usefixtures("small_flushes")
def test_a_part_is_deleted_only_when_its_bytes_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = 0
    deleted: list[int] = []
    remove = Parts.remove

    def synced(descriptor: int) -> None:
        nonlocal on_disk
        on_disk = os.fstat(descriptor).st_size

    def checked(self: Parts, start: int, *, copied: bool) -> None:
        deleted.append(start)
        assert on_disk >= start + self.sizes()[start]
        assert copied
        remove(self, start, copied=copied)

    monkeypatch.setattr(part_module, "_sync", synced)
    monkeypatch.setattr(Parts, "remove", checked)
    content = data.content(9000)
    assert joined(fill(tmp_path, content, (0, 10), (10, 5000), (5000, 9000)), 9000) == content
    assert deleted == [10, 5000]


@pytest.mark.usefixtures("small_flushes")
def test_the_next_part_is_copied_while_the_one_before_is_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying, beside = threading.Event(), []
    in_steps = join_module._copy_in_kernel

    def synced(descriptor: int) -> None:
        beside.append(copying.wait(5.0))

    def noted(source: int, target: int, wanted: Span, at: int) -> int:
        if at >= 5000:
            copying.set()
        return in_steps(source, target, wanted, at)

    monkeypatch.setattr(part_module, "_sync", synced)
    monkeypatch.setattr(join_module, "_copy_in_kernel", noted)
    content = data.content(9000)
    assert joined(fill(tmp_path, content, (0, 10), (10, 5000), (5000, 9000)), 9000) == content
    assert beside[0]


@pytest.mark.usefixtures("small_flushes")
@pytest.mark.parametrize("failing", [1, 2])
def test_bytes_that_do_not_reach_the_disk_are_not_taken_for_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    count = 0

    def broken(descriptor: int) -> None:
        nonlocal count
        count += 1
        # Linux tells it once.
        if count == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(part_module, "_sync", broken)
    content = data.content(9000)
    parts = fill(tmp_path, content, (0, 10), (10, 3000), (3000, 6000), (6000, 9000))
    with pytest.raises(DiskError, match="Input/output error"):
        join(parts, 9000, lambda done: None)
    assert parts.held()[0].stop == 9000
    # What is claimed was on the disk, or is still in the part that it came from.
    left = {1: {0: 0, 10: 2990, 3000: 3000, 6000: 3000}, 2: {0: 3000, 3000: 3000, 6000: 3000}}
    assert parts.sizes() == left[failing]


def test_many_small_parts_are_brought_to_the_disk_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(part_module, "_sync", synced.append)
    listed: list[Parts] = []
    sizes = Parts.sizes

    def counted(self: Parts) -> dict[int, int]:
        listed.append(self)
        return sizes(self)

    monkeypatch.setattr(Parts, "sizes", counted)
    content = data.content(50_000)
    edges = pairwise(range(0, 50_001, 500))
    assert joined(fill(tmp_path, content, *edges), len(content)) == content
    assert len(synced) == 1
    # Before, and to see that nothing is left.
    assert len(listed) == 2


def test_a_part_that_became_shorter_meanwhile_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fill(tmp_path, data.content(100), (0, 50), (50, 80), (80, 100))

    def shorten(done: int) -> None:
        if done == 50:
            os.truncate(tmp_path / "80.part", 0)

    with pytest.raises(IntegrityError, match=r"80\.part became shorter"):
        join(parts, 100, shorten)
