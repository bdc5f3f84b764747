"""A second process helps with small files; what does not go smoothly there, goes on here."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from segdl.core.expected import Expected
from segdl.core.sharing import Sharing
from segdl.core.url import parse_url
from segdl.engine.ahead import Ahead
from segdl.engine.among import Among
from segdl.engine.batch import Failure
from segdl.engine.channel import Channel, channels
from segdl.engine.delegation import Delegation
from segdl.engine.gate import Gate
from segdl.engine.helper import Helper, make_helper
from segdl.engine.helping import Ended, Left, Wanted, help_with
from segdl.engine.surroundings import open_run
from segdl.errors import ServerError
from segdl.net.transport import Transport
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Busy, Finished
from segdl.results import DownloadResult
from support import data
from support.fetching import check_balance
from support.helped import COUNT, check, fetch, finish, helper_of, is_over, slow, start
from support.site import KIB, Site, content, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request as Asked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there it is done without")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def write_list(site: Site, folder: Path, lines: dict[int, str] | None = None) -> None:
    lines = lines or {}
    urls = (f"{site.url(f'/{n}.bin')}\n{lines.get(n, '')}" for n in range(1, COUNT + 1))
    (folder / "list").write_text("".join(urls))


def test_all_are_right_and_asked_for_once(site: Site, tmp_path: Path) -> None:
    write_list(site, tmp_path)
    ran = fetch(tmp_path)
    assert (ran.code, ran.said) == (0, [])
    assert ran.given > 0
    check(tmp_path)
    assert site.asked() == Counter(f"/{n}.bin" for n in range(1, COUNT + 1))


def test_events_come_for_each_file_in_order(site: Site, tmp_path: Path) -> None:
    write_list(site, tmp_path)
    ran = fetch(tmp_path, "--max-files", "8", "-d", "out", "-i", "list", "--progress", "json")
    told = [json.loads(line) for line in ran.said]
    for number in range(1, COUNT + 1):
        kinds = [event["event"] for event in told if event["file"] == number]
        assert [kinds[0], kinds[-1]] == ["probing", "finished"]
        assert kinds.count("finished") == 1


def test_a_run_again_fetches_nothing(site: Site, tmp_path: Path) -> None:
    write_list(site, tmp_path)
    assert fetch(tmp_path).code == 0
    before = len(site.requests)
    ran = fetch(tmp_path)
    assert (ran.code, ran.said) == (0, [])
    assert ran.given > 0
    check(tmp_path)
    again = site.requests[before:]
    assert Counter(each.path for each in again) == Counter(f"/{n}.bin" for n in range(1, COUNT + 1))
    assert {each.range for each in again} == {(0, 0)}


def test_what_a_server_says_instead(site: Site, tmp_path: Path) -> None:
    def gone(_: Asked, connection: Connection) -> None:
        connection.send(plain(b"no", status="404 Not Found"))

    for number in range(40, 80):
        site.odd[f"/{number}.bin"] = gone
    write_list(site, tmp_path)
    ran = fetch(tmp_path)
    assert ran.code == 4
    assert len(ran.said) == 40
    assert all("404" in line for line in ran.said)
    assert ran.given > 0
    check(tmp_path, but=tuple(range(40, 80)))
    assert {site.asked()[f"/{n}.bin"] for n in range(40, 80)} == {1}


def odd_ways(path: str) -> dict[str, Callable[[Asked, Connection], bool | None]]:
    """Ways to answer a first request; later ones are answered well."""
    body, seen = content(path), list[int]()
    whole = plain(body)

    def first(raw: bytes, *, keep: bool | None = None, reset: bool = False) -> Any:
        def answer(_: Asked, connection: Connection) -> bool | None:
            if seen:
                connection.send(whole)
                return None
            seen.append(1)
            connection.send(raw)
            if reset:
                connection.reset()
            return keep

        return answer

    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    return {
        "busy": first(plain(b"", "Retry-After: 0", status="429 Too Many Requests")),
        "unavailable": first(plain(b"", status="503 Busy")),
        "broken": first(whole[:-100], keep=False),
        "reset": first(whole[:-100], reset=True),
        "unanswered": first(b"", keep=False),
        "nonsense": first(b"\x00\x01\x02\r\n\r\n", keep=False),
        "chunked": first(chunked % (len(body), body)),
        "too much": first(whole + b"more", keep=False),
    }


@pytest.mark.parametrize("way", odd_ways("/60.bin"))
def test_what_does_not_go_smoothly(site: Site, tmp_path: Path, way: str) -> None:
    for number in (30, 31, 60, 61, 62):
        site.odd[f"/{number}.bin"] = odd_ways(f"/{number}.bin")[way]
    write_list(site, tmp_path)
    ran = fetch(tmp_path)
    assert ran.said == []
    assert ran.code == 0
    assert ran.given > 0
    check(tmp_path)


def test_retry_after_is_heeded_in_both_processes(site: Site, tmp_path: Path) -> None:
    busy_until: list[float] = []

    def busy(request: Asked, connection: Connection) -> None:
        if not busy_until:
            busy_until.append(time.monotonic() + 1.0)
            connection.send(plain(b"", "Retry-After: 1", status="429 Too Many Requests"))
        else:
            connection.send(plain(content(request.path)))

    for number in range(40, 70):
        site.odd[f"/{number}.bin"] = busy
    write_list(site, tmp_path)
    ran = fetch(tmp_path)
    assert (ran.code, ran.said) == (0, [])
    check(tmp_path)
    refused = next(request for request in site.requests if request.path in site.odd)
    later = [each.time for each in site.requests if each.path == refused.path and each != refused]
    assert min(later) >= busy_until[0] - 0.05


def test_a_large_one_comes_back(site: Site, tmp_path: Path) -> None:
    large = data.content(3 * KIB * KIB, seed=5)

    def answer(request: Asked, connection: Connection) -> None:
        if request.range is None:
            connection.send(plain(large, 'ETag: "l"'))
            return
        first, last = request.range
        last = len(large) - 1 if last is None else min(last, len(large) - 1)
        told = f"Content-Range: bytes {first}-{last}/{len(large)}"
        part = large[first : last + 1]
        connection.send(plain(part, 'ETag: "l"', told, status="206 Partial Content"))

    for number in range(50, 54):
        site.odd[f"/{number}.bin"] = answer
    write_list(site, tmp_path)
    assert fetch(tmp_path).code == 0
    before = len(site.requests)
    assert fetch(tmp_path).code == 0
    # What is there is asked about once all the same; a large one that a thread of the helper took
    # on, as there was no connection yet, comes back and is asked about here.
    again = Counter(request.path for request in site.requests[before:])
    assert {path for path, times in again.items() if times > 1} <= set(site.odd)
    assert {request.range for request in site.requests[before:]} == {(0, 0)}
    assert len(again) == COUNT
    for number in range(50, 54):
        path = tmp_path / "out" / f"{number}.bin"
        assert path.read_bytes() == large
        path.unlink()
    check(tmp_path, but=(50, 51, 52, 53))


def test_a_wrong_digest(site: Site, tmp_path: Path) -> None:
    wrong = f"  checksum=sha-256={'0' * 64}\n"
    write_list(site, tmp_path, {70: wrong, 71: wrong})
    ran = fetch(tmp_path)
    assert ran.code == 5
    assert len(ran.said) == 2
    left = {name for name in os.listdir(tmp_path / "out") if name.startswith((".70", "70", "71"))}
    assert not left & {"70.bin", "71.bin"}


def test_it_is_killed(site: Site, tmp_path: Path) -> None:
    for number in range(20, COUNT + 1):
        site.odd[f"/{number}.bin"] = slow(0.03)
    write_list(site, tmp_path)
    with start(tmp_path) as running:
        os.kill(helper_of(tmp_path, running), signal.SIGKILL)
        ran = finish(running)
    assert ran.code == 0
    check(tmp_path)


@pytest.mark.parametrize("whom", ["all", "one"])
def test_an_interrupt(site: Site, tmp_path: Path, whom: str) -> None:
    for number in range(20, COUNT + 1):
        site.odd[f"/{number}.bin"] = slow(0.1)
    write_list(site, tmp_path)
    with start(tmp_path) as running:
        helper = helper_of(tmp_path, running)
        if whom == "all":
            running.signal_all(signal.SIGINT)
        else:
            running.send_signal(signal.SIGTERM)
        ran = finish(running)
    assert ran.code == 130
    assert is_over(helper)
    site.odd.clear()
    assert fetch(tmp_path).code == 0
    check(tmp_path)


def test_it_ends_with_who_made_it(site: Site, tmp_path: Path) -> None:
    for number in range(20, COUNT + 1):
        site.odd[f"/{number}.bin"] = slow(0.1)
    write_list(site, tmp_path)
    with start(tmp_path) as running:
        helper = helper_of(tmp_path, running)
        running.send_signal(signal.SIGKILL)
        running.wait()
        ends = time.monotonic() + 20
        while not is_over(helper) and time.monotonic() < ends:
            time.sleep(0.01)
        assert is_over(helper)
    site.odd.clear()
    assert fetch(tmp_path).code == 0
    check(tmp_path)


@pytest.mark.parametrize("option", ["-v", "--limit-rate=100M", "--dry-run"])
def test_it_is_done_without(site: Site, tmp_path: Path, option: str) -> None:
    write_list(site, tmp_path)
    ran = fetch(tmp_path, "--max-files", "8", "-d", "out", "-q", "-i", "list", option)
    assert (ran.code, ran.given) == (0, 0)


def test_two_files_of_one_name(site: Site, tmp_path: Path) -> None:
    """Both want it, in whichever process: one has it, and the other is told so."""
    lines = dict.fromkeys((50, 51, 52, 53), "  out=same.bin\n")
    write_list(site, tmp_path, lines)
    ran = fetch(tmp_path)
    assert ran.code == 6
    assert len(ran.said) == 3
    same = tmp_path / "out" / "same.bin"
    assert same.read_bytes() in [content(f"/{n}.bin") for n in lines]
    same.unlink()
    check(tmp_path, but=tuple(lines))


# -- its two ends alone --


@pytest.fixture
def helper() -> Iterator[Helper]:
    """A helper that is a thread of this process."""
    ours, theirs = channels()
    other: Channel[Ended | Left, Wanted] = Channel(theirs)

    def work() -> None:
        help_with(other, NetworkOptions(stall_timeout=5), TransferOptions(), 4)
        other.close()

    thread = threading.Thread(target=work)
    thread.start()
    # Nobody has process 0, so none is seen off.
    helper = Helper(Channel(ours), 0, 4)
    yield helper
    helper.channel.close()
    thread.join(20)
    assert not thread.is_alive()


def next_of(helper: Helper) -> Any:
    ends = time.monotonic() + 20
    while (news := helper.next()) is None:
        assert time.monotonic() < ends
        time.sleep(0.001)
    return news


def test_a_file_and_an_error_come_back_whole(site: Site, tmp_path: Path, helper: Helper) -> None:
    site.odd["/2.bin"] = lambda _, connection: connection.send(plain(b"", status="403 Forbidden"))
    for number in (1, 2):
        wanted = Request(url=site.url(f"/{number}.bin"), directory=tmp_path)
        assert helper.give(number, wanted)
    assert helper.at_work == 2
    first, second = sorted((next_of(helper), next_of(helper)), key=lambda each: each.ended.number)
    result = first.ended.outcome
    assert isinstance(result, DownloadResult)
    assert result.path == tmp_path / "1.bin"
    assert result.version.strong_etag == '"/1.bin"'
    assert isinstance(first.ended.events[-1], Finished)
    error = second.ended.outcome.error
    assert isinstance(error, ServerError)
    assert (error.status, error.exit_code) == (403, 4)
    assert error.hint == str(error).partition("; ")[2]
    assert helper.at_work == 0
    # Nothing else comes from there: its connections do not wait for long.
    left = next_of(helper)
    assert isinstance(left, Left)
    assert left.origin.port == site.port
    ends = time.monotonic() + 20
    while site.open_connections:
        assert time.monotonic() < ends
        time.sleep(0.001)


def test_what_is_too_long_is_not_given(helper: Helper, tmp_path: Path) -> None:
    headers = (("X-Long", "a" * 2_000_000),)
    wanted = Request(url="http://127.0.0.1:9/a", directory=tmp_path, headers=headers)
    assert not helper.give(1, wanted)
    assert helper.at_work == 0


def test_who_is_gone_gives_everything_back(tmp_path: Path) -> None:
    ours, theirs = channels()
    helper = Helper(Channel(ours), 0, 4)
    wanted = Request(url="http://127.0.0.1:9/a", directory=tmp_path)
    for number in (1, 2):
        assert helper.give(number, wanted)
    assert helper.next() is None
    theirs.close()
    assert [helper.next(), helper.next(), helper.next()] == [
        (wanted, Ended(1, None)),
        (wanted, Ended(2, None)),
        None,
    ]
    assert helper.is_gone
    assert not helper.has_room
    assert not helper.give(3, wanted)
    helper.channel.close()


def test_what_was_said_before_the_end_is_heard() -> None:
    """Also where who said it did not read all that was sent to it."""
    ours, theirs = channels()
    here: Channel[str, str] = Channel(ours)
    there: Channel[str, str] = Channel(theirs)
    assert here.send("unread", wait=False)
    assert there.send("one", wait=False)
    assert there.send("two", wait=False)
    there.close()
    assert [here.receive(0.0), here.receive(None)] == ["one", "two"]
    with pytest.raises(EOFError):
        here.receive(0.0)
    here.close()


def test_who_does_not_end_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segdl.engine.helper._GRACE", 0.05)
    ours, theirs = channels()
    helper = Helper(Channel(ours), 0, 4)
    assert helper.give(1, Request(url="http://127.0.0.1:9/a", directory=tmp_path))
    helper.end()
    assert next_of(helper).ended.outcome is None
    helper.channel.close()
    theirs.close()


class Delegated(NamedTuple):
    """A delegation to who is played by the test."""

    delegation: Delegation
    there: Channel[Ended | Left, Wanted]
    gate: Gate
    wanted: Request


@pytest.fixture
def delegated(tmp_path: Path) -> Iterator[Delegated]:
    ours, theirs = channels()
    cancel, options = threading.Event(), TransferOptions()
    wanted = Request(url="http://127.0.0.1:9/a", directory=tmp_path)
    with open_run(
        NetworkOptions(proxy=""), options, lambda _: None, cancel, max_files=8, per_origin=4
    ) as run:
        ahead = Ahead(run, Transport(run.network, connections=8), 8)
        delegation = Delegation(run, Helper(Channel(ours), 0, 4), ahead)
        delegation._sharing = Sharing(worthwhile=True)
        there: Channel[Ended | Left, Wanted] = Channel(theirs)
        gate = run.gates.of(parse_url(wanted.url).origin)
        yield Delegated(delegation, there, gate, wanted)
        there.close()
        delegation.leave()
        check_balance(run.gates)
        ahead.close()
    ours.close()


def test_what_does_not_go_to_the_helper(delegated: Delegated) -> None:
    delegation, _, gate, wanted = delegated
    large = replace(wanted, expected=Expected(size=8 * KIB * KIB))
    assert not delegation.give(1, large, here=4)
    assert not delegation.give(1, replace(wanted, checksum="auto"), here=4)
    assert not delegation.give(1, replace(wanted, url="sftp://h/a"), here=4)
    assert delegation.give(1, wanted, here=0)
    # Some of the few that an origin allows are for this process.
    assert not delegation.give(2, wanted, here=0)
    gate.rest(3600)
    assert not delegation.give(2, wanted, here=4)


def test_connections_of_the_helper_hold_their_places(delegated: Delegated) -> None:
    delegation, there, gate, wanted = delegated
    for number in (1, 2):
        assert delegation.give(number, wanted, here=4)
    assert gate.streaming == 2
    there.send(Ended(1, None), wait=True)
    assert delegation.next() is not None
    # One of its two connections is idle: the next file needs no other.
    assert gate.streaming == 2
    delegation._sharing = Sharing(worthwhile=True)
    assert delegation.give(3, wanted, here=4)
    assert gate.streaming == 2
    # Word that there are none any more counts where nothing was given meanwhile.
    origin = parse_url(wanted.url).origin
    there.send(Left(origin), wait=True)
    assert delegation.next() is None
    assert gate.streaming == 2
    for number in (2, 3):
        there.send(Ended(number, None), wait=True)
        assert delegation.next() is not None
    there.send(Left(origin), wait=True)
    assert delegation.next() is None
    assert gate.streaming == 0


def test_what_the_helper_fetched_is_counted_at_the_door(
    delegated: Delegated, monkeypatch: pytest.MonkeyPatch
) -> None:
    delegation, there, gate, wanted = delegated
    came: list[tuple[Among, int]] = []
    monkeypatch.setattr(Among, "came_beside", lambda self, count: came.append((self, count)))
    result = DownloadResult(
        path=None, url=wanted.url, size=5, fetched=5, seconds=0.1, status="complete"
    )
    failure = Failure(wanted.url, ServerError("no"))
    for number, outcome in enumerate((result, failure, None)):
        assert delegation.give(number, wanted, here=4)
        there.send(Ended(number, outcome), wait=True)
        assert delegation.next() is not None
    assert came == [(gate.among, 5)]


def test_a_server_that_the_helper_is_to_leave_alone_is_left_alone(delegated: Delegated) -> None:
    delegation, there, gate, wanted = delegated
    assert delegation.give(1, wanted, here=4)
    there.send(Ended(1, None, (Busy(1, 429, 3600.0),)), wait=True)
    assert delegation.next() is not None
    assert gate.pause() > 3000


def test_nothing_is_forked_beside_threads() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert make_helper(NetworkOptions(), TransferOptions(), 8) is None
    finally:
        stop.set()
        thread.join()


def test_it_is_of_use_where_files_keep_a_core_busy() -> None:
    busy = waits = Sharing()
    for n in range(40):
        busy = busy.came(now=n * 0.001, spent=n * 0.0009)
        waits = waits.came(now=n * 0.001, spent=n * 0.0005)
    assert busy.worthwhile
    assert not waits.worthwhile
