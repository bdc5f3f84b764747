"""`segdl --dry-run`: the plan, printed."""

from __future__ import annotations

from segdl.cli.session import Printer
from segdl.core.text import human_size, printable
from segdl.engine.inspect import preview
from segdl.engine.run import Run
from segdl.errors import SegdlError
from segdl.options import Request


def print_preview(run: Run, request: Request | SegdlError, printer: Printer) -> int:
    """Print what a download would do, and return its exit code."""
    try:
        if isinstance(request, SegdlError):
            raise request
        plan = preview(run, request)
    except SegdlError as error:
        printer.error(error)
        return error.exit_code
    printer.line(f"{plan.remote.url}")
    printer.line(f"  to        {printable(str(plan.target.path), 4096)}")
    size = "not told by the server" if plan.size is None else f"{plan.size} bytes"
    printer.line(f"  size      {size}")
    printer.line(f"  on disk   {plan.held} bytes")
    printer.line(f"  ranges    {'yes' if plan.remote.ranges else 'no: one connection'}")
    for span in plan.segments:
        printer.line(f"  segment   {span.start}-{span.stop - 1} ({human_size(len(span))})")
    return 0
