"""The command: arguments in, results and the page out."""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

from lab import page, sandbox
from lab.machine import machine, versions
from lab.network import has_netem
from lab.programs import LabError, as_installed
from lab.results import Result, gather, load, save, saved
from lab.rounds import carry_out, left_out
from lab.scenario import Scenario, Tool
from lab.scenarios import SCENARIOS
from lab.setting import setting
from lab.targets import Run

_MARK = {True: "met", False: "MISSED", None: "not told"}


def main(program: str) -> int:
    """Run the lab, or its inside; return the exit code."""
    options = _parser().parse_args()
    return sandbox.main(
        "bench",
        program,
        sys.argv[1:],
        inside=options.inside is not None,
        folder=lambda: options.dir,
        work=lambda: _run(options),
    )


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(
        prog="bench", description="The lab: what segdl must reach, measured beside other tools."
    )
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"all unless named: {names}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each tool (3)")
    parser.add_argument("--dir", help="download to a new folder in here (default: a tmpfs)")
    parser.add_argument("--segdl", help="the program (default: the one beside this Python)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def _run(options: argparse.Namespace) -> None:
    chosen = _chosen(options.scenarios)
    segdl = options.segdl or shutil.which("segdl", path=str(Path(sys.executable).parent)) or "segdl"
    as_installed(segdl)
    netem, target = has_netem(), Path(options.inside)
    told = versions(segdl)
    for scenario in chosen:
        print(f"\n== {scenario.name}: {scenario.title}", flush=True)
        skipped = left_out(scenario, segdl)
        for name, reason in skipped.items():
            print(f"   {name}: left out, {reason}")
        around = machine(target, links="netem" if netem else "TUN devices")
        began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with setting(
            scenario, segdl=segdl, work=sandbox.WORK, target=target, netem=netem
        ) as set_up:
            runs = carry_out(set_up, skipped, options.rounds, _tell)
        result = gather(scenario, runs, skipped, when=began, machine=around, versions=told)
        save(result)
        _summarize(result)
        page.write([load(path) for path in saved()])
    print(f"\n{page.PAGE}")


def _chosen(names: list[str]) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no such scenario: {unknown[0]} (there are {', '.join(known)})")
    return [known[name] for name in names] if names else list(SCENARIOS)


def _tell(number: int, tool: Tool, run: Run) -> None:
    words = "" if run.right else f"  NOT RIGHT (exit {run.exit}) {run.said}"
    words += f"  {run.refusals} refusals" if run.refusals else ""
    words += f"  link {run.link_cpu / run.wall:.0%} of a core" if run.link_cpu else ""
    print(f"   round {number + 1}  {tool.name:32} {run.wall:7.2f} s{words}", flush=True)


def _summarize(result: Result) -> None:
    print(f"   {'median of ' + str(max(len(c.runs) for c in result.contenders)):41} wall     CPU")
    for each in result.contenders:
        if each.runs:
            told = each.summary
            wrong = "" if told.right else "  NOT RIGHT"
            print(f"   {each.name:41} {told.wall:7.2f} s {told.cpu:6.2f} s{wrong}")
    for verdict in result.verdicts:
        print(f"   {_MARK[verdict.met]}: {verdict.tool}, {verdict.must}: {verdict.got}")
