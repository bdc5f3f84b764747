"""Targets, and whether they are met: pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lab.scenario import GIB

if TYPE_CHECKING:
    from lab.scenario import Scenario

OTHERS = ("segmented", "single")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a tool.

    Attributes:
        wall: seconds.
        cpu: seconds, user and system, of the tool alone.
        memory: most resident bytes.
        right: it said that all is well, and every file's digest is right.
        exit: code; None where it was ended for want of patience.
        said: its last words, where something went wrong.
        requests: that the servers answered.
        refusals: answers 429 and 503 among them.
        sent: bytes of bodies that the servers sent.
        wire: bytes of packets that reached the client's side (on loopback: of both sides).
        lost: packets that the links lost at random; None where they do not tell.
        dropped: packets for which the links' queues had no room; None likewise.
        link_cpu: seconds of CPU that the links took.
    """

    wall: float
    cpu: float
    memory: int
    right: bool
    exit: int | None
    said: str
    requests: int
    refusals: int
    sent: int
    wire: int
    lost: int | None = None
    dropped: int | None = None
    link_cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """The runs of a tool: medians of times, the most of the rest; `right` where all were."""

    wall: float
    cpu: float
    memory: int
    refusals: int
    right: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was asked, what was got, and whether it is enough (None: it could not be told)."""

    tool: str
    must: str
    got: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Wall clock at most `times` that of the best of `against` (names, or kinds of tools)."""

    tool: str
    times: float
    against: tuple[str, ...] = OTHERS

    def judge(self, scenario: Scenario, results: Mapping[str, Summary]) -> Verdict:
        kinds = {tool.name: tool.kind for tool in scenario.tools}
        rivals = [
            name
            for name, result in results.items()
            if result.right and {name, kinds[name]} & set(self.against)
        ]
        must = f"at most {self.times:g} x {_best_of(self.against)}"
        if not rivals:
            return Verdict(self.tool, must, "none of them ended well", None)
        best = min(rivals, key=lambda name: results[name].wall)
        ratio = results[self.tool].wall / results[best].wall
        return Verdict(self.tool, must, f"{ratio:.2f} x {best}", ratio <= self.times)


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that may not be exceeded: seconds, CPU-seconds a GiB, or refusals in any run."""

    tool: str
    figure: Literal["wall", "cpu", "refusals"]
    most: float

    def judge(self, scenario: Scenario, results: Mapping[str, Summary]) -> Verdict:
        result = results[self.tool]
        if self.figure == "wall":
            value, unit = result.wall, "s"
        elif self.figure == "cpu":
            value, unit = result.cpu * GIB / (scenario.size * scenario.files), "CPU-s a GiB"
        else:
            value, unit = float(result.refusals), "refusals"
        got = f"{value:.0f} {unit}" if self.figure == "refusals" else f"{value:.2f} {unit}"
        return Verdict(self.tool, f"at most {self.most:g} {unit}", got, value <= self.most)


@dataclass(frozen=True, slots=True)
class Share:
    """Speed at least `least` of what the links carry, or of the summed speed of tools `of`."""

    tool: str
    least: float
    of: tuple[str, ...] = ()

    def judge(self, scenario: Scenario, results: Mapping[str, Summary]) -> Verdict:
        total = scenario.size * scenario.files
        if not self.of:
            links = [server.link for server in scenario.servers if server.link]
            whole, name = sum(link.bytes_per_second for link in links), "the link's rate"
        else:
            name = "the sum of " + " and ".join(self.of)
            if not all(other in results and results[other].right for other in self.of):
                return Verdict(self.tool, f"at least {self.least:.0%} of {name}", "no sum", None)
            whole = sum(total / results[other].wall for other in self.of)
        share = total / results[self.tool].wall / whole
        must = f"at least {self.least:.0%} of {name}"
        return Verdict(self.tool, must, f"{share:.0%}", share >= self.least)


Target: TypeAlias = "Ratio | Limit | Share"


def summary(runs: Sequence[Run]) -> Summary:
    """Sum the runs of a tool up (at least one)."""
    return Summary(
        wall=statistics.median(run.wall for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        memory=max(run.memory for run in runs),
        refusals=max(run.refusals for run in runs),
        right=all(run.right for run in runs),
    )


def verdicts(
    scenario: Scenario, results: Mapping[str, Summary], left_out: Mapping[str, str]
) -> list[Verdict]:
    """Judge each target; a tool that is not there, or failed, has its own words."""
    judged = []
    for target in scenario.targets:
        if target.tool in left_out:
            must = target.judge(scenario, {target.tool: _NOTHING, **results}).must
            judged.append(Verdict(target.tool, must, left_out[target.tool], None))
            continue
        verdict = target.judge(scenario, results)
        if not results[target.tool].right:
            verdict = Verdict(target.tool, verdict.must, "not every file was right", met=False)
        judged.append(verdict)
    return judged


_NOTHING = Summary(wall=1.0, cpu=0.0, memory=0, refusals=0, right=False)


def _best_of(against: tuple[str, ...]) -> str:
    if set(against) == set(OTHERS):
        return "the best other tool"
    if against == ("segmented",):
        return "the best segmented tool"
    if len(against) == 1:
        return against[0]
    return "the best of " + " and ".join(against)
