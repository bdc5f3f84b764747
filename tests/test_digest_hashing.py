"""A file is hashed while it comes in: once, what it becomes, and nothing else."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core import plan as plan_module
from segdl.core.checksum import parse_checksum
from segdl.core.identity import Version
from segdl.core.url import parse_url
from segdl.engine import fetching
from segdl.engine.download import download
from segdl.engine.fetching import Fetching
from segdl.engine.hasher import Hasher
from segdl.engine.segment import Segment
from segdl.engine.surroundings import open_run
from segdl.errors import ChecksumMismatchError, DiskError, IntegrityError
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Restarted, Verifying
from segdl.store.join import join
from segdl.store.parts import Parts
from segdl.store.prefix import Prefix
from segdl.store.state import State
from segdl.store.target import Target
from segdl.store.workplace import Workplace
from support import data
from support import faults as f
from support.fetching import NAME, Fetched, fetch
from support.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.connection import Connection
    from support.reply import Exchange
    from support.request import Request as Asked

MIB = 1024 * 1024
SIZE = 6 * MIB + 321
CONTENT = data.content(SIZE)
OTHER = data.content(SIZE, 2)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Reads:
    """Counts what is read to be hashed. `_changed` owns the rest.

    Attributes:
        total: bytes.
        highest: how far they reached.
        begun: how often it began at the beginning.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.total = 0
        self.highest = 0
        self.begun = 0

    def note(self, at: int, count: int) -> None:
        with self._changed:
            self.total += count
            self.highest = max(self.highest, at + count)
            self.begun += at == 0 < count
            self._changed.notify_all()

    def wait_for(self, place: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.highest >= place, 20), self.highest

    def wait_for_beginning(self, times: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun >= times, 20), self.begun


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    counted, read_from = Reads(), Prefix.read_from

    def noted(self: Prefix, at: int, most: int) -> bytes:
        got = read_from(self, at, most)
        counted.note(at, len(got))
        return got

    monkeypatch.setattr(Prefix, "read_from", noted)
    return counted


@pytest.fixture
def hasher(tmp_path: Path) -> Iterator[tuple[Parts, Hasher]]:
    parts = Parts(tmp_path)
    made = Hasher(Prefix(parts), ["sha256", "md5"])
    yield parts, made
    made.stop()


def put(parts: Parts, start: int, content: bytes) -> None:
    part = parts.open(start)
    part.append(content)
    parts.release(part)


def nothing(done: int) -> None:
    pass


# -- the thread --


def test_every_byte_is_hashed_once(reads: Reads, hasher: tuple[Parts, Hasher]) -> None:
    parts, hashed = hasher
    put(parts, 2 * MIB, CONTENT[2 * MIB : 4 * MIB])
    put(parts, 0, CONTENT[: 2 * MIB])
    reads.wait_for(4 * MIB)
    put(parts, 5 * MIB, CONTENT[5 * MIB :])
    put(parts, 4 * MIB, CONTENT[4 * MIB : 5 * MIB])
    reads.wait_for(SIZE)
    parts.release(join(parts, SIZE, nothing))
    told: list[int] = []
    digests = hashed.finish(SIZE, told.append)
    assert digests == {"sha256": sha256(CONTENT), "md5": hashlib.md5(CONTENT).hexdigest()}
    assert reads.total == SIZE
    assert told[-1] == SIZE


@pytest.mark.parametrize("how", ["cut", "cut behind", "deleted"])
def test_bytes_that_are_taken_back(reads: Reads, hasher: tuple[Parts, Hasher], how: str) -> None:
    parts, hashed = hasher
    part = parts.open(0)
    part.append(OTHER[:1000])
    reads.wait_for(1000)
    if how == "deleted":
        parts.release(part)
        parts.clear()
        part = parts.open(0)
        part.append(CONTENT[:1000])
    else:
        # As many bytes are there as before, but for a moment that the thread may not see.
        part.cut(1000 if how == "cut behind" else 0)
        part.append(CONTENT[:1000] if how == "cut" else b"")
    part.append(CONTENT[1000:5000])
    parts.release(part)
    # Not only at the end.
    reads.wait_for_beginning(2)
    begins = OTHER if how == "cut behind" else CONTENT
    digests = hashed.finish(5000, nothing)
    assert digests["sha256"] == sha256(begins[:1000] + CONTENT[1000:5000])


def test_all_at_once(reads: Reads, hasher: tuple[Parts, Hasher]) -> None:
    parts, hashed = hasher
    put(parts, 0, CONTENT)
    assert hashed.finish(SIZE, nothing)["sha256"] == sha256(CONTENT)
    assert reads.total == SIZE


def test_an_empty_file(hasher: tuple[Parts, Hasher]) -> None:
    assert hasher[1].finish(0, nothing)["sha256"] == sha256(b"")


def test_a_file_that_became_shorter(hasher: tuple[Parts, Hasher]) -> None:
    parts, hashed = hasher
    put(parts, 0, CONTENT[:5000])
    with pytest.raises(IntegrityError, match="no byte 5000"):
        hashed.finish(5001, nothing)


def test_what_ends_it(hasher: tuple[Parts, Hasher]) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int) -> None:
        raise EnoughError

    parts, hashed = hasher
    put(parts, 0, CONTENT)
    with pytest.raises(EnoughError):
        hashed.finish(SIZE, stop)


def test_a_disk_that_fails_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def fail(self: Prefix, at: int, most: int) -> bytes:
        if failed.is_set():
            return b"x"
        failed.set()
        raise DiskError("cannot read it")

    monkeypatch.setattr(Prefix, "read_from", fail)
    hashed = Hasher(Prefix(Parts(tmp_path)), ["md5"])
    assert failed.wait(5)
    with pytest.raises(DiskError, match="cannot read it"):
        hashed.finish(1, nothing)


steps = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "append", "cut", "clear", "wait"]),
        st.integers(0, 3),
        st.integers(0, 70_000),
        st.integers(1, 3),
    ),
    max_size=25,
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(steps)
def test_whatever_happens_to_parts(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[tuple[str, int, int, int]]
) -> None:
    parts = Parts(tmp_path_factory.mktemp("parts"))
    size = 4 * 50_000
    sources = {number: data.content(size, number) for number in (1, 2, 3)}
    # What each part holds, by where it begins: bytes of one of several versions.
    model: dict[int, bytes] = {}
    hashed = Hasher(Prefix(parts), ["md5"])
    try:
        for what, number, amount, version in happenings:
            start = number * 50_000
            if what == "wait":
                time.sleep(amount / 10_000_000)
            elif what == "clear":
                parts.clear()
                model.clear()
            elif what == "cut" and start in model:
                part = parts.open(start)
                part.cut(min(amount, len(model[start])))
                model[start] = model[start][:amount]
                parts.release(part)
            elif what == "append":
                held = model.get(start, b"")
                more = sources[version][start + len(held) : min(start + 50_000, start + amount)]
                put(parts, start, more)
                model[start] = held + more
        whole = b""
        for start in range(0, size, 50_000):
            held = model.get(start, b"")
            put(parts, start, sources[1][start + len(held) : start + 50_000])
            whole += held + sources[1][start + len(held) : start + 50_000]
        parts.release(join(parts, size, nothing))
        assert hashed.finish(size, nothing) == {"md5": hashlib.md5(whole).hexdigest()}
    finally:
        hashed.stop()


# -- downloads --


class HoldsBack(f.Fault):
    """Sends the file's last bytes only when all before them is hashed."""

    def __init__(self, reads: Reads, last: int) -> None:
        self.reads = reads
        self.last = last
        # For each request that has the last bytes: another connection may ask for them, too.
        self.read_before: list[int] = []

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.span is None or reply.span[1] != SIZE:
            return reply
        return Reply(206, script=lambda connection: self._send(reply, connection))

    def _send(self, reply: Reply, connection: Connection) -> None:
        connection.send(reply.head())
        connection.send(bytes(reply.body)[: -self.last])
        self.reads.wait_for(SIZE - self.last)
        self.read_before.append(self.reads.total)
        connection.send(bytes(reply.body)[-self.last :])


@pytest.mark.parametrize("connections", [1, 4])
def test_the_end_is_not_a_second_pass(
    origin: Any, tmp_path: Path, reads: Reads, connections: int
) -> None:
    held = HoldsBack(reads, 1000)
    served = origin(CONTENT, faults=f.always(held))
    wanted = f"sha256={sha256(CONTENT)}"
    fetched = fetch(served.url, tmp_path, connections=connections, checksum=wanted)
    fetched.is_whole(CONTENT)
    # Bytes that were read, from the last byte's arrival on, and in all.
    assert min(held.read_before) == SIZE - 1000
    assert reads.total == SIZE
    assert fetched.result is not None
    assert fetched.result.checksum == wanted


def test_a_resumed_download_is_read_once_too(origin: Any, tmp_path: Path, reads: Reads) -> None:
    served = origin(CONTENT, faults=lambda _, n: f.CutAfter(300_000) if n < 8 else f.Status(404))
    assert fetch(served.url, tmp_path, connections=4).error is not None
    served.faults = None
    assert reads.total == 0
    wanted = f"sha256={sha256(CONTENT)}"
    fetch(served.url, tmp_path, connections=4, checksum=wanted).is_whole(CONTENT)
    assert reads.total == SIZE


def asked_over_one_connection(served: Any, folder: Path, *, crowded: bool) -> list[Any]:
    """Have a file with a digest gone on with over one; return the ranges that are asked for."""
    served.faults = lambda _, n: f.CutAfter(300_000) if n < 2 else f.Status(404)
    assert fetch(served.url, folder, connections=1).error is not None
    served.faults, before = None, len(served.requests)
    checksum = parse_checksum(f"sha256={sha256(CONTENT)}")
    wanted = Request(url=served.url, directory=folder, name=NAME, checksum=checksum)
    network, transfer = NetworkOptions(), TransferOptions(connections="auto")
    with open_run(network, transfer, lambda _: None, threading.Event(), max_files=1) as run:
        gate = run.gates.of(parse_url(served.url).origin)
        gate.crowded, gate.found = crowded, None if crowded else 1
        result = download(run, wanted, 1)
    assert result.status == "complete"
    assert (folder / NAME).read_bytes() == CONTENT
    return [each.range for each in served.requests[before:] if each.range != (0, 0)]


@pytest.mark.parametrize("crowded", [True, False])
def test_over_one_connection_the_rest_is_asked_for_at_once(
    origin: Any, tmp_path: Path, crowded: bool
) -> None:
    asked = asked_over_one_connection(origin(CONTENT), tmp_path, crowded=crowded)
    # The first of eight pieces tells how fast it comes.
    assert asked == [(ANY, 2 * MIB - 1), (ANY, SIZE - 1)]


def test_what_one_connection_brings_later_stays_in_order(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it were so slow that a piece took a while.
    monkeypatch.setattr(fetching, "_AT_ONCE", 0.0)
    asked = asked_over_one_connection(origin(CONTENT), tmp_path, crowded=True)
    ends = [last for _, last in asked]
    assert ends == [*(n * MIB - 1 for n in (2, 3, 4, 5)), SIZE - 1]


def test_the_beginning_comes_first(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_HASHED_MEANWHILE", SIZE // 17)
    starts: list[int] = []
    start = Fetching._start

    def noted(self: Fetching, segment: Segment, *rest: Any) -> None:
        starts.append(segment.start)
        start(self, segment, *rest)

    monkeypatch.setattr(Fetching, "_start", noted)
    served = origin(CONTENT)
    fetch(served.url, tmp_path, connections=2, checksum=f"sha256={sha256(CONTENT)}").is_whole(
        CONTENT
    )
    # Tails are taken over when every segment has had its turn.
    turns = starts[:6]
    assert len(set(turns)) == 6
    assert turns == sorted(turns)


def test_without_a_digest_nothing_is_hashed(origin: Any, tmp_path: Path, reads: Reads) -> None:
    served = origin(CONTENT)
    fetched = fetch(served.url, tmp_path).is_whole(CONTENT)
    assert (reads.total, fetched.told(Verifying)) == (0, [])
    assert fetched.result is not None
    assert fetched.result.checksum is None


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize(
    "fault",
    [
        f.LongerBody(1000),
        f.CutAfter(200_000, "reset"),
        f.FreshEtag(),
        f.IgnoreRange(),
        (f.IgnoreRange(), f.Chunked(100_000)),
        f.NoLength(),
        f.ShorterRange(150_000),
    ],
    ids=repr,
)
def test_whatever_the_server_is_like(
    origin: Any, tmp_path: Path, fault: f.Answer, connections: int
) -> None:
    every = (fault,) if isinstance(fault, f.Fault) else tuple(fault or ())
    served = origin(CONTENT, faults=lambda request, _: every if request.range else None)
    wanted = f"sha256={sha256(CONTENT)}"
    fetch(served.url, tmp_path, connections=connections, checksum=wanted, retries=50).is_whole(
        CONTENT
    )


def test_another_version_is_hashed_anew(origin: Any, tmp_path: Path, reads: Reads) -> None:
    served = origin(OTHER)
    served.faults = lambda _, number: f.CutAfter(400_000) if number < 6 else None

    def replaced(request: Asked, connection: Connection) -> bool:
        if len(served.requests) == 6:
            reads.wait_for(400_000)
            served.replace(CONTENT)
        return bool(served.serve(request, connection))

    served.routes[served.path] = replaced
    wanted = f"sha256={sha256(CONTENT)}"
    fetched = fetch(served.url, tmp_path, connections=2, checksum=wanted).is_whole(CONTENT)
    assert fetched.told(Restarted)
    assert reads.total > SIZE


def left_behind(folder: Path, url: str, *spans: tuple[int, bytes]) -> None:
    """Leave parts as an earlier run would have."""
    with Workplace(Target(folder / NAME)) as place:
        version = Version(size=SIZE, etag='"v1"', media_type="application/octet-stream")
        place.belongs_to(State(url=url, version=version))
        for start, content in spans:
            assert isinstance(place.parts, Parts)
            put(place.parts, start, content)


@pytest.mark.parametrize("agree", [True, False])
def test_parts_that_overlap(origin: Any, tmp_path: Path, agree: bool) -> None:
    served = origin(CONTENT)
    second = bytearray(CONTENT[MIB:])
    # Not where the two are joined: only the overlap shows that they are of two versions.
    second[500_000] ^= not agree
    left_behind(tmp_path, served.url, (0, CONTENT[: 2 * MIB]), (MIB, bytes(second)))
    wanted = f"sha256={sha256(CONTENT)}"
    fetched = fetch(served.url, tmp_path, checksum=wanted).is_whole(CONTENT)
    reasons = [event.reason for event in fetched.told(Restarted)]
    assert bool(reasons) is not agree
    assert all("differ between two parts" in reason for reason in reasons)


def test_a_mismatch_leaves_nothing_under_the_name(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    spoilt = bytearray(CONTENT)
    spoilt[MIB] ^= 1
    left_behind(tmp_path, served.url, (0, bytes(spoilt)))

    def again(**how: Any) -> Fetched:
        return fetch(served.url, tmp_path, checksum=f"sha256={sha256(CONTENT)}", **how)

    error = again().failed(ChecksumMismatchError)
    assert error.exit_code == 5
    assert sha256(bytes(spoilt)) in error.message
    assert "--fresh" in error.hint
    assert (tmp_path / f"{NAME}.segdl" / "0.part").read_bytes() == spoilt
    again().failed(ChecksumMismatchError)
    again(fresh=True).is_whole(CONTENT)


def test_a_slow_hash_does_not_hold_up_the_bytes(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, arrived = origin(CONTENT), threading.Event()
    read_from: Callable[..., bytes] = Prefix.read_from

    def late(self: Prefix, at: int, most: int) -> bytes:
        # Nothing is hashed before everything is there.
        if threading.current_thread().name == "segdl-hash":
            assert arrived.wait(20)
        return read_from(self, at, most)

    monkeypatch.setattr(Prefix, "read_from", late)

    def watch(request: Asked, connection: Connection) -> bool:
        went_on = served.serve(request, connection)
        # The last request asks whether the file is still the same.
        if request.range == (0, 0):
            arrived.set()
        return bool(went_on)

    served.routes[served.path] = watch
    fetch(served.url, tmp_path, connections=4, checksum=f"sha256={sha256(CONTENT)}").is_whole(
        CONTENT
    )
    assert arrived.is_set()
