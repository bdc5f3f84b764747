"""Where SQLite's write-ahead log can be had, and where it cannot.

It needs memory that processes share by mapping a file. Network file systems have none. Others
may have to find room when such memory is written to: where the disk is full the kernel then
kills the process (SIGBUS), so that nothing is said of why.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Literal

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph"})
_COPY_ON_WRITE = frozenset({"btrfs", "bcachefs"})


def journal_mode(path: Path) -> Literal["WAL", "DELETE"]:
    """Return how a database at this place keeps its journal."""
    if _file_system(path) in _REMOTE | _COPY_ON_WRITE or _has_small_blocks(path):
        return "DELETE"
    return "WAL"


def _has_small_blocks(path: Path) -> bool:
    """Tell whether a page of a file may be there in part: the rest is looked for when written."""
    if not hasattr(os, "statvfs"):
        return False
    return os.statvfs(path.parent).f_bsize < mmap.PAGESIZE


def _file_system(path: Path) -> str:
    """Return what the file system of a file is called; empty where the system does not tell."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split(" ")[1:3] for line in file]
    except OSError:
        return ""
    place = os.path.realpath(path.parent)
    kind, longest = "", -1
    for escaped, name in mounts:
        folder = escaped.replace("\\040", " ")
        inside = place == folder or place.startswith(folder.rstrip("/") + "/")
        if inside and len(folder) >= longest:
            kind, longest = name, len(folder)
    return kind
