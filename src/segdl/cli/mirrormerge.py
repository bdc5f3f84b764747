"""`segdl mirror --report DIR...`: one report of what several runs did."""

from __future__ import annotations

import argparse
import sys

from segdl.cli.mirroroptions import folder_of
from segdl.cli.session import Printer
from segdl.core.text import counted, human_size, printable
from segdl.errors import UsageError
from segdl.mirror.options import FOLDER
from segdl.mirror.seen.merging import merge
from segdl.mirror.seen.report import to_json
from segdl.mirror.seen.report_files import JSON, write_report
from segdl.mirror.seen.report_reading import read_report, reports_below
from segdl.progress.view import make_view
from segdl.store.faults import disk_errors, shown


def merge_reports(options: argparse.Namespace) -> int:
    """Merge the reports of folders; return the code of the first run that failed.

    Raises:
        SegdlError: there is nothing to merge, or it cannot be read or written.
    """
    if not options.urls:
        raise UsageError("--report wants folders", hint="write segdl mirror --report DIR...")
    directories = [folder_of(each, options) for each in options.urls]
    paths, missing = [], []
    for directory in directories:
        there, absent = reports_below(directory)
        paths += there
        missing += [(directory, shard) for shard in absent]
    if not paths:
        raise UsageError("no run has ended yet", hint="there is no report")
    merged = merge([read_report(path) for path in paths])
    printer = Printer(make_view("none", sys.stderr))
    for directory, shard in missing:
        text = f"segdl: {shown(directory)}: shard {shard.index} of {shard.count} has no report"
        printer.line(text, to_error=True)
    folder = options.report_to or (directories[0] / FOLDER if len(directories) == 1 else None)
    # A report that was the only one is not written over.
    if folder is not None and paths != [folder / JSON]:
        with disk_errors(folder, "make"):
            folder.mkdir(parents=True, exist_ok=True)
        write_report(folder, merged)
    if options.json:
        printer.json(to_json(merged))
    elif not options.quiet:
        files, failed = merged.files, merged.failures.count
        merged_of = f"{counted(len(paths), 'report')}, {counted(files.listed, 'file')}"
        printer.line(
            f"{printable(merged.name, 100)}: {merged_of}, "
            f"{files.fetched} fetched, {files.kept} kept, {failed} failed, "
            f"{files.removed} removed, {human_size(merged.bytes.fetched)} in {merged.seconds:.1f} s"
        )
    return merged.exit_code or (1 if missing else 0)
