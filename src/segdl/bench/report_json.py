"""A report as one JSON object: `docs/bench.md` describes it, field by field."""

from __future__ import annotations

import statistics
from typing import Any

from segdl.bench.figures import Spread, spread
from segdl.bench.report import SCHEMA_VERSION, Report, Run
from segdl.version import __version__

Object = dict[str, Any]


def to_json(report: Report) -> Object:
    """Return the documented, versioned form of a report."""
    setting, finding = report.setting, report.finding
    return {
        "v": SCHEMA_VERSION,
        "segdl": __version__,
        "began": setting.began,
        "machine": setting.machine,
        "url": setting.url,
        "name": setting.name,
        "size": setting.size,
        "fetched": setting.length,
        "rounds": setting.rounds,
        "checksum": str(report.digest) if report.digest.hexdigest else None,
        "finding": {
            "kind": finding.kind,
            "text": finding.text,
            "notes": list(finding.notes),
            "best": finding.best,
            "times": None if finding.times is None else round(finding.times, 3),
        },
        "contenders": [_contender(report, index) for index in range(len(report.contenders))],
        "left_out": [{"label": each.label, "reason": each.reason} for each in report.left_out],
        "runs": [_run(report, run) for run in report.runs],
    }


def median_cpu(report: Report, index: int) -> float | None:
    """Return the processor seconds of a contender's median run; None where unknown."""
    known = [run.cpu for run in report.good(index) if run.cpu is not None]
    return statistics.median(known) if known else None


def peak_memory(report: Report, index: int) -> int | None:
    """Return the most bytes in memory of any run of a contender; None where unknown."""
    return max((run.memory for run in report.good(index) if run.memory is not None), default=None)


def _contender(report: Report, index: int) -> Object:
    contender, good = report.contenders[index], report.good(index)
    cpu = median_cpu(report, index)
    return {
        "label": contender.label,
        "tool": contender.tool,
        "version": report.versions.get(contender.tool, ""),
        "connections": contender.connections,
        "connections_used": report.group(index).used,
        "command": contender.command.shown,
        "good": len(good),
        "seconds": _spread(spread([run.seconds for run in good]), 3),
        "bytes_per_second": _spread(report.rate(index), 0),
        "cpu_seconds": None if cpu is None else round(cpu, 3),
        "peak_memory": peak_memory(report, index),
    }


def _run(report: Report, run: Run) -> Object:
    return {
        "label": report.contenders[run.contender].label,
        "round": run.round,
        "status": report.status(run),
        "error": run.error,
        "exit_code": run.exit_code,
        "seconds": round(run.seconds, 3),
        "size": run.size,
        "bytes_per_second": round(run.rate),
        "checksum": f"{report.digest.algorithm}={run.digest}" if run.digest else None,
        "cpu_seconds": None if run.cpu is None else round(run.cpu, 3),
        "peak_memory": run.memory,
        "speeds": [
            {
                "start": round(stretch.start, 3),
                "stop": round(stretch.stop, 3),
                "bytes_per_second": [round(speed) for speed in stretch.speeds],
            }
            for stretch in run.speeds
        ],
    }


def _spread(found: Spread | None, digits: int) -> Object | None:
    if found is None:
        return None
    figures = {"low": found.low, "median": found.median, "high": found.high}
    # Whole numbers stay integers: round(x, 0) would make floats of them.
    return {name: round(figure, digits or None) for name, figure in figures.items()}
