"""Which orders go out: hosts have windows and shares, files of a host take turns."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from segdl.mirror.engines.traffic import Traffic

if TYPE_CHECKING:
    from random import Random

    from segdl.mirror.engines.parcel import Parcel


class File:
    """What of a file traffic looks at."""

    def __init__(self, host: str, orders: int) -> None:
        self.host = host
        self.ready = deque(range(orders))
        self.delayed: list[tuple[float, int]] = []
        self.outcome: object = None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(traffic: Traffic, most: int) -> list[tuple[File, int]]:
    return [(cast("File", parcel), cast("int", order)) for parcel, order in traffic.next(most)]


def add(traffic: Traffic, file: File) -> None:
    traffic.add(cast("Parcel", file))


def make(clock: Clock, cap: int = 3) -> Traffic:
    return Traffic(lambda _: cap, clock, lambda tries: 1.0 * tries)


def test_files_of_a_host_take_turns_and_hosts_have_windows() -> None:
    traffic = make(Clock())
    large, small, other = File("a", 100), File("a", 1), File("b", 2)
    for file in (large, small, other):
        add(traffic, file)
    went = taken(traffic, 99)
    assert Counter(file for file, _ in went) == {large: 2, small: 1, other: 2}
    assert taken(traffic, 99) == []
    traffic.back("a")
    assert taken(traffic, 99) == [(large, 2)]


def test_room_is_what_the_engine_has() -> None:
    traffic = make(Clock())
    add(traffic, File("a", 3))
    assert len(taken(traffic, 2)) == 2
    assert len(taken(traffic, 2)) == 1


def test_the_host_that_has_the_fewest_orders_out_is_next() -> None:
    traffic = make(Clock(), cap=8)
    first, second = File("a", 20), File("b", 20)
    add(traffic, first)
    add(traffic, second)
    assert Counter(file for file, _ in taken(traffic, 4)) == {first: 2, second: 2}
    # One is quick, the other slow: room that the one leaves is not the other's for good.
    for _ in range(6):
        traffic.back("b")
        assert [file for file, _ in taken(traffic, 1)] == [second]


def test_a_refusal_holds_all_files_of_the_host_up_and_no_other() -> None:
    clock = Clock()
    traffic = make(clock)
    one, two, other = File("a", 2), File("a", 2), File("b", 1)
    for file in (one, two):
        add(traffic, file)
    assert len(taken(traffic, 9)) == 3
    assert traffic.refused("a", 30.0) == 30.0
    traffic.back("a")
    traffic.back("a")
    add(traffic, other)
    assert taken(traffic, 9) == [(other, 0)]
    clock.now = 29.0
    assert taken(traffic, 9) == []
    clock.now = 30.0
    assert len(taken(traffic, 9)) == 1


def test_orders_that_are_put_off_come_in_time_unless_the_file_is_over() -> None:
    clock = Clock()
    traffic = make(clock)
    late, over = File("a", 0), File("a", 0)
    late.delayed = [(5.0, 77)]
    over.delayed = [(5.0, 88)]
    add(traffic, late)
    add(traffic, over)
    over.outcome = "gone"
    assert taken(traffic, 9) == []
    clock.now = 5.0
    assert taken(traffic, 9) == [(late, 77)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), max_size=12),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_every_order_goes_out_once_and_no_window_is_ever_exceeded(
    files: list[tuple[str, int]], cap: int, chance: Random
) -> None:
    traffic = make(Clock(), cap)
    for host, orders in files:
        add(traffic, File(host, orders))
    out: Counter[str] = Counter()
    went = 0
    while True:
        for file, _ in taken(traffic, 5):
            out[file.host] += 1
            went += 1
        assert all(count <= cap for count in out.values())
        if not out.total():
            break
        host = chance.choice(sorted(out.elements()))
        out[host] -= 1
        traffic.back(host)
    assert went == sum(orders for _, orders in files)
