"""A finished file's memory of where it came from, in an extended attribute.

It is what lets the next run see that the file provably is the remote one. Where the
platform or the file system has no such attributes there is no memory, and a finished
file is then simply a file that exists.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from segdl.core.identity import Match, Version, compare
from segdl.store.state import fields_of, load_version

_ATTRIBUTE = "user.segdl"
_FORMAT = 1
# Made once: a file is noted in less time than one takes to be made.
_ENCODER = json.JSONEncoder(default=fields_of)


def write_record(descriptor: int, version: Version, selected: str | None, url: str) -> None:
    """Note on an open file which version of `url` it is, and of which bytes.

    Args:
        descriptor: of the file.
        version: as the server of `url` named it.
        selected: the pieces asked for, as ``--range`` takes them; None is the whole file.
        url: without user, password and query.
    """
    if not hasattr(os, "setxattr") or not version.proves:
        return
    status = os.fstat(descriptor)
    told = {
        "segdl": _FORMAT,
        "version": version,
        "range": selected,
        "url": url,
        "modified": status.st_mtime_ns,
        "size": status.st_size,
    }
    try:
        os.setxattr(descriptor, _ATTRIBUTE, _ENCODER.encode(told).encode())
    except OSError:
        # No such attributes here: the file is whole all the same.
        pass


def is_own(path: Path, status: os.stat_result) -> bool:
    """Tell whether a file says itself that it was fetched, and has not been touched since.

    Args:
        path: where it is.
        status: of the file that is meant.
    """
    told = _told(path)
    return told is not None and _is_untouched(told, status)


def is_recorded(path: Path, version: Version, selected: str | None, url: str) -> bool:
    """Tell whether `path` is this version of `url` and has not been touched since.

    Validators are of one URL: two files of one size and time have the same at many servers.
    A link is followed: it was not fetched, but what it leads to may have been.
    """
    told = _told(path)
    if told is None:
        return False
    try:
        recorded = load_version(told["version"])
        same_bytes = (told["segdl"], told["range"], told["url"]) == (_FORMAT, selected, url)
        return (
            _is_untouched(told, os.stat(path))
            and same_bytes
            and recorded.proves
            and recorded.size == version.size
            and compare(recorded, version) is Match.SAME
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _told(path: Path) -> dict[str, Any] | None:
    if not hasattr(os, "getxattr"):
        return None
    try:
        told = json.loads(os.getxattr(path, _ATTRIBUTE))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _is_untouched(told: dict[str, Any], status: os.stat_result) -> bool:
    return (told.get("size"), told.get("modified")) == (status.st_size, status.st_mtime_ns)
