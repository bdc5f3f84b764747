"""Which connections are dropped because nothing comes, and which are only waited for."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from segdl.engine.gate import Gate
from segdl.engine.segment import Drop, Segment
from segdl.engine.watch import Watch
from segdl.net.wire import Wire
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from segdl.engine.site import Site

PATIENCE = NetworkOptions(connect_timeout=10.0, stall_timeout=30.0)


def site(*, idle: int = 0) -> Site:
    """A place to which so many connections wait for a request."""
    gate, source = Gate(8, lambda: 0.0), SimpleNamespace(idle=idle)
    return cast("Site", SimpleNamespace(received=0, gate=gate, source=source))


def started(*, heard: bool = True, free: int = 0) -> Segment:
    segment = Segment(0, 1 << 30, 0)
    segment.set_out(Wire(), site(idle=free), 0.0)
    if heard:
        segment.heard = True
        Watch(PATIENCE).measure([segment], 0.0)
    return segment


def crawling(segments: list[Segment], now: float) -> list[Segment]:
    """Look at them, and return those that were dropped by that."""
    watch = Watch(PATIENCE)
    watch.measure(segments, now)
    watch.drop_slow(segments, now)
    return [each for each in segments if each.dropped is Drop.CRAWLING]


def test_a_silent_connection_is_dropped_after_the_stall_timeout() -> None:
    segment = started()
    assert crawling([segment], 29.9) == []
    assert crawling([segment], 30.0) == [segment]


def test_a_connection_that_was_not_answered_has_time_to_connect_besides() -> None:
    segment = started(heard=False)
    assert crawling([segment], 39.9) == []
    assert crawling([segment], 40.0) == [segment]


def test_the_time_until_it_is_answered_is_no_silence() -> None:
    segment = started(heard=False)
    assert crawling([segment], 35.0) == []
    segment.heard = True
    assert crawling([segment], 35.1) == []
    assert crawling([segment], 65.0) == []
    assert crawling([segment], 65.2) == [segment]


def test_time_spent_storing_does_not_count() -> None:
    segment = started()
    segment.received = 100
    segment.storing = True
    assert crawling([segment], 1000.0) == []
    assert crawling([segment], 2000.0) == []
    segment.storing = False
    # From here on it is the network again.
    assert crawling([segment], 2029.9) == []
    assert crawling([segment], 2060.0) == [segment]


def test_a_drip_is_dropped_though_each_byte_is_news() -> None:
    segment = started()
    dropped = []
    for second in range(1, 31):
        segment.received += 1
        dropped += crawling([segment], float(second))
    assert dropped == [segment]


def test_what_has_no_connection_is_not_dropped() -> None:
    segment = started()
    segment.wire = None
    assert crawling([segment], 1000.0) == []


def lumps(rate: int, every: float, phase: float, now: float) -> int:
    """Bytes that a server has sent that paces a connection by lumps, as nginx does."""
    return int((now + phase) // every) * int(rate * every)


def lagging(rates: list[int], every: float, seconds: float) -> dict[int, float]:
    """Watch connections of these rates, and tell which were dropped for lagging, and when."""
    watch = Watch(PATIENCE)
    segments = [started() for _ in rates]
    dropped: dict[int, float] = {}
    for tick in range(1, int(seconds / 0.05)):
        now = tick * 0.05
        for number, (segment, rate) in enumerate(zip(segments, rates, strict=True)):
            segment.received = lumps(rate, every, every * number / len(rates), now)
            segment.position = segment.received
        watch.measure(segments, now)
        watch.drop_slow(segments, now, idle=now > seconds / 2)
        for number, segment in enumerate(segments):
            if segment.dropped is not None:
                dropped.setdefault(number, now)
    return dropped


@pytest.mark.parametrize("every", [0.1, 1.0, 1.2])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_lumps_are_no_lagging(count: int, every: float) -> None:
    """A connection that is paced by whole seconds stands still for most of each."""
    assert lagging([2_000_000] * count, every, 40.0) == {}


@pytest.mark.parametrize("every", [0.1, 1.0])
def test_who_is_far_slower_lags(every: float) -> None:
    dropped = lagging([2_000_000] * 7 + [150_000], every, 20.0)
    assert list(dropped) == [7]
    assert dropped[7] < 5.0


# Where others are idle, who is not answered for long gives way: see below.
@pytest.mark.parametrize(
    ("late", "idle"),
    [(0.0, True), (2.0, True), *((late, False) for late in (0.0, 2.0, 3.5, 9.0, 30.0))],
)
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_who_is_late_to_connect_is_not_slow(late: float, pause: float, idle: bool) -> None:
    """Nothing is known of how fast it brings bytes before it could bring any."""
    watch = Watch(PATIENCE)
    others, newcomer = [started(), started()], started(heard=False)
    for tick in range(1, int((late + 10.0) / 0.05)):
        now = tick * 0.05
        for each in others:
            each.position = each.received = int(now * 2_000_000)
        newcomer.heard = now >= late
        newcomer.received = int(max(0.0, now - late - pause) * 2_000_000)
        newcomer.position = newcomer.received
        watch.measure([*others, newcomer], now)
        watch.drop_slow([*others, newcomer], now, idle=idle)
        assert newcomer.dropped is None, now - late


def test_a_response_that_is_handed_on_is_not_slow_before_it_could_bring_anything() -> None:
    watch, sibling, done = Watch(PATIENCE), started(), started()
    for tick in range(1, 100):
        now = tick * 0.05
        for each in (sibling, done):
            each.position = each.received = int(now * 2_000_000)
        watch.measure([sibling, done], now)
        watch.drop_slow([sibling, done], now)
    ahead = Segment(1 << 30, 1 << 31, 1 << 30)
    ahead.set_out(Wire(), site(), now, done.speed)
    ahead.heard = True
    watch.measure([sibling, ahead], now)
    watch.drop_slow([sibling, ahead], now, idle=True)
    assert ahead.dropped is None


def test_who_is_late_to_connect_may_be_slow_besides() -> None:
    watch = Watch(PATIENCE)
    others, newcomer = [started(), started()], started(heard=False)
    dropped = None
    for tick in range(1, 400):
        now = tick * 0.05
        for each in others:
            each.position = each.received = int(now * 2_000_000)
        newcomer.heard = now >= 9.0
        newcomer.position = newcomer.received = int(max(0.0, now - 9.0) * 100_000)
        watch.measure([*others, newcomer], now)
        watch.drop_slow([*others, newcomer], now)
        if newcomer.dropped is not None:
            dropped = dropped or now
    assert newcomer.dropped is Drop.LAGGING
    assert dropped is not None
    assert 12.0 <= dropped < 13.0


@pytest.mark.parametrize(("idle", "free"), [(False, 0), (False, 3), (True, 0), (True, 3)])
def test_who_is_not_answered_is_waited_for_while_all_have_something_to_do(
    idle: bool, free: int
) -> None:
    watch = Watch(PATIENCE)
    others, newcomer = [started(), started()], started(heard=False, free=free)
    dropped = None
    for tick in range(1, 400):
        now = tick * 0.05
        for each in others:
            each.position = each.received = int(now * 2_000_000)
        watch.measure([*others, newcomer], now)
        watch.drop_slow([*others, newcomer], now, idle=idle)
        if newcomer.dropped is not None:
            dropped = dropped or now
    assert newcomer.dropped is (Drop.UNANSWERED if idle else None)
    # It takes a new connection to ask again where none is free.
    assert dropped is None or (dropped < 2.0 if free else 3.0 <= dropped < 4.0)


def test_the_second_that_is_not_answered_is_waited_for_longer() -> None:
    """A server that takes its time for each request does so over any connection."""
    watch, newcomer, at = Watch(PATIENCE), started(heard=False, free=1), []
    for tick in range(1, 400):
        now = tick * 0.05
        watch.measure([newcomer], now)
        watch.drop_slow([newcomer], now, idle=True)
        if newcomer.dropped is not None:
            at.append(now)
            newcomer.lagged += 1
            newcomer.set_out(Wire(), site(idle=1), now)
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert waits
    assert all(later > 1.8 * earlier for earlier, later in pairwise(waits))


@pytest.mark.parametrize("idle", [False, True])
def test_the_others_were_done_at_once(idle: bool) -> None:
    """Nobody has measured how fast they were, but they were."""
    watch = Watch(PATIENCE)
    segment, done = started(), started()
    done.position, done.received, done.wire = done.stop, done.stop, None
    segment.position = segment.received = 100_000
    dropped = None
    for tick in range(1, 200):
        watch.measure([segment, done], tick * 0.05)
        watch.drop_slow([segment, done], tick * 0.05, idle=idle)
        if segment.dropped is not None:
            dropped = dropped or tick * 0.05
    assert (dropped is not None and dropped < 3.0) if idle else dropped is None


def drops_of(site: Site, lumpy: int, steady: int) -> int:
    """Fetch a file of a server that gives each connection a second's worth at once, and then
    paces it: some by whole seconds. Return how often one was dropped for lagging."""
    watch = Watch(PATIENCE)
    segments = [Segment(0, 1 << 30, 0) for _ in range(lumpy + steady)]
    for segment in segments:
        segment.set_out(Wire(), site, 0.0)
        segment.heard = True
    drops = 0
    for tick in range(1, 600):
        now = tick * 0.05
        for number, segment in enumerate(segments):
            if segment.dropped is Drop.LAGGING:
                drops += 1
                segment.lagged += 1
                segment.set_out(Wire(), site, now)
                segment.heard = True
            seconds = now - segment.set_out_at + 1e-9
            paced = int(seconds) if number < lumpy else seconds
            segment.position = segment.received = segment.began + int((paced + 1) * 1_000_000)
        watch.measure(segments, now)
        watch.drop_slow(segments, now, idle=True)
    return drops


@pytest.mark.parametrize("count", [3, 8])
def test_what_all_do_is_no_stall(count: int) -> None:
    assert drops_of(site(), count, 0) == 0


def test_how_long_a_host_stands_still_is_found_once() -> None:
    host = site()
    # The others flow meanwhile, so that each silence could be a stall.
    assert drops_of(host, 2, 4) <= 2 * 2
    assert drops_of(host, 2, 4) == 0


def bringing(watch: Watch, segment: Segment, rate: float, since: float, until: float) -> None:
    """Have a connection bring so many bytes a second from one moment to another."""
    segment.heard = True
    for tick in range(int(since / 0.05), int(until / 0.05) + 1):
        segment.received = int(rate * (tick * 0.05 - since))
        segment.position = segment.began + segment.received
        watch.measure([segment], tick * 0.05)


@pytest.mark.parametrize(("age", "helped"), [(0.3, "old"), (2.0, "new")])
def test_who_has_just_begun_is_not_taken_for_slow(age: float, helped: str) -> None:
    watch = Watch(PATIENCE)
    old, new = started(), started(heard=False)
    bringing(watch, old, 5e6, 0.0, 3.0)
    bringing(watch, new, 3e5, 3.0 - age, 3.0)
    old.stop, new.stop = old.position + 8_000_000, new.position + 2_000_000
    wanted = watch.help_wanted([old, new], 1 << 16, None, now=3.0)
    assert wanted is not None
    assert wanted[0] is {"old": old, "new": new}[helped]
