"""The file that is filled in place: what a sudden end leaves, and what is believed of it."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segdl.core.journal import NO_BOOT
from segdl.core.spans import Span, union
from segdl.errors import DiskError
from segdl.store import filling as filling_module
from segdl.store import inplace as inplace_module
from segdl.store import journal as journal_module
from segdl.store.inplace import Inplace
from segdl.store.writer import Writer
from support.filled import CONTENT, SIZE, Disk, boot_anew, check_spared, killed, never, spans, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Inplace]:
    made = Inplace(tmp_path)
    made.prepare(SIZE, never)
    yield made
    made.close()


def test_what_was_written_outlives_a_kill(place: Inplace) -> None:
    write(place, 0, 1000)
    part = place.open(5000)
    part.append(CONTENT[5000:6000])
    part.append(CONTENT[6000:6001])
    found = killed(place.folder)
    assert spans(found) == [(0, 1000), (5000, 6001)]
    assert found.read(Span(5000, 6001)) == CONTENT[5000:6001]
    found.close()
    place.release(part)


def test_only_what_was_flushed_outlives_a_power_cut(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 0, 1000)
    part = place.open(5000)
    part.append(CONTENT[5000:6000])
    place.sync()
    part.append(CONTENT[6000:7000])
    write(place, 50_000, 10)
    boot_anew(monkeypatch)
    found = killed(place.folder)
    assert spans(found) == [(0, 1000), (5000, 6000)]
    write(found, 6000, 5)
    found.close()
    # Here the machine ran on: what came after the power cut counts.
    assert spans(killed(place.folder)) == [(0, 1000), (5000, 6005)]
    place.release(part)


def test_without_a_boot_id_only_what_was_flushed_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "boot_id", lambda: None)
    assert journal_module.boot_of_journals() == NO_BOOT
    place = Inplace(tmp_path)
    place.prepare(SIZE, never)
    write(place, 0, 1000)
    place.sync()
    write(place, 0, 1000)
    place.close()
    assert spans(killed(tmp_path)) == [(0, 1000)]


def test_what_is_cut_while_it_is_flushed_does_not_count_as_flushed(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = place.open(0)
    part.append(CONTENT[:1000])
    with monkeypatch.context() as slow:
        slow.setattr(filling_module, "sync_data", lambda descriptor: part.cut(300))
        place.sync()
    part.append(CONTENT[300:1000])
    place.release(part)
    place.close()
    boot_anew(monkeypatch)
    assert Inplace(place.folder).sizes() == {0: 300}


def test_names_are_on_the_disk_before_others_write_where_an_old_journal_claims(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, unlink = os.replace, os.unlink

    def note(text: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            done.append(text)
            return do(*arguments)

        return noted

    monkeypatch.setattr(os, "replace", note("replace", replace))
    monkeypatch.setattr(os, "unlink", note("unlink", unlink))
    monkeypatch.setattr(journal_module, "sync_folder", note("sync", lambda folder: None))
    monkeypatch.setattr(inplace_module, "sync_folder", note("sync", lambda folder: None))
    place.close()
    place.prepare(SIZE, never)
    assert done == ["replace", "sync"]
    done.clear()
    place.clear()
    assert done[:2] == ["unlink", "sync"]


def test_bytes_that_a_flush_lost_are_taken_back(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = place.open(0)
    part.append(CONTENT[:100])
    place.sync()
    part.append(CONTENT[100:200])

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(filling_module, "sync_data", fail)
        with pytest.raises(DiskError, match="Input/output"):
            place.sync()
    # The system tells only once; here nobody forgets.
    with pytest.raises(DiskError, match="Input/output"):
        part.append(b"more")
    with pytest.raises(DiskError, match="Input/output"):
        place.sync()
    assert place.sizes() == {0: 100}
    place.release(part)
    place.close()
    assert spans(killed(place.folder)) == [(0, 100)]


def test_a_file_is_not_whole_before_it_is_on_the_disk(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 0, SIZE)

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(filling_module, "sync_data", fail)
        with pytest.raises(DiskError, match="Input/output"):
            place.make_whole(SIZE, lambda done: None)
    place.close()
    assert Inplace(place.folder).sizes() == {}


def test_bytes_that_the_first_flush_of_a_run_loses_are_taken_back(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 0, 100)
    place.sync()
    write(place, 0, 100)
    place.close()

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(inplace_module, "sync_data", fail)
        with pytest.raises(DiskError, match="Input/output"):
            Inplace(place.folder).prepare(SIZE, never)
    assert spans(killed(place.folder)) == [(0, 100)]


def test_a_disk_too_broken_to_say_so_leaves_no_journal(
    place: Inplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 0, 100)

    def fail(*arguments: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(filling_module, "sync_data", fail)
        broken.setattr(journal_module, "write_at", fail)
        with pytest.raises(DiskError, match="Input/output"):
            place.sync()
    place.close()
    assert Inplace(place.folder).sizes() == {}


def test_a_journal_alone_claims_nothing(tmp_path: Path) -> None:
    # Killed between the two steps of going on with a finished file, or of publishing one.
    finished, folder = tmp_path / "f", tmp_path / "f.segdl"
    folder.mkdir()
    finished.write_bytes(CONTENT[:5000])
    place = Inplace(folder)
    place.adopt(finished)
    os.rename(place.whole, finished)
    assert (place.sizes(), place.is_empty(), place.misfit(SIZE)) == ({}, True, None)
    place.prepare(SIZE, never)
    assert place.sizes() == {}
    place.close()
    assert finished.read_bytes() == CONTENT[:5000]


def test_what_was_cut_off_the_file_is_not_there(place: Inplace) -> None:
    write(place, 0, 1000)
    write(place, 5000, 1000)
    place.close()
    os.truncate(place.whole, 5500)
    assert place.sizes() == {0: 1000, 5000: 500}
    os.truncate(place.whole, 400)
    found = killed(place.folder)
    assert found.sizes() == {0: 400}
    found.close()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("missing", "it is missing"),
        ("cut", "it is cut short"),
        ("header", "its header is damaged"),
        ("version", "its header is damaged"),
        ("large", "it is too large"),
        ("size", "reaches over the end"),
        ("other size", "of a file of another size"),
    ],
)
def test_a_journal_that_cannot_be_used(place: Inplace, damage: str, why: str) -> None:
    write(place, 0, 1000)
    place.close()
    journal = place.folder / "inplace.journal"
    size = {"size": 999, "other size": SIZE + 1}.get(damage, SIZE)
    if damage == "missing":
        journal.unlink()
    elif damage == "cut":
        os.truncate(journal, 100)
    elif damage == "large":
        os.truncate(journal, 1 << 40)
    elif damage in {"header", "version"}:
        with journal.open("r+b") as file:
            file.seek(0 if damage == "header" else 8)
            file.write(b"\xff")
    told = place.misfit(size)
    assert told is not None
    assert why in told
    # Nothing is thrown away before somebody says so.
    assert not place.is_empty()
    place.clear()
    assert (place.misfit(size), os.listdir(place.folder)) == (None, [])


def test_every_cut_and_flip_of_a_real_journal(place: Inplace) -> None:
    write(place, 0, 1000)
    write(place, 5000, 1000)
    place.sync()
    write(place, 5000, 7)
    place.close()
    journal = place.folder / "inplace.journal"
    told = journal.read_bytes()
    for at in range(1100):
        for damaged in (told[:at], told[:at] + bytes([told[at] ^ 0x41]) + told[at + 1 :]):
            journal.write_bytes(damaged)
            for span in Inplace(place.folder).held():
                assert place.read(span) is not None
                assert 0 <= span.start < span.stop <= 1000 or 5000 <= span.start < span.stop <= 6007


@pytest.mark.parametrize("name", ["inplace.data", "inplace.journal", "inplace.new"])
@pytest.mark.parametrize("thing", ["link", "fifo", "folder"])
def test_what_is_no_file_is_not_written_to(tmp_path: Path, name: str, thing: str) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "f.segdl"
    elsewhere.write_bytes(b"mine")
    folder.mkdir()
    if thing == "link":
        (folder / name).symlink_to(elsewhere)
    elif thing == "fifo":
        os.mkfifo(folder / name)
    else:
        (folder / name).mkdir()
    with pytest.raises(DiskError, match=r"symbolic link|something else|folder"):
        Inplace(folder).prepare(SIZE, never)
    assert elsewhere.read_bytes() == b"mine"


@pytest.mark.parametrize("moment", range(1, 12))
def test_power_is_cut_while_a_region_is_taken_over(tmp_path: Path, moment: int) -> None:
    content = CONTENT[:20_000]
    for seed in range(12):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = Disk(folder, monkeypatch, random.Random(seed), moment)
            place = Inplace(folder)
            place.prepare(len(content), never)
            disk.flushed_when_made()

            def move(descriptor: int, at: int, most: int) -> int:
                return disk.write(descriptor, content[at : at + most], at)  # noqa: B023

            slow = place.open(0)
            slow.fill(9000, move)
            place.sync()
            fast = place.open(4000)
            fast.fill(3000, move)
            place.sync()
            disk.cut_power()
            place.release(slow)
            place.release(fast)
            place.close()
        held = check_spared(folder, disk, content)
        # Flushed before: no power cut takes that.
        assert moment <= 4 or held[0].stop >= 4000


actions = st.one_of(
    st.tuples(st.just("open"), st.integers(0, 19)),
    st.tuples(st.just("append"), st.integers(0, 19), st.integers(1, 4000)),
    st.tuples(st.just("cut"), st.integers(0, 19), st.integers(0, 3000)),
    st.tuples(st.just("release"), st.integers(0, 19)),
    st.tuples(st.just("sync")),
    st.tuples(st.just("kill")),
)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(actions, max_size=40), seed=st.integers(0, 1000), moment=st.integers(1, 120))
def test_whatever_is_done_the_journal_claims_no_byte_that_is_not_on_the_disk(
    tmp_path_factory: pytest.TempPathFactory,
    script: list[tuple[Any, ...]],
    seed: int,
    moment: int,
) -> None:
    folder = tmp_path_factory.mktemp("f.segdl")
    size = 20_000
    content = CONTENT[:size]
    with pytest.MonkeyPatch.context() as monkeypatch:
        disk = Disk(folder, monkeypatch, random.Random(seed), moment)
        place = Inplace(folder)
        place.prepare(size, never)
        disk.flushed_when_made()
        writers: dict[int, Writer] = {}

        def move(descriptor: int, at: int, most: int) -> int:
            return disk.write(descriptor, content[at : at + most], at)

        for action, *how in script:
            at = how[0] * 1000 if how else 0
            if action == "open":
                if at in writers:
                    place.release(writers[at])
                writers[at] = place.open(at)
            elif action == "append" and at in writers:
                writers[at].fill(min(how[1], size - writers[at].stop) or 1, move)
            elif action == "cut" and at in writers:
                writers[at].cut(min(how[1], writers[at].size))
            elif action == "release" and at in writers:
                place.release(writers.pop(at))
            elif action == "sync":
                place.sync()
            elif action == "kill" and disk.left is None:
                for part in writers.values():
                    part.close()
                writers.clear()
                before = place.held()
                place.close()
                place = Inplace(folder)
                place.prepare(size, never)
                disk.flushed_when_made()
                assert place.held() == before
            held = place.held()
            assert held == union(held)
            assert all(place.read(span) == content[span.start : span.stop] for span in held)
        for part in writers.values():
            place.release(part)
        disk.cut_power()
        place.close()
    check_spared(folder, disk, content)
