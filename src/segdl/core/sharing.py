"""Whether there is more to do for small files than one process can.

Python has one core at a time. Small files that come one after the other keep it busy: a second
process makes use of another. Files that are waited for do not.
"""

from __future__ import annotations

from typing import NamedTuple

# Small files in a row, after which it is looked how busy they kept the core.
_FILES = 8
# The share of it from which on there is work for another.
_BUSY = 0.75


class Sharing(NamedTuple):
    """What is known of the files that came last.

    Attributes:
        files: how many in a row were small.
        since: when the first of them came, in seconds.
        spent: seconds of a core that were spent until then.
        worthwhile: whether another process would help; it holds from then on.

    Example:
        >>> state = Sharing()
        >>> for n in range(9):
        ...     state = state.came(now=n / 1000, spent=n / 1100)
        >>> state.worthwhile, Sharing().worthwhile
        (True, False)
    """

    files: int = 0
    since: float = 0.0
    spent: float = 0.0
    worthwhile: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it takes the next small file to know what was spent until then."""
        return not self.worthwhile and self.files % _FILES == 0

    def came(self, now: float, spent: float) -> Sharing:
        """Note a small file.

        Args:
            now: seconds.
            spent: seconds of a core that this process has spent so far, where that `is_due`.
        """
        if self.worthwhile:
            return self
        if self.files == 0:
            return Sharing(1, now, spent)
        if self.files < _FILES:
            return self._replace(files=self.files + 1)
        if spent - self.spent >= _BUSY * (now - self.since):
            return self._replace(worthwhile=True)
        return Sharing(1, now, spent)
