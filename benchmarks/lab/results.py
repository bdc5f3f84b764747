"""What a scenario came to: as a value, and as JSON that anyone can read again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.scenario import Scenario, Server
from lab.scenarios import SCENARIOS
from lab.targets import Run, Summary, Verdict, summary, verdicts

FOLDER = Path(__file__).parent.parent / "results" / "lab"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Contender:
    """A tool in a scenario: its runs, or why there are none."""

    name: str
    kind: str
    command: str
    runs: tuple[Run, ...]
    skipped: str

    @property
    def summary(self) -> Summary:
        """Of its runs, of which there must be one."""
        return summary(self.runs)


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario as it was carried out.

    Attributes:
        when: date and time, UTC.
        machine: kernel, cores and the like, each with its name.
        versions: of the programs, in their own words.
        servers: each one's link and configuration, in words.
    """

    name: str
    title: str
    size: int
    files: int
    when: str
    machine: dict[str, str]
    versions: dict[str, str]
    servers: tuple[str, ...]
    contenders: tuple[Contender, ...]
    verdicts: tuple[Verdict, ...]


def gather(
    scenario: Scenario,
    runs: Mapping[str, Sequence[Run]],
    skipped: Mapping[str, str],
    *,
    when: str,
    machine: dict[str, str],
    versions: dict[str, str],
) -> Result:
    """Put a scenario and its runs together, and judge them."""
    contenders = tuple(
        Contender(
            tool.name,
            tool.kind,
            tool.command,
            tuple(runs.get(tool.name, ())),
            skipped.get(tool.name, ""),
        )
        for tool in scenario.tools
    )
    summaries = {each.name: each.summary for each in contenders if each.runs}
    return Result(
        name=scenario.name,
        title=scenario.title,
        size=scenario.size,
        files=scenario.files,
        when=when,
        machine=machine,
        versions=versions,
        servers=tuple(describe(server) for server in scenario.servers),
        contenders=contenders,
        verdicts=tuple(verdicts(scenario, summaries, skipped)),
    )


def describe(server: Server) -> str:
    """Say in words what is particular about a server.

    Example:
        >>> describe(Server(server="limit_rate 2m;"))
        'nginx on loopback: limit_rate 2m;'
    """
    place = "nginx on loopback"
    if server.link:
        link = server.link
        place = "nginx behind a veth pair"
        if math.isfinite(link.rate):
            place = f"nginx behind {link.rate:g} Mbit/s"
        place += f", {link.rtt * 1000:g} ms there and back" if link.rtt else ""
        place += f", {link.loss:.1%} of its packets lost" if link.loss else ""
        place += f", a queue of {link.queue // 1024} KiB" if math.isfinite(link.rate) else ""
    lines = " ".join(f"{server.http} {server.server}".split())
    return place + (", TLS" if server.tls else "") + (f": {lines}" if lines else "")


def save(result: Result, folder: Path = FOLDER) -> Path:
    """Write a result to ``NAME.json``, in place of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.json"
    text = json.dumps({"v": SCHEMA, **asdict(result)}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def saved(folder: Path = FOLDER) -> list[Path]:
    """Return the results that are there, in the order of the scenarios."""
    paths = [folder / f"{scenario.name}.json" for scenario in SCENARIOS]
    return [path for path in paths if path.exists()]


def load(path: Path) -> Result:
    """Read a result that :func:`save` wrote."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if told.pop("v") != SCHEMA:
        raise ValueError(f"{path.name} is of another version of the lab")
    contenders = tuple(
        Contender(**{**each, "runs": tuple(Run(**run) for run in each["runs"])})
        for each in told.pop("contenders")
    )
    judged = tuple(Verdict(**each) for each in told.pop("verdicts"))
    servers = tuple(told.pop("servers"))
    return Result(**told, servers=servers, contenders=contenders, verdicts=judged)
