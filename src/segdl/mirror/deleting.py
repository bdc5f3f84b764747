"""What the list no longer has: whether it is gone, or only not asked for, and how it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from segdl.core.globs import make_globs
from segdl.core.mirrordelete import check_deletion
from segdl.core.resource import query_digest
from segdl.core.url import parse_url
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.happenings import Happening, Removed, Said
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.place import Place
from segdl.mirror.rows import Row


class Unlisted:
    """The files of a mirror that its list no longer has.

    Those that another list named, or that this run leaves out of the list, are not known to be
    gone: they stay.

    Args:
        options: the mirror.
        ledger: knows what is of the mirror.
        listing: was read to its end.
        known: the number of the last file that was here when all was well before.
        place: where its files are.
        tell: takes what happens.
    """

    def __init__(
        self,
        options: MirrorOptions,
        ledger: Ledger,
        listing: int,
        known: int,
        place: Place,
        tell: Callable[[Happening], None],
    ) -> None:
        self._options = options
        self._ledger = ledger
        self._listing = listing
        self._known = known
        self._place = place
        self._tell = tell
        self._own = ledger.same_list(listing, map(list_name, options.listing.formerly))

    def count(self, check_cancelled: Callable[[], None]) -> int:
        """Return how many are here and gone from the list; say how many of the others stay.

        Args:
            check_cancelled: raises where the run is to end.

        Raises:
            IntegrityError: they are too many to be deleted.
        """
        gone = left = others = 0
        for rows in self._ledger.unlisted(self._listing):
            check_cancelled()
            for row in filter(self._is_here, rows):
                gone += (going := self._is_gone(row))
                left += not going
                others += row.listing not in self._own
        if left:
            files = "file that is" if left == 1 else "files that are"
            text = f"{left} {files} of another list, or left out of this one, not deleted"
            hint = "; if it is this one, say with --formerly where it was" if others else ""
            self._tell(Said(f"{text}{hint}"))
        if gone:
            # What is not this list's to delete is no measure of it, nor is what has just come.
            stay = self._ledger.count(self._listing, self._known)
            check_deletion(gone, stay + gone, self._options.max_delete)
        return gone

    def gone(self) -> Iterator[list[Row]]:
        """Yield those that are here and gone from the list, some at a time.

        Those that were yielded may be forgotten meanwhile.
        """
        for rows in self._ledger.unlisted(self._listing):
            yield [row for row in rows if self._is_gone(row) and self._is_here(row)]

    def any_to_go(self) -> bool:
        """Tell whether one of those is as it was fetched, so that it would be taken out."""
        return any(row.open or self._is_untouched(row) for rows in self.gone() for row in rows)

    def delete(self, check_cancelled: Callable[[], None]) -> int:
        """Take those that are gone from the list out of the mirror; return how many.

        Everything that the list names is to be here.

        Raises:
            IntegrityError: they are too many; nothing was deleted.
            DiskError: one cannot be removed; the others were.
        """
        if not self.count(check_cancelled):
            return 0
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept = stamp if self._options.delete == "trash" else None
        removal = _Removal(self._place, kept, self._tell)
        for rows in self.gone():
            removed: list[Row] = []
            try:
                for row in rows:
                    check_cancelled()
                    if removal.remove(row):
                        removed.append(row)
            finally:
                self._ledger.forget(removed)
                removal.removed += len(removed)
        if removal.failure is not None:
            raise removal.failure
        return removal.removed

    def forget(self) -> None:
        """Forget what is gone and not here, and throw away what was fetched of it.

        Folders that only held that go, too: a file may come in the place of one.
        """
        for rows in self._ledger.unlisted(self._listing):
            gone = list(filter(self._is_gone, rows))
            for row in gone:
                self._place.drop_parts(row.path)
            lost = [row for row in gone if not self._is_here(row)]
            for row in lost:
                self._place.prune(row.path)
            self._ledger.forget(lost)

    def _is_gone(self, row: Row) -> bool:
        return row.listing in self._own and is_asked_for(row.path, self._options.listing)

    def _is_untouched(self, row: Row) -> bool:
        return row.had is not None and self._place.look(row.path)[0] == row.had.stat

    def _is_here(self, row: Row) -> bool:
        return (row.had is not None or row.open) and self._place.has(row.path)


def list_name(source: str) -> str:
    """Return what tells a list from others: without secrets, wherever it was called from.

    Example:
        >>> list_name("https://me:secret@example.org/SHA256SUMS?token=secret"), list_name("-")
        ('https://example.org/SHA256SUMS', '-')
        >>> list_name("https://example.org/list?part=a").startswith("https://example.org/list?")
        True
    """
    if "://" in source:
        query = query_digest(source)
        public = parse_url(source).public.partition("?")[0]
        return f"{public}?{query:08x}" if query else public
    return source if source == "-" else os.path.abspath(source)


def is_asked_for(path: str, options: ListingOptions) -> bool:
    """Tell whether a list that has a file would be asked for it.

    Example:
        >>> options = ListingOptions(source="-", include=("*.iso",), depth=1)
        >>> [is_asked_for(path, options) for path in ("a.iso", "a.txt", "b/a.iso", "c/b/a.iso")]
        [True, False, True, False]
    """
    if options.depth is not None and path.count("/") > options.depth:
        return False
    return make_globs(options.include, options.exclude).takes(path)


class _Removal:
    """Takes files out, one after the other.

    Args:
        place: where they are.
        stamp: names what is kept of them; None keeps nothing.
        tell: takes what happens.

    Attributes:
        removed: how many are out.
        failure: why the first that could not be removed was not.
    """

    def __init__(self, place: Place, stamp: str | None, tell: Callable[[Happening], None]) -> None:
        self._place = place
        self._stamp = stamp
        self._tell = tell
        self.removed = 0
        self.failure: SegdlError | None = None

    def remove(self, row: Row) -> bool:
        """Take one out, and what was fetched of it; tell whether it is out."""
        self._place.drop_parts(row.path)
        try:
            expected = row.had.stat if row.had else None
            out = self._place.remove(row.path, expected, self._stamp, begun=row.open)
        except CancelledError:
            raise
        except SegdlError as error:
            self.failure = self.failure or error
            return False
        if out:
            size = row.had.stat.size if row.had else row.listed.size or 0
            self._tell(Removed(row.path, size))
        else:
            self._tell(Said(f"{row.path} is not deleted: it is not what was fetched"))
        return out
