"""A mirror run in figures: what goes in comes out, whatever the order and however much it is."""

from __future__ import annotations

import gc
import math
import random
import tracemalloc
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.errors import ServerError
from segdl.mirror.happenings import (
    Done,
    GaveUp,
    Happening,
    Kept,
    Listed,
    Lost,
    Paused,
    Removed,
    Round,
    Said,
    Taken,
    lost,
)
from segdl.mirror.seen.hosts import MOST_HOSTS, OTHERS
from segdl.mirror.seen.sketch import Sketch
from segdl.mirror.seen.tally import MOST_FAILURES, MOST_NOTES, Tally
from segdl.mirror.seen.timeline import Timeline
from segdl.progress.events import (
    Busy,
    Failed,
    Finished,
    Joining,
    Note,
    Progress,
    Restarted,
    Retrying,
    Started,
    Verifying,
    Waiting,
)
from support.mirrorrun import happenings

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "h.example"


def taken(file: int = 1, size: int | None = 100, host: str = HOST) -> Taken:
    return Taken(file, f"d/{file}", host, size)


def done(file: int = 1, size: int = 100, *, fetched: int | None = None) -> Done:
    got = size if fetched is None else fetched
    return Done(file, f"d/{file}", HOST, size, got, 2.0, "fetched", "sha256", 1)


def gone(file: int = 1, size: int | None = 100) -> Lost:
    error = ServerError("no", status=404)
    return lost(taken(file, size), f"https://{HOST}/{file}", error)


def started(file: int = 1, size: int | None = 100, held: int = 0) -> Started:
    return Started(file, "u", "p", size, held, 1)


def progress(done: int, file: int = 1, size: int | None = 100) -> Progress:
    return Progress(file, done, size, ())


def told(*each: Happening, seconds: float = 0.5) -> Tally:
    tally = Tally()
    for number, happening in enumerate(each):
        tally.apply(happening, number * seconds)
    return tally


# -- what comes over the network --


@pytest.mark.parametrize(
    ("each", "fetched"),
    [
        ([started(), progress(40), progress(90)], 90),
        ([started(held=30), progress(40)], 10),
        ([started(), progress(40), progress(40), progress(40)], 40),
        # A restart begins at zero; what came before did come.
        ([started(), progress(40), Restarted(1, "changed"), progress(10)], 50),
        ([started(), progress(40), Joining(1, 10, 100), Verifying(1, 99, 100)], 40),
        # What no event told of shows at the end, and what was told is not told again.
        ([done()], 100),
        ([started(), progress(40), done()], 100),
        ([started(held=60), progress(100), done(fetched=40)], 40),
        ([started(), progress(70), done(fetched=60)], 70),
        ([started(), progress(40), Failed(1, "u", 4, "ServerError", "no", ""), gone()], 40),
    ],
)
def test_bytes(each: list[Happening], fetched: int) -> None:
    tally = told(taken(), *each)
    assert tally.fetched == fetched
    assert tally.hosts[HOST].fetched == fetched
    assert sum(tally.bytes_over_time.sums) == pytest.approx(fetched)


@st.composite
def lives(draw: st.DrawFn) -> list[list[Happening]]:
    """What happens to each of some files, from its beginning to its end."""
    files = draw(st.integers(1, 6))
    return [_life(file, draw) for file in range(1, files + 1)]


def _life(file: int, draw: st.DrawFn) -> list[Happening]:
    size = draw(st.integers(1, 1000))
    host = draw(st.sampled_from(["a.example", "b.example"]))
    held = draw(st.integers(0, size))
    life: list[Happening] = [Taken(file, f"d/{file}", host, size), started(file, size, held)]
    steps = sorted(draw(st.lists(st.integers(held, size), max_size=4)))
    life += [progress(step, file, size) for step in steps]
    if draw(st.booleans()):
        life.append(Retrying(file, 0, 1, 5, 1.0, "reset", "closed"))
    if draw(st.booleans()):
        life.append(Finished(file, "p", "u", size, size - held, 1.0, "complete"))
        end = Done(file, f"d/{file}", host, size, size - held, 1.0, "fetched", "md5", 2)
        return [*life, end]
    life.append(Failed(file, "u", 4, "ServerError", "no", ""))
    return [*life, replace(gone(file, size), host=host)]


@given(lives(), st.randoms(use_true_random=False))
def test_totals_are_the_sums_in_any_order(
    files: list[list[Happening]], chance: random.Random
) -> None:
    order = [file for file, life in enumerate(files) for _ in life]
    chance.shuffle(order)
    queues = [iter(life) for life in files]
    tally, now = Tally(), 0.0
    for file in order:
        now += chance.random()
        tally.apply(next(queues[file]), now)
    ends = [life[-1] for life in files]
    whole = [end for end in ends if isinstance(end, Done)]
    assert tally.files_done == len(whole)
    assert tally.done_bytes == sum(end.size for end in whole)
    assert tally.failed == len(ends) - len(whole)
    assert set(tally.failures) == {end.path for end in ends if isinstance(end, Lost)}
    assert tally.fetched == sum(map(_came, files))
    assert tally.requests == 2 * len(whole)
    assert tally.verified == ({"md5": len(whole)} if whole else {})
    retries = sum(isinstance(each, Retrying) for life in files for each in life)
    assert sum(tally.retries.values()) == retries
    hosts = tally.hosts.all(now)
    for name in ("fetched", "failed", "requests"):
        assert sum(getattr(host, name) for host in hosts) == getattr(tally, name)
    assert sum(host.done for host in hosts) == tally.files_done
    assert not any(host.at_work for host in hosts)
    assert not tally.work
    assert sum(tally.bytes_over_time.sums) == pytest.approx(tally.fetched)
    assert sum(tally.files_over_time.sums) == pytest.approx(len(whole))


def _came(life: list[Happening]) -> int:
    """Return the bytes that one file brought."""
    if isinstance(life[-1], Done):
        return life[-1].fetched
    (held,) = [each.held for each in life if isinstance(each, Started)]
    return max([each.done for each in life if isinstance(each, Progress)], default=held) - held


def test_a_whole_run_adds_up() -> None:
    stream = list(happenings(files=1500, seed=3))
    tally = Tally()
    for now, happening in stream:
        tally.apply(happening, now)
    kinds = Counter(type(happening) for _, happening in stream)
    ends = [happening for _, happening in stream if isinstance(happening, Done)]
    assert tally.done == {"repaired": 0, **Counter(end.how for end in ends)}
    assert tally.fetched == sum(end.fetched for end in ends)
    assert tally.failed == kinds[Lost]
    assert tally.removed.files == kinds[Removed]
    assert tally.put_off == sum(each.files for _, each in stream if isinstance(each, GaveUp)) > 0
    parts = tally.kept.files + tally.files_done + tally.failed + tally.put_off
    assert parts == tally.listed.files == 1500
    assert tally.files_left() == 0
    assert tally.seconds_left(now) == 0
    assert tally.work == {}
    assert sum(tally.retries.values()) == kinds[Retrying] + kinds[Waiting] > 0
    pauses = [each for _, each in stream if isinstance(each, Paused | Busy)]
    hosts = {host.name: host for host in tally.hosts.all(now + 1000)}
    assert sum(host.paused for host in hosts.values()) == sum(each.seconds for each in pauses)
    statuses = Counter(each.status for each in pauses if isinstance(each, Busy))
    for status in (429, 503):
        assert sum(host.refusals[status] for host in hosts.values()) == statuses[status] > 0


# -- failures, rounds --


def test_a_failure_that_is_made_good_is_none() -> None:
    tally = told(taken(), gone(), taken(2), gone(2), Round(2), taken(3), done()._replace(file=3))
    assert (tally.failed, list(tally.failures)) == (1, ["d/2"])
    assert tally.hosts[HOST].failed == 1


def test_a_file_that_fails_again_is_one_failure() -> None:
    tally = told(taken(), gone(), Round(2), taken(5), replace(gone(), file=5))
    assert (tally.failed, len(tally.failures)) == (1, 1)


def test_only_so_many_failures_are_kept_and_all_are_counted() -> None:
    tally = told(*(gone(number) for number in range(MOST_FAILURES + 50)))
    assert (tally.failed, len(tally.failures)) == (MOST_FAILURES + 50, MOST_FAILURES)


def test_only_so_many_notes_are_kept_and_all_are_counted() -> None:
    tally = told(*(Said(str(number)) for number in range(MOST_NOTES + 5)))
    assert (tally.said, len(tally.notes)) == (MOST_NOTES + 5, MOST_NOTES)


def test_what_a_round_did_is_not_kept_in_the_next() -> None:
    first: list[Happening] = [
        Round(1),
        Listed(3, 300, True),
        Kept(1, 100),
        taken(),
        done(),
        taken(2),
        done(2),
    ]
    again: list[Happening] = [Round(2), Listed(3, 300, False), Listed(3, 300, True), Kept(3, 300)]
    tally = told(*first, *again)
    assert (tally.kept.files, tally.kept.bytes) == (1, 100)
    assert tally.files_done == 2
    assert tally.files_left() == 0
    assert tally.settled_bytes() == tally.expected_bytes() == 300


@pytest.mark.parametrize("more", [(), (Listed(1, 100, False), Kept(1, 100))])
def test_a_list_that_cannot_be_read_again_is_what_it_was(more: tuple[Happening, ...]) -> None:
    first = (Round(1), Listed(3, 300, True), Kept(1, 100), taken(), done(), taken(2), done(2))
    tally = told(*first, Round(2), *more)
    assert (tally.named.files, tally.named.bytes) == (3, 300)
    assert (tally.kept.files, tally.kept.bytes) == (1, 100)
    assert not tally.complete
    tally = told(*first, Round(2), Listed(2, 200, True), Kept(2, 200))
    assert (tally.named.files, tally.kept.files) == (2, 0)


def test_a_file_that_goes_back_to_wait_is_at_work_no_more() -> None:
    failed = Failed(1, "u", 3, "NetworkError", "refused", "")
    tally = told(Listed(1, 100, True), taken(), started(), progress(40), failed)
    assert not tally.work
    assert tally.hosts[HOST].at_work == 0
    assert tally.failed == 0
    assert tally.files_left() == 1
    assert tally.settled_bytes() == 0


# -- retries, waits, pauses --


def test_retries_by_cause() -> None:
    tally = told(
        taken(),
        Retrying(1, 0, 1, 5, 1.0, "reset", "closed"),
        Waiting(1, 5.0, "busy", "busy"),
        Waiting(1, 5.0, "others wait"),
        Retrying(9, 0, 1, 5, 1.0, "of a list", "silent"),
    )
    assert tally.retries == {"closed": 1, "busy": 1, "silent": 1}
    assert tally.hosts[HOST].retries == {"closed": 1, "busy": 1}


def test_a_note_of_a_list_is_kept_and_one_of_a_file_is_not() -> None:
    assert told(taken(), Note(0, "of a list"), Note(1, "of a file")).notes == ["of a list"]


@pytest.mark.parametrize(
    ("pauses", "now", "seconds", "count"),
    [
        ([(0, 10)], 5, 5, 1),
        ([(0, 10)], 50, 10, 1),
        ([(0, 10), (20, 10)], 50, 20, 2),
        # Those that overlap are one.
        ([(0, 10), (5, 10)], 50, 15, 1),
        ([(0, 10), (5, 1)], 50, 10, 1),
        ([(0, 10), (10, 10)], 50, 20, 2),
        ([(0, 0)], 50, 0, 0),
        ([(0, -5)], 50, 0, 0),
    ],
)
def test_pauses(pauses: list[tuple[float, float]], now: float, seconds: float, count: int) -> None:
    tally = Tally()
    for when, length in pauses:
        tally.apply(Paused(HOST, length, "it does not answer"), when)
    (host,) = tally.hosts.all(now)
    assert host.paused == seconds
    assert host.pauses == count
    assert host.refusals == {429: 0, 503: 0}
    assert sum(host.pausing.sums) == pytest.approx(seconds)


def test_what_a_host_has_that_is_given_up_is_not_waited_for() -> None:
    gigabyte = 10**9
    tally = told(
        Listed(3, 2 * gigabyte + 200, True),
        taken(1),
        progress(100),
        GaveUp("away.example", 1, gigabyte, "it says nothing"),
        GaveUp("busy.example", 1, gigabyte, "it asks to wait"),
    )
    assert tally.expected_bytes() - tally.settled_bytes() == 100


def test_nobody_knows_how_long_files_take_of_which_none_came() -> None:
    """Their sizes are not told, and no other one is here to guess them by."""
    listed = Listed(3, 100, True, 2)
    assert told(listed, taken(1), progress(50), seconds=2).seconds_left(2.0) is None
    none_sized = Listed(2, 0, True, 2)
    assert told(none_sized, taken(1, None), seconds=2).seconds_left(2.0) is None
    known = told(none_sized, taken(1, None), started(1, 100), progress(50), done(1), seconds=2)
    assert known.seconds_left(2.0) is not None


def test_answers_that_ask_to_come_back_later() -> None:
    tally = told(taken(), Busy(1, 429, 10.0), Busy(1, 503, 10.0), Busy(1, 429, 0.0), seconds=1)
    (host,) = tally.hosts.all(60.0)
    assert host.refusals == {429: 2, 503: 1}
    assert (host.pauses, host.paused) == (1, 11)
    assert host.reason == "the server answered 503"


def test_a_pause_of_a_day_does_not_blur_a_run_of_a_minute() -> None:
    tally = told(Paused(HOST, 86_400, "it does not answer"))
    (host,) = tally.hosts.all(60.0)
    assert host.pausing.width == 1
    assert len(host.pausing.sums) == 60


def test_hosts_beyond_so_many_are_counted_together() -> None:
    ends = [done(n)._replace(host=f"h{n}.example") for n in range(MOST_HOSTS + 7)]
    hosts = told(*ends).hosts.all(0.0)
    assert len(hosts) == MOST_HOSTS + 1
    assert hosts[-1].name == OTHERS
    assert sum(host.done for host in hosts) == MOST_HOSTS + 7
    assert hosts[-1].done == 7


# -- how long it takes --


def test_time_left() -> None:
    tally = told(Listed(2, 4000, False), taken(1, 2000), started(1, 2000))
    tally.apply(progress(1000, size=2000), 2.0)
    assert tally.seconds_left(2.0) is None
    tally.apply(Listed(2, 4000, True), 2.0)
    assert tally.speed(2.0) == 500
    assert tally.seconds_left(2.0) == 6
    tally.apply(gone(1, 2000), 2.0)
    assert tally.seconds_left(2.0) == pytest.approx(2000 / 500)


def test_sizes_that_the_list_does_not_tell_are_guessed() -> None:
    tally = told(Listed(4, 0, True, unsized=4), taken(1, None), done(1, 500))
    assert tally.expected_bytes() == 2000
    tally = told(Listed(4, 0, True, unsized=4), Kept(3, 0), taken(1, None), done(1, 500))
    assert tally.expected_bytes() == 500


def test_sizes_of_files_at_work_are_those_that_servers_tell() -> None:
    tally = told(
        Listed(2, 0, True, unsized=2),
        taken(1, None),
        done(1, 500),
        taken(2, None),
        started(2, 9000),
    )
    assert tally.expected_bytes() == 9500


def test_unchanged_files_get_on_without_bytes() -> None:
    tally = told(Listed(10, 1000, True))
    for number in range(1, 6):
        tally.apply(taken(number), number)
        tally.apply(done(number, fetched=0)._replace(how="unchanged"), number)
    assert tally.speed(5.0) == 0
    assert tally.seconds_left(5.0) == pytest.approx(5)


def test_a_list_that_broke_off_is_read_no_more() -> None:
    tally = told(Listed(2, 200, False, broken=True))
    assert not tally.reading
    assert not tally.complete


# -- bounded --


def test_memory_does_not_grow_with_the_files() -> None:
    tally = Tally()

    def pass_by(first: int, count: int) -> None:
        for number in range(first, first + count):
            now = number / 100
            tally.apply(taken(number), now)
            tally.apply(started(number), now)
            tally.apply(progress(100, number), now)
            tally.apply(done(number), now)

    tracemalloc.start()
    try:
        pass_by(0, 10_000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        pass_by(10_000, 20_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # A file that were remembered would be 100 bytes at least.
    assert grown < 200_000


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4), st.integers(0, 10**9)), max_size=30),
    st.integers(2, 40),
)
def test_a_timeline_keeps_the_sum(spans: Iterable[tuple[float, float, int]], most: int) -> None:
    line = Timeline(most)
    for start, length, figure in spans:
        line.add(start, start + length, figure)
    assert len(line.sums) <= most
    assert sum(line.sums) == pytest.approx(sum(figure for *_, figure in spans))
    assert math.log2(line.width).is_integer()


def test_a_timeline_spreads_evenly() -> None:
    line = Timeline(4)
    line.add(0.5, 2.5, 20)
    assert line.sums == [5, 10, 5]
    line.add(4.0, 8.0, 8)
    assert (line.width, line.sums) == (2, [15, 5, 4, 4])


@given(st.lists(st.floats(1e-5, 1e12), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1]))
def test_quantiles_are_off_by_a_percent_at_most(figures: list[float], share: float) -> None:
    sketch, backwards = Sketch(), Sketch()
    for figure in figures:
        sketch.add(figure)
    for figure in reversed(figures):
        backwards.add(figure)
    true = sorted(figures)[max(1, math.ceil(share * len(figures))) - 1]
    found = sketch.quantile(share)
    assert found == pytest.approx(true, rel=0.011)
    assert found == backwards.quantile(share)
    assert sketch.count == len(figures)
    assert sketch.up_to([1e13]) == [len(figures)]


def test_no_figures_have_no_quantile() -> None:
    assert Sketch().quantile(0.5) is None
