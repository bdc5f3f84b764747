"""Room for many bytes: in memory where they fit, else a file system of its own on the disk."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.programs import run
from lab.sandbox import WORK

_SHARE = 0.7  # of the memory that is free: programs and the page cache want some as well
_DISK = "/var/tmp"


def folder_for(needed: int, asked: str | None) -> str | None:
    """Return the folder for :func:`lab.sandbox.run_inside`: none where memory is enough."""
    if asked is not None:
        return asked
    available = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    fits = available is not None and needed <= int(available[1]) * 1024 * _SHARE
    return None if fits else _DISK


@contextmanager
def ground(inside: Path, needed: int) -> Iterator[Path]:
    """Yield an empty folder in the sandbox with room for `needed` bytes.

    Args:
        inside: what :func:`lab.sandbox.run_inside` told; a folder of the disk gets a file
            system on a loop device, which ends with the sandbox whatever ends that.
    """
    if inside == WORK:
        yield WORK
        return
    with loop_filesystem(inside, needed) as mounted:
        yield mounted


@contextmanager
def loop_filesystem(folder: Path, size: int) -> Iterator[Path]:
    """Mount an ext4 of `size` bytes, whose image in `folder` no longer has a name."""
    image, point = folder / "image", folder / "mounted"
    with open(image, "xb") as file:
        file.truncate(size)
    try:
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "root_owner=0:0", str(image))
        point.mkdir()
        # Such a device frees itself with the last mount, which is nobody's but the sandbox's.
        run("mount", "-o", "loop,noatime", str(image), str(point))
    finally:
        image.unlink()
    try:
        yield point
    finally:
        # What was just killed may still hold a file.
        subprocess.run(["umount", "--lazy", str(point)], check=False)
        point.rmdir()
