"""`segdl mirror --status DIR...`: how mirrors are, whether or not a run is at work on them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from segdl.cli.mirroroptions import folder_of
from segdl.cli.session import Printer
from segdl.core.shards import Shard
from segdl.core.text import counted, human_size, printable
from segdl.errors import DiskError, SegdlError, UsageError
from segdl.mirror.ledger import Ledger
from segdl.mirror.seen.report_files import JSON
from segdl.mirror.seen.report_reading import read_report
from segdl.mirror.session import ledger_path
from segdl.mirror.status import Status
from segdl.progress.view import make_view
from segdl.store.faults import disk_errors, shown

_MOST_SAID = 20


def status_of_folders(options: argparse.Namespace) -> int:
    """Say how the mirrors in the folders of a command line are; return as `status` does.

    Raises:
        SegdlError: there is no folder, or as `status`.
    """
    if not options.urls:
        raise UsageError("--status wants folders", hint="write segdl mirror --status DIR...")
    folders = [(folder_of(each, options), options.shard) for each in options.urls]
    return status(folders, as_json=options.json)


def status(folders: Sequence[tuple[Path, Shard | None]], *, as_json: bool) -> int:
    """Say how mirrors are; return 0 where the last listing of each was carried out to its end.

    Else it is the code of the first that failed: 1 where it was not carried out.

    Args:
        folders: of their ledgers, with the share that each is.
        as_json: one object for each.

    Raises:
        SegdlError: the only one is no mirror, or cannot be read.
    """
    printer = Printer(make_view("none", sys.stderr))
    first = 0
    for directory, shard in folders:
        try:
            code = _status(directory, shard, printer, as_json=as_json)
        except SegdlError as error:
            if len(folders) == 1:
                raise
            printer.error(error)
            code = error.exit_code
        first = first or code
    return first


def _status(directory: Path, shard: Shard | None, printer: Printer, *, as_json: bool) -> int:
    path = ledger_path(directory, shard)
    with disk_errors(path, "look at"):
        is_mirror = path.is_file()
    if not is_mirror:
        raise DiskError(f"{shown(directory)} is no mirror", hint="it has no ledger")
    with Ledger(path, readonly=True) as ledger:
        found = ledger.status()
    said = _said(path.with_name(JSON), found)
    if as_json:
        printer.json(
            {
                "v": 1,
                "directory": str(directory),
                "files": found.files,
                "bytes": found.bytes,
                "here": found.here,
                "here_bytes": found.here_bytes,
                "unlisted": found.unlisted,
                "unlisted_bytes": found.unlisted_bytes,
                "waiting": found.waiting,
                "failed": found.failed,
                "began": found.began,
                "ended": found.ended,
                "complete": found.complete,
                "earlier": found.earlier,
                "said": said,
            }
        )
    else:
        for line in [*_lines(directory, found), *(f"  {each}" for each in said)]:
            printer.line(line)
    return 0 if found.complete else 1


def _said(path: Path, found: Status) -> list[str]:
    """Return what the last run said, by its report, where that was not all that it should be.

    Lines of the list that were refused are no files: the ledger does not have them.
    """
    if found.began is None or found.ended is None or found.complete:
        return []
    try:
        report = read_report(path)
        began, ended = (
            datetime.strptime(each, "%Y-%m-%dT%H:%M:%S%z").timestamp()
            for each in (report.began, report.ended)
        )
    except (SegdlError, ValueError):
        # It went elsewhere, or nowhere.
        return []
    # The report has whole seconds.
    is_of_it = began <= found.began and found.ended <= ended + 1
    return [printable(line, 400) for line in report.notes.lines[:_MOST_SAID]] if is_of_it else []


def _lines(directory: Path, found: Status) -> list[str]:
    listed, listed_bytes = found.here - found.unlisted, found.here_bytes - found.unlisted_bytes
    here = f"{listed} of {found.files} files, {human_size(listed_bytes)}"
    lines = [f"{shown(directory)}: {here}"]
    # As long as it is read nobody knows.
    if found.unlisted and found.ended is not None:
        size = human_size(found.unlisted_bytes)
        far = "" if found.complete else ", as far as it was read,"
        more = counted(found.unlisted, "file")
        lines.append(f"{more} more that the list{far} does not name, {size}")
    if found.began is None:
        return [*lines, "no run yet"]
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.began))
    if found.ended is None:
        lines.append(f"run of {began}: at work, or killed; {counted(found.waiting, 'file')} to go")
    else:
        ending = "complete" if found.complete else "not complete"
        lines.append(f"run of {began}: {ending}, after {found.ended - found.began:.0f} s")
        if found.earlier:
            lines.append("its list could not be read, or named nothing: counted is an earlier one")
    if found.failed:
        lines.append(f"{counted(found.failed, 'file')} could not be had:")
        lines += [f"  {printable(path, 200)}: {printable(why, 400)}" for path, why in found.errors]
        if found.failed > len(found.errors):
            lines.append(f"  and {found.failed - len(found.errors)} more")
    return lines
