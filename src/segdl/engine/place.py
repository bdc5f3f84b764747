"""Where a file goes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from segdl.core.names import choose_name, safe_name
from segdl.engine.contact import Contact
from segdl.options import Request
from segdl.store.target import Target


def target_of(request: Request, asked_path: str, contact: Contact | None = None) -> Target:
    """Return where a file goes, by what is known so far."""
    if request.name is not None:
        return _named(request.directory, request.name)
    disposition = contact.head.disposition if contact else None
    final_path = contact.location.path if contact else asked_path
    name = choose_name(disposition, asked_path, final_path)
    return _named(request.directory, safe_name(name, windows=os.name == "nt"))


# Several steps of a file ask for it.
@lru_cache(maxsize=64)
def _named(directory: Path, name: str) -> Target:
    return Target(directory / name)
