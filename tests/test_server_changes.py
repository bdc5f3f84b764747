"""The remote file changes between runs or under way: never a mix of two versions."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.identity import Version
from segdl.errors import RemoteChangedError, ServerError
from segdl.progress.events import Restarted
from segdl.store.state import State, save
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.origin import MODIFIED
from support.partial import count
from support.reply import Reply, deliver
from support.signed import expiring_signed

if TYPE_CHECKING:
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

MIB = 1024 * 1024
SIZE = 3 * MIB + 12345
OLD = data.content(SIZE, 1)
NEW = data.content(SIZE, 2)
# Differs in one byte, far from where bytes of two answers meet and are compared.
BARELY = OLD[:50_000] + bytes([OLD[50_000] ^ 1]) + OLD[50_001:]
LATER = MODIFIED + timedelta(seconds=5)

VALIDATORS = [
    pytest.param({"etag": '"v1"'}, {"etag": '"v2"'}, id="etag"),
    pytest.param({"etag": 'W/"v1"'}, {"etag": 'W/"v2"'}, id="weak"),
    pytest.param({"etag": None}, {"etag": None, "last_modified": LATER}, id="date"),
    pytest.param({"last_modified": None}, {"etag": '"v2"', "last_modified": None}, id="etag-alone"),
    pytest.param(
        {"last_modified": None}, {"etag": None, "last_modified": LATER}, id="etag-to-date"
    ),
    pytest.param(
        {"etag": None, "last_modified": None},
        {"etag": None, "last_modified": None},
        id="none",
    ),
]


def broken_off(served: Any, folder: Path, **how: Any) -> None:
    """Leave about half of the file behind."""
    served.faults = lambda _, number: f.CutAfter(100_000) if number < 6 else f.Status(404)
    assert fetch(served.url, folder, **how).error is not None
    assert count(folder / f"{NAME}.segdl")
    served.faults = None


@pytest.mark.parametrize(("old", "new"), VALIDATORS)
@pytest.mark.parametrize("connections", [1, 4])
def test_replaced_between_two_runs(
    origin: Any, tmp_path: Path, old: Any, new: Any, connections: int
) -> None:
    served = origin(OLD, **old)
    broken_off(served, tmp_path, connections=connections)
    served.replace(NEW, **new)
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(NEW)
    assert fetched.told(Restarted)


@pytest.mark.parametrize(("old", "new"), VALIDATORS[:-1])
@pytest.mark.parametrize("connections", [1, 4])
def test_one_byte_is_another_between_two_runs(
    origin: Any, tmp_path: Path, old: Any, new: Any, connections: int
) -> None:
    served = origin(OLD, **old)
    broken_off(served, tmp_path, connections=connections)
    served.replace(BARELY, **new)
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(BARELY)
    assert len(fetched.told(Restarted)) == 1


@pytest.mark.parametrize(("old", "new"), VALIDATORS)
def test_another_size_on_the_second_run(origin: Any, tmp_path: Path, old: Any, new: Any) -> None:
    served = origin(OLD, **old)
    broken_off(served, tmp_path)
    served.replace(NEW[:-1], **new)
    fetch(served.url, tmp_path).is_whole(NEW[:-1])


@pytest.mark.parametrize(("old", "new"), VALIDATORS)
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_replaced_while_it_is_fetched(
    origin: Any, tmp_path: Path, old: Any, new: Any, after: int
) -> None:
    served = origin(OLD, **old)
    served.replace_after(after, NEW, **new)
    fetched = fetch(served.url, tmp_path).is_whole(NEW)
    assert fetched.told(Restarted)
    assert len(served.requests) < 40


@pytest.mark.parametrize(("old", "new"), VALIDATORS[:-1])
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_one_byte_becomes_another_while_it_is_fetched(
    origin: Any, tmp_path: Path, old: Any, new: Any, after: int
) -> None:
    served = origin(OLD, **old)
    served.replace_after(after, BARELY, **new)
    fetch(served.url, tmp_path).is_whole(BARELY)
    assert len(served.requests) < 40


@pytest.mark.parametrize(("old", "new"), VALIDATORS[:-1])
def test_one_byte_is_overwritten_while_the_last_answer_comes(
    origin: Any, tmp_path: Path, old: Any, new: Any
) -> None:
    calm = origin(OLD, **old)
    (tmp_path / "calm").mkdir()
    fetch(calm.url, tmp_path / "calm", connections=1).is_whole(OLD)
    (tmp_path / "changed").mkdir()
    served = origin(OLD, **old)
    # The last request is the one that asks whether the file still is what it was.
    served.replace_after(len(calm.requests) - 1, BARELY, **new)
    fetched = fetch(served.url, tmp_path / "changed", connections=1).is_whole(BARELY)
    assert fetched.told(Restarted)


@pytest.mark.parametrize(
    "last", [f.LoginPage(), f.Status(404), f.EmptyReply()], ids=["page", "404", "empty"]
)
def test_a_last_answer_that_says_nothing_of_the_file(
    origin: Any, tmp_path: Path, last: f.Fault
) -> None:
    calm = origin(OLD)
    (tmp_path / "calm").mkdir()
    fetch(calm.url, tmp_path / "calm", connections=1).is_whole(OLD)
    (tmp_path / "other").mkdir()
    before = len(calm.requests) - 1
    served = origin(OLD, faults=lambda _, number: last if number >= before else None)
    fetch(served.url, tmp_path / "other", connections=1).is_whole(OLD)


@pytest.mark.parametrize(("etag", "condition"), [('"v1"', '"v1"'), ('W/"v1"', None), (None, None)])
def test_ranges_are_asked_for_on_the_condition_of_a_strong_etag(
    origin: Any, tmp_path: Path, etag: str | None, condition: str | None
) -> None:
    served = origin(OLD, etag=etag)
    served.faults = f.on(0, fault=f.CutAfter(100_000))
    fetch(served.url, tmp_path, connections=1).is_whole(OLD)
    assert served.requests[1].fields.get("if-range") == condition


@pytest.mark.parametrize(
    "held", [[(0, 500_000), (MIB, 2 * MIB)], [(0, MIB), (MIB, MIB + 100)], [(MIB, 2 * MIB)]]
)
def test_pieces_are_not_compared_over_their_edges(
    origin: Any, tmp_path: Path, held: list[tuple[int, int]]
) -> None:
    served = origin(OLD, etag=None, last_modified=None)
    pieces = f"0-{MIB - 1},{2 * MIB}-{3 * MIB - 1}"
    broken_off(served, tmp_path, connections=1, span=pieces)
    folder = tmp_path / f"{NAME}.segdl"
    wanted = OLD[:MIB] + OLD[2 * MIB : 3 * MIB]
    for part in folder.glob("*.part"):
        part.unlink()
    for start, stop in held:
        (folder / f"{start}.part").write_bytes(wanted[start:stop])
    fetched = fetch(served.url, tmp_path, connections=1, span=pieces).is_whole(wanted)
    assert not fetched.told(Restarted)


def test_a_note_without_parts_is_in_nobody_s_way(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD)
    folder = tmp_path / f"{NAME}.segdl"
    folder.mkdir()
    gone = Version(size=5, etag='"gone"')
    save(folder / "state.json", State(url="http://h.example/other", version=gone, range="0-4"))
    fetch(served.url, tmp_path).is_whole(OLD)


def test_a_hole_before_old_bytes_is_compared_with_them(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD, etag=None, last_modified=None)
    broken_off(served, tmp_path, connections=4)
    folder = tmp_path / f"{NAME}.segdl"
    for part in folder.glob("*.part"):
        part.unlink()
    (folder / f"{MIB}.part").write_bytes(OLD[MIB:])
    served.replace(NEW, None, None)
    fetch(served.url, tmp_path, connections=4).is_whole(NEW)


def test_a_part_smaller_than_the_overlap_is_compared(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD, etag=None, last_modified=None)
    broken_off(served, tmp_path, connections=1)
    folder = tmp_path / f"{NAME}.segdl"
    (folder / "0.part").write_bytes(OLD[:100])
    served.replace(NEW, None, None)
    fetch(served.url, tmp_path, connections=1).is_whole(NEW)


@pytest.mark.parametrize(
    ("neighbour", "own", "restarts"), [(OLD, NEW, True), (NEW, OLD, True), (NEW, NEW, False)]
)
def test_an_overlap_that_lies_in_two_parts_is_compared_with_both(
    origin: Any, tmp_path: Path, neighbour: bytes, own: bytes, restarts: bool
) -> None:
    served = origin(OLD, etag=None, last_modified=None)
    broken_off(served, tmp_path, connections=1)
    folder = tmp_path / f"{NAME}.segdl"
    # The last part is shorter than the overlap, which begins in the one before it.
    (folder / "0.part").write_bytes(neighbour[:MIB])
    (folder / f"{MIB}.part").write_bytes(own[MIB : MIB + 1000])
    served.replace(NEW, None, None)
    fetched = fetch(served.url, tmp_path, connections=1).is_whole(NEW)
    assert bool(fetched.told(Restarted)) == restarts


class InPlace:
    """A file that is overwritten while its answers stream, with the old validators in them."""

    def __init__(self, served: Any, hold: int) -> None:
        self._served = served
        self._hold = hold
        self.gate = threading.Event()
        served.routes[served.path] = self.handle
        self.waiting = 0

    def handle(self, request: Request, connection: Connection) -> bool:
        if self._hold:
            self._hold -= 1
            first, last = request.range or (0, None)
            assert first is not None
            stop = SIZE if last is None else min(last + 1, SIZE)
            half = (stop - first) // 2
            head = Reply(206, (("ETag", '"v1"'),), b"x" * (stop - first), (first, stop), SIZE)
            connection.send(head.head() + OLD[first : first + half])
            self.waiting += 1
            self.gate.wait(5)
            connection.send(NEW[first + half : stop])
            return False
        self.gate.set()
        return bool(self._served.serve(request, connection))


def test_overwritten_in_place_while_all_answers_stream(origin: Any, tmp_path: Path) -> None:
    served = origin(NEW, etag='"v2"')
    overwritten = InPlace(served, hold=2)
    released = threading.Timer(0.3, overwritten.gate.set)
    released.start()
    fetched = fetch(served.url, tmp_path, connections=2, min_split=MIB).is_whole(NEW)
    released.join()
    assert overwritten.waiting == 2
    assert fetched.told(Restarted)


def test_a_file_that_never_settles(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD)
    for number in range(1, 60):
        served.replace_after(2 * number, data.content(SIZE, number), f'"v{number}"')
    fetch(served.url, tmp_path).failed(RemoteChangedError, parts=False)
    assert len(served.requests) < 60


def test_validators_only_in_whole_answers(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD, faults=lambda request, _: f.NoValidators() if request.range else None)
    fetch(served.url, tmp_path).is_whole(OLD)


def test_validators_come_and_go(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD, faults=lambda _, number: f.NoValidators() if number % 2 else None)
    fetched = fetch(served.url, tmp_path)
    if fetched.error is None:
        fetched.is_whole(OLD)
    else:
        assert isinstance(fetched.error, RemoteChangedError)
    assert len(served.requests) < 60


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("changed", [True, False])
def test_another_etag_a_request_over_two_runs(
    origin: Any, tmp_path: Path, dated: bool, changed: bool
) -> None:
    served = origin(OLD)
    fresh = f.FreshEtag(dated=dated)
    served.faults = lambda _, number: (fresh, f.CutAfter(100_000)) if number < 25 else f.Status(404)
    assert fetch(served.url, tmp_path, connections=4).error is not None
    served.faults = f.always(fresh)
    if changed:
        served.replace(NEW, None, LATER)
    fetched = fetch(served.url, tmp_path, connections=4).is_whole(NEW if changed else OLD)
    assert changed == bool(fetched.told(Restarted))


# -- signed URLs --


@pytest.mark.parametrize("uses", [1, 2, 3])
@pytest.mark.parametrize("connections", [1, 8])
def test_signed_urls_that_are_good_for_a_few_requests(
    origin: Any, tmp_path: Path, uses: int, connections: int
) -> None:
    served = origin(OLD, faults=f.always(f.CutAfter(200_000)))
    signed = expiring_signed(served, uses=uses)
    fetched = fetch(signed.url, tmp_path, connections=connections).is_whole(OLD)
    assert not fetched.told(Restarted)
    # At most one wasted request for each that brought something.
    assert signed.denied <= len(signed.issued)


def test_signed_urls_revoked_at_once_for_all(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD)
    signed = expiring_signed(served)

    def faults(request: Request, number: int) -> f.Answer:
        if number == 5:
            signed.revoke()
        return f.CutAfter(50_000)

    served.faults = faults
    fetch(signed.url, tmp_path).is_whole(OLD)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_signed_urls_expired_for_good(origin: Any, tmp_path: Path, status: int) -> None:
    served = origin(OLD, faults=lambda _, number: f.Status(status) if number > 3 else None)
    signed = expiring_signed(served)
    error = fetch(signed.url, tmp_path).failed(ServerError)
    assert isinstance(error, ServerError)
    assert error.status == status
    assert "secret" not in str(error)
    assert len(served.requests) < 50
    served.faults = None
    fetch(signed.url, tmp_path).is_whole(OLD)


def test_a_forbidden_file_behind_a_redirect_is_asked_for_once(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD, faults=f.always(f.Status(403)))
    signed = expiring_signed(served)
    fetch(signed.url, tmp_path).failed(ServerError, parts=False)
    assert len(served.requests) == 2


def test_one_answer_of_another_version_is_asked_for_again(origin: Any, tmp_path: Path) -> None:
    served = origin(OLD)
    stray = data.content(SIZE, 3)

    def handle(request: Request, connection: Connection) -> bool:
        if len(served.requests) == 4:
            first, last = request.range or (0, SIZE - 1)
            assert first is not None
            assert last is not None
            reply = Reply(
                206, (("ETag", '"stray"'),), stray[first : last + 1], (first, last + 1), SIZE
            )
            return deliver(reply, request, connection, lambda: None)
        return bool(served.serve(request, connection))

    served.routes[served.path] = handle
    fetch(served.url, tmp_path).is_whole(OLD)
