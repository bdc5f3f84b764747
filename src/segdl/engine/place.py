"""Where a file goes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from segdl.core.names import choose_name, safe_name
from segdl.store.target import Target

if TYPE_CHECKING:
    from segdl.core.identity import Version
    from segdl.engine.contact import Contact
    from segdl.engine.task import Task
    from segdl.options import Request


class TakenError(Exception):
    """A name that nothing had when it was chosen has been taken."""


def target_of(request: Request, asked_path: str, contact: Contact | None = None) -> Target:
    """Return where a file goes, by what is known so far."""
    if request.name is not None:
        return _named(request.directory, request.name)
    disposition = contact.head.disposition if contact else None
    final_path = contact.location.path if contact else asked_path
    name = choose_name(disposition, asked_path, final_path)
    return _named(request.directory, safe_name(name, windows=os.name == "nt"))


def choose_target(task: Task, target: Target, version: Version, busy: set[Path]) -> Target:
    """Return where the file goes: another name where that was asked for and needed.

    Args:
        task: the request.
        target: where it would go.
        version: what the server has.
        busy: names that other runs are at work on.
    """
    if task.run.transfer.if_exists != "rename":
        return target
    from segdl.engine.existing import free_target

    return free_target(task, target, version, busy)


# Several steps of a file ask for it.
@lru_cache(maxsize=64)
def _named(directory: Path, name: str) -> Target:
    return Target(directory / name)
