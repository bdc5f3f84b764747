"""Lines that a server writes for requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def logged(path: Path, at_least: int, timeout: float) -> list[str]:
    """Return the whole lines of a log; wait for `at_least` so many.

    Servers write a line once the answer is out, which a client may be quicker than.
    """
    deadline = time.monotonic() + timeout
    while True:
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line.rstrip("\n") for line in lines if line.endswith("\n")]
        if len(whole) >= at_least:
            return whole
        assert time.monotonic() < deadline, f"{len(whole)} of {at_least} log lines came"
        time.sleep(0.01)
