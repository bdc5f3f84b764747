"""Parts read in file order while they grow, and compared where they overlap."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segdl.store.overlap import first_disagreement
from segdl.store.parts import Parts
from segdl.store.prefix import Prefix


def test_what_is_taken_back_is_counted(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    part = parts.open(0)
    part.append(b"hello")
    assert parts.retractions == 0
    part.cut(2)
    assert parts.retractions == 1
    parts.release(part)
    parts.remove(0, copied=True)
    assert parts.retractions == 1
    parts.release(parts.open(5))
    parts.clear()
    assert parts.retractions == 2


def test_the_file_is_read_from_its_beginning_while_parts_grow(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    prefix = Prefix(parts)
    assert prefix.read_from(0, 9) == b""
    first, second = parts.open(0), parts.open(4)
    second.append(b"efgh")
    assert prefix.read_from(0, 9) == b""
    first.append(b"ab")
    assert prefix.read_from(0, 1) == b"a"
    assert prefix.read_from(1, 9) == b"b"
    assert prefix.read_from(2, 9) == b""
    first.append(b"cd")
    assert prefix.read_from(2, 9) == b"cd"
    assert prefix.read_from(4, 9) == b"efgh"
    # The part it was in is gone: another has its bytes.
    first.append(b"efgh")
    parts.release(second)
    parts.remove(4, copied=True)
    assert prefix.read_from(6, 1) == b"g"
    parts.release(first)
    assert prefix.retractions == 0


def test_a_prefix_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "0.part").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "4.part")
    prefix = Prefix(Parts(tmp_path))
    assert (prefix.read_from(0, 9), prefix.read_from(4, 9)) == (b"", b"")


TEXT = bytes(range(100))


@pytest.mark.parametrize(
    ("spans", "wrong", "found"),
    [
        ([], None, False),
        ([(0, 100)], None, False),
        ([(0, 50), (50, 100)], None, False),
        ([(0, 50), (50, 100)], 50, False),
        ([(0, 60), (50, 100)], None, False),
        ([(0, 60), (50, 100)], 55, True),
        ([(0, 60), (50, 100)], 61, False),
        ([(0, 100), (10, 20), (90, 100)], 99, True),
        ([(0, 100), (10, 20), (90, 100)], 15, False),
        ([(0, 30), (10, 40), (20, 35)], 34, True),
        ([(0, 30), (20, 50), (40, 70)], 45, True),
        ([(0, 30), (20, 50), (40, 70)], 55, False),
    ],
)
def test_parts_that_overlap_must_agree(
    tmp_path: Path, spans: list[tuple[int, int]], wrong: int | None, found: bool
) -> None:
    """Only the last part has a wrong byte."""
    for start, stop in spans:
        text = bytearray(TEXT)
        if wrong is not None and (start, stop) == spans[-1]:
            text[wrong] ^= 1
        (tmp_path / f"{start}.part").write_bytes(text[start:stop])
    at = first_disagreement(Parts(tmp_path), lambda: None)
    assert (at is not None) is found
    if at is not None and wrong is not None:
        assert at <= wrong
