"""The command: a number in, broken promises out."""

from __future__ import annotations

import argparse
import json
import random
import shlex
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from chaos.lists import KINDS, Kind, in_scope, lists_of
from chaos.promises import OWN, Run, Snapshot, broken, last_line, look, unfinished
from chaos.runs import Runner
from chaos.server import Day, Servers
from chaos.weather import MIB, Weather, forecast
from chaos.world import World
from lab import sandbox
from lab.ground import loop_filesystem
from lab.programs import as_installed

_DISK = 384 * MIB
_MAX_DELETE = 0.25
_SHOWN = 5  # broken promises of one run


def main(program: str) -> int:
    """Run the chaos, or its inside; return the exit code."""
    options = _parser().parse_args()
    words = sys.argv[1:]
    if options.seed is None:
        words += ["--seed", str(random.SystemRandom().randrange(10_000))]
    return sandbox.main(
        "chaos",
        program,
        words,
        needed=("unshare", "setpriv", "mount", "ip", "mkfs.ext4"),
        inside=options.inside is not None,
        folder=lambda: options.dir,
        work=lambda: _run(options),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mirror_chaos", description="`segdl mirror` where everything fails now and then."
    )
    parser.add_argument("--runs", type=int, default=60, help="before the healthy ones (60)")
    parser.add_argument("--seed", type=int, help="of all that happens (default: another one)")
    parser.add_argument("--dir", help="keep the disk's image in here (default: a tmpfs)")
    parser.add_argument("--segdl", help="the program, with arguments (default: beside Python)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON alone")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def _run(options: argparse.Namespace) -> int:
    beside = shutil.which("segdl", path=str(Path(sys.executable).parent)) or "segdl"
    segdl = shlex.split(options.segdl) if options.segdl else [beside]
    as_installed(segdl[0])
    began = time.monotonic()
    chance = random.Random(options.seed)
    world = World(chance)
    with (
        loop_filesystem(Path(options.inside), _DISK) as disk,
        Servers(world) as servers,
    ):
        said = sandbox.WORK / "said.txt"
        campaign = Campaign(
            chance, world, Runner(segdl, world, servers, disk, said), quiet=options.json
        )
        for number in range(options.runs):
            campaign.storm(number)
        for kind in KINDS:
            campaign.mend(kind)
    report = campaign.report(options.seed, time.monotonic() - began)
    print(json.dumps(report, indent=1) if options.json else _table(report))
    return 1 if campaign.broken else 0


@dataclass
class Campaign:
    """A mirror for each kind of list, run again and again; one thread uses it.

    Attributes:
        last: each mirror's folder as it was left.
        reported: all that the runs of each mirror have printed and written in their reports.
        broken: promises, with the run that broke them.
        told: the same by mirror, so that each is told once.
        allowed: what share of its files the next run of a mirror may delete, if not the usual.
        codes: how runs ended.
        deleted: files that went to the trash.
    """

    chance: random.Random
    world: World
    runner: Runner
    quiet: bool = False
    last: dict[Kind, Snapshot] = field(default_factory=dict)
    reported: dict[Kind, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    told: dict[Kind, set[str]] = field(default_factory=dict)
    allowed: dict[Kind, float] = field(default_factory=dict)
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    deleted: int = 0
    corrupt: int = 0

    def storm(self, number: int) -> None:
        """Change some files, and run once in some weather."""
        kind = KINDS[number % len(KINDS)]
        for _ in range(self.chance.choice([0, 0, 1, 2, 4])):
            self.world.change(self.chance)
        if self.chance.random() < 0.05:
            self.world.lose(self.chance, 0.4)
        if self.chance.random() < 0.1:
            self.world.grow(self.chance)
        paths = set(self.world.files())
        files = {path for path in paths if in_scope(kind, path)}
        weather = forecast(self.chance, lists_of(kind, paths), files)
        self._once(f"run {number}", kind, weather, self.allowed.pop(kind, _MAX_DELETE))

    def mend(self, kind: Kind) -> None:
        """Run with healthy servers, and once more: now all is well, and nothing is left to do."""
        self.told.pop(kind, None)
        run, after = self._once(f"mending {kind}", kind, Weather(0), 1.0)
        unmended = unfinished(self.world, run, after, self.reported[kind])
        self._note(f"mending {kind}", kind, unmended)
        again, _ = self._once(f"again {kind}", kind, Weather(0), 1.0)
        if again.code or again.day.bodies:
            words = f"exit {again.code}, {again.day.bodies} bodies for an unchanged list"
            self._note(f"again {kind}", kind, [words])

    def _once(
        self, name: str, kind: Kind, weather: Weather, max_delete: float
    ) -> tuple[Run, Snapshot]:
        folder = self.runner.disk / kind
        before = self.last.get(kind, Snapshot({}))
        run = self.runner.run(Day(weather, kind), folder, max_delete=max_delete)
        after = look(folder)
        self.reported[kind] = self.reported.get(kind, "") + run.said + _report_of(folder)
        if run.code < 0:
            # Who is killed cannot tell what it has set aside.
            self.reported[kind] += " ".join(after.corrupt - before.corrupt)
        self.requests += run.day.requests
        self.codes[run.code] += 1
        self.faults.update(run.day.faults)
        self.deleted += len(set(before.published) - set(after.published))
        self.corrupt += len(after.corrupt - before.corrupt)
        wrong = [*broken(self.world, run, before, after), *self.runner.hung]
        self.runner.hung.clear()
        self._tell(name, run, after)
        if self._note(name, kind, wrong) and not self.quiet:
            print("".join(f"   | {line}\n" for line in run.said.splitlines()[-20:]), end="")
            print("".join(f"   * {line}\n" for line in run.day.changes), end="", flush=True)
        # Else it would fill the disk in the end.
        shutil.rmtree(folder / OWN / "trash", ignore_errors=True)
        self.last[kind] = after
        if run.code == 5 and self.chance.random() < 0.5:
            # Who is told that too much is to be deleted looks, and allows it.
            self.allowed[kind] = 1.0
        return run, after

    def _note(self, name: str, kind: Kind, wrong: list[str]) -> bool:
        """Write down what is broken; tell whether anything is that was not before."""
        # What one run has broken is still so after the next one.
        told = self.told.setdefault(kind, set())
        wrong = [words for words in dict.fromkeys(wrong) if words not in told]
        told.update(wrong)
        if len(wrong) > _SHOWN:
            wrong = [*wrong[:_SHOWN], f"and {len(wrong) - _SHOWN} more"]
        self.broken += [f"{name} ({kind}): {words}" for words in wrong]
        if not self.quiet:
            for words in wrong:
                print(f"   BROKEN {words}", flush=True)
        return bool(wrong)

    def _tell(self, name: str, run: Run, after: Snapshot) -> None:
        if self.quiet:
            return
        print(
            f"{name:14} {run.day.kind:5} exit {run.code:3}  {run.day.requests:4} requests  "
            f"{len(after.published):3} files, {len(after.parts)} parts  "
            f"{run.day.weather.in_words()}\n   {last_line(run.said)}",
            flush=True,
        )

    def report(self, seed: int, seconds: float) -> dict[str, object]:
        """Return what happened, in figures."""
        return {
            "v": 1,
            "seed": seed,
            "seconds": round(seconds),
            "runs": self.codes.total(),
            "exit codes": {str(code): count for code, count in sorted(self.codes.items())},
            "requests": self.requests,
            "changes of files": self.world.moment,
            "faults": self.faults.total(),
            "faults by kind": dict(sorted(self.faults.items())),
            "files deleted": self.deleted,
            "files set aside as corrupt": self.corrupt,
            "broken promises": self.broken,
        }


def _report_of(folder: Path) -> str:
    try:
        return (folder / OWN / "report.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _table(report: dict[str, object]) -> str:
    width = max(map(len, report))
    rows = [f"{name:{width}}  {value}" for name, value in report.items() if value != []]
    broken = report["broken promises"]
    assert isinstance(broken, list)
    return "\n".join(["", *rows[: len(report) - bool(broken)], *map(str, broken)])
