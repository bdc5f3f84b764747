"""Files that turned out to be corrupt when others were to be linked to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from segdl.core.mirrorneed import Need
from segdl.mirror.happenings import Happening, Kept, Said
from segdl.mirror.intake import Intake
from segdl.mirror.rows import Row, Wanted
from segdl.store.faults import shown


@dataclass(slots=True)
class Rotted:
    """Has such files be repaired in the run that comes upon them. The coordinator's thread owns it.

    Args:
        tell: takes what happens.
    """

    tell: Callable[[Happening], None]
    _rows: dict[str, Row] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._rows)

    def note(self, row: Row) -> None:
        """Take note of one, as the ledger had it."""
        if row.path not in self._told:
            self._told.add(row.path)
            self._rows[row.path] = row
            self.tell(Said(f"{shown(row.path)} is corrupt: nothing is linked to it"))

    def read_again(self, intake: Intake) -> None:
        """Have those that the list names be looked at as any other file that may be corrupt.

        Args:
            intake: has all of the list; what ended is in its ledger.
        """
        while self._rows:
            path, was = self._rows.popitem()
            row = intake.ledger.rows([path]).get(path)
            if row is None or row.listing != intake.listing:
                self.tell(Said(f"{shown(path)} is not repaired: the list does not name it"))
            elif row.need is Need.NOTHING and row.had == was.had and _is_wanted(row):
                self._add(intake, row)

    def _add(self, intake: Intake, row: Row) -> None:
        wanted = Wanted(
            path=row.path,
            host=row.host,
            urls=row.urls,
            listed=row.listed,
            turn=0,
            late=row.late,
            need=Need.READ,
        )
        with intake.ledger.transaction():
            intake.ledger.write(intake.listing, [wanted])
        intake.wanted += 1
        intake.hosts.add(row)
        # It was taken for right.
        assert row.had is not None
        intake.kept -= 1
        intake.kept_bytes -= row.had.stat.size
        self.tell(Kept(intake.kept, intake.kept_bytes))


def _is_wanted(row: Row) -> bool:
    """Tell whether the list still has what was here: else it was fetched anew, or failed."""
    return row.had is not None and row.had.checksum == row.listed.checksum
