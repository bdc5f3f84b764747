"""What the passes of each tool came to: as values, and as JSON that anyone can read again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.targets import Verdict
from mirroring.peers import Kind, Which

SCHEMA = 1
PATH = Path(__file__).parent.parent / "results" / "mirror.json"
# Where the servers are a while away.
FAR = PATH.with_name("mirror-far.json")


@dataclass(frozen=True, slots=True)
class Pass:
    """One start of a tool, to its end or to the kill.

    Attributes:
        wall: seconds.
        cpu: seconds, user and system, of all its processes.
        memory: most resident bytes of all its processes at once.
        exit: code; None where it was ended for want of patience.
        requests: that the servers answered, and of these
        heads: HEAD requests,
        unchanged: answers 304,
        refusals: answers 429 and 503.
        wire: bytes of all answers with their headers.
        payload: bytes of the bodies of the tree's files, index pages and lists left out.
        missing: files that are not there afterwards; None where nobody looked.
        wrong: files with wrong bytes, likewise.
        others: what else was left in the folder, likewise.
        said: last words, where something went wrong.
    """

    wall: float
    cpu: float
    memory: int
    exit: int | None
    requests: int
    heads: int
    unchanged: int
    refusals: int
    wire: int
    payload: int
    missing: int | None = None
    wrong: int | None = None
    others: int | None = None
    said: str = ""

    @property
    def bad(self) -> int:
        """Files that are not there or not right."""
        return (self.missing or 0) + (self.wrong or 0)

    @property
    def right(self) -> bool:
        """Whether the folder is equal to the list, and the tool says so."""
        return self.bad == 0 and self.exit == 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a tool: into an empty folder, over it again, killed, and run again."""

    first: Pass
    again: Pass
    killed: Pass
    resumed: Pass


@dataclass(frozen=True, slots=True)
class Contender:
    """A tool: its turns, or why there are none; its commands by what they are for."""

    name: str
    kind: Kind
    commands: Mapping[Which, tuple[str, ...]]
    notes: str
    bare: bool
    turns: tuple[Turn, ...]
    skipped: str = ""

    def median(self, figure: Callable[[Turn], float]) -> float:
        return statistics.median(figure(turn) for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Result:
    """A benchmark as it was carried out.

    Attributes:
        when: date and time, UTC.
        scale: 1 is the whole tree.
        total: bytes of all files.
        server: each of the two, in words.
        machine: kernel, cores and the like, each with its name.
        versions: of the programs, in their own words.
    """

    when: str
    scale: float
    files: int
    total: int
    server: str
    machine: dict[str, str]
    versions: dict[str, str]
    contenders: tuple[Contender, ...]
    verdicts: tuple[Verdict, ...]


def fetched_again(turn: Turn, total: int) -> float:
    """Return which share of what the servers had sent by the kill they sent once more.

    What was under way at that moment counts as sent.

    Example: of 100 bytes 50 were sent by the kill, and 75 after it.

        >>> nothing = Pass(1, 1, 1, 0, 1, 0, 0, 0, 0, 0)
        >>> from dataclasses import replace
        >>> killed, resumed = replace(nothing, payload=50), replace(nothing, payload=75)
        >>> fetched_again(Turn(nothing, nothing, killed, resumed), 100)
        0.5
    """
    sent = turn.killed.payload
    return (sent + turn.resumed.payload - total) / sent if sent else 0.0


def save(result: Result, path: Path = PATH) -> None:
    """Write a result, in place of the one before."""
    text = json.dumps({"v": SCHEMA, **asdict(result)}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def load(path: Path = PATH) -> Result:
    """Read a result that :func:`save` wrote."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if told.pop("v") != SCHEMA:
        raise ValueError(f"{path.name} is of another version of the benchmark")
    contenders = tuple(_contender(each) for each in told.pop("contenders"))
    judged = tuple(Verdict(**each) for each in told.pop("verdicts"))
    return Result(**told, contenders=contenders, verdicts=judged)


def _contender(told: dict[str, Any]) -> Contender:
    turns = tuple(
        Turn(**{name: Pass(**one) for name, one in each.items()}) for each in told.pop("turns")
    )
    commands = {name: tuple(each) for name, each in told.pop("commands").items()}
    return Contender(**told, commands=commands, turns=turns)
