"""A command that has checks, some of which may be named: its options, its checks, its end."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

from checking.report import Report
from lab import sandbox
from lab.programs import LabError

S = TypeVar("S")


def parser(
    program: str, about: str, checks: Sequence[Callable[[S], None]]
) -> argparse.ArgumentParser:
    """Make a parser, to which ``--dir`` is to be added."""
    made = argparse.ArgumentParser(prog=program, description=about)
    names = ", ".join(each.__name__ for each in checks)
    made.add_argument("only", nargs="*", metavar="CHECK", help=f"of {names} (default: all)")
    made.add_argument("--json", action="store_true", help="print the report as JSON alone")
    made.add_argument("--inside", help=argparse.SUPPRESS)
    return made


def main(
    name: str,
    program: str,
    options: argparse.Namespace,
    work: Callable[[], int],
    *,
    needed: Sequence[str],
    packages: str,
    tools: Sequence[str],
) -> int:
    """Do the work in a sandbox, or be in it already; return the exit code.

    Args:
        name: the command's, for messages.
        program: its file.
        options: of a parser that `parser` made.
        work: what is to be done inside.
        needed: programs of `packages`, which are Debian's.
        packages: where they are.
        tools: programs that everybody has who has such a system.
    """
    if lacking := [each for each in needed if shutil.which(each) is None]:
        told = f"not installed: {', '.join(lacking)} (Debian: {packages})"
        print(f"{name}: {told}", file=sys.stderr)
        return 1
    return sandbox.main(
        name,
        program,
        sys.argv[1:],
        needed=tools,
        inside=options.inside is not None,
        folder=lambda: options.dir,
        work=work,
    )


def wanted(checks: Sequence[Callable[[S], None]], only: Sequence[str]) -> list[Callable[[S], None]]:
    """Return the checks of these names; all where there are none.

    Raises:
        LabError: there is no such check.
    """
    if unknown := set(only) - {each.__name__ for each in checks}:
        raise LabError(f"there is no check {', '.join(sorted(unknown))}")
    return [each for each in checks if not only or each.__name__ in only]


def carry_out(checks: Sequence[Callable[[S], None]], scene: S, report: Report) -> None:
    """Check one after the other; what breaks one does not keep others from being checked."""
    for check in checks:
        with report.guard(check.__name__):
            check(scene)


def conclude(report: Report, told: Mapping[str, object], summary: str, *, as_json: bool) -> int:
    """Print the report, and return the exit code."""
    if as_json:
        lines = [asdict(line) for line in report.lines]
        print(json.dumps({**told, "lines": lines}, indent=1))
    else:
        print(f"\n{summary}\n\n{report.table()}")
    return 0 if report.right else 1
