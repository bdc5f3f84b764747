"""Which of a host's files are ahead, the large ones or the small ones.

Large files wait for the link, small ones for round trips: to have both at work to the end takes
less time than one sort after the other. And many large ones at once have much under way, which
comes again where a run is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Whether a file is large; where nobody tells, its kind, of which that may be known later.
Sort: TypeAlias = bool | str

# Kinds that are told apart: names are the server's.
_MOST_KINDS = 64


class Balance:
    """Counts files that wait, and those that were taken.

    Example: one of two large files was taken, and two of three small ones.

        >>> balance = Balance()
        >>> for sort in (True, True, False, "dat", "dat"):
        ...     balance.add(sort)
        >>> for sort in (True, False, "dat"):
        ...     balance.take(sort)
        >>> balance.small_lead(lambda kind: kind == "iso")
        True
    """

    def __init__(self) -> None:
        # All files, and those taken.
        self._files: dict[Sort, list[int]] = {}

    def add(self, sort: Sort) -> None:
        """Count a file that waits."""
        self._of(sort)[0] += 1

    def take(self, sort: Sort) -> None:
        """Count one of them as taken."""
        self._of(sort)[1] += 1

    def put_back(self, sort: Sort) -> None:
        """Count one that was taken as waiting again."""
        self._of(sort)[1] -= 1

    def small_lead(self, is_large: Callable[[str], bool]) -> bool:
        """Tell whether a greater share of the small files was taken than of the large ones.

        Args:
            is_large: tells whether files of a kind are large, as far as that is known.
        """
        (files, taken), (others, begun) = self._sides(is_large)
        return taken * others > begun * files

    def small_lag(self, is_large: Callable[[str], bool]) -> bool:
        """Tell whether it would be a smaller share even without the large file taken last.

        Small ones would be left when the large ones are through, and would have to be waited
        for with a link that they do not fill.

        Args:
            is_large: as for `small_lead`.
        """
        (files, taken), (others, begun) = self._sides(is_large)
        return taken * others < (begun - 1) * files

    def _sides(self, is_large: Callable[[str], bool]) -> tuple[list[int], list[int]]:
        """Return of the small files, and of the large ones, all and those taken."""
        large, small = [0, 0], [0, 0]
        for sort, (files, taken) in self._files.items():
            side = large if (is_large(sort) if isinstance(sort, str) else sort) else small
            side[0] += files
            side[1] += taken
        return small, large

    def _of(self, sort: Sort) -> list[int]:
        if isinstance(sort, str) and sort not in self._files and len(self._files) >= _MOST_KINDS:
            sort = ""
        return self._files.setdefault(sort, [0, 0])
