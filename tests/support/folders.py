"""Files behind a server, lists of them, and what a mirror made of these."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from segdl.core.checksum import Checksum
from support import data
from support.mirroring import entry

if TYPE_CHECKING:
    from pathlib import Path

    from segdl.mirror.listing import Entry
    from support.nginx import Nginx

MIB = 1024 * 1024
SMALL = {f"d{n % 3}/f{n}.bin": 3000 * n + 1 for n in range(12)}
LARGE = 12 * MIB + 345


def fill(root: Path, sizes: dict[str, int]) -> dict[str, bytes]:
    """Make files that have been as they are for a while: what just changed is fetched again."""
    files = {path: data.content(size, n) for n, (path, size) in enumerate(sizes.items())}
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        os.utime(root / path, (1_700_000_000, 1_700_000_000))
    return files


def entries(server: Nginx, files: dict[str, bytes], *, digests: bool = True) -> list[Entry]:
    return [
        entry(
            server.url(path),
            path,
            size=len(content),
            checksum=Checksum("sha256", hashlib.sha256(content).hexdigest()) if digests else None,
        )
        for path, content in files.items()
    ]


def found(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".segdl" not in path.parts
    }


def sent(server: Nginx, least: int = 0) -> int:
    return sum(each.sent for each in server.log(least))
