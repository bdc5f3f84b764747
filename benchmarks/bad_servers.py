"""What each tool does when the server is bad: the right bytes, an error, or wrong bytes.

    python benchmarks/bad_servers.py [--json]

Every tool runs against the same scripted server, on loopback, in a folder of its own.
`WRONG` is the one outcome that cannot be forgiven: exit code 0 and a file that is not
the remote one.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.faults import Drip, IgnoreRange, ShiftedRange, StallAfter, Status
from support.origin import Origin
from support.request import Request
from tools import Tool, aria2, axel, curl, segdl

MIB = 1024 * 1024
OLD = random.Random(1).randbytes(8 * MIB)
NEW = random.Random(2).randbytes(8 * MIB)
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A bad server: how it is made, and what happens before the run that counts."""

    name: str
    origin: Callable[[], Origin]
    before: Callable[[Origin, Tool, Path], None] = lambda origin, tool, folder: None
    contents: tuple[bytes, ...] = (OLD,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tools = [tool for tool in (segdl(8), aria2(8), axel(8), curl()) if tool.installed]
    table = {
        scenario.name: {tool.name: _outcome(scenario, tool) for tool in tools}
        for scenario in SCENARIOS
    }
    if options.json:
        print(json.dumps(table, indent=1))
        return
    print("| the server | " + " | ".join(tool.name for tool in tools) + " |")
    print("|---" * (len(tools) + 1) + "|")
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(row.values()) + " |")


def _outcome(scenario: Scenario, tool: Tool) -> str:
    with tempfile.TemporaryDirectory() as folder, scenario.origin() as origin:
        target = Path(folder, "file.bin")
        scenario.before(origin, tool, target)
        asked = len(origin.requests)
        began = time.monotonic()
        process = _run(tool.command(origin.url, target, None))
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"not done in {PATIENCE:.0f} s"
        seconds = time.monotonic() - began
        count = f"{seconds:.0f} s, {len(origin.requests) - asked} requests"
        if code == 0:
            right = target.exists() and target.read_bytes() in scenario.contents
            return f"ok ({count})" if right else f"**WRONG, exit 0** ({count})"
        return f"error, exit {code} ({count})"


def _run(command: list[str]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)


def _stopped_half_way(origin: Origin, tool: Tool, target: Path) -> None:
    """Stop the tool in the middle (Ctrl-C), change the file, and let the tool go on."""
    origin.faults = lambda request, index: Drip(64 * 1024, 0.1)
    process = _run(tool.command(origin.url, target, None))
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    process.wait()
    origin.faults = None
    origin.replace(NEW, '"v2"')


def _changes_under_way() -> Origin:
    origin = Origin(OLD)
    origin.replace_after(4, NEW, '"v2"')
    return origin


def _slow_tail(request: Request, index: int) -> Drip | None:
    # One request in four is served at 64 KiB/s, as by a bad mirror node.
    return Drip(8 * 1024, 0.125) if index % 4 == 2 else None


def _stalls_once(request: Request, index: int) -> StallAfter | None:
    return StallAfter(100_000) if index == 1 else None


SCENARIOS = [
    Scenario(
        "changes the file between stop and resume",
        lambda: Origin(OLD),
        _stopped_half_way,
        (NEW,),
    ),
    Scenario("changes the file while it is fetched", _changes_under_way, contents=(OLD, NEW)),
    Scenario(
        "answers a range with another Content-Range",
        lambda: Origin(OLD, faults=lambda r, i: ShiftedRange() if i % 3 == 2 else None),
    ),
    Scenario("ignores Range", lambda: Origin(OLD, faults=lambda r, i: IgnoreRange())),
    Scenario(
        "429 + Retry-After at first contact",
        lambda: Origin(OLD, faults=lambda r, i: Status(429, retry_after=1) if i == 0 else None),
    ),
    Scenario(
        "allows two connections, 429 beyond",
        lambda: Origin(OLD, limit=2, faults=lambda r, i: Drip(64 * 1024, 0.05)),
    ),
    Scenario("serves one request in four at 64 KiB/s", lambda: Origin(OLD, faults=_slow_tail)),
    Scenario("stalls one connection for good", lambda: Origin(OLD, faults=_stalls_once)),
]


if __name__ == "__main__":
    main()
