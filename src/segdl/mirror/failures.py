"""What went wrong in a run: the first of it in full, the rest as a number."""

from __future__ import annotations

from dataclasses import dataclass, field

from segdl.errors import SegdlError

# A list may name a million files that are gone, or have as many lines that cannot be used. The
# ledger has each file's error, the report the first ten thousand.
_MOST = 1000


@dataclass(slots=True)
class Failures:
    """Errors in the order in which they were seen. Memory is bounded, however many there are.

    Attributes:
        first: those that are kept.
        count: of all.

    Example:
        >>> failures = Failures()
        >>> failures.note(SegdlError("gone"))
        >>> failures.count, str(failures.first[0])
        (1, 'gone')
    """

    first: list[SegdlError] = field(default_factory=list)
    count: int = 0

    def note(self, error: SegdlError) -> None:
        """Take one in, without what led there.

        A traceback keeps all that the steps of its file held, and there may be many files.
        """
        error.__traceback__ = error.__cause__ = error.__context__ = None
        self._keep([error])
        self.count += 1

    def add(self, others: Failures) -> None:
        """Take in what went wrong elsewhere; it comes after what is here."""
        self._keep(others.first)
        self.count += others.count

    def _keep(self, errors: list[SegdlError]) -> None:
        self.first += errors[: max(0, _MOST - len(self.first))]

    def __bool__(self) -> bool:
        """Tell whether anything went wrong."""
        return self.count > 0
