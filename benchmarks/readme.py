"""Put the results of the benchmarks into README.md and docs/mirror.md.

    python benchmarks/client_cost.py --json > benchmarks/results/client_cost.json
    python benchmarks/bad_servers.py --json > benchmarks/results/bad_servers.json
    make bench
    python benchmarks/mirror.py
    python benchmarks/mirror.py --rounds 1 --rate 400 --rtt 20
    python benchmarks/readme.py [--check]

`--check` only tells whether the pages have what the results say.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import mirroring.results
import mirroring.table
from lab.results import Result, load, saved

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MIRROR = HERE.parent / "docs" / "mirror.md"


def main() -> int:
    pages = {README: _readme(README.read_text(encoding="utf-8"))}
    text = MIRROR.read_text(encoding="utf-8")
    for path in (mirroring.results.PATH, mirroring.results.FAR):
        text = _put(text, path.stem, mirroring.table.table(mirroring.results.load(path)))
    pages[MIRROR] = text
    if "--check" in sys.argv:
        return int(any(page.read_text(encoding="utf-8") != text for page, text in pages.items()))
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")
    return 0


def _readme(text: str) -> str:
    text = _put(text, "client_cost", _client_cost(_result("client_cost")))
    text = _put(text, "bad_servers", _bad_servers(_result("bad_servers")))
    return _put(text, "lab", _lab([load(path) for path in saved()]))


def _result(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text())
    return told


def _put(text: str, name: str, table: str) -> str:
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda match: match[1] + table + match[2], text, flags=re.DOTALL)


def _client_cost(told: dict[str, Any]) -> str:
    size = told["large_mib"]
    rows = [
        f"{size} MiB over loopback HTTP from nginx, {told['cores']} cores shared with the server, "
        f"Python {told['python']}; medians of one run, so compare rows and not machines:\n",
        "| | wall | against curl | CPU a GiB | peak memory |",
        "|---|---|---|---|---|",
    ]
    curl = _median(told["large"]["curl"], "wall")
    for name, runs in told["large"].items():
        wall, cpu = _median(runs, "wall"), _median(runs, "cpu") * 1024 / size
        memory = max(run["memory"] for run in runs) / 2**20
        right = "" if all(run["right"] for run in runs) else " (WRONG BYTES)"
        ratio = f"{wall / curl:.2f} x"
        rows.append(f"| {name}{right} | {wall:.2f} s | {ratio} | {cpu:.2f} s | {memory:.0f} MiB |")
    start = _median(told["small"]["segdl -j 8"], "wall")
    rows.append(
        f"\nA file of 1 KiB takes {start:.2f} s, whole process; "
        f"`segdl --version` {told['version_seconds']:.3f} s.\n"
    )
    return "\n".join(rows)


def _median(runs: list[dict[str, float]], field: str) -> float:
    return statistics.median(run[field] for run in runs)


def _bad_servers(told: dict[str, Any]) -> str:
    tools = list(next(iter(told.values())))
    rows = ["| the server … | " + " | ".join(tools) + " |", "|---" * (len(tools) + 1) + "|"]
    rows += [f"| {name} | " + " | ".join(row.values()) + " |" for name, row in told.items()]
    return "\n".join([*rows, ""])


def _lab(results: list[Result]) -> str:
    mark = {True: "met", False: "**missed**", None: "-"}
    rounds = [len(each.runs) for result in results for each in result.contenders if each.runs]
    load = max(float(result.machine["load before"]) for result in results)
    rows = [
        f"Medians of {min(rounds)} to {max(rounds)} rounds; load of the machine before, up to "
        f"{load:g}:\n",
        "| | | must take | took | |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        for verdict in result.verdicts:
            cells = (result.title, verdict.tool, verdict.must, verdict.got, mark[verdict.met])
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.exit(main())
