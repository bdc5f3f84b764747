"""How the connections of a download do, and which of them are not worth keeping."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core import lulls
from segdl.core.pace import PATIENCE, is_crawling, is_lagging
from segdl.core.schedule import parse_schedule
from segdl.core.spans import OPEN
from segdl.core.speed import answered, measured
from segdl.core.tail import Running, take_over, typical_rate
from segdl.engine.segment import Drop, Segment
from segdl.options import NetworkOptions

# Seconds before a new connection's first byte, as long as none was measured.
_SETUP = 0.1
# Seconds of silence that are borne at the very end, when others could bring the rest.
_LAST_PATIENCE = 0.5
# The same where most bring nothing: servers that cap connections pace them by whole seconds.
_PACED_PATIENCE = 1.5
_SEVERAL = 3
# Bytes a second, of which it is only known that there are some.
_SOMETHING = 1.0
# A silence is one where it lasts so many times longer than what comes between two lumps: on
# average on this connection, or usually on those of its host.
_GAPS = 3.0
_LULLS = 1.5
# Looks at which something new had come, by which a connection has found its pace: what comes
# before that may be a first lump that the server gives to everybody.
_SETTLED = 3
# Round trips in which a new connection finds its pace.
_STARTING = 8.0
# The last seconds are worth smaller segments than the plan makes, in bytes.
_FINEST = 64 * 1024


class Watch:
    """Measures connections and ends those that do badly. The coordinator's thread owns it.

    Attributes:
        setup: seconds before a new connection's first byte.
    """

    def __init__(self, network: NetworkOptions) -> None:
        self._network = network
        self._limited = parse_schedule(network.limit_rate).limits
        self.setup = _SETUP
        # What a connection brought when last there were several.
        self._usual = 0.0
        self._patience = PATIENCE

    def measure(self, segments: Sequence[Segment], now: float) -> None:
        """Note how far each connection got."""
        for segment in segments:
            if segment.site is not None:
                segment.site.received += segment.received - segment.counted
                segment.counted = segment.received
            if segment.wire is None:
                continue
            if segment.heard and segment.heard_at is None:
                # How long it took to connect says nothing of the bytes to come.
                segment.heard_at = segment.seen_at = segment.moved_at = now
                segment.speed = answered(segment.speed, now, segment.received)
            if segment.storing or segment.wire.resting:
                # A slow disk, a reader who takes their time, or a limit on the rate.
                segment.seen_at = segment.moved_at = now
            elif segment.received != segment.moved:
                silent = now - segment.moved_at
                if segment.moves and silent >= lulls.SHORTEST and segment.site is not None:
                    segment.site.gate.lulled(silent)
                segment.moved_at, segment.moved = now, segment.received
                segment.moves += 1
            first = segment.speed.rate is None
            segment.speed = measured(segment.speed, now, segment.received)
            if first and segment.speed.rate is not None:
                self.setup = min(self.setup * 2, now - segment.speed.began)

    def drop_slow(self, segments: Sequence[Segment], now: float, *, idle: bool = False) -> None:
        """End attempts that bring (next to) nothing, or far less than the others.

        Args:
            segments: those of the download.
            now: seconds.
            idle: connections have nothing to do, so that a silence is all that is waited for.
        """
        at_work = [segment for segment in segments if segment.wire is not None]
        self._patience = PATIENCE
        if idle:
            least = _PACED_PATIENCE if _stand_still(at_work, now) else _LAST_PATIENCE
            self._patience = max(least, 4 * self.setup)
        fastest = max((_since_seen(segment, now) for segment in at_work), default=0.0)
        paces = [each.speed.pace for each in at_work if each.speed.rate is not None]
        self._usual = typical_rate(paces) or 0.0 if len(paces) > 1 else self._usual
        if idle and not self._usual and any(each.complete for each in segments):
            # The others were done before anybody could tell how fast they are.
            self._usual = _SOMETHING
        for segment in at_work:
            if segment.dropped is None and segment.wire is not None:
                segment.dropped = (
                    self._crawls(segment, fastest, now)
                    or self._lags(segment, now)
                    or (self._waits_in_vain(segment, now) if idle else None)
                )
                if segment.dropped is not None:
                    segment.wire.abort()

    def _crawls(self, segment: Segment, fastest: float, now: float) -> Drop | None:
        patience = self._network.stall_timeout
        if not segment.heard:
            # The socket's own timeout comes first, but for a head that drips.
            patience += self._network.connect_timeout
        if now - segment.moved_at >= patience:
            return Drop.CRAWLING
        if now - segment.seen_at < patience:
            return None
        crawls = is_crawling(_since_seen(segment, now), fastest)
        segment.seen_at, segment.seen = now, segment.received
        return Drop.CRAWLING if crawls else None

    def _lags(self, segment: Segment, now: float) -> Drop | None:
        # An attempt that only asks whether the server takes one more connection is the
        # gate's to judge.
        # Within a limit all are as slow as it wants them.
        if segment.heard_at is None or segment.stop == OPEN or self._limited:
            return None
        pace = segment.speed.pace
        if segment.lagged and segment.moves > _SETTLED and 2.0 * pace > self._usual:
            segment.lagged = 0
        gap = (segment.moved_at - segment.set_out_at) / max(1, segment.moves)
        lull = segment.site.gate.lull if segment.site is not None else 0.0
        lags = is_lagging(
            pace,
            self._usual,
            segment.stop - segment.position,
            age=now - segment.heard_at,
            silent=now - segment.moved_at,
            again=segment.lagged,
            patience=max(self._patience, _GAPS * gap, min(PATIENCE, _LULLS * lull)),
        )
        return Drop.LAGGING if lags else None

    def _waits_in_vain(self, segment: Segment, now: float) -> Drop | None:
        """Judge one that is not answered while others have nothing to do.

        A packet that is lost in connecting is missed for a second.
        """
        if segment.heard or segment.site is None:
            return None
        patience = self._patience
        if not segment.site.source.idle:
            # It takes a new connection to ask again, which may be what it waits for.
            patience = max(PATIENCE, patience, 4 * segment.site.gate.round_trip)
        patience *= 2.0 ** min(segment.lagged, 8)
        return Drop.UNANSWERED if now - segment.set_out_at >= patience else None

    def help_wanted(
        self,
        segments: Sequence[Segment],
        min_split: int,
        newcomer: float | None,
        newcomers: int = 1,
        *,
        now: float,
        setup: float | None = None,
        beside: bool = False,
    ) -> tuple[Segment, int] | None:
        """Choose the segment that an idle connection should take the rest of, and from where.

        Args:
            segments: those of the download.
            min_split: bytes; where it is known how fast they are, the last ones may be split
                into less.
            newcomer: bytes a second that the idle connection brings; None where nobody knows.
            newcomers: how many connections are idle.
            now: seconds.
            setup: seconds until their first byte; None where they are to be made yet.
            beside: whether the server serves others of our files, too.
        """
        at_work = [segment for segment in segments if segment.wire is not None]
        usual, rates = self._rates(at_work, now)
        running = [
            Running(each.position, each.stop, rate)
            for each, rate in zip(at_work, rates, strict=True)
        ]
        least = min_split if usual is None else min(min_split, _FINEST)
        split = take_over(
            running,
            rate=newcomer or usual,
            setup=self.setup if setup is None else setup,
            least=least,
            newcomers=newcomers,
            beside=beside,
        )
        return None if split is None else (at_work[split.index], split.at)

    def _rates(
        self, at_work: Sequence[Segment], now: float
    ) -> tuple[float | None, list[float | None]]:
        """Return the bytes a second that one more connection and each of these may bring.

        One that has just begun is slow for now (slow start, RFC 5681, 3.1): it counts as fast as
        the others. To help it would be one more request, and end one that finds its pace.
        """
        told = [each.speed.rate for each in at_work]
        found = [
            None if self._is_starting(each, now) else rate
            for each, rate in zip(at_work, told, strict=True)
        ]
        usual = _expected_rate(found)
        usual = _expected_rate(told) if usual is None else usual
        expected = [max(filter(None, (rate, usual)), default=None) for rate in told]
        rates = [
            later if rate is None else rate for rate, later in zip(found, expected, strict=True)
        ]
        return usual, rates

    def _is_starting(self, segment: Segment, now: float) -> bool:
        began = segment.heard_at
        follows = segment.speed.before is not None
        return not follows and (began is None or now - began < _STARTING * self.setup)


def _expected_rate(rates: Sequence[float | None]) -> float | None:
    """Return the bytes a second that one more connection is expected to bring; None: unknown.

    One alone may fill the link, which newcomers then share; it should not run out of work
    and be closed before they are as fast as it is.
    """
    usual = typical_rate(rates)
    alone = sum(rate is not None for rate in rates) == 1
    return usual / (len(rates) + 1) if usual is not None and alone else usual


def _stand_still(at_work: Sequence[Segment], now: float) -> bool:
    """Tell whether most of several connections bring nothing: a new one might not, either."""
    heard = [segment for segment in at_work if segment.heard]
    still = sum(now - segment.moved_at >= lulls.SHORTEST for segment in heard)
    return len(heard) >= _SEVERAL and 2 * still > len(heard)


def _since_seen(segment: Segment, now: float) -> float:
    """Return bytes a second since they were noted for the last time."""
    return (segment.received - segment.seen) / max(now - segment.seen_at, 1e-6)
