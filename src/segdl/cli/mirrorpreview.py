"""`segdl mirror --dry-run`: what a run would do, printed."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass

from segdl.cli.mirroroptions import Wanted
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.core.text import counted, human_size, printable
from segdl.engine.run import Run
from segdl.engine.surroundings import open_run
from segdl.mirror.failures import Failures
from segdl.mirror.happenings import Happening, Said
from segdl.mirror.options import INCOMING
from segdl.mirror.place import Folder, Place
from segdl.mirror.rehearsal import Planned, Rehearsal, copied
from segdl.mirror.relist import Listing
from segdl.mirror.session import ledger_path
from segdl.progress.view import make_view
from segdl.store.faults import shown

_MOST_ERRORS = 20
# What is done to files, in the order in which it is summed up.
_DEEDS = {
    "fetch": "to fetch",
    "replace": "to replace",
    "link": "to link",
    "ask": "to ask about",
    "read": "to read",
    "clear": "to clear away",
    "delete": "to delete",
}


@dataclass(slots=True)
class _Sum:
    files: int = 0
    bytes: int = 0


def preview(wanted: Wanted) -> int:
    """Print what a run would do; return 0, or the code of what is wrong with the list.

    Raises:
        SegdlError: the list cannot be read at all.
    """
    view = make_view("none", sys.stderr)
    printer, lock = Printer(view), threading.Lock()

    def say(text: str) -> None:
        with lock:
            if not wanted.quiet:
                printer.line(f"segdl: {printable(text, 2000)}", to_error=True)

    def tell(happening: Happening) -> None:
        if isinstance(happening, Said):
            say(happening.text)

    sums = {deed: _Sum() for deed in _DEEDS}
    mirror = wanted.mirror
    with (
        cancelled_by_signals() as cancel,
        logging_to(view, verbose=wanted.verbose, insecure=wanted.network.insecure),
        open_run(wanted.network, wanted.transfer, tell, cancel, max_files=mirror.max_files) as run,
        copied(ledger_path(mirror.directory, mirror.shard)) as ledger,
    ):
        rehearsal = Rehearsal(run, mirror, ledger, _place(wanted, run), tell)
        for planned in rehearsal.plan(Listing(run, mirror, say).read):
            sums[planned.deed].files += 1
            sums[planned.deed].bytes += planned.size or 0
            if not (wanted.json or wanted.quiet):
                printer.line(_line(planned))
    failures, intake = rehearsal.failures, rehearsal.intake
    exit_code = failures.first[0].exit_code if failures else 0
    _say_failures(failures, printer)
    if wanted.json:
        figures = {deed: {"files": each.files, "bytes": each.bytes} for deed, each in sums.items()}
        about = {"dry_run": True, "files": intake.files, "bytes": intake.bytes}
        printer.json({**wanted.result(exit_code), **about, "kept": intake.kept, **figures})
    elif not wanted.quiet:
        listed = f"{counted(intake.files, 'file')} listed, {human_size(intake.bytes)}"
        printer.line(f"{shown(wanted.where)}  {listed}: {_summary(sums)}")
    return exit_code


def _place(wanted: Wanted, run: Run) -> Place:
    if wanted.prefix is None:
        return Folder(wanted.mirror, lambda _: None)
    from segdl.mirror.bucket import InBucket

    return InBucket(run, wanted.prefix, wanted.mirror.folder / INCOMING)


def _line(planned: Planned) -> str:
    size = "" if planned.size is None else human_size(planned.size)
    return f"{planned.deed:8}{size:>10}  {printable(planned.path, 4096)}"


def _summary(sums: dict[str, _Sum]) -> str:
    parts = [
        f"{each.files} {_DEEDS[deed]}" + (f" ({human_size(each.bytes)})" if each.bytes else "")
        for deed, each in sums.items()
        if each.files
    ]
    return ", ".join(parts) or "nothing to be done"


def _say_failures(failures: Failures, printer: Printer) -> None:
    for error in failures.first[:_MOST_ERRORS]:
        printer.error(error)
    more = failures.count - _MOST_ERRORS
    if more > 0:
        printer.line(f"segdl: and {more} failures more", to_error=True)
