"""The tools that are compared, and what one run of a tool costs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and how it is told to fetch `url` into `target` (cacert is PEM, or None)."""

    name: str
    command: Callable[[str, Path, Path | None], list[str]]

    @property
    def installed(self) -> bool:
        return shutil.which(self.command("", Path("x"), None)[0]) is not None


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds of wall clock and of CPU, peak resident bytes, the right bytes."""

    wall: float
    cpu: float
    memory: int
    right: bool


def segdl(connections: int) -> Tool:
    def command(url: str, target: Path, cacert: Path | None) -> list[str]:
        trust = ["--cacert", str(cacert)] if cacert else []
        name = ["-d", str(target.parent), "-o", target.name]
        return [SEGDL, "-q", "-j", str(connections), *trust, *name, url]

    return Tool(f"segdl -j {connections}", command)


def aria2(connections: int) -> Tool:
    def command(url: str, target: Path, cacert: Path | None) -> list[str]:
        split = [f"-x{connections}", f"-s{connections}", "-k1M"]
        trust = [f"--ca-certificate={cacert}"] if cacert else []
        return [
            "aria2c",
            "-q",
            "-c",
            *split,
            *trust,
            "-d",
            str(target.parent),
            "-o",
            target.name,
            url,
        ]

    return Tool(f"aria2c -x{connections}", command)


def axel(connections: int) -> Tool:
    def command(url: str, target: Path, cacert: Path | None) -> list[str]:
        trust = ["-k"] if cacert else []
        return ["axel", "-q", f"-n{connections}", *trust, "-o", str(target), url]

    return Tool(f"axel -n{connections}", command)


def curl() -> Tool:
    def command(url: str, target: Path, cacert: Path | None) -> list[str]:
        trust = ["--cacert", str(cacert)] if cacert else []
        return ["curl", "-sf", "--retry", "3", *trust, "-C", "-", "-o", str(target), url]

    return Tool("curl", command)


SEGDL = str(Path(sys.executable).with_name("segdl"))


def measure(command: list[str], target: Path, digest: str) -> Cost:
    """Run a command, and hash what it made."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    right = process.returncode == 0 and file_digest(target) == digest
    target.unlink(missing_ok=True)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, right)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or nothing where there is none."""
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 18):
            digest.update(data)
    return digest.hexdigest()
