"""One connection that is slow or silent does not hold the others up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.progress.events import Note, Progress, Retrying
from support.data import content
from support.faults import Drip, Silence, StallAfter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.faults import Fault
    from support.request import Request

MIB = 1024 * 1024
SIZE = 16 * MIB
CONTENT = content(SIZE)
FAST = Drip(256 * 1024, 0.1)


def one_is(fault: Fault) -> Callable[[Request, int], Fault]:
    """Give the third request, which asks for a segment from its beginning, a fault."""
    return lambda request, index: fault if index == 2 else FAST


def test_the_rest_of_a_slow_segment_is_taken_over(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    served = origin(CONTENT, faults=one_is(Drip(1024, 0.1)))
    events: list[segdl.events.Event] = []
    segdl.download(served.url, tmp_path / "f", connections=4, on_event=events.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    slow = served.requests[2].range
    inside = [each for each in served.requests[3:] if slow[0] < each.range[0] < slow[1]]
    assert inside
    # At 10 KiB a second it would have taken minutes: nearly all of it came otherwise.
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[-1] == SIZE
    # It is a matter of the server's speed, not of a request for each of its bytes.
    assert len(served.requests) < 40


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (StallAfter(100_000), "far slower than the others"),
        (Silence(), "no answer, while others have nothing left to do"),
    ],
)
def test_a_connection_that_brings_nothing_gives_way_while_others_are_fast(
    origin: Callable[..., Any], tmp_path: Path, fault: Fault, reason: str
) -> None:
    served = origin(CONTENT, faults=one_is(fault))
    events: list[segdl.events.Event] = []
    network = segdl.NetworkOptions(stall_timeout=600.0)
    segdl.download(
        served.url, tmp_path / "f", connections=4, network=network, on_event=events.append
    )
    assert (tmp_path / "f").read_bytes() == CONTENT
    # A fast one may stand still for half a second, too, where the machine is busy.
    asked = served.requests[2].range[0]
    retried = [event for event in events if isinstance(event, Retrying)]
    assert [event.reason for event in retried if asked <= event.start < asked + 8192] == [reason]


def test_who_is_not_answered_gives_way_where_no_connection_is_kept(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    alone = (("Connection", "close"),)
    faults = one_is(Silence())
    served = origin(CONTENT, headers=alone, faults=faults)
    network = segdl.NetworkOptions(stall_timeout=600.0)
    segdl.download(served.url, tmp_path / "f", connections=4, network=network)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_connection_is_kept_whose_last_bytes_were_compared_with_what_follows(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    slow, fast = Drip(1024, 0.1), Drip(MIB, 0.1)
    served = origin(CONTENT, faults=lambda request, index: slow if index == 1 else fast)
    # With more of them two may have nothing to do at once, and one cut short what the other asked.
    segdl.download(served.url, tmp_path / "f", connections=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert len(served.requests) > 4
    # The slow one's is given up, and made anew.
    assert len({request.connection for request in served.requests}) <= 3


def test_a_fast_connection_without_work_takes_as_much_as_it_is_worth(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    connections: list[int] = []

    def first_is_fast(request: Request, index: int) -> Fault:
        connections.append(request.connection)
        fast, slow = Drip(256 * 1024, 0.05), Drip(48 * 1024, 0.1)
        return fast if request.connection == connections[0] else slow

    served = origin(CONTENT, faults=first_is_fast)
    segdl.download(served.url, tmp_path / "f", connections=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    helped = [
        each.range[0]
        for each in served.requests
        if each.connection == connections[0] and each.range[0] > SIZE // 2
    ]
    # With half of what the slow one lacks, and half of that again, it would have come later.
    assert helped[0] < SIZE * 11 // 16


def test_connections_that_are_all_slow_are_kept(origin: Callable[..., Any], tmp_path: Path) -> None:
    served = origin(content(3 * MIB), faults=lambda request, index: Drip(16 * 1024, 0.1))
    events: list[segdl.events.Event] = []
    segdl.download(served.url, tmp_path / "f", connections=3, on_event=events.append)
    assert not [event for event in events if isinstance(event, Retrying | Note)]


def test_a_server_without_ranges_is_not_asked_for_a_rest(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    from support.faults import IgnoreRange

    slow = Drip(64 * 1024, 0.1)
    served = origin(content(2 * MIB), faults=lambda request, index: (IgnoreRange(), slow))
    segdl.download(served.url, tmp_path / "f", connections=4)
    assert len(served.requests) <= 3


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_a_fast_connection_goes_on_through_what_a_slow_one_took_over(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    # Only the first request is fast: without it the rest would take minutes.
    fast, slow = Drip(256 * 1024, 0.05), Drip(1024, 0.1)
    served = origin(CONTENT, faults=lambda request, index: slow if index else fast)
    events: list[segdl.events.Event] = []
    transfer = segdl.TransferOptions(layout=layout)
    segdl.download(served.url, tmp_path / "f", transfer=transfer, on_event=events.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    # How many take something over is for `auto` to say: few, where the machine is busy.
    assert 1 < len(served.requests) < 24
    assert not [event for event in events if isinstance(event, Retrying)]


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_what_is_overtaken_is_compared(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    fast, slow = Drip(512 * 1024, 0.05), Drip(8192, 0.1)
    wrong = bytes(byte ^ 1 for byte in CONTENT)
    served = origin(CONTENT, faults=lambda request, index: slow if 0 < index < 4 else fast)
    served.replace_after(1, wrong, '"v1"')
    try:
        segdl.download(served.url, tmp_path / "f", transfer=segdl.TransferOptions(layout=layout))
    except segdl.IntegrityError:
        assert not (tmp_path / "f").exists()
    else:
        assert (tmp_path / "f").read_bytes() in {CONTENT, wrong}
