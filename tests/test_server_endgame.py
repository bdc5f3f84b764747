"""At the end of a download over a long path nobody waits for a round trip that can be spared."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.net import window
from segdl.net.asked import Asked
from segdl.progress.events import Restarted
from support.data import content
from support.faults import CutAfter, Drip, Fault, FreshEtag, StallAfter, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segdl.core.arrivals import Look
    from support.request import Request

MIB = 1024 * 1024
SIZE = 8 * MIB
CONTENT = content(SIZE)
PART = SIZE // 4
# What a segment lacks when its connection stands still, and the seconds to each answer.
LACKS = 20_000
FAR = 0.06
STALLED = {PART, 2 * PART}


@pytest.fixture(autouse=True)
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system say that a round trip takes as long as an answer of the tests' server."""
    arrived = window.arrived

    def far_away(connected: socket.socket, now: float) -> Look | None:
        look = arrived(connected, now)
        return None if look is None else look._replace(least=FAR, round_trip=FAR)

    monkeypatch.setattr(window, "arrived", far_away)
    monkeypatch.setattr(Asked, "least", property(lambda _: FAR))


def is_for(request: Request, start: int) -> bool:
    """Tell whether a request is for a segment from its beginning on; a few KiB are compared."""
    return request.range is not None and start - 5000 < (request.range[0] or 0) <= start


def stalling(then: Fault | None = None) -> Callable[[Request, int], Fault]:
    """Let two segments stand still just before their end, and answer those who ask once more."""
    stalled: set[int] = set()

    def plan(request: Request, index: int) -> Fault:
        time.sleep(FAR)
        for start in STALLED - stalled:
            if is_for(request, start):
                stalled.add(start)
                return StallAfter(PART - LACKS)
        return then if then is not None and is_once_more(request) else Fault()

    return plan


def is_once_more(request: Request) -> bool:
    return any(is_for(request, start + PART - LACKS) for start in STALLED)


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_connections_that_stand_still_before_their_end_do_no_harm(
    origin: Callable[..., Any], tmp_path: Path, layout: Any
) -> None:
    served = origin(CONTENT, faults=stalling())
    segdl.download(
        served.url, tmp_path / "f", connections=4, transfer=segdl.TransferOptions(layout=layout)
    )
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("answer", [FreshEtag(), Status(503), Status(404), CutAfter(1000)])
def test_an_answer_of_no_use_leaves_all_as_it_was(
    origin: Callable[..., Any], tmp_path: Path, answer: Fault
) -> None:
    plan, asked = stalling(answer), 0

    def once(request: Request, index: int) -> Fault:
        nonlocal asked
        asked += is_once_more(request)
        return plan(request, index) if asked < 2 else Fault()

    served = origin(CONTENT, faults=once)
    segdl.download(served.url, tmp_path / "f", connections=4)
    assert (tmp_path / "f").read_bytes() == CONTENT


def slow_end(request: Request, index: int) -> Fault:
    """Let the last segment come slowly, so that others have nothing to do."""
    time.sleep(FAR)
    return Drip(256 * 1024, 0.1) if is_for(request, 3 * PART) else Fault()


def test_a_file_that_changed_before_the_end_is_fetched_anew(
    origin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segdl.engine.revalidation.counts", lambda *_: True)
    other = content(SIZE, seed=2)
    served = origin(CONTENT)

    def changing(request: Request, index: int) -> Fault:
        if is_for(request, 3 * PART):
            # From the next answer on.
            served.replace(other)
        return slow_end(request, index)

    served.faults = changing
    events: list[segdl.events.Event] = []
    segdl.download(served.url, tmp_path / "f", connections=4, on_event=events.append)
    assert (tmp_path / "f").read_bytes() == other
    assert [event for event in events if isinstance(event, Restarted)]


def test_a_server_that_is_gone_at_the_end_is_an_error(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    begun = False

    def plan(request: Request, index: int) -> Fault:
        nonlocal begun
        time.sleep(FAR)
        first = is_for(request, 3 * PART) and not begun
        begun = begun or first
        if first:
            return CutAfter(PART - LACKS, "reset")
        start = request.range[0] if request.range else 0
        # Whoever asks for what is missing, or whether it is the same still.
        gone = request.range == (0, 0) or (start or 0) > 3 * PART - 5000
        return Status(503) if gone else Fault()

    served = origin(CONTENT, faults=plan)
    # Not one wait after the other, for a place that nothing but what was asked ahead takes.
    with pytest.raises(segdl.ServerError):
        segdl.download(
            served.url,
            tmp_path / "f",
            connections=4,
            transfer=segdl.TransferOptions(retries=2),
        )
    assert not (tmp_path / "f").exists()
