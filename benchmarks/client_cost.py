"""What a download costs the client: CPU, memory, wall clock, and start-up.

    python benchmarks/client_cost.py [--size MIB] [--rounds N] [--dir DIR]

Tools take turns within each round on the same file of a real nginx on loopback; every
file is hashed. Wall clock on a loaded machine is weather: compare tools of one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from lab.programs import as_installed
from tools import SEGDL, Cost, Tool, aria2, axel, curl, file_digest, measure, segdl
from webserver import nginx

MIB = 1024 * 1024
# A child's peak memory counts that of the process it was forked from: stay small.
_BLOCK = 64 * 1024


def main() -> None:
    options = _options()
    as_installed(SEGDL)
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="segdl-bench-") as folder:
        work = Path(folder)
        (work / "root").mkdir()
        (work / "got").mkdir()
        _make(work / "root/large.bin", options.size * MIB)
        _make(work / "root/small.bin", 1024)
        with nginx(work / "root", work) as url:
            tools = [segdl(8), segdl(16), aria2(8), axel(8), curl()]
            large = _rounds(tools, url + "large.bin", work / "root/large.bin", work, options.rounds)
            small = _rounds([segdl(8), curl()], url + "small.bin", work / "root/small.bin", work, 7)
    version = _version_seconds()
    if options.json:
        print(json.dumps(_report(options.size, large, small, version), indent=1))
        return
    _table(f"{options.size} MiB over loopback HTTP", large, options.size)
    _table("1 KiB, whole process", small, 0)
    print(f"\nsegdl --version: {version:.3f} s (median of 7)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file (1024)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


_Raw = argparse.RawDescriptionHelpFormatter


def _make(path: Path, size: int) -> None:
    source = random.Random(size)
    with open(path, "wb") as file:
        while size > 0:
            file.write(source.randbytes(min(size, _BLOCK)))
            size -= _BLOCK


def _rounds(
    tools: list[Tool], url: str, file: Path, work: Path, rounds: int
) -> dict[str, list[Cost]]:
    digest = file_digest(file)
    target = work / "got" / file.name
    present = [tool for tool in tools if tool.installed]
    costs: dict[str, list[Cost]] = {tool.name: [] for tool in present}
    for _ in range(rounds):
        for tool in present:
            costs[tool.name].append(measure(tool.command(url, target, None), target, digest))
    return costs


def _version_seconds() -> float:
    times = []
    for _ in range(7):
        began = time.monotonic()
        subprocess.run([SEGDL, "--version"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - began)
    return statistics.median(times)


def _table(title: str, costs: dict[str, list[Cost]], size: int) -> None:
    print(f"\n{title} (medians)\n")
    print("| tool | wall s | CPU s | CPU s a GiB | peak MiB | right |")
    print("|---|---|---|---|---|---|")
    for name, runs in costs.items():
        wall = statistics.median(run.wall for run in runs)
        cpu = statistics.median(run.cpu for run in runs)
        memory = max(run.memory for run in runs) / MIB
        right = f"{sum(run.right for run in runs)}/{len(runs)}"
        each = f"{cpu * 1024 / size:.2f}" if size else "-"
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {each} | {memory:.0f} | {right} |")


def _report(
    size: int, large: dict[str, list[Cost]], small: dict[str, list[Cost]], version: float
) -> dict[str, object]:
    return {
        "v": 1,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "large_mib": size,
        "large": {name: [asdict(run) for run in runs] for name, runs in large.items()},
        "small": {name: [asdict(run) for run in runs] for name, runs in small.items()},
        "version_seconds": version,
    }


if __name__ == "__main__":
    main()
