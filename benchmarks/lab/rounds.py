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
from lab.targets import Run

Item = TypeVar("Item")


def left_out(scenario: Scenario, segdl: str) -> dict[str, str]:
    """Tell which of the scenario's tools cannot be run, and why."""
    reasons = {}
    for tool in scenario.tools:
        program = segdl if tool.kind == "segdl" else tool.command.split()[0]
        if shutil.which(program) is None:
            reasons[tool.name] = f"{Path(program).name} is not installed"
        elif tool.options:
            # Options are read one after the other: a bad one fails before the help comes.
            ask = [program, *shlex.split(tool.options), "--help"]
            if subprocess.run(ask, capture_output=True, check=False).returncode:
                reasons[tool.name] = f"this segdl does not know {tool.options}"
    return reasons


def turns(items: tuple[Item, ...], number: int) -> tuple[Item, ...]:
    """Return the order of round `number` (from 0): nobody is always first.

    Example:
        >>> turns(("a", "b", "c"), 1)
        ('b', 'c', 'a')
    """
    first = number % len(items)
    return items[first:] + items[:first]


def carry_out(
    setting: Setting,
    skipped: Mapping[str, str],
    rounds: int,
    tell: Callable[[int, Tool, Run], None],
) -> dict[str, list[Run]]:
    """Run every tool that is there `rounds` times; return its runs by its name."""
    tools = tuple(tool for tool in setting.scenario.tools if tool.name not in skipped)
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    for number in range(rounds if tools else 0):
        for tool in turns(tools, number):
            run = setting.run(tool)
            runs[tool.name].append(run)
            tell(number, tool, run)
    return runs
