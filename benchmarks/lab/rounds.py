"""Carry a scenario out: its tools take turns."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from lab.scenario import Scenario, Tool
from lab.setting import Setting
from lab.targets import Ratio, Run, Share

Item = TypeVar("Item")
_FAR = 3.0
_NOWHERE = "http://127.0.0.1:9/x"
_USAGE = 2


def left_out(scenario: Scenario, segdl: str) -> dict[str, str]:
    """Tell which of the scenario's tools cannot be run, and why."""
    reasons = {}
    for tool in scenario.tools:
        program = segdl if tool.kind == "segdl" else tool.command.split()[0]
        if shutil.which(program) is None:
            reasons[tool.name] = f"{Path(program).name} is not installed"
        elif tool.options:
            # Nothing listens at this port: what knows the options fails otherwise than by usage.
            ask = [program, *shlex.split(tool.options), "--retries", "0", "--dry-run", _NOWHERE]
            if subprocess.run(ask, capture_output=True, check=False).returncode == _USAGE:
                reasons[tool.name] = "this segdl does not know " + tool.name.removeprefix("segdl ")
    return reasons


def turns(items: tuple[Item, ...], number: int) -> tuple[Item, ...]:
    """Return the order of round `number` (from 0): nobody is always first.

    Example:
        >>> turns(("a", "b", "c"), 1)
        ('b', 'c', 'a')
    """
    first = number % len(items)
    return items[first:] + items[:first]


def matters(
    scenario: Scenario, tools: tuple[Tool, ...], runs: Mapping[str, list[Run]]
) -> tuple[Tool, ...]:
    """Leave out the rivals that cannot be the best any more, and so decide nothing.

    That is after a first round in which another took less than a third of their time, and
    where no target names them.
    """
    named = {
        name
        for target in scenario.targets
        if isinstance(target, Ratio | Share)
        for name in (target.against if isinstance(target, Ratio) else target.of)
    }
    rivals = [tool.name for tool in tools if tool.kind != "segdl" and runs[tool.name]]
    good = [run.wall for name in rivals for run in runs[name] if run.right]
    far = {
        name
        for name in rivals
        if name not in named and good and min(run.wall for run in runs[name]) > _FAR * min(good)
    }
    return tuple(tool for tool in tools if tool.name not in far)


def carry_out(
    setting: Setting,
    skipped: Mapping[str, str],
    rounds: int,
    tell: Callable[[int, Tool, Run], None],
) -> dict[str, list[Run]]:
    """Run every tool that is there, `rounds` times or as long as it matters.

    Returns the runs by the tool's name.
    """
    tools = tuple(tool for tool in setting.scenario.tools if tool.name not in skipped)
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    for number in range(rounds):
        for tool in turns(matters(setting.scenario, tools, runs), number):
            run = setting.run(tool)
            runs[tool.name].append(run)
            tell(number, tool, run)
    return runs
