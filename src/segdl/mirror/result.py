"""What came of a run of a mirror."""

from __future__ import annotations

from dataclasses import dataclass, field

from segdl.errors import SegdlError
from segdl.mirror.intake import Intake


@dataclass(slots=True)
class RoundResult:
    """What came of one reading of the list.

    Attributes:
        intake: what it named.
        done: files that are as it wants them, beside those that were before.
        fetched: of those, the ones that changed on the disk.
        failures: in the order in which they came; files of hosts that were given up count once
            a host.
        failed: files that cannot be had.
        held_back: lists that were left as they were because files failed.
    """

    intake: Intake
    done: int = 0
    fetched: int = 0
    failures: list[SegdlError] = field(default_factory=list)
    failed: int = 0
    held_back: int = 0

    def note_failure(self, error: SegdlError) -> None:
        """Keep why something cannot be had, without what led there.

        A traceback keeps all that the steps of its file held, and there may be many files.
        """
        error.__traceback__ = error.__cause__ = error.__context__ = None
        self.failures.append(error)

    @property
    def clean(self) -> bool:
        """Whether everything the list names is here, and all of the list was read."""
        # A run that is stopped leaves files that are neither here nor failures.
        all_done = self.intake.ended and self.done == self.intake.wanted
        return all_done and not (self.failures or self.intake.troubles)


@dataclass(slots=True)
class Result:
    """What came of a run.

    Attributes:
        rounds: each reading of the list.
        removed: files that the list no longer has, and that are gone now.
        failures: why it is not all that it should be, in the order in which that was seen.
    """

    rounds: list[RoundResult] = field(default_factory=list)
    removed: int = 0
    failures: list[SegdlError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The first failure's code; 0 where the mirror is equal to its list."""
        return self.failures[0].exit_code if self.failures else 0
