"""Tracebacks without secrets: for `-v` only."""

from __future__ import annotations

import traceback

from segdl.core.text import printable
from segdl.errors import SegdlError


def trace(error: BaseException) -> str:
    """Say where an error and what led to it arose.

    The words of other libraries' exceptions are left out: they quote URLs and headers whole.
    """
    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        said = f": {printable(str(cause), 2000)}" if isinstance(cause, SegdlError) else ""
        lines.append(f"{'caused by ' if lines else ''}{type(cause).__name__}{said}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines)
