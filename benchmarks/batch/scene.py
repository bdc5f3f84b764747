"""What every check works with: the cluster, where files come from, and what a mirror must be."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from batch.cluster import Slurm
from batch.job import Job
from checking.report import Report
from checking.site import MIB, Sent, Site

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support import data

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = REPOSITORY / "docs" / "cluster"
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of the site, with its list."""

    name: str
    list: str
    files: Mapping[str, bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))


@dataclass(frozen=True, slots=True)
class Scene:
    """One thread uses it.

    Attributes:
        segdl: the program.
        work: a folder that all nodes see, for mirrors.
    """

    slurm: Slurm
    site: Site
    report: Report
    work: Path
    segdl: str

    # -- trees and mirrors of them --

    def serve(self, name: str, sizes: Mapping[str, int], *, sized: bool = False) -> Tree:
        """Make a tree of files of these sizes; its list tells them, or digests alone."""
        files = {path: data.content(size, at) for at, (path, size) in enumerate(sizes.items())}
        tree = Tree(name, "files.jsonl" if sized else "SHA256SUMS", files)
        for path, content in files.items():
            self.site.put(f"{name}/{path}", content)
        put = self.site.put_sized_list if sized else self.site.put_list
        put(f"{name}/{tree.list}", files)
        return tree

    def source(self, tree: Tree, *, slow: bool = False) -> str:
        return self.site.url(f"{tree.name}/{tree.list}", slow=slow)

    def mirror_of(self, tree: Tree) -> Path:
        return self.work / tree.name

    def equal(self, tree: Tree) -> bool:
        """Tell whether the mirror has the files of the tree, byte for byte, and no others."""
        root = self.mirror_of(tree)
        there = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] != ".segdl"
        }
        return there == tree.files

    def there(self, tree: Tree) -> set[str]:
        """Return the files of the tree that have their names in the mirror."""
        root = self.mirror_of(tree)
        return {path for path in tree.files if (root / path).exists()}

    def sent(self, tree: Tree, since: int = 0) -> list[Sent]:
        """Return what went out of the tree's files, not of its list, after so many answers."""
        paths = {quote(f"/{tree.name}/{path}") for path in tree.files}
        answers = self.site.sent(since)
        return [each for each in answers if each.path.removeprefix("/slow") in paths]

    @property
    def answers(self) -> int:
        """How many there were so far."""
        return len(self.site.sent())

    # -- programs --

    def run_segdl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run segdl where the user is."""
        return subprocess.run(
            [self.segdl, *arguments],
            cwd=self.work,
            env=self.slurm.surroundings(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )

    def said(self, job: int) -> str:
        """Return the end of what a job, or an array, wrote."""
        outputs = sorted(self.slurm.folder.glob(f"slurm-{job}*.out"))
        texts = [path.read_text(errors="replace").strip()[-300:] for path in outputs]
        return " / ".join(text for text in texts if text)

    def wait_until(self, so: Callable[[], object], what: str) -> None:
        """Return once it is so."""
        deadline = time.monotonic() + _PATIENCE
        while not so():
            assert time.monotonic() < deadline, f"this never came: {what}"
            time.sleep(0.05)


def ends(jobs: Iterable[Job]) -> str:
    """Tell how jobs ended, in few words."""
    counted = Counter(map(str, jobs))
    return ", ".join(f"{count} x {how}" for how, count in counted.items())


def nodes(jobs: Iterable[Job]) -> str:
    return " and ".join(sorted({each.node for each in jobs}))


def figures(told: str) -> dict[str, Any]:
    """Return what segdl says in JSON."""
    read: dict[str, Any] = json.loads(told) if told.strip() else {}
    return read


def amount(size: int) -> str:
    return f"{size / MIB:.1f} MiB" if size >= MIB // 10 else f"{size / 1024:.1f} KiB"


def went_well(jobs: Iterable[Job]) -> bool:
    return all(str(each) == "COMPLETED 0:0" for each in jobs)


def share_of(path: str, count: int) -> int:
    """Return the shard that a file is in, by what the documentation says of it."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big") % count
