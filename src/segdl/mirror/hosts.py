"""Which file is next: every host gets its share, and none holds the others up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from segdl.core.balance import Sort
from segdl.core.likeness import Likeness, kind_of
from segdl.core.outage import HERE, failed, is_over, may_try
from segdl.core.pace import LONGEST_WAIT
from segdl.engine.busy import PutOffError
from segdl.mirror.host import Host
from segdl.mirror.ledger import Ledger
from segdl.mirror.rows import Row, Wanted

# Files that are taken from the ledger at once, and that are looked through at most for one that
# is not large.
_BATCH = 64
_MOST_READY = 16 * _BATCH
# Seconds between two looks for hosts to give up.
_LOOK = 0.1
# How often a file is refused, where its host takes others meanwhile.
_MOST_REFUSALS = 5
# Bytes; smaller files are fetched over one connection.
LARGE = 8 * 1024 * 1024


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
        self._ledger = ledger
        self._max_files = max_files
        self._cap = cap
        self._pause = pause
        self._streams = streams
        self._patience = patience
        self._clock = clock
        self._is_ending = is_ending
        self._hosts: dict[str, Host] = {}
        self._turns: deque[Host] = deque()
        # How often files that wait again had no answer, and were refused.
        self._tries: dict[int, int] = {}
        self._refusals: dict[int, int] = {}
        self._likeness = Likeness()
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
            host.balance.add(_sort(file))

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
                    host.balance.take(_sort(row))
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

    def learn(self, path: str, size: int) -> None:
        """Note how many bytes a file has: others that are called alike may be like it."""
        self._likeness.learn(path, size)

    def is_large(self, row: Row) -> bool:
        """Tell whether a file is worth several connections, as far as that is known."""
        if row.listed.size is None and row.had:
            return row.had.stat.size >= LARGE
        sort = _sort(row)
        return self._is_kind_large(sort) if isinstance(sort, str) else sort

    def _is_kind_large(self, kind: str) -> bool:
        return (self._likeness.guess(kind) or 0) >= LARGE

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
                host.outage, host.refusals = HERE, None
            self._forget(row)
            return False
        host.outage, host.trouble = failed(host.outage, self._clock()), trouble
        if _count(self._tries, row) > 1 and not host.outage.away:
            return False
        host.make_ready([row])
        if not row.late:
            host.balance.put_back(_sort(row))
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
        elif error.asked and (host.refusals is None or not host.left):
            self.busy(host)
            waits = _count(self._refusals, row) <= _MOST_REFUSALS
            # It is its turn: else it might be refused again and again while others are not.
            host.make_next([row] if waits else [])
        elif error.asked:
            # Whether that is the host's or the file's is to be seen by the next one.
            self.busy(host)
            waits = True
            host.make_ready([row])
        else:
            waits = True
            host.make_ready([row])
        if not waits:
            self._forget(row)
        elif not row.late:
            host.balance.put_back(_sort(row))
        return waits

    def busy(self, host: Host) -> None:
        """Note that a file was refused: by its host, as far as that wants to be left alone now."""
        if self.pause(host) <= 0:
            return
        now = self._clock()
        since, _ = host.refusals or (now, now)
        host.refusals = None if self._streams(host.url) else (since, now)

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
        # However long it asks to wait, it is asked again once; and who sends something is there.
        since, until = host.refusals or (now, now)
        over = until > since and until - since >= self._patience
        return over and not self._streams(host.url)

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
        return host.refusals is None or self.pause(host) <= 0

    def _next_of(self, host: Host, now: float, share: int, *, late: bool) -> Row | None:
        if not host.left or host.at_work >= min(host.cap, share):
            return None
        if not may_try(host.outage, now, host.at_work):
            return None
        if host.refusals is not None and host.at_work and not self._streams(host.url):
            # Whether it takes requests again is to be seen by one.
            return None
        host.make_next(host.resting.due(now))
        if not host.ready or (host.ready[0].late and host.waiting[False]):
            self._refill(host, late=late)
        if not host.ready and host.small:
            host.ready, host.small = host.small, host.ready
        if not host.ready or (host.ready[0].late and not late):
            return None
        first = host.ready[0]
        if host.resting.full and not host.resting.is_probe(first):
            return None
        # Where it has mirrors they are asked instead.
        if len(first.urls) == 1 and self._pause(first.urls[0]) > 0:
            return None
        if host.resting.is_probe(first):
            return host.ready.popleft()
        return self._small_beside(host, min(host.cap, share)) or host.ready.popleft()

    def _small_beside(self, host: Host, most: int) -> Row | None:
        """Return a small file where enough large ones are at work; None where one may go.

        Large files wait for the link, small ones for round trips: both at once take less time.
        """
        if not self.is_large(host.ready[0]):
            return None
        if not self._has_enough_large(host, most):
            return None
        if not (host.small or host.none_small) and host.waiting[False]:
            host.small.extend(self._ledger.take(host.name, _BATCH, late=False, smaller=LARGE))
            host.waiting[False] = max(0, host.waiting[False] - len(host.small))
            host.none_small = not host.small
        return host.small.popleft() if host.small else self._small_of_those_ready(host)

    def _has_enough_large(self, host: Host, most: int) -> bool:
        """Tell whether no more large files may go while small ones wait: as those get on."""
        large = [row for row in host.working.values() if self.is_large(row)]
        if host.balance.small_lag(self._is_kind_large):
            # One at a time, without a break between two.
            return len(large) > 1 or not all(map(self._is_ending, large))
        lead = host.balance.small_lead(self._is_kind_large)
        return len(large) >= max(1, most // 2 if lead else most // 3)

    def _small_of_those_ready(self, host: Host) -> Row | None:
        """Return one that is not known to be large, of those whose sizes nobody tells, too."""
        at = 0
        while at < len(host.ready) or (at < _MOST_READY and self._refill(host, late=False)):
            row = host.ready[at]
            if row.late:
                return None
            if not self.is_large(row):
                del host.ready[at]
                return row
            at += 1
        return None

    def _refill(self, host: Host, *, late: bool) -> bool:
        """Take more files from the ledger; tell whether there were any."""
        which = not host.waiting[False]
        if which and not late:
            return False
        rows = self._ledger.take(host.name, _BATCH, late=which)
        host.waiting[which] = max(0, host.waiting[which] - len(rows)) if rows else 0
        host.make_ready(rows)
        return bool(rows)


def _count(counts: dict[int, int], row: Row) -> int:
    counts[row.id] = counts.get(row.id, 0) + 1
    return counts[row.id]


def _sort(file: Wanted | Row) -> Sort:
    size = file.listed.size
    return kind_of(file.path) if size is None else size >= LARGE
