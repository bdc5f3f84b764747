"""What was checked, line by line, and the table of it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must hold: what was done, what came of it, and whether that is right."""

    what: str
    told: str
    right: bool


@dataclass
class Report:
    """Lines in the order in which they were checked; they are printed as they come."""

    quiet: bool = False
    lines: list[Line] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether there is something, and all of it is as it should be."""
        return bool(self.lines) and all(line.right for line in self.lines)

    def add(self, what: str, told: str, *, right: bool) -> None:
        """Take a line in."""
        self.lines.append(Line(what, told, right))
        if not self.quiet:
            print(f"{'ok  ' if right else 'FAIL'}  {what}: {told}", flush=True)

    @contextmanager
    def guard(self, what: str) -> Iterator[None]:
        """Make a line of whatever keeps a check from being made."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the others go on
            traceback.print_exc()
            self.add(what, f"{type(error).__name__}: {error}"[:300], right=False)

    def table(self) -> str:
        """Return all lines in Markdown."""
        rows = ["| | what | came of it |", "|---|---|---|"]
        for line in self.lines:
            what, told = (text.replace("|", "\\|") for text in (line.what, line.told))
            rows.append(f"| {'ok' if line.right else 'FAIL'} | {what} | {told} |")
        return "\n".join(rows)
