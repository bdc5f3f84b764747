"""Bytes gather before a thread is woken for them, and none is waited for that does not come."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.gathering import Pace, took, worth_waiting_for

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 64 * MIB)), max_size=20),
    st.integers(1, 64 * MIB),
)
def test_never_more_is_waited_for_than_will_be_taken(
    arrivals: list[tuple[float, int]], most: int
) -> None:
    pace, now = Pace(since=0.0, at=0.0), 0.0
    for span, count in arrivals:
        now += span
        pace = took(pace, now, count)
        assert pace.rate >= 0
        assert 1 <= worth_waiting_for(pace, most) <= most


@pytest.mark.parametrize(
    ("pace", "most", "wanted"),
    [
        (Pace(0.0, 5.0), MIB, 1),
        (Pace(0.0, 5.0, rate=1e6, last=1448), MIB, 1),
        (Pace(0.0, 5.0, rate=8e6, last=1448), MIB, 120_000),
        (Pace(0.0, 5.0, rate=8e6, last=120_000), MIB, 1),
        (Pace(0.0, 5.0, rate=1e9, last=65_536), MIB, 256 * 1024),
        (Pace(0.0, 5.0, rate=1e9, last=65_536), 100_000, 100_000),
        (Pace(0.0, 5.0, rate=1e9, last=65_536), 10_000, 1),
        # One that begins shows by each packet how full the path is.
        (Pace(4.0, 5.0, rate=1e9, last=65_536), MIB, 1),
    ],
)
def test_as_many_as_come_in_a_moment(pace: Pace, most: int, wanted: int) -> None:
    assert worth_waiting_for(pace, most) == wanted


def test_the_rate_is_an_average() -> None:
    pace = Pace(0.0, 0.0)
    for step in range(1, 101):
        pace = took(pace, step / 100, 100_000)
    assert pace.rate == pytest.approx(10e6, rel=0.01)
    assert took(pace, 1.0, 5).rate == pace.rate
    assert took(pace, 3.0, 0).rate == 0


if hasattr(select, "poll"):
    from segdl.net.gathering import Gathering


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection's two ends, the one that reads first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader = socket.create_connection(server.getsockname())
        writer, _ = server.accept()
    with reader, writer:
        yield reader, writer


def gathering(reader: socket.socket, rate: float) -> Gathering:
    """Return one of a connection that brought a KiB a while ago, and much before."""
    times = iter([0.0, 3.0, 3.0])
    made = Gathering(reader, lambda: next(times))
    made.took(int(3 * rate))
    made.took(1024)
    return made


def low(reader: socket.socket) -> int:
    return reader.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


Ends = tuple[socket.socket, socket.socket]


@pytest.mark.skipif(not hasattr(select, "poll"), reason="no poll here: nothing gathers")
class TestGathering:
    def test_the_reader_is_woken_for_many(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("segdl.net.gathering._PATIENCE", 60_000)
        reader, writer = ends

        def send() -> None:
            for _ in range(4):
                writer.sendall(bytes(15_000))

        # So few that they always fit: the reader is woken for less where the buffer is full.
        gathers = gathering(reader, 4e6)
        sent = threading.Thread(target=send)
        sent.start()
        gathers.wait(MIB)
        assert low(reader) == 60_000
        assert len(reader.recv(MIB, socket.MSG_PEEK | socket.MSG_DONTWAIT)) == 60_000
        sent.join()
        gathers.end()
        assert low(reader) == 1

    def test_a_slow_one_is_not_waited_for(self, ends: Ends) -> None:
        gathering(ends[0], 1e6).wait(MIB)
        assert low(ends[0]) == 1

    def test_what_does_not_come_is_waited_for_no_longer(self, ends: Ends) -> None:
        reader, writer = ends
        writer.sendall(b"few")
        gathering(reader, 10e6).wait(MIB)
        assert low(reader) == 1
        assert reader.recv(MIB) == b"few"

    def test_the_end_of_the_body_is_not_waited_beyond(self, ends: Ends) -> None:
        reader, writer = ends
        writer.sendall(bytes(60_000))
        gathers = gathering(reader, 10e6)
        gathers.wait(60_000)
        assert len(reader.recv(MIB)) == 60_000

    def test_a_connection_that_is_gone_is_for_the_reader_to_find(self, ends: Ends) -> None:
        reader, writer = ends
        writer.close()
        gathers = gathering(reader, 10e6)
        gathers.wait(MIB)
        assert reader.recv(MIB) == b""
        reader.close()
        gathers.end()

    def test_a_reader_that_is_told_to_stop_is_woken(self, ends: Ends) -> None:
        reader, _ = ends
        reader.shutdown(socket.SHUT_RDWR)
        gathering(reader, 10e6).wait(MIB)
        assert reader.recv(MIB) == b""
