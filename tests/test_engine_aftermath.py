"""What follows from what came of attempts, where several segments are at work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from segdl.core.verdict import Refused, Unranged
from segdl.engine.aftermath import Aftermath, UnrangedError
from segdl.engine.outcome import Streamed
from segdl.engine.segment import Segment
from segdl.errors import NetworkError
from segdl.net.wire import Wire

if TYPE_CHECKING:
    from segdl.engine.run import Run
    from segdl.engine.site import Site
    from segdl.engine.sites import Sites


def alone(retries: int) -> tuple[Aftermath, Site]:
    """Return what decides for a file that one server has, and that server."""
    run = SimpleNamespace(
        transfer=SimpleNamespace(retries=retries),
        clock=lambda: 0.0,
        backoff=lambda _: 0.0,
        emit=lambda _: None,
    )
    sites = SimpleNamespace(came_back=lambda *_, **__: None, drop=lambda *_: False, several=False)
    site = SimpleNamespace(
        name="it",
        received=0,
        pin=SimpleNamespace(version=SimpleNamespace(strong_etag=None)),
        gate=None,
    )
    return Aftermath(cast("Run", run), cast("Sites", sites), 1), cast("Site", site)


def test_a_segment_that_is_always_answered_otherwise_says_so_of_the_server() -> None:
    """Others bring something meanwhile: their requests may end before what is too much."""
    aftermath, site = alone(retries=5)
    odd, other = Segment(0, 1000, 0), Segment(1000, 100_000, 1000)
    for attempt in range(2):
        for segment in (odd, other):
            segment.set_out(Wire(), site, 0.0)
        aftermath.take(odd, site, Unranged("more than was asked for"), [odd, other])
        assert odd.tries == attempt + 1
        other.position += 5000
        aftermath.take(other, site, Streamed(), [odd, other])
    odd.set_out(Wire(), site, 0.0)
    with pytest.raises(UnrangedError, match="more than was asked for"):
        aftermath.take(odd, site, Unranged("more than was asked for"), [odd, other])


@pytest.mark.parametrize(
    ("heard_at", "what", "halves"),
    [
        (None, "", True),
        (4.95, "", True),
        # It was there before, went on as well, was refused itself, or is at another mirror.
        (4.5, "", False),
        (4.95, "again", False),
        (4.95, "over", False),
        (4.95, "elsewhere", False),
        # The server says when to come again.
        (4.95, "later", False),
    ],
)
def test_a_place_that_a_newcomer_took_says_nothing_of_requests_over_a_connection(
    heard_at: float | None, what: str, *, halves: bool
) -> None:
    aftermath, site = alone(retries=5)
    segment, other = Segment(0, 100_000, 0), Segment(100_000, 200_000, 100_000)
    refused = Refused(3.0 if what == "later" else None, NetworkError("busy"))
    segment.set_out(Wire(), site, 4.0)
    elsewhere = alone(retries=5)[1]
    other.set_out(Wire(), elsewhere if what == "elsewhere" else site, 4.0, again=what == "again")
    other.heard_at = heard_at
    if what == "over":
        other.wire = None
    segment.set_out(Wire(), site, 5.0, again=True)
    segment.wire = None
    aftermath.take(segment, site, refused, [segment, other])
    assert aftermath.halves is halves
    # By then it has been there for long.
    other.heard_at = 5.0
    segment.set_out(Wire(), site, 9.0, again=True)
    segment.wire = None
    aftermath.take(segment, site, refused, [segment, other])
    assert not aftermath.halves
