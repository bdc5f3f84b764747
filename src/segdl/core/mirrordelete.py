"""Whether what a list no longer has may be deleted."""

from __future__ import annotations

from segdl.errors import IntegrityError


def check_deletion(gone: int, here: int, most: float) -> None:
    """Refuse to delete more of a mirror than a mistake in the list should cost.

    Args:
        gone: files that the list no longer has.
        here: files of the mirror, with those.
        most: the share that one run deletes at most, 0 to 1. One file may go in any case,
            unless it is 0.

    Raises:
        IntegrityError: it would be more.

    Example:
        >>> check_deletion(10, 100, 0.1)
        >>> check_deletion(11, 100, 0.1)
        Traceback (most recent call last):
            ...
        segdl.errors.IntegrityError: the list no longer has 11 of 100 files, more than 10 %: ...
    """
    allowed = max(int(here * most), 1 if most else 0)
    if gone > allowed:
        raise IntegrityError(
            f"the list no longer has {gone} of {here} files, more than {most * 100:.3g} %: "
            "nothing is deleted",
            hint="look at the list; --max-delete 100% deletes them, and with --dry-run names them",
        )
