"""What the list no longer has: whether it is gone, or only not asked for, and how it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

from segdl.core.globs import make_globs
from segdl.core.mirrordelete import check_deletion
from segdl.core.url import parse_url
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.happenings import Happening, Removed, Said
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.place import Place
from segdl.mirror.rows import Row


def delete_unlisted(
    options: MirrorOptions,
    ledger: Ledger,
    listing: int,
    place: Place,
    tell: Callable[[Happening], None],
    check_cancelled: Callable[[], None],
) -> int:
    """Take files out of a mirror that its list no longer has; return how many.

    Files that another list named, or that this run leaves out of the list, are not known to be
    gone: they stay.

    Args:
        options: the mirror.
        ledger: knows what is of the mirror.
        listing: was read to its end, and everything that it names is here.
        place: where its files are.
        tell: takes what happens.
        check_cancelled: raises where the run is to end.

    Raises:
        IntegrityError: they are too many; nothing was deleted.
        DiskError: one cannot be removed; the others were.
    """
    if not count_gone(options, ledger, listing, place, tell, check_cancelled):
        return 0
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    removal = _Removal(place, stamp if options.delete == "trash" else None, tell)
    for rows in gone_files(options, ledger, listing, place):
        removed: list[Row] = []
        try:
            for row in rows:
                check_cancelled()
                if removal.remove(row):
                    removed.append(row)
        finally:
            ledger.forget(removed)
            removal.removed += len(removed)
    if removal.failure is not None:
        raise removal.failure
    return removal.removed


def count_gone(
    options: MirrorOptions,
    ledger: Ledger,
    listing: int,
    place: Place,
    tell: Callable[[Happening], None],
    check_cancelled: Callable[[], None],
) -> int:
    """Return how many files are to be deleted; say how many of those not listed stay.

    Raises:
        IntegrityError: they are too many.
    """
    is_gone = _gone(options, ledger, listing)
    gone = left = 0
    for rows in ledger.unlisted(listing):
        check_cancelled()
        for row in filter(partial(_is_here, place), rows):
            gone += (going := is_gone(row))
            left += not going
    if left:
        files = "file that is" if left == 1 else "files that are"
        tell(Said(f"{left} {files} of another list, or left out of this one, not deleted"))
    if gone:
        here, _ = ledger.count()
        check_deletion(gone, here, options.max_delete)
    return gone


def gone_files(
    options: MirrorOptions, ledger: Ledger, listing: int, place: Place
) -> Iterator[list[Row]]:
    """Yield what the list no longer has and is here, some at a time; they may be forgotten."""
    is_gone = _gone(options, ledger, listing)
    for rows in ledger.unlisted(listing):
        yield [row for row in rows if is_gone(row) and _is_here(place, row)]


def forget_unlisted(options: MirrorOptions, ledger: Ledger, listing: int, place: Place) -> None:
    """Forget what is gone and not here, and throw away what was fetched of it.

    Folders that only held that go, too: a file may come in the place of one.
    """
    is_gone = _gone(options, ledger, listing)
    for rows in ledger.unlisted(listing):
        gone = [row for row in rows if is_gone(row)]
        for row in gone:
            place.drop_parts(row.path)
        lost = [row for row in gone if not _is_here(place, row)]
        for row in lost:
            place.prune(row.path)
        ledger.forget(lost)


def list_name(source: str) -> str:
    """Return what tells a list from others: without secrets, wherever it was called from.

    Example:
        >>> list_name("https://me:secret@example.org/SHA256SUMS?token=secret"), list_name("-")
        ('https://example.org/SHA256SUMS', '-')
    """
    if "://" in source:
        return parse_url(source).public.partition("?")[0]
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


def _gone(options: MirrorOptions, ledger: Ledger, listing: int) -> Callable[[Row], bool]:
    """Return what tells of a file that is not listed whether it is known to be gone."""
    own = ledger.same_list(listing)
    return lambda row: row.listing in own and is_asked_for(row.path, options.listing)


def _is_here(place: Place, row: Row) -> bool:
    return (row.had is not None or row.open) and place.has(row.path)


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
