"""Real file systems on loop devices, and one that is soon full."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from support.require import program, require, require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["ext2", "ext4", "xfs", "btrfs"]

_MKFS = {
    "ext2": ("mkfs.ext2", "-q", "-F"),  # it cannot set blocks aside
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-m", "reflink=1"),
    "btrfs": ("mkfs.btrfs", "-q"),
}
_CLONE_NEWNS = 0x00020000
_SMALLEST = {"ext2": 8, "ext4": 8, "xfs": 300, "btrfs": 128}  # MiB; mkfs refuses less


@contextmanager
def loop_filesystem(kind: Kind, size_mib: int, tmp_path: Path) -> Iterator[Path]:
    """Make a file system of `kind` in a sparse file and mount it; XFS and btrfs share extents.

    It is at least as large as its mkfs allows. On exit it is unmounted and the loop
    device is free again, or the test fails.
    """
    require(f"mounting {kind} needs root", os.geteuid() == 0)
    make, *options = _MKFS[kind]
    (maker,) = require_program(make)
    mount, losetup = require_program("mount", "losetup")
    require("there are no loop devices here", Path("/dev/loop-control").exists())
    _keep_mounts_to_ourselves(mount)
    image, point = tmp_path / f"{kind}.img", tmp_path / kind
    with image.open("xb") as file:
        file.truncate(max(size_mib, _SMALLEST[kind]) * 1024 * 1024)
    point.mkdir()
    try:
        made = _run(maker, *options, str(image))
        assert made.returncode == 0, made.stderr
        # `mount -o loop` marks the device to free itself on umount, even after a crash.
        mounted = _run(mount, "-t", kind, "-o", "loop", str(image), str(point))
        require(f"{kind} cannot be mounted: {mounted.stderr.strip()}", mounted.returncode == 0)
        try:
            yield point
        finally:
            _unmount(point)
            _wait_detached(losetup, image)
    finally:
        image.unlink()


@contextmanager
def tiny_tmpfs(size: int, tmp_path: Path) -> Iterator[Path]:
    """Mount a tmpfs of `size` bytes (rounded up to pages): writing more is ENOSPC."""
    require("mounting a tmpfs needs root", os.geteuid() == 0)
    (mount,) = require_program("mount")
    _keep_mounts_to_ourselves(mount)
    point = tmp_path / "tiny"
    point.mkdir()
    mounted = _run(mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(point))
    require(f"a tmpfs cannot be mounted: {mounted.stderr.strip()}", mounted.returncode == 0)
    try:
        yield point
    finally:
        _unmount(point)


@cache
def _keep_mounts_to_ourselves(mount: str) -> None:
    """Give this thread, and what it starts from now on, a mount namespace of their own.

    Whoever makes another namespace (a container, the benchmarks' lab) takes copies of all
    mounts along: a file system would stay mounted there, and its loop device in use, long
    after it was unmounted here. And what a killed suite mounted goes away with it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) == 0:
        # What others mount and unmount is still seen here, but not the other way round.
        made = _run(mount, "--make-rslave", "/")
        assert made.returncode == 0, made.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _unmount(point: Path) -> None:
    umount = program("umount") or "umount"
    said = ""
    for _ in range(20):
        result = _run(umount, str(point))
        if result.returncode == 0:
            return
        said = result.stderr
        time.sleep(0.1)  # a process that was just killed may still hold a file
    # Lazily, so that nothing stays behind; but who still holds it is a defect to be seen.
    _run(umount, "--lazy", str(point))
    raise AssertionError(f"{point} was still in use: {said}")


def _wait_detached(losetup: str, image: Path) -> None:
    deadline = time.monotonic() + 5
    while _run(losetup, "-j", str(image)).stdout.strip():
        assert time.monotonic() < deadline, f"the loop device of {image} is still attached"
        time.sleep(0.02)
