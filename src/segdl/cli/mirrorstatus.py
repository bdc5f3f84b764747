"""`segdl mirror --status DIR`: how a mirror is, whether or not a run is at work on it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from segdl.cli.mirroroptions import folder_of
from segdl.cli.session import Printer
from segdl.core.text import counted, human_size, printable
from segdl.errors import DiskError, UsageError
from segdl.mirror.ledger import Ledger
from segdl.mirror.session import ledger_path
from segdl.mirror.status import Status
from segdl.progress.view import make_view
from segdl.store.faults import disk_errors, shown


def status(options: argparse.Namespace) -> int:
    """Say how a mirror is; return 0 where the last listing was carried out to its end.

    Raises:
        SegdlError: there is no mirror, or it cannot be read.
    """
    if len(options.urls) != 1:
        raise UsageError("--status wants one folder", hint="write segdl mirror --status DIR")
    directory = folder_of(options.urls[0], options)
    path = ledger_path(directory, options.shard)
    with disk_errors(path, "look at"):
        is_mirror = path.is_file()
    if not is_mirror:
        raise DiskError(f"{shown(directory)} is no mirror", hint="it has no ledger")
    with Ledger(path, readonly=True) as ledger:
        found = ledger.status()
    printer = Printer(make_view("none", sys.stderr))
    if options.json:
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
            }
        )
    else:
        for line in _lines(directory, found):
            printer.line(line)
    return 0 if found.complete else 1


def _lines(directory: Path, found: Status) -> list[str]:
    listed, listed_bytes = found.here - found.unlisted, found.here_bytes - found.unlisted_bytes
    here = f"{listed} of {found.files} files, {human_size(listed_bytes)}"
    lines = [f"{shown(directory)}: {here}"]
    # As long as it is read nobody knows.
    if found.unlisted and found.ended is not None:
        size = human_size(found.unlisted_bytes)
        lines.append(f"{counted(found.unlisted, 'file')} more that the list does not name, {size}")
    if found.began is None:
        return [*lines, "no run yet"]
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.began))
    if found.ended is None:
        lines.append(f"run of {began}: at work, or killed; {counted(found.waiting, 'file')} to go")
    else:
        ending = "complete" if found.complete else "not complete"
        lines.append(f"run of {began}: {ending}, after {found.ended - found.began:.0f} s")
    if found.failed:
        lines.append(f"{counted(found.failed, 'file')} could not be had:")
        lines += [f"  {printable(path, 200)}: {printable(why, 400)}" for path, why in found.errors]
        if found.failed > len(found.errors):
            lines.append(f"  and {found.failed - len(found.errors)} more")
    return lines
