"""A request is for half of what its segment lacks, as long as that takes a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.progress.events import Note, Progress
from support.data import content
from support.faults import Drip, Fault, IgnoreRange, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.reply import Exchange, Reply
    from support.request import Request

MIB = 1024 * 1024
CONTENT = content(12 * MIB)


@dataclass(frozen=True)
class OneEach(Fault):
    """Each connection is closed behind its answer, which says so."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, protocol="HTTP/1.0")


def paced(request: Request, index: int) -> Fault:
    """Send the second half of the file faster, so that nobody takes any of it over."""
    second = request.range is not None and (request.range[0] or 0) > 5 * MIB
    return Drip((192 if second else 96) * 1024, 0.1)


def from_place(requests: list[Request], place: int) -> Request:
    """Return the one request that begins there, or as little before as is compared."""
    (found,) = [
        each
        for each in requests
        if each.range and each.range[0] and place - 8192 < each.range[0] <= place
    ]
    return found


def end_of(request: Request) -> int:
    """Return the place behind the last byte that it asks for."""
    assert request.range is not None
    assert request.range[1] is not None
    return request.range[1] + 1


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_half_is_asked_for_and_then_the_other_half_over_a_warm_connection(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    served = origin(CONTENT, faults=paced)
    transfer = segdl.TransferOptions(layout=layout)
    segdl.download(served.url, tmp_path / "f", connections=2, transfer=transfer)
    assert (tmp_path / "f").read_bytes() == CONTENT
    half = from_place(served.requests, 6 * MIB)
    until = end_of(half)
    assert 8 * MIB < until < 11 * MIB
    # Two that are done at the same moment may change places.
    assert from_place(served.requests, until).connection in {0, half.connection}


def test_where_that_turns_out_later_the_rest_is_asked_for_whole(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    def closes(request: Request, index: int) -> tuple[Fault, ...]:
        return (OneEach(), paced(request, index)) if index else (paced(request, index),)

    served = origin(CONTENT, faults=closes)
    segdl.download(served.url, tmp_path / "f", connections=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    until = end_of(from_place(served.requests, 6 * MIB))
    assert 8 * MIB < until < 11 * MIB
    # It takes more than a second: over a kept connection half of it would be worth a request.
    assert end_of(from_place(served.requests, until)) == 12 * MIB


def test_where_connections_are_not_kept_all_is_asked_for(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    served = origin(CONTENT, faults=lambda request, index: (OneEach(), paced(request, index)))
    segdl.download(served.url, tmp_path / "f", connections=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert end_of(from_place(served.requests, 6 * MIB)) == 12 * MIB


@pytest.mark.parametrize(
    ("fault", "times"), [(Status(503), 1), (Status(429, retry_after=1), 1), (IgnoreRange(), 3)]
)
def test_a_server_that_is_out_of_sorts_when_the_other_half_is_due_costs_nothing(
    origin: Callable[..., Any], tmp_path: Path, fault: Fault, times: int
) -> None:
    slow = Drip(64 * 1024, 0.05)

    def second(request: Request, index: int) -> tuple[Fault, ...]:
        return (fault, slow) if 3 <= index < 3 + times else (slow,)

    served = origin(CONTENT, faults=second, etag=None)
    events: list[segdl.events.Event] = []
    segdl.download(served.url, tmp_path / "f", connections=3, on_event=events.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    # The last question aside, all that was asked for whole began where the file does.
    assert not [each for each in served.requests[1:] if each.range is None]
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    limits = [event for event in events if isinstance(event, Note) and "no more" in event.text]
    assert not limits


def test_one_connection_asks_for_all_of_it(origin: Callable[..., Any], tmp_path: Path) -> None:
    served = origin(CONTENT)
    segdl.download(served.url, tmp_path / "f", connections=1)
    assert (tmp_path / "f").read_bytes() == CONTENT
    # The last one asks whether it is the same file still.
    assert [each.range for each in served.requests] == [(0, None), (0, 0)]
