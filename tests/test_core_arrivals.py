"""Lost packets: which gaps in what comes are a lone packet's, lost on an empty path."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.arrivals import Arrivals, Look, begun, looked

SIZE = 1448
TRIP = 0.08


@dataclass(slots=True)
class Receiver:
    """A kernel that counts what a script lets come: packets by number, at the pace of looks."""

    every: float = 0.02
    round_trip: float = TRIP
    now: float = 0.0
    segments: int = 0
    strays: int = 0
    came: set[int] = field(default_factory=set)
    next: int = 0
    state: Arrivals | None = None

    def take(self, *packets: int) -> None:
        """Let packets come, and look."""
        for packet in packets:
            self.segments += 1
            self.strays += packet > self.next
            self.came.add(packet)
            while self.next in self.came:
                self.next += 1
        look = Look(
            now=self.now,
            in_order=self.next * SIZE,
            segments=self.segments,
            strays=self.strays,
            size=SIZE,
            round_trip=self.round_trip,
            least=TRIP,
        )
        self.state = begun(look) if self.state is None else looked(self.state, look)
        self.now += self.every

    @property
    def losses(self) -> int:
        assert self.state is not None
        return self.state.losses


def one_lost(receiver: Receiver, *missing: int) -> None:
    """Forty packets come, and what is missing of them a round trip later."""
    receiver.take(*range(10))
    receiver.take(*(each for each in range(10, 50) if each not in missing))
    for _ in range(3):
        receiver.take()
    receiver.take(*missing, *range(50, 60))
    receiver.take(*range(60, 80))


@pytest.mark.parametrize("every", [0.02, 0.05])
def test_a_lone_packet_on_an_empty_path(every: float) -> None:
    receiver = Receiver(every)
    one_lost(receiver, 12)
    assert receiver.losses == 1


def test_two_of_forty_are_one_gap() -> None:
    receiver = Receiver()
    one_lost(receiver, 12, 30)
    assert receiver.losses == 1


@pytest.mark.parametrize(("swollen", "losses"), [(1.0, 1), (1.15, 1), (1.25, 0), (2.0, 0)])
def test_a_queue_lost_it_where_the_round_trip_is_longer(swollen: float, losses: int) -> None:
    receiver = Receiver(round_trip=swollen * TRIP)
    one_lost(receiver, 12)
    assert receiver.losses == losses


def test_a_round_trip_that_is_not_known_yet_is_no_longer() -> None:
    receiver = Receiver(round_trip=0.0)
    one_lost(receiver, 12)
    assert receiver.losses == 1


def test_what_overtakes_is_not_lost() -> None:
    receiver = Receiver()
    for start in range(0, 4000, 40):
        # Half of each burst takes a way that is a look longer.
        receiver.take(*range(start + 20, start + 40))
        receiver.take(*range(start, start + 20))
    assert receiver.losses == 0


def test_a_short_queue_loses_many_at_once() -> None:
    receiver = Receiver()
    receiver.take(*range(20))
    receiver.take(*range(20, 100, 2))
    for _ in range(3):
        receiver.take()
    for missing in range(21, 100, 8):
        receiver.take(*range(missing, missing + 8, 2))
    receiver.take(*range(100, 140))
    assert receiver.losses == 0


def test_each_loss_counts_though_packets_came_twice() -> None:
    receiver = Receiver()
    one_lost(receiver, 12)
    receiver.take(*range(70, 80))
    receiver.take(*(each for each in range(80, 120) if each != 90))
    for _ in range(3):
        receiver.take()
    receiver.take(90, *range(120, 130))
    assert receiver.losses == 2


def test_a_silence_without_strays_is_none() -> None:
    receiver = Receiver()
    receiver.take(*range(10))
    for _ in range(10):
        receiver.take()
    receiver.take(*range(10, 40))
    assert receiver.losses == 0


def test_looks_out_of_order_change_nothing() -> None:
    receiver = Receiver()
    one_lost(receiver, 12)
    state = receiver.state
    receiver.now = 0.0
    receiver.take(500)
    assert receiver.state is state


COUNTS = st.integers(0, 2**40)
LOOKS = st.builds(
    Look,
    now=st.floats(0, 1e6),
    in_order=COUNTS,
    segments=st.integers(0, 2**32 - 1),
    strays=st.integers(0, 2**32 - 1),
    size=st.integers(0, 65535),
    round_trip=st.floats(0, 1e3),
    least=st.floats(0, 5e3),
)


@given(st.lists(LOOKS, min_size=1, max_size=30))
def test_any_looks_can_be_taken(looks: list[Look]) -> None:
    state = begun(looks[0])
    for look in looks[1:]:
        before, state = state, looked(state, look)
        assert before.losses <= state.losses <= before.losses + 1
