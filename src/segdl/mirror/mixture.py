"""Large files of a host and small ones beside them: the link and its round trips are both used."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.balance import Sort
from segdl.core.likeness import Likeness, kind_of
from segdl.mirror.host import Host
from segdl.mirror.ledger import Ledger
from segdl.mirror.rows import Row, Wanted

# Files that are taken from the ledger at once, and that are looked through at most for one that
# is not large.
_BATCH = 64
_MOST_READY = 16 * _BATCH
# Bytes; smaller files are fetched over one connection.
LARGE = 8 * 1024 * 1024


class Mixture:
    """Takes files from the ledger, of the sort that is next. The coordinator's thread owns it.

    Args:
        ledger: has the files that wait.
        is_ending: tells whether little is still to come of a file that is at work.
    """

    def __init__(self, ledger: Ledger, is_ending: Callable[[Row], bool]) -> None:
        self._ledger = ledger
        self._is_ending = is_ending
        self._likeness = Likeness()

    def learn(self, path: str, size: int) -> None:
        """Note how many bytes a file has: others that are called alike may be like it."""
        self._likeness.learn(path, size)

    def is_large(self, row: Row) -> bool:
        """Tell whether a file is worth several connections, as far as that is known."""
        if row.listed.size is None and row.had:
            return row.had.stat.size >= LARGE
        sort = sort_of(row)
        return self._is_kind_large(sort) if isinstance(sort, str) else sort

    def first(self, host: Host, *, late: bool) -> Row | None:
        """Return the first of a host's files that are ready; None where none may go now.

        Args:
            host: has them.
            late: whether those that come after the others may go.
        """
        if not host.ready or (host.ready[0].late and host.waiting[False]):
            self._refill(host, late=late)
        if not host.ready and host.small:
            host.ready, host.small = host.small, host.ready
        if not host.ready or (host.ready[0].late and not late):
            return None
        return host.ready[0]

    def small_beside(self, host: Host, most: int) -> Row | None:
        """Take a small file where enough large ones are at work; None where one may go.

        Large files wait for the link, small ones for round trips: both at once take less time.

        Args:
            host: has some that are ready.
            most: files of it at once.
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

    def _is_kind_large(self, kind: str) -> bool:
        return (self._likeness.guess(kind) or 0) >= LARGE

    def _has_enough_large(self, host: Host, most: int) -> bool:
        """Tell whether no more large files may go while small ones wait: as those get on."""
        large = [row for row in host.working.values() if self.is_large(row)]
        if host.balance.small_lag(self._is_kind_large):
            # One at a time, without a break between two.
            return len(large) > 1 or not all(map(self._is_ending, large))
        lead = host.balance.small_lead(self._is_kind_large)
        return len(large) >= max(1, most // 2 if lead else most // 3)

    def _small_of_those_ready(self, host: Host) -> Row | None:
        """Take one that is not known to be large, of those whose sizes nobody tells, too."""
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


def sort_of(file: Wanted | Row) -> Sort:
    """Return whether a file is large, or what it is called like where nobody tells its size."""
    size = file.listed.size
    return kind_of(file.path) if size is None else size >= LARGE
