"""An hour's worth of random faults in minutes: hundreds of files, every one checked.

    python benchmarks/soak.py [--minutes 5] [--seed N] [--dir DIR] [--json]

All downloads run in this one process, through the Python API, against a server that goes
wrong with almost every second request (benchmarks/soaking/server.py). Every other run is
cancelled at a random moment and called again. What is checked:

- a file that is reported is one version of the remote file, to the byte, and every file is
  had in the end; what fails on the way fails with one of segdl's own errors;
- what was on disk when a run began is not fetched again, unless segdl says why;
- after each run no thread, no descriptor and no lock is left; memory stays flat.

The exit code is 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from soaking.client import MIB, Soak


def main() -> int:
    options = _options()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir=options.dir, prefix="segdl-soak-") as folder,
        _server() as top,
    ):
        soak = Soak(random.Random(options.seed), top, Path(folder))
        number = 0
        while time.monotonic() - began < options.minutes * 60:
            soak.batch(number)
            number += 1
            if not options.json:
                print(_line(soak, time.monotonic() - began), flush=True)
        with urlopen(f"{top}/faults") as answer:
            served = json.load(answer)
    soak.broken += _growth(soak.memory)
    report = _report(soak, served, time.monotonic() - began, options.seed)
    print(json.dumps(report, indent=1) if options.json else _table(report))
    return 1 if soak.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--dir", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def _server() -> Iterator[str]:
    program = str(Path(__file__).with_name("soaking") / "server.py")
    process = subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _growth(memory: list[int]) -> list[str]:
    """Compare the last third of a run with the middle one; the first is warming up."""
    third = len(memory) // 3
    if third < 2:
        return []
    middle = statistics.median(memory[third : 2 * third])
    last = statistics.median(memory[2 * third :])
    if last > middle * 1.05 + 4 * MIB:
        return [f"memory grew from {middle / MIB:.0f} to {last / MIB:.0f} MiB"]
    return []


def _line(soak: Soak, seconds: float) -> str:
    return (
        f"{seconds:6.0f} s  {soak.files} files exact, {sum(soak.errors.values())} typed errors, "
        f"{soak.cancels} cancels, {soak.resumed} resumed, {soak.memory[-1] / MIB:.0f} MiB"
    )


def _report(soak: Soak, served: dict[str, object], seconds: float, seed: int) -> dict[str, object]:
    faults = served["faults"]
    assert isinstance(faults, dict)
    return {
        "v": 1,
        "seed": seed,
        "seconds": round(seconds),
        "files exact": soak.files,
        "MiB exact": soak.bytes // MIB,
        "requests": served["requests"],
        "faults": sum(faults.values()),
        "faults by kind": dict(sorted(faults.items())),
        "calls of segdl": soak.calls,
        "cancelled": soak.cancels,
        "errors": dict(sorted(soak.errors.items())),
        "files gone on with": soak.resumed,
        "MiB on disk at that time": soak.held // MIB,
        "bytes fetched twice": soak.twice,
        "fetched twice, share": round(soak.twice / max(1, soak.bytes), 4),
        "started over, told why": soak.restarts,
        "resident MiB after each batch": [round(each / MIB) for each in soak.memory],
        "threads at the end": threading.active_count(),
        "broken promises": soak.broken,
    }


def _table(report: dict[str, object]) -> str:
    width = max(map(len, report))
    return "\n" + "\n".join(f"{name:{width}}  {value}" for name, value in report.items())


if __name__ == "__main__":
    sys.exit(main())
