"""Over a long path a little of the end comes by other connections, in the first round trips."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.core.ramp import ramp_aside
from segdl.core.slowstart import pieces
from segdl.engine import crew, outset
from segdl.engine.contact import Ranges
from segdl.engine.segment import Segment
from segdl.engine.supply import Supply
from segdl.net import window
from segdl.net.asked import Asked
from support.data import content
from support.faults import CutAfter, Drip, DripAndHold, Fault, FreshEtag, IgnoreRange, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from segdl.core.arrivals import Look
    from support.request import Request

MIB = 1024 * 1024
SIZE = 8 * MIB
CONTENT = content(SIZE)
NUMBER, PIECE = pieces(SIZE)
FAR = 0.06
# Bytes before each piece that are compared.
COMPARED = 4096


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system say that a round trip takes as long as an answer of the tests' server."""
    arrived = window.arrived

    def far_away(connected: Any, now: float) -> Look | None:
        look = arrived(connected, now)
        return None if look is None else look._replace(least=FAR, round_trip=FAR)

    monkeypatch.setattr(window, "arrived", far_away)
    # However much of the first answer is here when the others are asked.
    monkeypatch.setattr(outset, "pieces", lambda _: (NUMBER, PIECE))
    monkeypatch.setattr(Asked, "least", property(lambda _: FAR))


@pytest.fixture
def nothing_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it at the outset: on a slow machine others would be tried, which is the ramp's."""
    monkeypatch.setattr(crew, "ramp_sample", ramp_aside)


def begins(request: Request) -> int:
    return 0 if request.range is None else request.range[0] or 0


def steadily(request: Request, _: int) -> Fault:
    """Let the first answer take too short to listen to, and all of them a round trip."""
    time.sleep(FAR)
    return Drip(SIZE // 7, 0.05) if begins(request) == 0 and request.range != (0, 0) else Fault()


def fetched(served: Any, path: Path, **wanted: Any) -> list[Request]:
    """Download; return the requests that came."""
    segdl.download(served.url, path, **wanted)
    assert path.read_bytes() == CONTENT
    return list(served.requests)


@pytest.mark.usefixtures("far", "nothing_tried")
@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_a_few_bring_pieces_of_the_end_and_ask_the_last_question(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    pieces_here = threading.Event()
    first = DripAndHold(SIZE // 7, 0.05, after=SIZE // 2, until=pieces_here)

    def look(event: segdl.events.Event) -> None:
        # However slow the machine is, the first answer does not end before them.
        others = event.segments[1:] if isinstance(event, segdl.events.Progress) else ()
        if others and all(each.done == (each.stop or 0) - each.start for each in others):
            pieces_here.set()

    def plan(request: Request, index: int) -> Fault:
        answer = steadily(request, index)
        return answer if index else first

    transfer = segdl.TransferOptions(layout=layout)
    served = origin(CONTENT, faults=plan)
    asked = fetched(served, tmp_path / "f", transfer=transfer, on_event=look)
    starts = sorted(begins(each) for each in asked[1 : 1 + NUMBER])
    assert starts[0] >= SIZE - NUMBER * PIECE - COMPARED
    assert starts[-1] < SIZE - PIECE // 2
    rest = asked[1 + NUMBER :]
    assert rest
    assert all(each.range == (0, 0) for each in rest)
    # Over connections that others had used.
    assert len({each.connection for each in asked}) == 1 + NUMBER


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("fault", [Status(503), Status(404), CutAfter(1000), FreshEtag()])
def test_pieces_that_are_not_had_are_fetched_in_the_end(
    origin: Callable[..., Any], tmp_path: Path, fault: Fault
) -> None:
    failed = 0

    def plan(request: Request, index: int) -> Fault:
        nonlocal failed
        if begins(request) >= SIZE - 2 * NUMBER * PIECE and failed < 2:
            failed += 1
            return fault
        return steadily(request, index)

    fetched(origin(CONTENT, faults=plan), tmp_path / "f")
    assert failed


@pytest.mark.usefixtures("far", "nothing_tried")
@pytest.mark.parametrize(
    ("refused", "goes_back"),
    [
        (range(NUMBER), {*range(1, NUMBER + 1)}),
        # The second one is asked for again where it is refused before the first one is.
        (range(2), {1, 2}),
        ([0, NUMBER - 1], {1}),
        ([NUMBER - 2, NUMBER - 1], {0}),
    ],
)
def test_what_a_server_does_not_take_beside_comes_with_the_first_answer(
    origin: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Sequence[int],
    goes_back: set[int],
) -> None:
    rejoin, back, again = Supply.rejoin, 0, 0
    seen: set[int] = set()
    every_one, settled = threading.Event(), threading.Event()
    steady = DripAndHold(SIZE // 7, 0.05, after=SIZE // 2, until=settled)

    def look() -> None:
        if back + again == len(refused):
            settled.set()

    def counted(supply: Supply, segment: Segment) -> bool:
        nonlocal back
        done = rejoin(supply, segment)
        back += done
        look()
        return done

    def plan(request: Request, index: int) -> Fault:
        nonlocal again
        place = (begins(request) + COMPARED - (SIZE - NUMBER * PIECE)) // PIECE
        if not index:
            time.sleep(FAR)
            # However slow the machine is, the answer is not past them by then.
            return steady
        if place in seen and request.range != (0, 0):
            again += 1
            look()
        elif request.range != (0, 0):
            seen.add(place)
            if len(seen) == NUMBER:
                every_one.set()
            if place in refused:
                every_one.wait(5)
            # Not before others are answered: one that is alone says nothing of how many may be.
            time.sleep(FAR)
            return Status(503) if place in refused else Fault()
        return steadily(request, index)

    monkeypatch.setattr(Supply, "rejoin", counted)
    asked = fetched(origin(CONTENT, faults=plan), tmp_path / "f")
    assert seen == set(range(NUMBER))
    assert back in goes_back
    assert sum(each.range != (0, 0) for each in asked) == 1 + NUMBER + len(refused) - back
    assert asked[-1].range == (0, 0)


def test_what_another_goes_on_in_is_not_asked_for_again() -> None:
    asked = SimpleNamespace(
        gate=SimpleNamespace(try_ask=lambda: True), pin=SimpleNamespace(ranges=Ranges.WORK)
    )
    sites: Any = SimpleNamespace(origin=asked, several=False)
    run: Any = SimpleNamespace(network=segdl.NetworkOptions(), transfer=SimpleNamespace(most=8))
    first, piece = Segment(0, MIB, 0), Segment(MIB, 2 * MIB, MIB)
    supply = Supply([first, piece], 0, divisible=True)
    beginning = outset.Outset(run, sites, supply)
    beginning.apart.add(piece)
    assert list(beginning.cut(1)) == [piece]
    supply.go_on_in(first, piece, MIB)
    assert not list(beginning.cut(1))


@pytest.mark.usefixtures("far", "nothing_tried")
def test_no_more_than_are_allowed(origin: Callable[..., Any], tmp_path: Path) -> None:
    served = origin(CONTENT, faults=steadily)
    asked = fetched(served, tmp_path / "f", connections="auto:2")
    assert served.peak == 2
    # Where the last question came too early, it is asked once more when both are over.
    assert len({each.connection for each in asked if each.range != (0, 0)}) == 2


def whole(_: Request, __: int) -> Fault:
    time.sleep(FAR)
    return IgnoreRange()


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("why", ["alone", "fixed", "unranged"])
def test_there_are_none(origin: Callable[..., Any], tmp_path: Path, why: str) -> None:
    served = origin(CONTENT, faults=whole if why == "unranged" else steadily)
    wanted: dict[str, Any] = {"connections": {"alone": "auto:1", "fixed": "1"}.get(why, "auto")}
    asked = fetched(served, tmp_path / "f", **wanted)
    assert all(begins(each) == 0 for each in asked)


@pytest.mark.usefixtures("far")
def test_where_the_rate_is_limited_one_is_listened_to_first(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    network = segdl.NetworkOptions(limit_rate="6M")
    first, *others = fetched(origin(CONTENT, faults=steadily), tmp_path / "f", network=network)
    assert all(each.time > first.time + 0.25 for each in others)


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("connections", ["auto", "auto:2"])
def test_a_link_may_be_good_for_one_request(
    origin: Callable[..., Any], tmp_path: Path, status: int, connections: str
) -> None:
    def plan(request: Request, index: int) -> Fault:
        return Status(status) if index else steadily(request, index)

    asked = fetched(origin(CONTENT, faults=plan), tmp_path / "f", connections=connections)
    assert len(asked) > 1


def test_what_is_gone_is_an_error_once_nothing_of_it_comes(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    def plan(_: Request, index: int) -> Fault:
        return Status(404) if index else Drip(256 * 1024, 0.05)

    served = origin(CONTENT, faults=plan)
    with pytest.raises(segdl.ServerError, match="404"):
        segdl.download(served.url, tmp_path / "f", connections=4)
    # All that the first answer brings is kept.
    assert sum(path.stat().st_size for path in (tmp_path / "f.segdl").iterdir()) >= 2 * MIB


@pytest.mark.parametrize("most", [1, 2])
def test_links_may_be_good_for_a_few_at_a_time(
    origin: Callable[..., Any], tmp_path: Path, most: int
) -> None:
    def slowly(_: Request, __: int) -> Fault:
        return Drip(512 * 1024, 0.05)

    served = origin(CONTENT, faults=slowly, limit=most, refusal=403)
    events: list[segdl.events.Event] = []
    asked = fetched(served, tmp_path / "f", connections=8, on_event=events.append)
    assert served.peak == most
    assert len(asked) < 30
    # It is no matter of the host: nobody else is to be stopped for it.
    assert not any(isinstance(event, segdl.events.Busy) for event in events)


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("most", [1, 2, 3])
def test_refused_pieces_are_no_word_on_how_many_pay(
    origin: Callable[..., Any], tmp_path: Path, most: int
) -> None:
    def capped(request: Request, _: int) -> Fault:
        time.sleep(FAR)
        return Fault() if request.range == (0, 0) else Drip(128 * 1024, 0.05)

    served = origin(CONTENT, faults=capped, limit=most, refusal=503)
    fetched(served, tmp_path / "f")
    assert served.peak == most


def test_a_server_nearby_is_asked_once(origin: Callable[..., Any], tmp_path: Path) -> None:
    def plan(request: Request, _: int) -> Fault:
        # It takes its time to answer, which is no matter of the path.
        time.sleep(FAR)
        return Drip(SIZE // 4, 0.05) if begins(request) == 0 else Fault()

    asked = fetched(origin(CONTENT, faults=plan), tmp_path / "f")
    assert all(begins(each) == 0 for each in asked)


@pytest.mark.usefixtures("far")
def test_what_the_first_answer_brings_within_a_moment_comes_outright(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    served = origin(CONTENT[:50_000], faults=steadily)
    segdl.download(served.url, tmp_path / "f")
    assert len(served.requests) == 1
