"""The file that is filled in place: who may write where, and what makes it whole."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.core.spans import OPEN, Span
from segdl.errors import CancelledError, IntegrityError
from segdl.store.inplace import Inplace
from support.filled import CONTENT, SIZE, killed, never, spans, write

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Inplace]:
    made = Inplace(tmp_path)
    made.prepare(SIZE, never)
    yield made
    made.close()


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
