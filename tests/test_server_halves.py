"""A request is for half of what its segment lacks, as long as that takes a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from support.data import content
from support.faults import Drip, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.reply import Exchange, Reply
    from support.request import Request

MIB = 1024 * 1024
CONTENT = content(12 * MIB)


@dataclass(frozen=True)
class OneEach(Fault):
    """Each connection is closed behind its answer."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, protocol="HTTP/1.0")


def paced(request: Request, index: int) -> Fault:
    """Send the second half of the file faster, so that nobody takes any of it over."""
    second = request.range is not None and (request.range[0] or 0) > 5 * MIB
    return Drip((192 if second else 128) * 1024, 0.1)


def from_place(requests: list[Request], place: int) -> Request:
    """Return the one request that begins there, or as little before as is compared."""
    (found,) = [
        each
        for each in requests
        if each.range and each.range[0] and place - 8192 < each.range[0] <= place
    ]
    return found


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_half_is_asked_for_and_then_the_other_half_over_the_same_connection(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    served = origin(CONTENT, faults=paced)
    transfer = segdl.TransferOptions(layout=layout)
    segdl.download(served.url, tmp_path / "f", connections=2, transfer=transfer)
    assert (tmp_path / "f").read_bytes() == CONTENT
    half = from_place(served.requests, 6 * MIB)
    assert half.range is not None
    assert half.range[1] == 9 * MIB - 1
    assert from_place(served.requests, 9 * MIB).connection == half.connection


def test_where_connections_are_not_kept_the_other_half_is_asked_for_whole(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    served = origin(CONTENT, faults=lambda request, index: (OneEach(), paced(request, index)))
    segdl.download(served.url, tmp_path / "f", connections=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    half, rest = (from_place(served.requests, place * MIB) for place in (6, 9))
    assert half.range is not None
    assert rest.range is not None
    # It takes more than a second: over a kept connection half of it would be worth a request.
    assert (half.range[1], rest.range[1]) == (9 * MIB - 1, 12 * MIB - 1)


def test_one_connection_asks_for_all_of_it(origin: Callable[..., Any], tmp_path: Path) -> None:
    served = origin(CONTENT)
    segdl.download(served.url, tmp_path / "f", connections=1)
    assert (tmp_path / "f").read_bytes() == CONTENT
    # The last one asks whether it is the same file still.
    assert [each.range for each in served.requests] == [(0, None), (0, 0)]
