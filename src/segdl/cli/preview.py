"""`segdl --dry-run`: the plan, printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from segdl.cli.session import Printer
from segdl.core.text import human_size, printable

if TYPE_CHECKING:
    from segdl.engine.inspect import Preview


def print_preview(plan: Preview, printer: Printer, *, as_json: bool) -> None:
    """Print what a download would do."""
    path = os.fspath(plan.target.path)
    if as_json:
        printer.json(
            {
                "v": 1,
                "status": "planned",
                "path": path,
                "url": plan.remote.url,
                "size": plan.size,
                "held": plan.held,
                "ranges": plan.remote.ranges,
                "segments": [[span.start, span.stop] for span in plan.segments],
            }
        )
        return
    size = "not told by the server" if plan.size is None else f"{plan.size} bytes"
    printer.line(plan.remote.url)
    printer.line(f"  to        {printable(path, 4096)}")
    printer.line(f"  size      {size}")
    printer.line(f"  on disk   {plan.held} bytes")
    printer.line(f"  ranges    {'yes' if plan.remote.ranges else 'no: one connection'}")
    for span in plan.segments:
        printer.line(f"  segment   {span.start}-{span.stop - 1} ({human_size(len(span))})")
