"""What came of a run of a mirror."""

from __future__ import annotations

from dataclasses import dataclass, field

from segdl.mirror.failures import Failures
from segdl.mirror.intake import Intake


@dataclass(slots=True)
class RoundResult:
    """What came of one reading of the list.

    Attributes:
        intake: what it named.
        done: files that are as it wants them, beside those that were before.
        fetched: of those, the ones that changed on the disk.
        repaired: of those, the ones that were not any more what they had been.
        failures: why it is not all that it should be; files of hosts that were given up count
            once a host.
        failed: files that cannot be had.
        given_up: hosts that files were left to the next run of.
        held_back: lists that were left as they were because files failed.
    """

    intake: Intake
    done: int = 0
    fetched: int = 0
    repaired: int = 0
    failures: Failures = field(default_factory=Failures)
    failed: int = 0
    given_up: set[str] = field(default_factory=set)
    held_back: int = 0

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
        failures: why it is not all that it should be.
    """

    rounds: list[RoundResult] = field(default_factory=list)
    removed: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def exit_code(self) -> int:
        """The first failure's code; 0 where the mirror is equal to its list."""
        return self.failures.first[0].exit_code if self.failures else 0
