"""Runs that nobody closed are closed before the interpreter stops their threads."""

from __future__ import annotations

import atexit
from collections.abc import Generator
from typing import Any, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_open: WeakSet[Generator[Any, None, None]] = WeakSet()


def close_at_exit(run: Generator[T, None, None]) -> Generator[T, None, None]:
    """Return a generator, which is closed at the end of the program at the latest.

    One that a name still holds then would be closed when its threads have stopped, and wait
    for them for ever.
    """
    _open.add(run)
    return run


@atexit.register
def _close_all() -> None:
    for run in list(_open):
        try:
            run.close()
        except ValueError:
            # A thread is at it, and stops with the program.
            pass
