"""The files that a report is written to."""

from __future__ import annotations

import json
from pathlib import Path

from segdl.mirror.seen.failures_list import NAME as FAILURES
from segdl.mirror.seen.failures_list import failures_list
from segdl.mirror.seen.report import Report, to_json
from segdl.mirror.seen.report_page import page
from segdl.store.faults import disk_errors
from segdl.store.whole import write_whole

JSON, PAGE = "report.json", "report.html"


def write_report(folder: Path, report: Report) -> None:
    """Write report.json, report.html and, where files failed, failures.txt into a folder.

    Each is put in the place of the run before's as a whole.

    Raises:
        DiskError: one cannot be written.
    """
    write_whole(folder / JSON, [json.dumps(to_json(report), indent=1), "\n"])
    write_whole(folder / PAGE, [page(report)])
    failures = folder / FAILURES
    if report.failures.count:
        write_whole(failures, failures_list(report))
    else:
        with disk_errors(failures, "remove"):
            failures.unlink(missing_ok=True)
