"""What is asked for over idle connections when a download is nearly whole."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from segdl.core.arrivals import Look
from segdl.core.endgame import LARGEST, counts, due
from segdl.core.identity import Version
from segdl.core.selection import whole
from segdl.core.tail import Running
from segdl.core.url import parse_url
from segdl.engine.contact import Ranges
from segdl.engine.endgame import Endgame
from segdl.engine.gate import Gate
from segdl.engine.hedges import Hedges
from segdl.engine.job import Job
from segdl.engine.revalidation import Revalidation
from segdl.engine.segment import Drop, Segment
from segdl.engine.site import Pin, Site
from segdl.engine.supply import Supply
from segdl.net.asked import Asked
from segdl.net.direct import Line
from segdl.net.idle import IdleConnections
from segdl.net.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from segdl.core.spans import Span

SIZE = 1_000_000
FAR = 0.08
PLACE = parse_url("http://example.org/f")
VERSION = Version(size=SIZE, etag='"v1"')


class Server:
    """The idle connections to an origin, and what is asked for over them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.idle = 3
        self.asked: list[str] = []
        self.ends: list[socket.socket] = []
        self.ours: list[socket.socket] = []
        self.kept = IdleConnections(8, 8)
        self.gate = Gate(8, lambda: self.now)
        self.gate.try_ask()
        self.gate.answered(FAR)
        source = cast("Any", self)
        self.site = Site(source=source, gate=self.gate, pin=Pin(VERSION, Ranges.WORK))
        self.site.received = SIZE
        self.job = Job(
            origin=self.site,
            parts=cast("Any", None),
            selection=whole(SIZE),
            delay=lambda _: 0.0,
            chunk=1,
            gates=cast("Any", None),
        )

    def ask_ahead(self, span: Span, *, if_range: str | None, most: int) -> Asked | None:
        if not self.idle:
            return None
        self.idle -= 1
        ours, theirs = socket.socketpair()
        ours.settimeout(0.0)
        self.ends.append(theirs)
        self.ours.append(ours)
        self.asked.append(span.header)
        line = Line(ours, PLACE.origin, self.kept)
        return Asked(PLACE, {}, line, silence=5.0, most=most)

    def answer(self, number: int, body: bytes, start: int, etag: str = '"v1"') -> None:
        head = (
            "HTTP/1.1 206 Partial Content\r\n"
            f"Content-Range: bytes {start}-{start + len(body) - 1}/{SIZE}\r\n"
            f"ETag: {etag}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.ends[number].sendall(head.encode() + body)

    def segment(self, start: int, stop: int, position: int, rate: float | None = 1e4) -> Segment:
        """Return a segment that a connection is at work on."""
        made = Segment(start, stop, start)
        made.set_out(Wire(), self.site, self.now - 1.0)
        made.position = position
        made.moved_at = self.now
        made.heard = True
        made.speed = made.speed._replace(rate=rate)
        self.gate.try_ask_again()
        return made

    def close(self) -> None:
        for end in [*self.ours, *self.ends]:
            end.close()
        self.kept.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def waits(asking: Hedges | Revalidation) -> bool:
    return asking.under_way > 0


def ask(server: Server, hedges: Hedges, *segments: Segment, later: float = 0.0) -> None:
    now = server.now + later
    hedges.ask(segments, server.site, rate=1e6, round_trip=FAR, most=5, now=now)


def tick(made: Endgame) -> float | None:
    return made.tick


# -- what is decided --


def test_the_slowest_come_first_and_those_of_which_nothing_came_before_them() -> None:
    running = [Running(0, 9000, 1e5), Running(0, 9000, 1e4), Running(0, 9000, None)]
    assert due(running, rate=1e7, round_trip=0.1) == [2, 1, 0]


def test_what_ends_before_an_answer_could_come_is_not_asked_for() -> None:
    assert due([Running(0, 9000, 1e6)], rate=1e7, round_trip=0.1) == []


@pytest.mark.parametrize("left", [0, -1, LARGEST + 1])
def test_nothing_and_too_much_is_not_asked_for(left: int) -> None:
    assert due([Running(0, left, 1.0)], rate=1e9, round_trip=0.1) == []


def test_an_answer_counts_from_a_round_trip_before_the_end_on() -> None:
    assert counts(9.5, 10.0, 0.5)
    assert not counts(9.49, 10.0, 0.5)


# -- hedges --


def test_whoever_has_the_bytes_first_is_right(server: Server) -> None:
    slow, fast = server.segment(0, 9000, 5000), server.segment(9000, 18_000, 17_990)
    hedges = Hedges(server.job)
    ask(server, hedges, slow, fast)
    assert server.asked == ["bytes=5000-8999"]
    assert waits(hedges)
    server.answer(0, b"x" * 4000, 5000)
    hedges.look([slow, fast], server.now)
    assert not waits(hedges)
    assert slow.dropped is Drop.OVERTAKEN
    assert slow.wire is not None
    assert slow.wire.aborted
    # Its thread has yet to end.
    assert hedges.take([slow, fast]) is None
    slow.wire = None
    won = hedges.take([slow, fast])
    assert won is not None
    segment, site, (exchange, accept) = won
    assert (segment, site) == (slow, server.site)
    assert (accept.start, accept.stop) == (5000, 9000)
    assert exchange.read(9000) == b"x" * 4000
    assert hedges.take([slow, fast]) is None
    # Whoever goes on with it leaves the door.
    before = server.gate.streaming
    hedges.close()
    assert server.gate.streaming == before


def test_who_brings_nothing_for_a_while_waits_for_a_lost_packet(server: Server) -> None:
    still, flowing = server.segment(0, 9000, 8990), server.segment(9000, 18_000, 17_990)
    hedges = Hedges(server.job)
    ask(server, hedges, still, flowing)
    assert not server.asked
    still.moved_at -= FAR
    ask(server, hedges, still, flowing)
    assert server.asked == ["bytes=8990-8999"]
    hedges.close()


def test_what_came_otherwise_is_let_go(server: Server) -> None:
    slow = server.segment(0, 9000, 5000)
    at_the_door = server.gate.streaming
    hedges = Hedges(server.job)
    ask(server, hedges, slow)
    # It takes no place there: what goes wrong with it is of no matter to the others.
    assert server.gate.streaming == at_the_door
    slow.position = 9000
    hedges.look([slow], server.now)
    assert not waits(hedges)
    assert slow.dropped is None
    assert server.gate.streaming == at_the_door
    assert server.ends[0].recv(1) == b""


def test_each_is_asked_for_once_more_only(server: Server) -> None:
    slow = server.segment(0, 9000, 5000)
    hedges = Hedges(server.job)
    for _ in range(3):
        ask(server, hedges, slow)
    assert len(server.asked) == 1
    hedges.close()
    assert server.ends[0].recv(1) == b""


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 206 OK\r\nContent-Le"],
)
def test_after_an_answer_of_no_use_nothing_more_is_asked_for(server: Server, answer: bytes) -> None:
    slow, other = server.segment(0, 9000, 5000), server.segment(9000, 18_000, 14_000)
    at_the_door = server.gate.streaming
    hedges = Hedges(server.job)
    ask(server, hedges, slow)
    server.ends[0].sendall(answer)
    server.ends[0].shutdown(socket.SHUT_WR)
    while waits(hedges):
        hedges.look([slow], server.now)
    assert slow.dropped is None
    assert server.gate.streaming == at_the_door
    ask(server, hedges, slow, other)
    assert len(server.asked) == 1


def test_the_bytes_of_another_version_are_not_taken(server: Server) -> None:
    slow = server.segment(0, 9000, 5000)
    hedges = Hedges(server.job)
    ask(server, hedges, slow)
    server.answer(0, b"x" * 4000, 5000, etag='"v2"')
    hedges.look([slow], server.now)
    slow.wire = None
    assert hedges.take([slow]) is None
    # Its own connection's request is all that counts at the door, and the first one.
    assert server.gate.streaming == 2


def test_what_was_asked_for_just_now_is_about_to_come(server: Server) -> None:
    young = server.segment(0, 9000, 0, rate=None)
    young.heard, young.set_out_at = False, server.now - FAR / 2
    hedges = Hedges(server.job)
    ask(server, hedges, young)
    assert not server.asked
    ask(server, hedges, young, later=FAR)
    assert server.asked == ["bytes=0-8999"]
    hedges.close()


def test_no_more_are_asked_than_there_is_room_for(server: Server) -> None:
    several = [server.segment(at, at + 9000, at + 5000) for at in range(0, 27_000, 9000)]
    hedges = Hedges(server.job)
    hedges.ask(several, server.site, rate=1e7, round_trip=FAR, most=2, now=server.now)
    assert len(server.asked) == 2
    hedges.close()


def test_who_does_not_answer_is_not_waited_for(server: Server) -> None:
    slow = server.segment(0, 9000, 5000)
    hedges = Hedges(server.job)
    ask(server, hedges, slow)
    server.now += 20 * FAR
    hedges.look([slow], server.now)
    assert not waits(hedges)
    assert hedges.useless


def overtaken(server: Server) -> tuple[Hedges, Segment]:
    """Return a segment that nobody is at work on any more, and hedges that have its rest."""
    slow = server.segment(0, 9000, 5000)
    hedges = Hedges(server.job)
    ask(server, hedges, slow)
    server.answer(0, b"x" * 4000, 5000)
    hedges.look([slow], server.now)
    slow.wire = None
    return hedges, slow


def test_a_segment_in_whose_place_there_is_another_is_let_go(server: Server) -> None:
    hedges, slow = overtaken(server)
    assert hedges.take([]) is None
    assert hedges.take([slow]) is None


def test_what_begins_behind_the_place_is_not_taken(server: Server) -> None:
    hedges, slow = overtaken(server)
    slow.position = 4000
    assert hedges.take([slow]) is None


# -- whether it is the same version --


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system say how long a round trip takes."""
    monkeypatch.setattr(Asked, "least", property(lambda _: FAR))


def revalidation(server: Server) -> Revalidation:
    return Revalidation(server.site, lambda: server.now)


def passing(server: Server) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        server.now += seconds

    return sleep


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(("etag", "same"), [('"v1"', True), ('"v2"', False)])
def test_the_answer_is_about_the_version(server: Server, etag: str, same: bool) -> None:
    asking = revalidation(server)
    asking.ask(0.9, FAR)
    assert not server.asked
    asking.ask(FAR / 2, FAR)
    assert server.asked == ["bytes=0-0"]
    assert waits(asking)
    server.answer(0, b"x", 0, etag)
    asking.look(server.now)
    assert not waits(asking)
    server.now += FAR / 2
    assert asking.agrees(server.now, FAR, passing(server)) == same
    asking.close()


@pytest.mark.usefixtures("far")
def test_what_was_asked_too_early_does_not_count(server: Server) -> None:
    asking = revalidation(server)
    asking.ask(FAR / 2, FAR)
    server.answer(0, b"x", 0)
    server.now += FAR + 0.01
    assert not asking.agrees(server.now, FAR, passing(server))


@pytest.mark.usefixtures("far")
def test_the_nearest_server_of_the_name_tells_what_is_too_early(server: Server) -> None:
    asking = revalidation(server)
    asking.ask(FAR / 2, FAR)
    server.answer(0, b"x", 0)
    server.now += FAR / 2
    # The last byte may have come from there, a moment after it was read.
    assert not asking.agrees(server.now, FAR / 4, passing(server))
    assert asking.agrees(server.now, FAR, passing(server))


@pytest.mark.usefixtures("far")
def test_an_answer_that_counts_is_waited_for_but_not_for_long(server: Server) -> None:
    asking = revalidation(server)
    asking.ask(FAR / 2, FAR)
    ended = server.now + FAR / 2
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        server.now += 0.05
        slept.append(seconds)

    assert not asking.agrees(ended, FAR, sleep)
    assert 1 < len(slept) < 10
    server.answer(0, b"x", 0)
    assert asking.agrees(ended, FAR, sleep)


@pytest.mark.usefixtures("far")
def test_where_the_end_is_late_it_is_asked_again_but_not_for_ever(server: Server) -> None:
    asking = revalidation(server)
    server.idle = 20
    for _ in range(100):
        asking.ask(0.0, FAR)
        server.now += FAR / 10
    assert 5 <= len(server.asked) <= 12
    asking.close()


@pytest.mark.usefixtures("far")
def test_a_question_that_broke_is_not_asked_again(server: Server) -> None:
    asking = revalidation(server)
    asking.ask(0.0, FAR)
    server.ends[0].close()
    asking.look(server.now)
    assert not waits(asking)
    server.now += FAR / 2
    asking.ask(0.0, FAR)
    assert len(server.asked) == 1
    assert not asking.agrees(server.now, FAR, passing(server))


def test_an_answer_counts_for_nothing_where_the_system_tells_nothing_of_the_path(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Asked, "least", property(lambda _: None))
    asking = revalidation(server)
    asking.ask(0.0, FAR)
    server.answer(0, b"x", 0)
    assert not asking.agrees(server.now, FAR, passing(server))


def test_what_has_no_validator_is_not_asked_for(server: Server) -> None:
    server.site.pin = Pin(Version(size=SIZE), Ranges.WORK)
    revalidation(server).ask(0.0, FAR)
    assert not server.asked


# -- when it is time --


def endgame(server: Server, segments: list[Segment], most: int = 8, **changed: Any) -> Endgame:
    transfer = SimpleNamespace(most=most)
    run: Any = SimpleNamespace(clock=lambda: server.now, sleep=passing(server), transfer=transfer)
    sites: Any = SimpleNamespace(origin=server.site, several=changed.get("several", False))
    server.site.received = 0
    supply = Supply(segments, 0, divisible=changed.get("divisible", True))
    made = Endgame(run, server.job, sites, supply)
    server.now += 1.0
    server.site.received = SIZE
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have the kernel tell of a round trip, which a test may change."""
    least = [FAR]
    look = Look(0.0, 0, 0, 0, 0, FAR, FAR)
    monkeypatch.setattr(Wire, "arrived", lambda _, now: look._replace(least=least[0]))
    monkeypatch.setattr(Asked, "least", property(lambda _: least[0]))
    return least


def late(server: Server) -> Segment:
    slow = server.segment(0, 9000, 7000)
    slow.speed = slow.speed._replace(rate=4e4)
    return slow


@pytest.mark.usefixtures("told")
def test_both_are_asked_over_idle_connections(server: Server) -> None:
    slow = late(server)
    at_the_door = server.gate.streaming
    made = endgame(server, [slow])
    made.follow(2000, server.now)
    assert server.asked == ["bytes=7000-8999", "bytes=0-0"]
    assert tick(made) is not None
    # What goes wrong with them is of no matter there.
    assert server.gate.streaming == at_the_door
    # Who does not answer is not looked for for long.
    server.now += 20 * FAR
    made.follow(2000, server.now)
    assert tick(made) is None
    made.close()


def test_what_is_known_at_the_end(server: Server, told: list[float]) -> None:
    slow = late(server)
    made = endgame(server, [slow])
    made.follow(2000, server.now)
    server.answer(1, b"x", 0)
    made.follow(2000, server.now)
    server.now += FAR / 2
    assert made.confirms(server.now)
    # A connection to a server that is nearer has come to the others.
    told[0] = FAR / 4
    assert not made.confirms(server.now)
    made.close()


@pytest.mark.parametrize(
    "why",
    ["short", "thinks", "silent", "several", "ranges", "ordered", "waiting", "unknown", "alone"],
)
def test_nothing_is_asked_where_it_is_not_the_time(
    server: Server, monkeypatch: pytest.MonkeyPatch, told: list[float], why: str
) -> None:
    segments = [late(server)]
    if why == "short":
        server.gate = Gate(8, lambda: server.now)
        server.site.gate = server.gate
        server.gate.try_ask()
        server.gate.answered(0.01)
    elif why == "thinks":
        told[0] = 0.005
    elif why == "silent":
        monkeypatch.setattr(Wire, "arrived", lambda *_: None)
    elif why == "ranges":
        server.site.pin = Pin(VERSION, Ranges.UNSURE)
    elif why == "waiting":
        segments.append(Segment(9000, 18_000, 9000))
    made = endgame(
        server,
        segments,
        most=1 if why == "alone" else 8,
        several=why == "several",
        divisible=why != "ordered",
    )
    made.follow(None if why == "unknown" else 2000, server.now)
    assert not server.asked


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("why", ["full", "crowded", "paused"])
def test_the_door_has_its_say(server: Server, why: str) -> None:
    made = endgame(server, [late(server)])
    if why == "full":
        while server.gate.try_ask_again():
            pass
    elif why == "crowded":
        server.gate.crowded = True
    else:
        server.gate.try_ask()
        server.gate.refused(30.0, 1.0)
    made.follow(2000, server.now)
    assert not server.asked
