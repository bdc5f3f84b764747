"""What the machine and the programs say of themselves."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

_ASK = {
    "aria2c": ["aria2c", "--version"],
    "axel": ["axel", "--version"],
    "curl": ["curl", "--version"],
    "lftp": ["lftp", "--version"],
    "nginx": ["nginx", "-v"],
    "rclone": ["rclone", "version"],
    "wget2": ["wget2", "--version"],
}


def machine(target: Path, *, links: str) -> dict[str, str]:
    """Return what a reader must know to compare figures."""
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "kernel": platform.release(),
        "processor": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "?",
        "python": platform.python_version(),
        "files land on": _file_system(target),
        "links": links,
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def versions(segdl: str) -> dict[str, str]:
    """Return the first line of what each program says to ``--version``; those not there lack."""
    told = {}
    for name, words in {"segdl": [segdl, "--version"], **_ASK}.items():
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError:
            continue
        told[name] = (done.stdout + done.stderr).strip().partition("\n")[0]
    return told


def _file_system(folder: Path) -> str:
    found, kind = "", "?"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        point, name = line.split()[1:3]
        if Path(point) in (folder, *folder.parents) and len(point) >= len(found):
            found, kind = point, name
    return kind
