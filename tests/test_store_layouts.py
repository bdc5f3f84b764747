"""Which layout goes on in a folder that holds something already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from segdl.core.journal import NO_BOOT, header
from segdl.store.inplace import Inplace
from segdl.store.parts import Parts
from segdl.store.target import Target
from segdl.store.workplace import Workplace
from support.filled import CONTENT, SIZE, never, write

if TYPE_CHECKING:
    pass


def test_what_is_there_goes_before_what_was_asked_for(tmp_path: Path) -> None:
    target = Target(tmp_path / "f")
    with Workplace(target, "inplace") as workplace:
        assert workplace.parts.name == "inplace"
        workplace.parts.prepare(SIZE, never)
        part = workplace.parts.open(0)
        part.append(CONTENT[:10])
        workplace.parts.release(part)
    with Workplace(target, "parts") as workplace:
        assert workplace.parts.name == "inplace"
        assert workplace.parts.sizes() == {0: 10}
        workplace.clear()
        assert isinstance(workplace.parts, Parts)
        part = workplace.parts.open(0)
        part.append(CONTENT[:20])
        workplace.parts.release(part)
    assert sorted(os.listdir(target.workplace)) == ["0.part", "lock"]
    with Workplace(target, "inplace") as workplace:
        assert isinstance(workplace.parts, Parts)
        workplace.clear()
    assert os.listdir(tmp_path) == []


def test_both_layouts_are_thrown_away(tmp_path: Path) -> None:
    target = Target(tmp_path / "f")
    target.prepare()
    place = Inplace(target.workplace)
    place.prepare(SIZE, never)
    write(place, 0, 10)
    place.close()
    (target.workplace / "0.part").write_bytes(CONTENT[:10])
    with Workplace(target, "parts") as workplace:
        assert workplace.parts.name == "parts"
        workplace.clear()
        assert os.listdir(target.workplace) == ["lock"]


def test_room_that_was_set_aside_for_nothing_is_given_back(tmp_path: Path) -> None:
    target = Target(tmp_path / "f")
    target.prepare()
    place = Inplace(target.workplace)
    place.prepare(SIZE, never)
    place.close()
    with Workplace(target, "parts") as workplace:
        assert workplace.parts.name == "parts"
        assert os.listdir(target.workplace) == ["lock"]
    assert os.listdir(tmp_path) == []


def test_the_next_run_of_a_journal_with_a_wrong_header_is_told(tmp_path: Path) -> None:
    target = Target(tmp_path / "f")
    target.prepare()
    (target.workplace / "inplace.journal").write_bytes(header(SIZE, 1, NO_BOOT)[:-1])
    with Workplace(target, "parts") as workplace:
        assert "cut short" in str(workplace.parts.misfit(SIZE))
    assert (target.workplace / "inplace.journal").exists()
