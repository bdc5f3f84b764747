"""Room for a file before its bytes come: quick, or not at all, and never zeros."""

from __future__ import annotations

import errno
import itertools
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.store import reserve as reserve_module
from segdl.store.reserve import reserve
from support import data
from support.filesystems import Kind, loop_filesystem, tiny_tmpfs

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_blocks_are_set_aside(tmp_path: Path, kind: Kind) -> None:
    content = data.content(MIB)
    with loop_filesystem(kind, 300, tmp_path) as point, opened(point / "f") as file:
        os.pwrite(file, content, 0)
        os.pwrite(file, content, 40 * MIB)
        # A clock that stands still: however long it takes here.
        reserve(file, 70 * MIB + 5, clock=lambda: 0.0)
        assert os.fstat(file).st_size == 70 * MIB + 5
        assert blocks(point / "f") >= 70 * MIB + 5
        assert os.pread(file, MIB, 0) == content
        assert os.pread(file, MIB + 4, 40 * MIB - 2) == b"\0\0" + content + b"\0\0"


def test_no_zeros_are_written_where_it_cannot_be_had(tmp_path: Path) -> None:
    with loop_filesystem("ext2", 32, tmp_path) as point, opened(point / "f") as file:
        reserve(file, 20 * MIB, clock=lambda: 0.0)
        assert os.fstat(file).st_size == 20 * MIB
        assert blocks(point / "f") <= 65536


def test_a_platform_that_knows_no_such_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve_module, "_fallocate", lambda: None)
    with opened(tmp_path / "f") as file:
        reserve(file, 200 * MIB + 1, clock=lambda: 0.0)
        assert os.fstat(file).st_size == 200 * MIB + 1
        reserve(file, 100, clock=lambda: 0.0)
        assert os.fstat(file).st_size == 200 * MIB + 1


def test_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = map(float, itertools.count())
    with opened(tmp_path / "f") as file:
        reserve(file, 1 << 40, clock=lambda: next(clock))
        assert os.fstat(file).st_size == 0
    late = iter([0.0, 0.0, 1.0, 1.0])
    with opened(tmp_path / "f") as file:
        reserve(file, 1 << 40, clock=lambda: next(late))
        assert os.fstat(file).st_size <= 64 * MIB
    monkeypatch.setattr(reserve_module, "_fallocate", lambda: None)
    late = iter([0.0, 0.0, 0.0, 1.0])
    with opened(tmp_path / "g") as file:
        reserve(file, 1 << 40, clock=lambda: next(late))
        assert os.fstat(file).st_size == 32 * MIB


def test_a_size_that_the_file_system_does_not_know(tmp_path: Path) -> None:
    with loop_filesystem("ext4", 16, tmp_path) as point, opened(point / "f") as file:
        with pytest.raises(OSError, match="too large") as caught:
            reserve(file, 1 << 45)
        assert caught.value.errno == errno.EFBIG
        assert os.fstat(file).st_size == 0


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_no_room(tmp_path: Path, kind: str) -> None:
    full = tiny_tmpfs(16 * MIB, tmp_path) if kind == "tmpfs" else None
    with (
        full or loop_filesystem("ext4", 16, tmp_path) as point,
        opened(point / "f") as file,
        pytest.raises(OSError, match="No space left"),
    ):
        reserve(file, 64 * MIB, clock=lambda: 0.0)


def test_a_call_that_a_signal_ends_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter([errno.EINTR, 0, errno.EINTR, 0])
    made: list[tuple[int, int]] = []

    def fallocate(descriptor: int, start: int, length: int) -> int:
        made.append((start, length))
        return next(said)

    monkeypatch.setattr(reserve_module, "_fallocate", lambda: fallocate)
    with opened(tmp_path / "f") as file:
        reserve(file, 32 * MIB + 1, clock=lambda: 0.0)
    assert made == [(0, 32 * MIB)] * 2 + [(32 * MIB, 1)] * 2
