"""Who takes part: segdl with several numbers of connections, and other programs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from segdl.bench.job import Command, Job
from segdl.bench.own import own_command
from segdl.bench.peers import PEERS
from segdl.core.text import printable
from segdl.version import __version__

# Seconds that a program gets to say its version: an interrupt waits for it.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A program and its number of connections.

    Attributes:
        label: what people call it, as in "aria2c -x8".
        tool: the program's name.
        connections: None where it chooses for itself.
        command: how it is run.
    """

    label: str
    tool: str
    connections: int | None
    command: Command

    @property
    def own(self) -> bool:
        """Whether it is segdl."""
        return self.tool == "segdl"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Who does not take part, and why."""

    label: str
    reason: str


def own_contenders(job: Job, connections: Sequence[str]) -> list[Contender]:
    """Return segdl with each of `connections`, which are what `-j` takes."""
    return [
        Contender(
            label=f"segdl -j {text}",
            tool="segdl",
            connections=int(text) if text.isdigit() else None,
            command=own_command(job, text),
        )
        for text in connections
    ]


def peer_contenders(
    job: Job, names: Sequence[str], connections: Sequence[int]
) -> tuple[list[Contender], list[LeftOut]]:
    """Return other programs with each of `connections`, and those that are left out.

    A program of one connection takes part once.
    """
    found: list[Contender] = []
    left_out: list[LeftOut] = []
    for name in names:
        peer = PEERS[name]
        for count in connections if peer.flag else (1,):
            reason = peer.objection(job, count)
            command = None if reason else peer.command(job, count)
            if command is None:
                label = peer.label(count) if reason else name
                left_out.append(LeftOut(label, reason or "it is not installed"))
                continue
            found.append(
                Contender(label=peer.label(count), tool=name, connections=count, command=command)
            )
    return found, _merged(left_out)


def _merged(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Say once what holds of a program with every number of connections."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in left_out:
        reasons.setdefault((each.label.split()[0], each.reason), []).append(each.label)
    return [
        LeftOut(labels[0] if len(set(labels)) == 1 else tool, reason)
        for (tool, reason), labels in reasons.items()
    ]


def version_of(contender: Contender) -> str:
    """Return the line in which a program tells its version; empty where it tells none."""
    if contender.own:
        return f"segdl {__version__}"
    try:
        told = subprocess.run(  # noqa: S603 - a known program, no shell
            [*contender.command.program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[0], 80) if lines else ""
