"""Files that wait for an origin which a redirect led to, and which wants to be left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from segdl.core.url import Origin
from segdl.mirror.rows import Row

# Files of one origin: where more lead to it, who leads there is asked for no others.
_MOST = 1024


@dataclass(slots=True)
class _Group:
    """Those of one origin.

    Attributes:
        since: when it began to refuse, in seconds; it has taken nothing from then on.
        until: when it may be asked again, in seconds.
        rows: they, the first in turn first.
        probe: the number of the one that shows whether it takes requests again.
        hopeless: whether it has refused for too long.
    """

    since: float
    until: float = 0.0
    rows: list[Row] = field(default_factory=list)
    probe: int | None = None
    hopeless: bool = False


class Resting:
    """Those of one host. The coordinator's thread owns it."""

    def __init__(self) -> None:
        self._groups: dict[Origin, _Group] = {}

    def __len__(self) -> int:
        return sum(len(group.rows) for group in self._groups.values())

    @property
    def has_early(self) -> bool:
        """Whether one of them is none that comes after all others."""
        return any(not row.late for group in self._groups.values() for row in group.rows)

    @property
    def full(self) -> bool:
        """Whether there are so many that no others should be begun."""
        return any(len(group.rows) >= _MOST for group in self._groups.values())

    def put(
        self, origin: Origin, row: Row, now: float, rest: float, patience: float, *, asked: bool
    ) -> bool:
        """Have a file wait; tell whether that makes sense.

        Args:
            origin: what it waits for.
            row: the file.
            now: seconds.
            rest: seconds that it is to be left alone for.
            patience: seconds for which it may do nothing but refuse.
            asked: whether it was asked; else it was only known to refuse.
        """
        for each in self._groups.values():
            if each.probe == row.id:
                # It may be led to somebody else each time: then another one is to show it.
                each.probe = None
        group = self._groups.setdefault(origin, _Group(now))
        group.until = max(group.until, now + rest)
        group.hopeless = group.hopeless or (asked and now - group.since >= patience)
        if not group.hopeless:
            group.rows.append(row)
        return not group.hopeless

    def due(self, now: float) -> list[Row]:
        """Take out who may be begun: one of each origin, and all of those that are hopeless."""
        found = []
        for group in self._groups.values():
            if group.hopeless:
                found += group.rows
                group.rows = []
            elif group.rows and group.probe is None and group.until <= now:
                row = group.rows.pop(0)
                group.probe = row.id
                found.append(row)
        return found

    def is_probe(self, row: Row) -> bool:
        """Tell whether a file is to show that its origin takes requests again."""
        return any(group.probe == row.id for group in self._groups.values())

    def ended(self, row: Row) -> list[Row]:
        """Take out who waited for what a file has shown: that its origin takes requests."""
        for origin, group in self._groups.items():
            if group.probe == row.id:
                del self._groups[origin]
                return group.rows
        return []

    def clear(self) -> list[Row]:
        """Take all out."""
        rows = [row for group in self._groups.values() for row in group.rows]
        self._groups.clear()
        return rows
