"""Hosts that ask to come back later: what waits for them, and what does not."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from segdl.core.outage import AWAY
from segdl.core.url import Origin
from segdl.engine.busy import PutOffError
from segdl.engine.gate import Gates
from segdl.errors import CancelledError, ServerError
from segdl.mirror import resting
from segdl.mirror.asking import Asking
from segdl.mirror.happenings import Done, GaveUp
from segdl.mirror.hosts import Hosts
from segdl.mirror.listing import Entry
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.profiles import Profiles
from segdl.options import NetworkOptions, TransferOptions
from support.data import content
from support.faults import CutAfter, Drip, Fault, RedirectTo, Status
from support.mirroring import entry, mirror
from support.program import run_segdl
from support.waiting import Now, fill, hosts_of, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segdl.mirror.happenings import Happening
    from support.origin import Origin as Server
    from support.request import Request

BUSY = "busy.example"


def test_what_waits_for_a_host_leaves_its_place_to_others(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    """All of its files are listed first, and more of them than are at work at once."""
    busy = origin(b"", faults=lambda request, number: Status(503, retry_after=600))
    good, cancel, done = origin(b"good"), threading.Event(), []
    listed = [entry(busy.server.url(f"/{n}"), f"busy/{n}") for n in range(600)]
    listed += [entry(good.server.url(f"/{n}"), f"good/{n}") for n in range(9)]

    def on(happening: Happening) -> None:
        if isinstance(happening, Done):
            done.append(happening.path)
        if len(done) == 9:
            cancel.set()

    too_long = threading.Timer(60, cancel.set)
    too_long.start()
    with pytest.raises(CancelledError):
        mirror(tmp_path / "m", listed, on=on, cancel=cancel, max_files=4, per_host=4)
    too_long.cancel()
    assert len(done) == 9
    assert len(busy.requests) <= 4


def test_a_host_that_does_nothing_else_is_given_up(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    """Each of its waits is short, and they have no end."""
    busy = origin(b"", faults=lambda request, number: Status(429, retry_after=2))
    listed = [entry(busy.server.url(f"/{n}"), f"{n}") for n in range(30)]
    ran = mirror(tmp_path / "m", listed, patience=1.0)
    assert ran.result.rounds[0].failed == 30
    assert {type(each) for each in ran.result.failures.first} == {ServerError}
    assert sum(each.files for each in ran.of(GaveUp)) == 30
    assert "it has asked to come back later for" in str(ran.result.failures.first[0])


def test_a_host_that_takes_some_in_between_is_not(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    """As one does that counts requests a minute."""

    def every_second(_: Request, number: int) -> Fault | tuple[()]:
        return () if number % 2 else Status(429, retry_after=2)

    counts = origin(b"content", faults=every_second)
    listed = [entry(counts.server.url(f"/{n}"), f"{n}") for n in range(3)]
    ran = mirror(tmp_path / "m", listed, patience=3.0, per_host=1)
    assert ran.result.failures.first == []
    assert set(ran.done.values()) == {"fetched"}


def test_one_file_that_is_always_refused_is_lost_alone(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    def one(request: Request, _: int) -> Fault | tuple[()]:
        return Status(503, retry_after=0) if request.path == "/bad" else ()

    served = origin(b"content", faults=one)
    names = ["bad", *(f"{n}" for n in range(40))]
    listed = [entry(served.server.url(f"/{name}"), name) for name in names]
    ran = mirror(tmp_path / "m", listed, order="list")
    assert len(ran.done) == 40
    (failure,) = ran.result.failures.first
    assert isinstance(failure, ServerError)
    assert failure.status == 503


def test_whom_a_file_comes_from_may_want_to_be_left_alone_in_its_middle(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    def cut(_: Request, number: int) -> Fault:
        return Status(503, retry_after=3600) if number else CutAfter(2**20)

    data = content(12 * 2**20)
    target = origin(data, faults=cut)

    def lead(request: Request, _: int) -> Fault | tuple[()]:
        return RedirectTo(target.server.url("/big")) if request.path == "/big" else ()

    leads = origin(b"own", faults=lead)
    big = entry(leads.server.url("/big"), "big", size=len(data))
    small = [entry(leads.server.url(f"/{n}"), f"{n}") for n in range(100)]
    ran = mirror(tmp_path / "m", [big, *small], max_files=2)
    assert len(ran.done) == 100
    (failure,) = ran.result.failures.first
    assert "it asks to wait 3600 s" in str(failure)


# -- places --


@contextmanager
def hosts(folder: Path, now: Now, busy: int = 15) -> Iterator[Hosts]:
    """One host that is well, and others that are not, of 20 files each."""
    names = ["well.example", *(f"{n}.{BUSY}" for n in range(busy))]
    files = [wanted(f"{host}/{n}", host, n, 5) for host in names for n in range(20)]
    with hosts_of(folder, files, 6, now=now) as every:
        yield every


def off(*, by: Origin | None = None, rest: float = 9.0, asked: bool = True) -> PutOffError:
    return PutOffError(ServerError("later"), asked=asked, by=by, rest=rest)


def test_who_was_refused_is_asked_for_next_and_alone(tmp_path: Path) -> None:
    """As a host counts requests: the one that it refuses would be refused again and again."""
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        first, second, *others = fill(every)
        assert len(others) == 4
        now.pauses[first.host] = 2.0
        assert every.put_off(first, off(asked=True))
        for row in others:
            assert every.put_off(row, off(asked=False))
        assert fill(every) == []
        every.ended(second)
        now.time = 2.0
        # The host took one after it had refused one.
        assert fill(every)[0] == first


def test_nobody_else_is_begun_until_a_host_takes_one_again(tmp_path: Path) -> None:
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        rows = fill(every)
        for at, row in enumerate(rows):
            now.pauses[row.host] = 2.0
            assert every.put_off(row, off(asked=not at))
        now.time = 2.0
        assert fill(every) == [rows[0]]
        every.ended(rows[0])
        assert len(fill(every)) == 6


def test_who_only_waited_is_never_lost_and_who_is_refused_always_is(tmp_path: Path) -> None:
    with hosts(tmp_path / "l", Now(), busy=0) as every:
        row, other, *_ = fill(every)
        assert all(every.put_off(row, off(asked=False)) for _ in range(100))
        waits = []
        for _ in range(6):
            waits.append(every.put_off(row, off(asked=True)))
            every.ended(other)
        assert waits == [True] * 5 + [False]


def test_who_is_refused_as_everybody_is_shows_nothing_of_itself(tmp_path: Path) -> None:
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        for at in range(40):
            now.time = 2.0 * at
            for number, row in enumerate(fill(every)):
                now.pauses[row.host] = now.time + 2.0
                assert every.put_off(row, off(asked=not number))


@pytest.mark.parametrize("streams", [0, 1])
def test_a_host_that_sends_something_is_not_given_up(tmp_path: Path, streams: int) -> None:
    now = Now()
    now.streams = streams
    with hosts(tmp_path / "l", now, busy=0) as every:
        row = fill(every)[0]
        for now.time in (0.0, 200.0):
            now.pauses[row.host] = now.time + 9.0
            every.put_off(row, off(asked=True))
        given_up = [host.name for host, _ in every.given_up()]
        assert given_up == ([] if streams else ["well.example"])


LED = Origin("https", "led.example", 443)


def test_who_waits_for_whom_it_is_led_to_waits_apart(tmp_path: Path) -> None:
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        first, second, *others = fill(every)
        assert every.put_off(first, off(by=LED, rest=30.0))
        assert every.put_off(second, off(by=LED, rest=30.0, asked=False))
        for row in others:
            every.ended(row)
        later = fill(every)
        assert len(later) == 6
        assert not {first.id, second.id} & {row.id for row in later}
        for row in later[:3]:
            every.ended(row)
        now.time = 30.0
        # One of them shows whether it takes requests again.
        begun = fill(every)
        assert begun[0] == first
        assert second not in begun
        every.ended(first)
        assert fill(every) == [second]


def test_who_is_led_to_somebody_else_now_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A redirector may choose anew each time."""
    now, elsewhere = Now(), Origin("https", "other.example", 443)
    with hosts(tmp_path / "l", now, busy=0) as every:
        first, second, *others = fill(every)
        for row in (first, second):
            assert every.put_off(row, off(by=LED, rest=30.0))
        for row in others:
            every.ended(row)
        now.time = 30.0
        assert fill(every)[0] == first
        assert every.put_off(first, off(by=elsewhere, rest=30.0))
        assert fill(every)[0] == second


@pytest.mark.parametrize("serves", [True, False])
def test_whom_a_redirect_leads_to_is_given_up_if_it_does_nothing_but_refuse(
    tmp_path: Path, *, serves: bool
) -> None:
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        rows = fill(every)
        for row in rows:
            assert every.put_off(row, off(by=LED, rest=60.0))
        for row in rows[:2]:
            now.time += 60.0
            assert fill(every)[0] == row
            if serves:
                every.ended(row)
            else:
                # It has had 100 seconds with the second one.
                assert every.put_off(row, off(by=LED, rest=60.0)) == (row == rows[0])
        now.time += 1.0
        waits = [every.put_off(row, off(by=LED, rest=60.0, asked=False)) for row in rows[2:]]
        assert set(waits) == {serves}


def test_no_more_wait_for_whom_a_redirect_leads_to_than_memory_may_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "_MOST", 4)
    now = Now()
    with hosts(tmp_path / "l", now, busy=0) as every:
        for row in (rows := fill(every)):
            assert every.put_off(row, off(by=LED, rest=60.0))
        assert fill(every) == []
        now.time = 60.0
        assert fill(every) == [rows[0]]
        every.ended(rows[0])
        assert len(fill(every)) == 6


def test_mirrors_are_asked_while_the_first_host_rests(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    busy = origin(b"", faults=lambda request, number: Status(503, retry_after=500))
    good = origin(b"good")
    urls = [tuple(each.server.url(f"/{n}") for each in (busy, good)) for n in range(30)]
    listed = [Entry(path=f"{n}", urls=both) for n, both in enumerate(urls)]
    ran = mirror(tmp_path / "m", listed)
    assert ran.result.failures.first == []
    assert set(ran.done.values()) == {"fetched"}
    assert len(busy.requests) <= 6


@pytest.mark.parametrize("silent", [False, True])
def test_hosts_that_wait_take_no_share(tmp_path: Path, *, silent: bool) -> None:
    now = Now()
    with hosts(tmp_path / "l", now) as every:
        rows = fill(every)
        assert len({row.host for row in rows}) == len(rows) == 16
        while busy := [row for row in rows if BUSY in row.host]:
            for row in busy:
                rows.remove(row)
                if silent:
                    every.ended(row, "it says nothing")
                else:
                    now.pauses[row.host] = 30.0
                    every.put_off(row, off(asked=True))
            rows += fill(every)
        assert [row.host for row in rows] == ["well.example"] * 6


def test_what_is_done_without_a_host_is_no_word_of_it(tmp_path: Path) -> None:
    with hosts(tmp_path / "l", Now()) as every:
        one = fill(every)[0]
        for _ in range(AWAY):
            every.ended(one, "it says nothing")
        every.ended(one, heard=False)
        assert every.of(one.host).outage.away
        every.ended(one)
        assert not every.of(one.host).outage.away


def test_a_host_that_is_away_is_tried_and_not_besieged(tmp_path: Path) -> None:
    options = MirrorOptions(directory=tmp_path, listing=ListingOptions(source="-"))
    profiles = Profiles((), "-", print)
    asking = Asking(options, NetworkOptions(), TransferOptions(retries=5), profiles)
    with hosts(tmp_path / "l", Now()) as every:
        row = every.next(late=False)
    assert row is not None
    assert [asking.transfer(row, once=once).retries for once in (False, True)] == [5, 1]


def test_a_host_of_its_own_cap_has_that_and_others_the_usual_one() -> None:
    gates = Gates(4, lambda: 0.0, own={Origin("http", "a", 80): 12}.get)
    assert gates.of(Origin("http", "a", 80)).limit == 12
    assert gates.of(Origin("http", "b", 80)).limit == 4


def test_the_cap_of_a_host_holds_for_large_files_too(
    origin: Callable[..., Server], tmp_path: Path
) -> None:
    """Two of them at once, each of which would gain by more connections than it may have."""
    slow = Drip(64 * 1024, 0.02)
    one, other = (origin(content(9 * 2**20), faults=lambda *_: slow) for _ in "12")
    config, listed = tmp_path / "mirrors.toml", tmp_path / "list"
    urls = [served.server.url(f"/{n}.iso") for served in (one, other) for n in range(2)]
    listed.write_text("".join(f"{url}\n out={n}.iso\n" for n, url in enumerate(urls)))
    config.write_text(
        f"[mirror.m]\nsource = '{listed}'\ndir = '{tmp_path / 'm'}'\nper-host = 4\n"
        f'[host."127.0.0.1:{other.server.port}"]\nconnections = 2\n'
    )
    assert run_segdl("mirror", "-q", "--config", config).code == 0
    assert one.peak <= 4
    assert other.peak <= 2
