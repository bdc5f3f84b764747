"""All pieces of a file that are fetched, or still to come."""

from __future__ import annotations

from collections.abc import Collection

from segdl.engine.segment import Segment

# Bytes that a thread may bring while its segment is changed.
_ABOUT_TO_END = 1024 * 1024
# Seconds after which an attempt tells how fast it is.
_YOUNG = 0.1


class Supply:
    """The segments to fetch: those at work or to come, and `behind` bytes that none brings.

    Args:
        live: in file order.
        behind: bytes of the file.
        divisible: whether a segment may be cut in two while it is fetched, or go on in the part
            of another.

    Attributes:
        fleeting: whether bytes can be read for a while only: seams are compared as they come.
    """

    fleeting = False

    def __init__(self, live: list[Segment], behind: int, *, divisible: bool = False) -> None:
        self.live = live
        self.behind = behind
        self.divisible = divisible

    @property
    def done(self) -> int:
        """Bytes of the file that are there."""
        return self.behind + sum(segment.done for segment in self.live)

    @property
    def sent(self) -> int:
        """Segments that a server is sending."""
        return sum(each.heard and each.wire is not None for each in self.live)

    def rate(self, now: float) -> float:
        """Return the bytes a second of the fastest attempt, at work or over; 0 before any.

        One that is young has hardly begun: an answer's beginning comes out of buffers.
        """
        tried = (each for each in self.live if each.site is not None)
        return max((each.rate(max(now, each.set_out_at + _YOUNG)) for each in tried), default=0.0)

    def next_ready(self, now: float) -> Segment | None:
        """Return a segment that may be asked for now, one that goes on before others."""
        at_work = sum(each.wire is not None for each in self.live)
        ready = [
            each
            for each in self.live
            if not each.complete and each.wire is None and each.ready_at <= now
            if not each.denied or at_work < each.denied
        ]
        return next((each for each in ready if each.goes_on), ready[0] if ready else None)

    def advance(self) -> bool:
        """Bring `live` up to date and tell whether no more segments will come."""
        return True

    def place(self, segment: Segment) -> None:
        """Have a segment that was not begun go on in the part before it where that ends there.

        What is in one part need not be joined. Whoever wrote that part has ended.
        """
        if not self.divisible or segment.start < segment.position or segment.part != segment.start:
            return
        for each in self.live:
            if each.wire is None and each.position == each.stop == segment.start:
                segment.part = each.part

    def split(self, segment: Segment, at: int) -> Segment:
        """End `segment` at `at`, and return a new one for its rest."""
        rest = Segment(at, segment.stop, at)
        # Its thread reads this anew for each chunk; what it writes behind it is written twice.
        segment.stop = at
        self.live.insert(self.live.index(segment) + 1, rest)
        return rest

    def rejoin(self, segment: Segment) -> bool:
        """Give a segment that nobody brings back to the one before it, whose answer goes on there.

        Returns:
            Whether that could be done: nothing of it is here, and the other one is at work, and
            not about to end.
        """
        index = self.live.index(segment) if segment in self.live else 0
        if index == 0 or not segment.untouched:
            return False
        before = self.live[index - 1]
        goes_on = before.wire is not None and before.stop == segment.start
        if not goes_on or before.until < segment.stop:
            return False
        if before.stop - before.position < _ABOUT_TO_END:
            return False
        # Its thread reads this anew for each chunk.
        before.stop = segment.stop
        del self.live[index]
        return True

    def join(self, most: float, cuts: Collection[int]) -> None:
        """Make one of segments that follow one another, and that nobody has begun.

        One connection asks for all of that at once.

        Args:
            most: bytes of the longest that comes of it: what is longer is there in order still
                for connections that are wanted later.
            cuts: places that no segment may cross.
        """
        if not self.divisible:
            return
        joined = self.live[:1]
        for each in self.live[1:]:
            before = joined[-1]
            follows = before.stop == each.start == each.part and each.start not in cuts
            if follows and before.new and each.new and each.stop - before.start <= most:
                before.stop = each.stop
            else:
                joined.append(each)
        self.live = joined

    def go_on_in(self, done: Segment, ahead: Segment, at: int) -> Segment:
        """Have the part of `done` go on through `ahead`, which may be nowhere yet.

        Args:
            done: has brought what is before `ahead`.
            ahead: given up; what a thread that has not heard so yet writes is written twice.
            at: where the part of `done` ends.

        Returns:
            The segment in the place of `ahead`.
        """
        instead = Segment(ahead.start, ahead.stop, done.part)
        instead.position = at
        self.live[self.live.index(ahead)] = instead
        return instead
