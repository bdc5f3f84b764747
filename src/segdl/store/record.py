"""A finished file's memory of where it came from, in an extended attribute.

It is what lets the next run see that the file provably is the remote one. Where the
platform or the file system has no such attributes there is no memory, and a finished
file is then simply a file that exists.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from segdl.core.identity import Match, Version, compare
from segdl.store.state import fields_of, load_version

_ATTRIBUTE = "user.segdl"
_FORMAT = 1
# Made once: a file is noted in less time than one takes to be made.
_ENCODER = json.JSONEncoder(default=fields_of)


def write_record(descriptor: int, version: Version, selected: str | None) -> None:
    """Note on an open file which version it is, and of which bytes."""
    if not hasattr(os, "setxattr") or not version.proves:
        return
    status = os.fstat(descriptor)
    told = {
        "segdl": _FORMAT,
        "version": version,
        "range": selected,
        "modified": status.st_mtime_ns,
        "size": status.st_size,
    }
    try:
        os.setxattr(descriptor, _ATTRIBUTE, _ENCODER.encode(told).encode())
    except OSError:
        # No such attributes here: the file is whole all the same.
        pass


def is_recorded(path: Path, version: Version, selected: str | None) -> bool:
    """Tell whether `path` was fetched from `version` and has not been touched since."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        told = json.loads(os.getxattr(path, _ATTRIBUTE, follow_symlinks=False))
        status = os.stat(path, follow_symlinks=False)
        recorded = load_version(told["version"])
        untouched = (told["size"], told["modified"]) == (status.st_size, status.st_mtime_ns)
        same_bytes = told["segdl"] == _FORMAT and told["range"] == selected
        return (
            untouched
            and same_bytes
            and recorded.proves
            and recorded.size == version.size
            and compare(recorded, version) is Match.SAME
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
