"""A host with files to fetch: those that wait, those that are ready, and those at work."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from segdl.core.balance import Balance
from segdl.core.outage import HERE, Outage
from segdl.core.refusing import Refusing
from segdl.mirror.resting import Resting
from segdl.mirror.rows import Row


@dataclass(slots=True)
class Host:
    """A host with files to fetch. The coordinator's thread owns it.

    Attributes:
        name: ``HOST`` or ``HOST:PORT``.
        cap: connections at most.
        waiting: files in the ledger that wait, the early ones and the late ones.
        ready: files taken from it, the first in turn first.
        resting: files that wait for whom it leads to.
        small: files taken from the other end of it, to be fetched beside large ones.
        none_small: whether the ledger has none of which the list tells that they are.
        working: files given to threads, by number.
        balance: how many there are of either sort, but for those that come after all others.
        outage: what is known of its silence.
        trouble: what was had instead of an answer: where files go to a store, of either.
        refusing: how long it has done nothing but ask to come back later; None where it took
            the last request.
        url: one that it was asked for.
        crowded: whether others were told that files wait for it.
    """

    name: str
    cap: int
    waiting: list[int] = field(default_factory=lambda: [0, 0])
    ready: deque[Row] = field(default_factory=deque)
    resting: Resting = field(default_factory=Resting)
    small: deque[Row] = field(default_factory=deque)
    none_small: bool = False
    working: dict[int, Row] = field(default_factory=dict)
    balance: Balance = field(default_factory=Balance)
    outage: Outage = HERE
    trouble: str = ""
    refusing: Refusing | None = None
    url: str = ""
    crowded: bool = False

    @property
    def at_work(self) -> int:
        """How many files are given to threads."""
        return len(self.working)

    @property
    def left(self) -> int:
        """Files that are not given to threads yet."""
        return sum(self.waiting) + len(self.ready) + len(self.small) + len(self.resting)

    @property
    def has_early(self) -> bool:
        """Whether one of those is none that comes after all others."""
        # The late ones of those that are ready are behind all others.
        ready = bool(self.ready) and not self.ready[0].late
        return bool(self.waiting[False] or self.small or ready or self.resting.has_early)

    @property
    def works_early(self) -> bool:
        """Whether one that does not come after all others is given to a thread."""
        return any(not row.late for row in self.working.values())

    def make_next(self, rows: Sequence[Row]) -> None:
        """Have files be the first of those that are ready; late ones of the late ones."""
        late = [row for row in rows if row.late]
        self.ready.extendleft(row for row in reversed(rows) if not row.late)
        if late:
            early = [row for row in self.ready if not row.late]
            self.ready = deque([*early, *late, *(row for row in self.ready if row.late)])

    def make_ready(self, rows: Sequence[Row]) -> None:
        """Have files be ready that follow those that are; the late ones stay behind all others."""
        if not (self.ready and self.ready[-1].late) or all(row.late for row in rows):
            self.ready.extend(rows)
            return
        # What was found corrupt comes when all but these were through.
        first_late = next(at for at, row in enumerate(self.ready) if row.late)
        for row in reversed(rows):
            self.ready.insert(first_late, row)
