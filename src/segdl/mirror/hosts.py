"""Which file is next: every host gets its share, and none holds the others up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from segdl.core.outage import HERE, failed, is_over, may_try
from segdl.core.pace import LONGEST_WAIT
from segdl.core.refusing import is_hopeless, refused
from segdl.engine.busy import PutOffError
from segdl.mirror.host import Host
from segdl.mirror.ledger import Ledger
from segdl.mirror.mixture import Mixture, sort_of
from segdl.mirror.rows import Row, Wanted

# Seconds between two looks for hosts to give up.
_LOOK = 0.1
# How often a file is refused, where its host takes others meanwhile.
_MOST_REFUSALS = 5


class Hosts:
    """All hosts of a round. The coordinator's thread owns it.

    Args:
        ledger: has the files that wait.
        max_files: files at once, of all hosts.
        cap: tells how many connections a host may have.
        pause: tells for how many seconds a host, of which a URL is given, is asked nothing.
        streams: tells how many answers are coming from it.
        patience: seconds that a host may not answer before it is given up.
        clock: seconds.
        is_ending: tells whether little is still to come of a file that is at work.

    Attributes:
        mixture: knows which of them are large, and has small ones go beside those.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        max_files: int,
        cap: Callable[[str], int],
        pause: Callable[[str], float],
        streams: Callable[[str], int],
        patience: float,
        clock: Callable[[], float],
        is_ending: Callable[[Row], bool],
    ) -> None:
        self.mixture = Mixture(ledger, is_ending)
        self._max_files = max_files
        self._cap = cap
        self._pause = pause
        self._streams = streams
        self._patience = patience
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._turns: deque[Host] = deque()
        # How often files that wait again had no answer, and were refused.
        self._tries: dict[int, int] = {}
        self._refusals: dict[int, int] = {}
        self._looked_at = -_LOOK

    def of(self, name: str) -> Host:
        """Return a host by name."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, self._cap(name))
            self._turns.append(host)
        return host

    def add(self, file: Wanted | Row) -> None:
        """Note that one more file waits in the ledger."""
        host = self.of(file.host)
        host.waiting[file.late] += 1
        host.none_small = False
        if not file.late:
            host.balance.add(sort_of(file))

    @property
    def at_work(self) -> int:
        """Files given to threads."""
        return sum(host.at_work for host in self._hosts.values())

    @property
    def left(self) -> int:
        """Files that are not given to threads yet."""
        return sum(host.left for host in self._hosts.values())

    def has_early(self) -> bool:
        """Tell whether a file that is none of the late ones waits or is at work."""
        return any(host.has_early or host.works_early for host in self._hosts.values())

    def next(self, *, late: bool) -> Row | None:
        """Return the next file and count it as at work; None where none can go now.

        Args:
            late: whether those that come after the others may go.
        """
        now = self._clock()
        share = self._share(now)
        for _ in range(len(self._turns)):
            host = self._turns[0]
            self._turns.rotate(-1)
            row = self._next_of(host, now, share, late=late)
            if row is not None:
                host.working[row.id] = row
                if not row.late:
                    host.balance.take(sort_of(row))
                host.url = row.urls[0]
                return row
        return None

    def crowds(self, *, more: bool, late: bool) -> Iterator[tuple[str, bool]]:
        """Yield a URL of each host that files began or ceased to wait for, and whether they do.

        Where others wait one connection is enough for each file: that is fewer requests. They
        may as long as there is `more` of the list; those that are to be `late` do not until
        they may go. It is, too, where files have most of the connections already: whoever takes
        a part of one over has what is under way sent twice.
        """
        for host in self._hosts.values():
            waits = bool(host.left) if late else host.has_early
            crowded = more or waits or host.at_work > host.cap * 2 // 3
            if host.url and host.crowded != crowded:
                host.crowded = crowded
                yield host.url, crowded

    def ended(self, row: Row, trouble: str | None = None, *, heard: bool = True) -> bool:
        """Note that a file ended; tell whether it goes back to wait for its host.

        Args:
            row: the file.
            trouble: what was had instead of an answer; None where there was one.
            heard: whether there was an answer, where there was no trouble.
        """
        host = self.of(row.host)
        host.working.pop(row.id, None)
        host.make_next(host.resting.ended(row))
        if trouble is None:
            if heard:
                host.outage, host.refusing = HERE, None
            self._forget(row)
            return False
        host.outage, host.trouble = failed(host.outage, self._clock()), trouble
        if _count(self._tries, row) > 1 and not host.outage.away:
            return False
        host.make_ready([row])
        if not row.late:
            host.balance.put_back(sort_of(row))
        return True

    def put_off(self, row: Row, error: PutOffError) -> bool:
        """Note that nothing came of a file, as somebody asks to come back later.

        Returns whether it goes back to wait for that; some are refused whatever others are.
        """
        host, now = self.of(row.host), self._clock()
        host.working.pop(row.id, None)
        if error.asked:
            host.outage = HERE
        if error.by is not None:
            rests = (error.by, row, now, error.rest, self._patience)
            waits = host.resting.put(*rests, asked=error.asked)
        elif error.asked and (host.refusing is None or not host.left):
            self.busy(host)
            waits = _count(self._refusals, row) <= _MOST_REFUSALS
            # It is its turn: else it might be refused again and again while others are not.
            host.make_next([row] if waits else [])
        else:
            if error.asked:
                # Whether that is the host's or the file's is to be seen by the next one.
                self.busy(host)
            waits = True
            host.make_ready([row])
        if not waits:
            self._forget(row)
        elif not row.late:
            host.balance.put_back(sort_of(row))
        return waits

    def busy(self, host: Host) -> None:
        """Note that a file was refused: by its host, as far as that wants to be left alone now."""
        if self.pause(host) <= 0:
            return
        serves = self._streams(host.url) > 0
        host.refusing = None if serves else refused(host.refusing, self._clock())

    def _forget(self, row: Row) -> None:
        self._tries.pop(row.id, None)
        self._refusals.pop(row.id, None)

    def given_up(self) -> Iterator[tuple[Host, list[Row]]]:
        """Yield hosts that are away, or to be left alone, for too long, and their files.

        It looks for them now and then, however often it is called.
        """
        now = self._clock()
        if now < self._looked_at + _LOOK:
            return
        self._looked_at = now
        for host in self._hosts.values():
            if host.left and self._is_hopeless(host, now):
                rows = [*host.ready, *host.small, *host.resting.clear()]
                host.ready.clear()
                host.small.clear()
                host.waiting[:] = [0, 0]
                yield host, rows

    def _is_hopeless(self, host: Host, now: float) -> bool:
        """Tell whether its files are left to the next run."""
        if is_over(host.outage, now, self._patience) or self.pause(host) > LONGEST_WAIT:
            return True
        # Who sends something is there.
        return is_hopeless(host.refusing, self._patience) and not self._streams(host.url)

    def pause(self, host: Host) -> float:
        """Return for how many seconds a host is asked nothing."""
        return self._pause(host.url) if host.url else 0.0

    def _share(self, now: float) -> int:
        """Return how many files of one host are at work at most: all that are active get some."""
        active = sum(
            1 for host in self._hosts.values() if host.at_work or self._may_begin(host, now)
        )
        return max(1, -(-self._max_files // max(1, active)))

    def _may_begin(self, host: Host, now: float) -> bool:
        if not host.left or not may_try(host.outage, now, host.at_work):
            return False
        # Others are not known to be left alone.
        return host.refusing is None or self.pause(host) <= 0

    def _next_of(self, host: Host, now: float, share: int, *, late: bool) -> Row | None:
        if not host.left or host.at_work >= min(host.cap, share):
            return None
        if not may_try(host.outage, now, host.at_work):
            return None
        if host.refusing is not None and host.at_work and not self._streams(host.url):
            # Whether it takes requests again is to be seen by one.
            return None
        host.make_next(host.resting.due(now))
        first = self.mixture.first(host, late=late)
        if first is None:
            return None
        if host.resting.full and not host.resting.is_probe(first):
            return None
        # Where it has mirrors they are asked instead.
        if len(first.urls) == 1 and self._pause(first.urls[0]) > 0:
            return None
        if host.resting.is_probe(first):
            return host.ready.popleft()
        return self.mixture.small_beside(host, min(host.cap, share)) or host.ready.popleft()


def _count(counts: dict[int, int], row: Row) -> int:
    counts[row.id] = counts.get(row.id, 0) + 1
    return counts[row.id]
