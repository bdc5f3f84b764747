"""Everything that a benchmark measured, as values; `docs/bench.md` describes the JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from segdl.bench.contenders import Contender, LeftOut
from segdl.bench.figures import Spread, spread
from segdl.bench.finding import Finding, find
from segdl.bench.group import Group
from segdl.bench.trace import Stretch, connections_used
from segdl.core.checksum import Checksum

SCHEMA_VERSION = 1
Status = Literal["ok", "failed", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one contender.

    Attributes:
        contender: its place in the list of contenders.
        round: from 1.
        seconds: on the wall, from the program's start to its end.
        size: bytes of the file that it made.
        digest: of that file, in hexadecimal; empty where there is none.
        error: what went wrong; empty where nothing did.
        exit_code: of the program; None where it was ended.
        cpu: seconds of all processors; None where the system does not tell.
        memory: most bytes in memory at a time, likewise.
        speeds: connection by connection; empty for other programs, and where all bytes came
            within a tenth of a second.
        coming: seconds from the start of the download to its last byte; None for other programs.
    """

    contender: int
    round: int
    seconds: float
    size: int
    digest: str
    error: str
    exit_code: int | None
    cpu: float | None = None
    memory: int | None = None
    speeds: tuple[Stretch, ...] = field(default=(), repr=False)
    coming: float | None = None

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.size / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was measured, and where.

    Attributes:
        url: without user, password and query.
        name: of the file.
        size: its bytes; None where the server does not tell.
        length: bytes that each run fetched, where that is known.
        rounds: how many there were.
        began: the time, as in ISO 8601.
        machine: system, processor, cores and Python.
    """

    url: str
    name: str
    size: int | None
    length: int | None
    rounds: int
    began: str
    machine: str


@dataclass(frozen=True, slots=True)
class Report:
    """A benchmark that is done.

    Attributes:
        setting: what was measured.
        contenders: who took part.
        versions: of the programs, by name.
        left_out: who did not.
        runs: in the order in which they ran.
        digest: that every file must have.
        named: whether that was given, and not that of most files.
    """

    setting: Setting
    contenders: tuple[Contender, ...]
    versions: dict[str, str]
    left_out: tuple[LeftOut, ...]
    runs: tuple[Run, ...]
    digest: Checksum
    named: bool = False

    def status(self, run: Run) -> Status:
        """Tell how a run ended: with the right bytes, others, or none."""
        if run.error:
            return "failed"
        return "ok" if run.digest == self.digest.hexdigest else "wrong"

    def of(self, index: int) -> list[Run]:
        """Return the runs of a contender."""
        return [run for run in self.runs if run.contender == index]

    def good(self, index: int) -> list[Run]:
        """Return the runs of a contender that brought the right bytes."""
        return [run for run in self.of(index) if self.status(run) == "ok"]

    def rate(self, index: int) -> Spread | None:
        """Return bytes a second of a contender."""
        return spread([run.rate for run in self.good(index)])

    @property
    def wrong(self) -> list[str]:
        """A sentence on each contender that made a wrong file."""
        digests = {
            self.contenders[run.contender].label: run.digest
            for run in reversed(self.runs)
            if self.status(run) == "wrong"
        }
        return [
            f"{label} made a file {self._what_is_wrong(digest)}."
            for label, digest in sorted(digests.items())
        ]

    def _what_is_wrong(self, digest: str) -> str:
        if self.named:
            return f"of {self.digest.algorithm} {digest}, which --checksum does not allow"
        return "that is not like the others"

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The first error of each contender that had one."""
        found: dict[str, str] = {}
        for run in self.runs:
            if run.error:
                found.setdefault(self.contenders[run.contender].label, run.error)
        return list(found.items())

    @property
    def finding(self) -> Finding:
        """What the figures say."""
        return find([self.group(n) for n in range(len(self.contenders))], self.setting.length)

    @property
    def exit_code(self) -> int:
        """What the command exits with: wrong bytes, then the first of segdl's own failures."""
        if self.wrong:
            return 5
        for run in self.runs:
            if run.error and self.contenders[run.contender].own:
                # A signal is an error of no other kind.
                return max(run.exit_code or 1, 1)
        return 0

    def group(self, index: int) -> Group:
        """Return the figures of a contender."""
        contender = self.contenders[index]
        by_round = {run.round: run.rate for run in self.good(index)}
        used = [connections_used(run.speeds) for run in self.good(index)]
        known = sorted(count for count in used if count is not None)
        idle = [1 - run.coming / run.seconds for run in self.good(index) if run.coming is not None]
        return Group(
            label=contender.label,
            connections=contender.connections,
            own=contender.own,
            speeds=tuple(by_round.get(n + 1) for n in range(self.setting.rounds)),
            used=known[len(known) // 2] if known else None,
            overhead=median(idle) if idle else None,
        )

    def typical(self, index: int) -> Run | None:
        """Return the run of the median speed (of two in the middle, the slower)."""
        runs = sorted(self.good(index), key=lambda run: run.rate)
        return runs[(len(runs) - 1) // 2] if runs else None


def agreed(digests: Sequence[tuple[bool, str]]) -> str:
    """Return the digest that the others are held against where nobody named one.

    Args:
        digests: of every file, and whether segdl made it: it watches over versions, so
            that its word goes before the others'.

    Example:
        >>> agreed([(True, "a"), (False, "b"), (False, "b")])
        'a'
    """
    own = [digest for ours, digest in digests if ours and digest]
    counted = Counter(own or [digest for _, digest in digests if digest])
    return counted.most_common(1)[0][0] if counted else ""
