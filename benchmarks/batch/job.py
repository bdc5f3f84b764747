"""A job as SLURM tells of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED")


@dataclass(frozen=True, slots=True)
class Job:
    """A job, or a task of an array, as SLURM has it.

    Attributes:
        number: its own, whatever array it is of.
        task: its place in the array.
        code: its exit code; `signal` is what killed its script.
        node: where its script runs, or ran.
    """

    number: int
    task: int | None
    state: str
    code: int
    signal: int
    node: str
    restarts: int

    @property
    def over(self) -> bool:
        return self.state in _OVER

    def __str__(self) -> str:
        """Tell how it ended, as SLURM's own tools do."""
        return f"{self.state} {self.code}:{self.signal}"


def job_of(line: str) -> Job:
    """Read a line of `scontrol show job --oneliner`."""
    told = dict(re.findall(r"(?:^| )([A-Za-z/]+)=(\S*)", line))
    code, _, number = told["ExitCode"].partition(":")
    place = told.get("ArrayTaskId", "")
    return Job(
        number=int(told["JobId"]),
        task=int(place) if place.isdigit() else None,
        state=told["JobState"],
        code=int(code),
        signal=int(number),
        node=told.get("BatchHost", ""),
        restarts=int(told["Restarts"]),
    )
