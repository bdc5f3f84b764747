"""How many connections a file begins with, where one of them may take what the machine can do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import segdl
from segdl.core.arrivals import Look
from segdl.core.cpubound import WORTHWHILE, served_at_once
from segdl.core.ramp import Phase
from segdl.core.selection import whole
from segdl.engine import crew as crews
from segdl.engine.arriving import Arriving
from segdl.engine.crew import Crew
from segdl.engine.flow import flow
from segdl.engine.gate import Gate
from segdl.engine.job import Job
from segdl.engine.segment import Segment
from segdl.net.wire import Wire
from segdl.options import TransferOptions
from segdl.progress.events import Note
from support.data import content

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from segdl.engine.site import Site
    from segdl.store.parts import PartStore

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "_cores", lambda: 2)


class Followed:
    """A crew, and a connection that brings so much, at such a cost."""

    def __init__(self, connections: str, missing: int = GIB) -> None:
        self.told: list[str] = []
        self.gate = Gate(32, lambda: 0.0)
        transfer = TransferOptions(connections=connections)
        self.crew = Crew(transfer, self.gate, missing, self.told.append)
        self.segment = Segment(0, missing, 0)
        self.segment.wire = Wire()

    def at(self, now: float, received: int, spent: float) -> int:
        """Have it brought so many bytes by then; return the connections that are wanted."""
        self.segment.received, self.segment.spent = received, spent
        self.crew.follow([self.segment], (), received, GIB - received, 10.0 + now)
        return self.crew.wanted


def test_who_keeps_a_core_busy_stays_alone() -> None:
    followed = Followed("8")
    assert followed.at(0.0, 0, 0.0) == 1
    assert followed.at(0.02, 20 * MIB, 0.02) == 1
    assert not followed.told
    assert followed.at(0.04, 30 * MIB, 0.04) == 1
    (said,) = followed.told
    assert "busy" in said
    assert followed.at(0.08, 80 * MIB, 0.08) == 1


def test_one_is_known_to_do_once_that_was_judged_and_while_no_other_is_tried() -> None:
    followed = Followed("8")
    judged = [followed.crew.does_with_one]
    for now, received in ((0.0, 0), (0.04, 30 * MIB)):
        followed.at(now, received, now)
        judged.append(followed.crew.does_with_one)
    assert judged == [False, False, True]
    known = {
        (followed.at(tenth / 10, tenth * 100 * MIB, tenth / 10), followed.crew.does_with_one)
        for tenth in range(2, 40)
    }
    assert known == {(1, True), (2, False)}


def test_one_does_where_other_files_wait_or_the_host_is_worth_no_more() -> None:
    found = [None, 1, 2]
    for crowded in (False, True):
        for each in found:
            followed = Followed("auto", MIB)
            followed.gate.crowded, followed.gate.found = crowded, each
            crew = Crew(TransferOptions(connections="auto"), followed.gate, MIB, print)
            assert crew.does_with_one is (crowded or each == 1)
            fixed = Crew(TransferOptions(connections="8"), followed.gate, MIB, print)
            assert not fixed.does_with_one


def test_what_it_waited_for_at_the_beginning_is_not_held_against_it() -> None:
    followed = Followed("8")
    for now, spent in ((0.0, 0.0), (0.02, 0.006), (0.035, 0.016), (0.05, 0.028)):
        assert followed.at(now, int(spent * GIB), spent) == 1
    assert not followed.told
    assert followed.at(0.07, 50 * MIB, 0.045) == 1
    assert len(followed.told) == 1


def test_another_one_is_tried_in_the_end() -> None:
    followed = Followed("8")
    wanted = [
        followed.at(tenth / 10, tenth * 100 * MIB, tenth / 10) for tenth in range(40) if tenth != 1
    ]
    assert wanted[:20] == [1] * 20
    assert max(wanted) == 2
    assert len(followed.told) == 1


@pytest.mark.parametrize(
    ("received", "spent", "now"), [(0, 0.0, 0.011), (MIB - 1, 0.004, 0.011), (30 * MIB, 0.01, 0.04)]
)
def test_whoever_waits_for_the_link_is_joined_by_the_others(
    received: int, spent: float, now: float
) -> None:
    followed = Followed("8")
    assert followed.at(0.0, 0, 0.0) == 1
    assert followed.at(now, received, spent) == 8
    assert followed.at(now + 1.0, 800 * MIB, now + 1.0) == 8
    assert not followed.told


@pytest.mark.parametrize(("cores", "wanted"), [(1, 1), (2, 1), (4, 2), (15, 7), (16, 8), (64, 8)])
def test_each_has_two_cores(cores: int, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "_cores", lambda: cores)
    followed = Followed("8")
    first = followed.at(0.0, 0, 0.0)
    assert first == (1 if served_at_once(cores) < 8 else 8)
    assert followed.at(0.04, 30 * MIB, 0.04) == wanted


def test_small_files_do_not_wait() -> None:
    assert Followed("8", WORTHWHILE - 1).crew.wanted == 8
    assert Followed("8", WORTHWHILE).crew.wanted == 1
    assert Followed("1").crew.tick == Followed("8", 0).crew.tick > Followed("8").crew.tick


def test_auto_need_not_look_for_more_at_once() -> None:
    busy, waiting = Followed("auto"), Followed("auto")
    for followed, share in ((busy, 1.0), (waiting, 0.1)):
        for step in range(200):
            now = step / 100
            followed.at(now, int(now * GIB), share * now)
    assert busy.crew.wanted == 1
    assert busy.gate.found == 1
    assert waiting.crew.wanted > 1
    assert not busy.told


@pytest.mark.parametrize(
    ("crowded", "seconds_left", "wanted"), [(True, 1.5, 1), (True, 20.0, 2), (False, 1.5, 2)]
)
def test_of_many_files_the_last_tries_no_other_for_its_last_seconds(
    crowded: bool, seconds_left: float, wanted: int
) -> None:
    followed = Followed("auto")
    rate, most = 100 * MIB, 1
    followed.gate.crowded = crowded
    for step in range(34):
        now = step / 20
        followed.segment.received = int(rate * now)
        left = int(rate * (seconds_left + 1 - now))
        followed.crew.follow([followed.segment], (), followed.segment.received, left, 10.0 + now)
        followed.gate.crowded = crowded and step < 18
        most = max(most, followed.crew.wanted)
    assert most == wanted


def test_what_one_host_was_found_to_be_worth_is_not_asked_again() -> None:
    known = Gate(32, lambda: 0.0)
    known.found = 3
    assert Crew(TransferOptions(connections="auto"), known, GIB, print).wanted == 3


def test_who_comes_while_the_first_one_is_tried_finds_out_by_itself() -> None:
    followed = Followed("auto", MIB)
    for step in range(20):
        if followed.at(step / 20, step * MIB, 0.0) > 1:
            break
    assert followed.gate.found is None
    assert Crew(TransferOptions(connections="auto"), followed.gate, MIB, print).listens


def test_what_was_refused_before_is_no_answer_to_the_next_file() -> None:
    gate = Gate(32, lambda: 0.0)
    for _ in range(8):
        gate.try_ask()
    for _ in range(6):
        gate.answered(0.001)
    for _ in range(2):
        gate.refused(None, 0.0)
    gate.found = 6
    crew = Crew(TransferOptions(connections="auto"), gate, MIB, print)
    segment = Segment(0, MIB, 0)
    segment.wire = Wire()
    crew.follow([segment], (), 1000, MIB, 10.0)
    assert crew.wanted == 6


# -- files of one origin that are at work at once --


class Beside:
    """Files nearby, each over one connection."""

    def __init__(self, files: int, round_trip: float = 0.001) -> None:
        self.gate = Gate(32, lambda: 0.0)
        self.gate.try_ask()
        self.gate.answered(round_trip)
        transfer = TransferOptions(connections="auto")
        self.crews = [Crew(transfer, self.gate, MIB, print) for _ in range(files)]
        self.segments = [Segment(0, GIB, 0) for _ in range(files)]
        site = cast("Site", SimpleNamespace(gate=self.gate))
        for each in self.segments:
            each.wire, each.heard, each.site = Wire(), True, site
        self.now = 10.0

    def go_on(self, seconds: float, speed: float) -> list[int]:
        """Have them bring so much together; return the most that each wanted."""
        most = [0] * len(self.crews)
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            for at, (crew, segment) in enumerate(zip(self.crews, self.segments, strict=True)):
                segment.received += int(speed * 0.05 / len(self.crews))
                crew.follow([segment], (), segment.received, GIB, self.now)
                most[at] = max(most[at], crew.wanted)
        return most

    def end_one(self) -> None:
        """Have one of them be whole."""
        self.crews.pop().leave()
        self.segments.pop()


@pytest.mark.parametrize("left", [1, 2])
def test_those_that_are_left_on_a_full_link_try_no_more_connections(left: int) -> None:
    beside = Beside(3)
    beside.gate.crowded = True
    assert beside.go_on(1.0, 100 * MIB) == [1, 1, 1]
    while len(beside.crews) > left:
        beside.end_one()
        beside.go_on(0.1, 100 * MIB)
    beside.gate.crowded = False
    assert set(beside.go_on(2.0, 100 * MIB)) == {1}
    # For long nobody has seen otherwise.
    assert set(beside.go_on(6.0, 100 * MIB)) == {2}


def test_others_that_come_and_go_and_bring_little_do_not_hold_it_for_long() -> None:
    beside = Beside(2)
    crew, (segment, other) = beside.crews[0], beside.segments
    tried = []
    for step in range(240):
        now = step / 20
        beside.gate.crowded = now < 4.0
        segment.received += MIB // 10
        # It brings nothing, and is there now and then.
        other.heard = step % 32 < 20
        crew.follow([segment], (), segment.received, GIB, 10.0 + now)
        beside.crews[1].follow([other], (), 0, GIB, 10.0 + now)
        if crew.wanted > 1:
            tried.append(now)
    assert 8.0 < tried[0] < 10.0


def test_those_that_are_left_where_each_is_held_down_try_more() -> None:
    beside = Beside(3)
    beside.gate.crowded = True
    beside.go_on(1.0, 30 * MIB)
    beside.end_one()
    beside.gate.crowded = False
    assert min(beside.go_on(2.0, 20 * MIB)) > 1


def test_files_from_afar_try_more_whatever_was_seen() -> None:
    beside = Beside(2, round_trip=0.2)
    beside.gate.crowded = True
    beside.go_on(2.0, 100 * MIB)
    beside.end_one()
    beside.gate.crowded = False
    assert beside.go_on(2.0, 100 * MIB) > [1]


def test_what_comes_while_others_wait_says_nothing_of_more_connections() -> None:
    beside = Beside(1)
    beside.gate.crowded = True
    assert beside.go_on(10.0, 100 * MIB) == [1]
    assert beside.gate.found is None
    beside.gate.crowded = False
    # It was listened to for long.
    assert beside.go_on(0.1, 100 * MIB) == [2]


def test_a_file_with_mirrors_is_none_of_them() -> None:
    beside = Beside(2)
    beside.gate.crowded = True
    for each in beside.segments[1:]:
        each.site = cast("Site", SimpleNamespace(gate=Gate(32, lambda: 0.0)))
    beside.go_on(1.0, 100 * MIB)
    beside.end_one()
    beside.gate.crowded = False
    assert beside.go_on(0.5, 100 * MIB) > [1]


# -- how much is read at once --


@pytest.mark.parametrize(
    ("connections", "chunk"), [(1, MIB), (8, MIB), (32, 256 * 1024), (256, 64 * 1024)]
)
def test_few_connections_read_more_at_once_than_many(connections: int, chunk: int) -> None:
    job = Job(
        origin=cast("Site", None),
        parts=cast("PartStore", None),
        selection=whole(GIB),
        delay=lambda _: 0.0,
        chunk=1,
        gates=cast("Any", None),
    )
    job.share_chunks(connections)
    assert job.chunk == chunk


@pytest.mark.parametrize("connections", ["auto", 8, 32])
def test_one_at_work_reads_as_much_as_one_may(
    nginx: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connections: Any
) -> None:
    monkeypatch.setattr(crews, "WORTHWHILE", 0)
    monkeypatch.setattr(crews, "is_cpu_bound", lambda _, now: True if now.received else None)
    chunks: list[int] = []

    def seen(exchange: Any, part: Any, chunk: int) -> Any:
        chunks.append(chunk)
        return flow(exchange, part, chunk)

    monkeypatch.setattr("segdl.engine.attempt.flow", seen)
    www = tmp_path / "www"
    www.mkdir()
    (www / "a.bin").write_bytes(content(24 * MIB))
    segdl.download(nginx(www).url("a.bin"), tmp_path / "out.bin", connections=connections)
    assert chunks
    assert set(chunks) == {MIB}


# -- a download --


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_one_connection_fetches_all_segments(
    nginx: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layout: Any,
) -> None:
    monkeypatch.setattr(crews, "WORTHWHILE", 0)
    monkeypatch.setattr(crews, "is_cpu_bound", lambda _, now: True if now.received else None)
    # Nothing is to be joined.
    monkeypatch.delattr("segdl.store.join._take_next")
    www = tmp_path / "www"
    www.mkdir()
    (www / "a.bin").write_bytes(content(24 * MIB))
    server = nginx(www)
    notes: list[str] = []
    result = segdl.download(
        server.url("a.bin"),
        tmp_path / "out.bin",
        connections=4,
        transfer=TransferOptions(layout=layout),
        on_event=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
    )
    assert result.path is not None
    assert result.path.read_bytes() == content(24 * MIB)
    bodies = [each for each in server.log(at_least=3) if each.status == 206]
    assert len({each.connection for each in bodies}) == 1
    # The beginning, what the first segment lacks, the three others in one; and a look at the end.
    assert len(bodies) <= 4
    assert sum(each.sent for each in bodies) < 24 * MIB + 4 * 4096
    assert sum("busy" in each for each in notes) == 1


class _Told(Wire):
    """A connection of which the system tells so much."""

    def __init__(self, segments: int) -> None:
        super().__init__()
        self._segments = segments

    def arrived(self, now: float) -> Look | None:
        # More has come each time.
        self._segments += 100
        return Look(now, self._segments * 1000, self._segments, 0, 1000, 0.08, 0.08)


def test_what_is_there_for_a_moment_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[Segment]] = []
    look = Arriving.look

    def note(self: Arriving, segments: Sequence[Segment], now: float) -> None:
        seen.append(set(segments))
        look(self, segments, now)

    monkeypatch.setattr(Arriving, "look", note)
    gate = Gate(32, lambda: 0.0)
    gate.try_ask()
    gate.answered(0.08)
    crew = Crew(TransferOptions(connections="auto"), gate, MIB, print)
    site = cast("Site", SimpleNamespace(gate=gate))
    first, piece, newcomer = (Segment(at * MIB, (at + 1) * MIB, at * MIB) for at in range(3))
    for each in (first, piece, newcomer):
        each.set_out(_Told(0), site, 10.0)
        each.heard = True
    crew.follow([first, piece], [piece], 1000, MIB, 10.0)
    assert seen == [{first}]
    # Nor is what comes while a loss is weighed.
    assert crew.listens
    monkeypatch.setattr(crews, "ramp_sample", lambda state, _: state._replace(phase=Phase.WEIGHING))
    crew.follow([first, piece], [piece], 2000, MIB, 10.1)
    crew.follow([first, piece, newcomer], [piece], 3000, MIB, 10.2)
    assert seen[-1] == {first}
