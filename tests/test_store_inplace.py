"""The file that is filled in place: who may write where, and what a sudden end leaves."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segdl.core.journal import NO_BOOT, header
from segdl.core.spans import OPEN, Span, union
from segdl.errors import CancelledError, DiskError, IntegrityError
from segdl.store import filling as filling_module
from segdl.store import inplace as inplace_module
from segdl.store import journal as journal_module
from segdl.store.inplace import Inplace
from segdl.store.parts import Parts
from segdl.store.target import Target
from segdl.store.workplace import Workplace
from segdl.store.writer import Writer
from support import data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = 100_000
CONTENT = data.content(SIZE)


def never() -> None:
    """Be asked whether to go on waiting, where nothing should wait."""
    pytest.fail("it waited")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Inplace]:
    made = Inplace(tmp_path)
    made.prepare(SIZE, never)
    yield made
    made.close()


def write(place: Inplace, start: int, length: int) -> None:
    part = place.open(start)
    part.append(CONTENT[part.stop : part.stop + length])
    place.release(part)


def spans(place: Inplace) -> list[tuple[int, int]]:
    return [(span.start, span.stop) for span in place.held()]


def killed(folder: Path, size: int = SIZE) -> Inplace:
    """Return what the next run finds where this one was killed."""
    found = Inplace(folder)
    found.prepare(size, never)
    return found


def boot_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "boot_of_journals", lambda: b"another boot id!")


def test_a_part_grows_and_is_cut(place: Inplace) -> None:
    part = place.open(100)
    part.append(b"hello")
    assert (part.start, part.size, part.stop, place.read(Span(101, 104))) == (100, 5, 105, b"ell")
    assert place.read(Span(99, 104)) is None
    assert place.read(Span(101, 106)) is None
    part.cut(2)
    assert place.sizes() == {100: 2}
    part.append(b"y")
    place.release(part)
    place.release(part)
    assert place.read(Span(100, 103)) == b"hey"
    assert place.sizes() == {100: 3}
    again = place.open(100)
    again.append(b"!")
    assert (again.stop, place.read(Span(100, 104))) == (104, b"hey!")
    place.release(again)


def test_what_was_written_outlives_a_kill(place: Inplace) -> None:
    write(place, 0, 1000)
    part = place.open(5000)
    part.append(CONTENT[5000:6000])
    part.append(CONTENT[6000:6001])
    found = killed(place.folder)
    assert spans(found) == [(0, 1000), (5000, 6001)]
    assert found.read(Span(5000, 6001)) == CONTENT[5000:6001]
    found.close()


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


def test_regions_that_touch_are_one_for_the_next_run(place: Inplace) -> None:
    write(place, 0, 1000)
    write(place, 1000, 500)
    write(place, 3000, 1)
    assert place.read(Span(900, 1100)) == CONTENT[900:1100]
    place.close()
    found = killed(place.folder)
    assert found.sizes() == {0: 1500, 3000: 1}
    write(found, 0, 10)
    assert found.sizes() == {0: 1510, 3000: 1}
    found.close()


def test_a_writer_ends_where_the_next_region_begins(place: Inplace) -> None:
    write(place, 1000, 10)
    part = place.open(500)
    part.append(CONTENT[500:900])
    # As a server may send more than its neighbour left to fetch.
    part.append(b"x" * 300)
    assert part.stop == 1000
    part.append(b"x")
    assert part.stop == 1000
    assert place.read(Span(1000, 1010)) == CONTENT[1000:1010]
    place.release(part)


def test_a_writer_never_passes_the_end(place: Inplace) -> None:
    part = place.open(SIZE - 3)
    part.append(b"12345")
    assert part.stop == SIZE
    assert part.fill(5, lambda *_: pytest.fail("nothing fits")) == 0
    place.release(part)


def test_after_bytes_were_left_out_none_follow(place: Inplace) -> None:
    # The next region goes away: what comes now is not what belongs here.
    part, other = place.open(0), place.open(100)
    part.append(CONTENT[:150])
    place.release(other)
    part.append(CONTENT[150:200])
    assert part.stop == 100
    place.release(part)
    write(place, 0, 50)
    assert place.read(Span(0, 150)) == CONTENT[:150]


def test_after_a_region_was_taken_over_no_bytes_follow(place: Inplace) -> None:
    slow = place.open(0)
    slow.append(CONTENT[:700])
    place.release(place.open(500))
    # What its connection brings now belongs to 700.
    slow.append(CONTENT[700:800])
    assert slow.stop == 500
    place.release(slow)


def test_a_region_that_begins_within_another_takes_the_rest_over(place: Inplace) -> None:
    slow = place.open(0)
    slow.append(CONTENT[:700])
    fast = place.open(500)
    # What the slow one wrote there is not the fast one's: it is written again.
    assert (slow.stop, fast.size) == (500, 0)
    slow.append(b"x" * 100)
    fast.append(CONTENT[500:600])
    assert (slow.stop, spans(place)) == (500, [(0, 600)])
    assert place.read(Span(0, 600)) == CONTENT[:600]
    slow.cut(400)
    assert spans(place) == [(0, 400), (500, 600)]
    for part in (slow, fast):
        place.release(part)
    assert spans(killed(place.folder)) == [(0, 400), (500, 600)]


def test_a_region_within_one_that_nobody_writes(place: Inplace) -> None:
    write(place, 0, 1000)
    write(place, 300, 5)
    assert place.sizes() == {0: 300, 300: 5}


def test_an_empty_region_bounds_nobody(place: Inplace) -> None:
    place.release(place.open(50))
    write(place, 0, 100)
    assert place.sizes() == {0: 100}


def test_one_writes_a_region_at_a_time(place: Inplace) -> None:
    stuck = place.open(0)
    stuck.append(CONTENT[:10])
    part = place.open(0)
    stuck.append(b"late")
    stuck.cut(0)
    place.release(stuck)
    part.append(CONTENT[10:20])
    assert place.read(Span(0, 20)) == CONTENT[:20]
    place.release(part)


class Stuck:
    """A write that waits for `go`."""

    def __init__(self, place: Inplace, start: int, upto: int) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.part = place.open(start)
        self._upto = upto
        self._thread = threading.Thread(target=self._write, name="segdl-test-stuck")
        self._thread.start()
        assert self.begun.wait(10)

    def _write(self) -> None:
        def move(descriptor: int, at: int, most: int) -> int:
            self.begun.set()
            assert self.go.wait(10)
            return os.pwrite(descriptor, CONTENT[at : at + most], at)

        self.part.fill(self._upto - self.part.stop, move)

    def finish(self) -> None:
        self.go.set()
        self._thread.join()


def test_taking_over_waits_for_a_write_that_is_under_way(place: Inplace) -> None:
    stuck = Stuck(place, 0, 1000)
    opened = threading.Event()

    def take_over() -> None:
        part = place.open(600)
        opened.set()
        part.append(CONTENT[600:700])
        place.release(part)

    thread = threading.Thread(target=take_over, name="segdl-test-fast")
    thread.start()
    assert not opened.wait(0.1)
    stuck.finish()
    thread.join()
    assert place.sizes() == {0: 600, 600: 100}
    assert place.read(Span(0, 700)) == CONTENT[:700]
    place.release(stuck.part)


def test_a_thread_that_is_left_behind_is_waited_for(place: Inplace) -> None:
    stuck = Stuck(place, 0, 1000)

    def give_up() -> None:
        raise CancelledError("interrupted")

    with pytest.raises(CancelledError):
        place.prepare(SIZE, give_up)
    place.prepare(SIZE, stuck.finish)
    stuck.part.append(b"late")
    assert place.sizes() == {0: 1000}
    part = place.open(1000)
    part.append(CONTENT[1000:1001])
    place.release(stuck.part)
    place.release(part)
    assert spans(place) == [(0, 1001)]


def test_a_thread_that_is_left_behind_does_not_touch_another_version(place: Inplace) -> None:
    write(place, 2000, 10)
    stuck = Stuck(place, 0, 1000)
    place.clear()
    assert os.listdir(place.folder) == []
    place.prepare(SIZE, never)
    stuck.finish()
    stuck.part.append(b"late")
    stuck.part.cut(0)
    assert place.sizes() == {}
    part = place.open(0)
    part.append(b"new")
    place.release(stuck.part)
    assert place.sizes() == {0: 3}
    place.release(part)
    assert place.whole.read_bytes()[:1000] == b"new" + bytes(997)


def test_an_empty_region_of_a_thread_that_is_left_behind_bounds_nobody(place: Inplace) -> None:
    stuck = place.open(50)
    place.prepare(SIZE, never)
    write(place, 0, 100)
    assert place.sizes() == {0: 100}
    stuck.append(b"x")
    place.release(stuck)
    assert place.read(Span(0, 100)) == CONTENT[:100]


def test_many_regions_from_many_threads(place: Inplace) -> None:
    chance = random.Random(5)
    starts = sorted(chance.sample(range(SIZE), 300))
    ends = [*starts[1:], SIZE]
    order = list(zip(starts, ends, strict=True))
    chance.shuffle(order)
    lock = threading.Lock()

    def work(seed: int) -> None:
        mine = random.Random(seed)
        while True:
            with lock:
                if not order:
                    return
                start, end = order.pop()
            part = place.open(start)
            while part.stop < end:
                # Often too much: what is behind the end belongs to others.
                part.append(CONTENT[part.stop : part.stop + mine.randrange(1, 300)])
                if part.stop >= end:
                    break
            place.release(part)

    threads = [threading.Thread(target=work, args=(n,), name=f"segdl-test-{n}") for n in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        place.sync()
        for span in place.held():
            # None where it was taken over in this moment.
            assert place.read(span) in {None, CONTENT[span.start : span.stop]}
    for thread in threads:
        thread.join()
    first = starts[0]
    assert spans(place) == [(first, SIZE)]
    assert spans(killed(place.folder)) == [(first, SIZE)]
    assert place.read(Span(first, SIZE)) == CONTENT[first:]


def test_whole_when_every_byte_is_there(place: Inplace) -> None:
    write(place, 10, SIZE - 10)
    with pytest.raises(IntegrityError, match="does not make a file of 100000 bytes"):
        place.make_whole(SIZE, lambda done: None)
    write(place, 0, 9)
    with pytest.raises(IntegrityError):
        place.make_whole(SIZE, lambda done: None)
    write(place, 0, 1)
    place.make_whole(SIZE, lambda done: None)
    assert place.whole.read_bytes() == CONTENT
    # Again, as after a kill.
    place.make_whole(SIZE, lambda done: None)
    assert place.whole.read_bytes() == CONTENT


def test_a_file_whose_length_is_not_known_grows(tmp_path: Path) -> None:
    place = Inplace(tmp_path)
    place.prepare(OPEN, never)
    assert place.whole.stat().st_size == 0
    write(place, 0, 1000)
    place.close()
    found = killed(tmp_path, OPEN)
    write(found, 0, 500)
    with pytest.raises(IntegrityError):
        found.make_whole(1499, lambda done: None)
    found.make_whole(1500, lambda done: None)
    assert place.whole.read_bytes() == CONTENT[:1500]


def test_a_file_that_reaches_too_far_is_cut(tmp_path: Path) -> None:
    place = Inplace(tmp_path)
    place.prepare(OPEN, never)
    part = place.open(0)
    part.append(CONTENT[:1000])
    part.cut(400)
    place.release(part)
    place.make_whole(400, lambda done: None)
    assert place.whole.read_bytes() == CONTENT[:400]


def test_an_empty_file(tmp_path: Path) -> None:
    place = Inplace(tmp_path)
    place.prepare(0, never)
    place.make_whole(0, lambda done: None)
    assert place.whole.read_bytes() == b""


def test_removed_regions_do_not_come_back(place: Inplace) -> None:
    write(place, 0, 10)
    write(place, 100, 10)
    place.sync()
    place.remove(100)
    assert place.sizes() == {0: 10}
    place.close()
    place.remove(0)
    assert place.sizes() == {}
    place.close()
    assert Inplace(place.folder).sizes() == {}


def test_a_finished_file_is_gone_on_with(tmp_path: Path) -> None:
    finished, folder = tmp_path / "f", tmp_path / "f.segdl"
    folder.mkdir()
    finished.write_bytes(CONTENT[:5000])
    place = Inplace(folder)
    place.adopt(finished)
    assert not finished.exists()
    assert place.misfit(SIZE) is None
    place.prepare(SIZE, never)
    write(place, 0, 5)
    assert spans(place) == [(0, 5005)]
    assert place.read(Span(0, 5005)) == CONTENT[:5005]
    place.close()


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


class Disk:
    """Remembers what was written and what was flushed, and cuts the power at one moment.

    Attributes:
        left: the files that the power cut left, by name; None before it.
    """

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, chance: random.Random, moment: int
    ) -> None:
        self.left: dict[str, bytes] | None = None
        self._folder = folder
        self._chance = chance
        self._moment = moment
        self._flushed: dict[int, bytes] = {}
        self._written: dict[int, list[tuple[int, bytes]]] = {}
        monkeypatch.setattr(filling_module, "sync_data", self.sync)
        monkeypatch.setattr(inplace_module, "sync_data", self.sync)
        monkeypatch.setattr(journal_module, "sync_data", self.sync)
        monkeypatch.setattr(journal_module, "write_at", self.write)

    def write(self, descriptor: int, data: bytes, at: int) -> int:
        self._written.setdefault(os.fstat(descriptor).st_ino, []).append((at, bytes(data)))
        written = os.pwrite(descriptor, data, at)
        self._pass_by()
        return written

    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self._flushed[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._written[status.st_ino] = []
        self._pass_by()

    def flushed_when_made(self) -> None:
        """Note that the journal is on the disk."""
        path = self._folder / "inplace.journal"
        self._flushed[path.stat().st_ino] = path.read_bytes()
        self._written[path.stat().st_ino] = []

    def cut_power(self) -> None:
        if self.left is None:
            paths = [self._folder / "inplace.data", self._folder / "inplace.journal"]
            self.left = {path.name: self._spared(path) for path in paths}

    def _pass_by(self) -> None:
        self._moment -= 1
        if not self._moment:
            self.cut_power()

    def _spared(self, path: Path) -> bytes:
        """Return what may be on the disk: what was flushed, and what came later here and there."""
        status = path.stat()
        left = bytearray(self._flushed.get(status.st_ino, b"").ljust(status.st_size, b"\0"))
        for at, told in self._written.get(status.st_ino, []):
            for sector in range(at // 512, -(-(at + len(told)) // 512)):
                if self._chance.random() < 0.5:
                    begin, end = max(at, sector * 512), min(at + len(told), sector * 512 + 512)
                    left[begin:end] = told[begin - at : end - at]
        return bytes(left)


def check_spared(folder: Path, disk: Disk, content: bytes) -> list[Span]:
    """Return what the next run finds after the power cut; it may be little, but is right."""
    assert disk.left is not None
    for name, left in disk.left.items():
        (folder / name).write_bytes(left)
    with pytest.MonkeyPatch.context() as monkeypatch:
        boot_anew(monkeypatch)
        found = Inplace(folder)
        # It never needs to be refused, either.
        assert found.misfit(len(content)) is None
        for span in found.held():
            assert found.read(span) == content[span.start : span.stop]
        return found.held()


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
