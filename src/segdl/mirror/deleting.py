"""What the list no longer has: whether it is gone, or only not asked for, and how it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from segdl.core.globs import make_globs
from segdl.core.mirrordelete import check_deletion
from segdl.core.mirrorneed import Stat
from segdl.core.url import parse_url
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.happenings import Happening, Removed, Said
from segdl.mirror.ledger import Ledger, Row
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.place import Place


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
    unlisted = [row for row in ledger.unlisted(listing) if _is_here(place, row)]
    gone = _gone(options, ledger, listing, unlisted)
    if left := len(unlisted) - len(gone):
        files = "file that is" if left == 1 else "files that are"
        tell(Said(f"{left} {files} of another list, or left out of this one, not deleted"))
    if not gone:
        return 0
    here, _ = ledger.count()
    check_deletion(len(gone), here, options.max_delete)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = stamp if options.delete == "trash" else None
    removed: list[Row] = []
    for row in gone:
        place.drop_parts(row.path)
    try:
        failure = _remove(place, kept, gone, removed, tell, check_cancelled)
    finally:
        ledger.forget(removed)
    if failure is not None:
        raise failure
    return len(removed)


def forget_unlisted(options: MirrorOptions, ledger: Ledger, listing: int, place: Place) -> None:
    """Forget what is gone and not here, and throw away what was fetched of it."""
    gone = _gone(options, ledger, listing, ledger.unlisted(listing))
    for row in gone:
        place.drop_parts(row.path)
    ledger.forget(row for row in gone if not _is_here(place, row))


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


def _gone(options: MirrorOptions, ledger: Ledger, listing: int, rows: Iterable[Row]) -> list[Row]:
    """Return those of the rows that are known to be gone from the list."""
    own = ledger.own(listing, rows)
    return [row for row in own if is_asked_for(row.path, options.listing)]


def _is_here(place: Place, row: Row) -> bool:
    return (row.had is not None or row.open) and place.has(row.path)


def _remove(
    place: Place,
    kept: str | None,
    gone: list[Row],
    removed: list[Row],
    tell: Callable[[Happening], None],
    check_cancelled: Callable[[], None],
) -> SegdlError | None:
    failure: SegdlError | None = None
    for row in gone:
        check_cancelled()
        try:
            if not place.remove(row.path, _expected(row), kept):
                tell(Said(f"{row.path} is not deleted: it is not what was fetched"))
                continue
        except CancelledError:
            raise
        except SegdlError as error:
            failure = failure or error
            continue
        removed.append(row)
        tell(Removed(row.path, row.had.stat.size if row.had else row.listed.size or 0))
    return failure


def _expected(row: Row) -> Stat | None:
    """Return what must be there; None is anything: a run that was killed may not have said."""
    if row.open:
        return None
    assert row.had is not None
    return row.had.stat
