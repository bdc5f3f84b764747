"""What the kernel tells of connections, added up over those that come and go."""

from __future__ import annotations

from segdl.core.arrivals import Look
from segdl.core.speed import flowing
from segdl.engine.arriving import Arriving
from segdl.engine.segment import Segment
from segdl.net.wire import Wire

SIZE = 1000


class Told(Wire):
    """A wire whose kernel says what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.round_trip = 0.08
        self.told: tuple[int, int, int] | None = None

    def arrived(self, now: float) -> Look | None:
        if self.told is None:
            return None
        in_order, segments, strays = self.told
        return Look(
            now=now,
            in_order=in_order * SIZE,
            segments=segments,
            strays=strays,
            size=SIZE,
            round_trip=self.round_trip,
            least=0.08,
        )


def streaming(wire: Wire) -> Segment:
    segment = Segment(0, 10**6, 0)
    segment.wire, segment.heard, segment.speed = wire, True, flowing(0.0, 0)
    return segment


def lose_one(arriving: Arriving, segment: Segment, wire: Told, now: float, base: int = 0) -> None:
    for step, (in_order, segments, strays) in enumerate(
        [(20, 20, 0), (22, 40, 18), (22, 42, 20), (22, 42, 20), (43, 43, 20)]
    ):
        wire.told = in_order + base, segments + base, strays
        arriving.look([segment], now + step * 0.03)


def test_nothing_is_known_where_nobody_tells() -> None:
    arriving, wire = Arriving(), Told()
    arriving.look([streaming(wire), Segment(0, 1, 0)], 1.0)
    assert (arriving.losses, arriving.came, arriving.swollen) == (None, None, None)


def test_who_was_not_answered_yet_is_not_looked_at() -> None:
    arriving, wire = Arriving(), Told()
    wire.told = 5, 5, 0
    segment = streaming(wire)
    segment.heard = False
    arriving.look([segment], 1.0)
    assert arriving.losses is None


def test_what_was_counted_stays_when_a_connection_ends() -> None:
    arriving, first, second = Arriving(), Told(), Told()
    lose_one(arriving, streaming(first), first, 1.0)
    assert (arriving.losses, arriving.came, arriving.swollen) == (1, 23 * SIZE, 1.0)
    # The same socket, for another request: what came before is counted already.
    lose_one(arriving, streaming(second), second, 2.0, base=43)
    assert (arriving.losses, arriving.came) == (2, 2 * 23 * SIZE)
    arriving.look([], 3.0)
    assert (arriving.losses, arriving.came, arriving.swollen) == (2, 2 * 23 * SIZE, None)
