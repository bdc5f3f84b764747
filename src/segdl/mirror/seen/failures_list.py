"""The files that failed, as a list that `segdl -i` and aria2 read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from segdl.core.text import counted, printable
from segdl.mirror.happenings import Lost
from segdl.mirror.seen.report import Report

NAME = "failures.txt"


def failures_list(report: Report, *, most: int | None = None) -> Iterator[str]:
    """Yield the lines of the list, which is without secrets.

    What would fetch something else than the file is a comment: a URL whose query is left
    out, a path that cannot be written in such a list.

    Args:
        report: has the failures.
        most: files in the list; None takes all.
    """
    failures = report.failures
    files = failures.files[:most]
    failed = counted(failures.count, "file")
    yield f"# {failed} of {printable(report.name)} failed, {report.ended}.\n"
    yield f"# To fetch them:  segdl get -i {NAME} -d FOLDER\n"
    if (left := failures.count - len(files)) > 0:
        yield f"# {left:,} of them {'is' if left == 1 else 'are'} not in this list.\n"
    if any(lost.cut for lost in files):
        yield "# Queries (what follows a ?) may be secret and are left out: such files are\n"
        yield "# comments here. Add the query and take the # away.\n"
    for lost in files:
        yield from _entry(lost)


def _entry(lost: Lost) -> Iterator[str]:
    yield "\n"
    mark, why = "", ""
    if lost.cut:
        mark, why = "#", "the query is left out"
    elif not _can_be_written(lost):
        mark, why = "#", "its name cannot be written here"
    if why:
        yield f"# {why}:\n"
    yield f"{mark}{printable(lost.url, 4000)}\n"
    yield f"{mark}  out={printable(lost.path, 4000)}\n"
    if lost.checksum:
        # As aria2 calls them: sha-256.
        checksum = re.sub(r"^sha(\d+)=", r"sha-\1=", lost.checksum)
        yield f"{mark}  checksum={checksum}\n"


def _can_be_written(lost: Lost) -> bool:
    """Tell whether what would be read from the list is what was written."""
    fits = all(
        text == printable(text, 4000) == text.strip() and text for text in (lost.url, lost.path)
    )
    return fits and "\t" not in lost.url
