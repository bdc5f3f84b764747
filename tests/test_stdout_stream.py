"""Bytes in order to a stream while segments still download."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from segdl.errors import (
    ChecksumMismatchError,
    IntegrityError,
    NetworkError,
    RemoteChangedError,
    ServerError,
)
from support import data
from support import faults as f
from support.fetching import fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

MIB = 1024 * 1024
SIZE = 30 * MIB + 777
CONTENT = data.content(SIZE, 1)
OTHER = data.content(SIZE, 2)
SMALL = CONTENT[:60_000]


class Slowly(io.RawIOBase):
    """Takes 64 KiB a write, and calls `on_write` before each."""

    def __init__(self, on_write: Callable[[int], None] = lambda taken: None) -> None:
        super().__init__()
        self._on_write = on_write
        self.data = bytearray()

    def write(self, view: Any) -> int:
        self._on_write(len(self.data))
        piece = bytes(view[:65536])
        self.data += piece
        return len(piece)


def binary(out: Slowly) -> BinaryIO:
    return cast("BinaryIO", out)


def into(tmp_path: Path, url: str, **how: Any) -> tuple[bytes, Any]:
    out = Slowly()
    fetched = fetch(url, tmp_path, out=binary(out), **how)
    assert os.listdir(tmp_path) == []
    return bytes(out.data), fetched


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("size", [0, 1, MIB, 4 * MIB, 4 * MIB + 1, SIZE])
def test_in_order(origin: Any, tmp_path: Path, size: int, connections: int) -> None:
    served = origin(CONTENT[:size])
    wanted = f"sha-256={hashlib.sha256(CONTENT[:size]).hexdigest()}"
    written, fetched = into(tmp_path, served.url, connections=connections, checksum=wanted)
    assert fetched.error is None
    assert written == CONTENT[:size]
    assert len(served.requests) <= -(-size // (4 * MIB)) + 3


@pytest.mark.parametrize(
    "faults",
    [
        f.CutAfter(MIB),
        f.CutAfter(MIB, "reset"),
        f.ShorterRange(MIB),
        f.FreshEtag(),
        f.FreshEtag(dated=True),
        f.NoValidators(),
        f.WeakEtag(),
        f.Chunked(100_000),
        f.NoRangeWithPreconditions(),
        (f.NoValidators(), f.CutAfter(MIB)),
        f.WrongTotal("*"),
        f.IgnoreRange(),
        (f.IgnoreRange(), f.Chunked(100_000)),
        f.Http10(),
    ],
    ids=repr,
)
def test_whatever_the_server_is_like(origin: Any, tmp_path: Path, faults: f.Answer) -> None:
    every = (faults,) if isinstance(faults, f.Fault) else tuple(faults or ())
    served = origin(CONTENT, faults=f.always(*every))
    written, fetched = into(tmp_path, served.url)
    assert fetched.error is None
    assert written == CONTENT
    assert len(served.requests) < 60


@pytest.mark.parametrize("span", ["0-0", "-1000", "100-199,0-9", "5000000-29999999"])
def test_ranges(origin: Any, tmp_path: Path, span: str) -> None:
    served = origin(CONTENT)
    written, fetched = into(tmp_path, served.url, span=span)
    assert fetched.error is None
    wanted = {
        "0-0": CONTENT[:1],
        "-1000": CONTENT[-1000:],
        "100-199,0-9": CONTENT[100:200] + CONTENT[:10],
        "5000000-29999999": CONTENT[5_000_000:30_000_000],
    }
    assert written == wanted[span]


def test_ranges_of_a_server_without_them(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.IgnoreRange()))
    written, fetched = into(tmp_path, served.url, span="5-9")
    assert type(fetched.error) is ServerError
    assert written == b""


def test_no_more_than_a_window_is_asked_for_ahead(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    most = 0

    def on_write(taken: int) -> None:
        nonlocal most
        if taken % (8 * 65536) == 0:
            time.sleep(0.01)
        ahead = max((r.range[1] or 0) + 1 for r in served.requests if r.range and r.range[1])
        most = max(most, ahead - taken)

    out = Slowly(on_write)
    fetched = fetch(served.url, tmp_path, out=binary(out), connections=2)
    assert fetched.error is None
    assert bytes(out.data) == CONTENT
    # Two connections and two more, 4 MiB each.
    assert most <= 4 * 4 * MIB + 65536


@pytest.mark.parametrize("ranges", [True, False])
def test_a_reader_who_takes_their_time_is_waited_for(
    origin: Any, tmp_path: Path, ranges: bool
) -> None:
    faults = f.always(*(() if ranges else (f.IgnoreRange(),)))
    served = origin(CONTENT, faults=faults)
    out = Slowly(lambda taken: time.sleep(1.2) if taken == 65536 else None)
    network = {"connect_timeout": 0.2, "stall_timeout": 0.3}
    fetched = fetch(served.url, tmp_path, out=binary(out), network=network)
    assert fetched.error is None
    assert bytes(out.data) == CONTENT


class Clock:
    """Monotonic seconds, and as many more as a test says have passed."""

    def __init__(self) -> None:
        self._asked = threading.Condition()
        self._questions = 0
        self._passed = 0.0

    def __call__(self) -> float:
        with self._asked:
            self._questions += 1
            self._asked.notify_all()
            return time.monotonic() + self._passed

    def let_pass(self, seconds: float) -> None:
        """Return when others have asked often enough to have noticed."""
        with self._asked:
            self._passed += seconds
            enough = self._questions + 20
            assert self._asked.wait_for(lambda: self._questions >= enough, 30)


def test_a_connection_is_not_dropped_for_a_reader_who_takes_hours(
    origin: Any, tmp_path: Path
) -> None:
    served = origin(CONTENT, faults=f.always(f.IgnoreRange()))
    clock = Clock()
    hours = iter(range(3))

    def on_write(taken: int) -> None:
        if taken >= MIB and next(hours, None) is not None:
            clock.let_pass(3600)

    out = Slowly(on_write)
    network = {"stall_timeout": 60.0}
    fetched = fetch(served.url, tmp_path, out=binary(out), network=network, clock=clock)
    assert fetched.error is None
    assert bytes(out.data) == CONTENT
    assert len(served.requests) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_the_reader_goes_away(origin: Any, tmp_path: Path, ranges: bool) -> None:
    served = origin(CONTENT, faults=f.always(*(() if ranges else (f.IgnoreRange(),))))

    def on_write(taken: int) -> None:
        if taken >= 10 * 65536:
            raise BrokenPipeError

    out = Slowly(on_write)
    fetched = fetch(served.url, tmp_path, out=binary(out))
    assert fetched.error is None
    assert CONTENT.startswith(out.data)
    assert 10 * 65536 <= len(out.data) < 11 * 65536
    assert fetched.seconds < 2


@pytest.mark.parametrize("validators", [True, False])
@pytest.mark.parametrize("after", [1, 2, 4, 7])
def test_a_change_in_the_middle(origin: Any, tmp_path: Path, validators: bool, after: int) -> None:
    plain = {} if validators else {"etag": None, "last_modified": None}
    served = origin(CONTENT, **plain)
    served.replace_after(after, OTHER, **({} if validators else plain))
    written, fetched = into(tmp_path, served.url, connections=2)
    assert isinstance(fetched.error, IntegrityError)
    assert fetched.error.exit_code == 5
    assert CONTENT.startswith(written)
    assert len(served.requests) < 40


def test_requests_ended_by_another_answer_have_not_failed(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.FreshEtag(dated=True)))
    lock = threading.Lock()
    leads = True
    answered = threading.Event()

    def handle(request: Request, connection: Connection) -> bool:
        nonlocal leads
        if len(served.requests) == 1 or request.range == (0, 0):
            return bool(served.serve(request, connection))
        with lock:
            first, leads = leads, False
        if first:
            # The answer with another ETag comes when others still wait for theirs.
            assert served.server.wait_until(lambda: len(served.requests) >= 3)
            answered.set()
        elif not answered.is_set():
            connection.stall()
        return bool(served.serve(request, connection))

    served.routes[served.path] = handle
    written, fetched = into(tmp_path, served.url, connections=4, retries=1)
    assert fetched.error is None
    assert written == CONTENT


def test_overwritten_in_place_while_the_last_answers_stream(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    seen = threading.Event()

    def handle(request: Request, connection: Connection) -> bool:
        if request.range and request.range[1] == SIZE - 1:
            keep = served.serve(request, connection)
            served.replace(OTHER)
            seen.set()
            return bool(keep)
        return bool(served.serve(request, connection))

    served.routes[served.path] = handle
    _, fetched = into(tmp_path, served.url, connections=8)
    assert seen.is_set()
    assert type(fetched.error) is RemoteChangedError


def test_a_wrong_digest(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    _, fetched = into(tmp_path, served.url, checksum="md5=" + "0" * 32)
    assert type(fetched.error) is ChecksumMismatchError


def test_no_ranges_and_cut_early(origin: Any, tmp_path: Path) -> None:
    served = origin(
        SMALL, faults=lambda _, n: (f.IgnoreRange(), *(() if n else (f.CutAfter(30_000),)))
    )
    written, fetched = into(tmp_path, served.url)
    assert fetched.error is None
    assert written == SMALL


def test_no_ranges_and_cut_late(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.IgnoreRange(), f.CutAfter(5 * MIB)))
    written, fetched = into(tmp_path, served.url)
    assert type(fetched.error) is NetworkError
    assert "start anew" in str(fetched.error)
    assert written == CONTENT[: 5 * MIB]


@pytest.mark.parametrize("status", [404, 500])
def test_no_in_the_middle(origin: Any, tmp_path: Path, status: int) -> None:
    begun = threading.Event()

    def plan(_: Request, index: int) -> Any:
        if index <= 3:
            return None
        assert begun.wait(60)
        return f.Status(status)

    out = Slowly(lambda taken: begun.set() if taken else None)
    fetched = fetch(origin(CONTENT, faults=plan).url, tmp_path, out=binary(out))
    assert type(fetched.error) is ServerError
    assert CONTENT.startswith(out.data)
    left = f"the {len(out.data)} bytes that were written are not the whole file: save to a file"
    assert fetched.error.hint.startswith(left)


def test_a_length_of_2_to_the_60(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.WrongTotal(f.HUGE)))
    written, fetched = into(tmp_path, served.url)
    assert fetched.error is not None
    assert CONTENT.startswith(written)
    assert len(served.requests) < 60
