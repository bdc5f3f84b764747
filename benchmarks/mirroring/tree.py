"""The files that are mirrored: many small ones and a few large, half of them on each server."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.measure import digest

SIDES = ("north", "south")  # one server each, and the top folder of what it serves
SUMS = "SHA256SUMS"
_SMALL, _LARGE = 10_000, 50
_FOLDERS = 50  # on each side
_SMALL_SIZES = (1_000, 100_000)
_LARGE_SIZE = 100_000_000
_BLOCK = 1 << 20
_MODIFIED = (1_577_836_800, 1_735_689_599)  # 2020 to 2024


@dataclass(frozen=True, slots=True)
class Item:
    """A file: `path` begins with its side."""

    path: str
    size: int
    sha256: str

    @property
    def side(self) -> str:
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Tree:
    """What the servers have."""

    items: tuple[Item, ...]

    @property
    def total(self) -> int:
        return sum(item.size for item in self.items)

    def of(self, side: str) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.side == side)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a folder has that it should not: files missing, files with wrong bytes, others."""

    missing: int
    wrong: int
    others: int


def bytes_needed(scale: float) -> int:
    """Return about how many bytes the tree of that scale has."""
    return sum(size for _, size in _plan(scale))


def make(root: Path, scale: float) -> Tree:
    """Make the tree in `root`, always the same for a scale, with a SHA256SUMS on each side."""
    items = tuple(_make_file(root, path, size) for path, size in _plan(scale))
    for side in SIDES:
        lines = (
            f"{item.sha256}  {item.path.partition('/')[2]}\n" for item in items if item.side == side
        )
        (root / side / SUMS).write_text("".join(lines))
    return Tree(items)


def _plan(scale: float) -> list[tuple[str, int]]:
    """Return paths and sizes, folder by folder, the two sides taking turns."""
    chance = random.Random("sizes")
    sizes = [chance.randint(*_SMALL_SIZES) for _ in range(max(2, round(_SMALL * scale)))]
    small = [(at, f"{at:05}.dat", size) for at, size in enumerate(sizes)]
    large = [(at, f"image-{at:02}.iso", _LARGE_SIZE) for at in range(max(2, round(_LARGE * scale)))]
    placed = [(at // 2 % _FOLDERS, name, SIDES[at % 2], size) for at, name, size in small + large]
    return [(f"{side}/{folder:02}/{name}", size) for folder, name, side, size in sorted(placed)]


def _make_file(root: Path, path: str, size: int) -> Item:
    source, sha = random.Random(path), hashlib.sha256()
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place, "xb") as file:
        for at in range(0, size, _BLOCK):
            block = source.randbytes(min(_BLOCK, size - at))
            sha.update(block)
            file.write(block)
    modified = source.randint(*_MODIFIED)
    os.utime(place, (modified, modified))
    return Item(path, size, sha.hexdigest())


def compare(folder: Path, tree: Tree, others_allowed: Sequence[str] = (SUMS,)) -> Findings:
    """Hash all that a tool made in `folder`, and compare it with the tree."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        digests = list(threads.map(lambda item: digest(folder / item.path), tree.items))
    wanted = {item.path for item in tree.items}
    others = sum(
        (path.relative_to(folder).as_posix() not in wanted and path.name not in others_allowed)
        for path in folder.rglob("*")
        if not path.is_dir()
    )
    return Findings(
        missing=digests.count(""),
        wrong=sum(
            told not in ("", item.sha256) for told, item in zip(digests, tree.items, strict=True)
        ),
        others=others,
    )
