"""Segments that are parts of an upload, made as it gets on."""

from __future__ import annotations

from collections import deque

from segdl.engine.segment import Segment
from segdl.engine.supply import Supply
from segdl.errors import NetworkError
from segdl.s3.uploading import Uploading


class PartSupply(Supply):
    """One segment a part, a few ahead of what is whole. The coordinator's thread owns it.

    Args:
        uploading: the parts.
        behind: bytes of those that are there.
        width: segments at once.
    """

    fleeting = True

    def __init__(self, uploading: Uploading, behind: int, width: int) -> None:
        super().__init__([], behind)
        self._uploading = uploading
        self._coming = deque(uploading.missing())
        self._width = width

    def advance(self) -> bool:
        """Bring `live` up to date and tell whether no more segments will come."""
        for segment in self.live:
            if segment.wire is None and not segment.complete:
                segment.position = self._uploading.position(segment.start)
                segment.ready_at = max(segment.ready_at, self._uploading.ready_at(segment.start))
        while self.live and self.live[0].wire is None and self.live[0].complete:
            done = self.live.pop(0)
            self.behind += done.stop - done.start
            self._uploading.over(done.start)
        while len(self.live) < self._width and self._coming:
            span = self._coming.popleft()
            self.live.append(Segment(span.start, span.stop, span.start))
        return not self._coming


class WholeSupply(Supply):
    """The one segment of a file that comes in one piece: where it breaks off it begins anew.

    Args:
        uploading: its parts.
        tries: how often it may.
    """

    fleeting = True

    def __init__(self, uploading: Uploading, tries: int) -> None:
        super().__init__([Segment(0, uploading.size, 0)], 0)
        self._uploading = uploading
        self._left = tries

    def advance(self) -> bool:
        """See to it that no attempt begins in the middle."""
        (segment,) = self.live
        if segment.wire is None and not segment.complete and segment.position:
            self._left -= 1
            if self._left <= 0:
                raise NetworkError(
                    f"{self._uploading.place}: the connection breaks, and the server sends no "
                    "ranges to go on with",
                    hint="save it to a file first",
                )
            part = self._uploading.open(0)
            part.cut(0)
            segment.position = 0
            segment.ready_at = max(segment.ready_at, self._uploading.ready_at(0))
        return True
