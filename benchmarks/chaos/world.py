"""The files that two servers have, as they change; and every version there ever was."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.data import content

Side = Literal["north", "south"]
SIDES: tuple[Side, ...] = ("north", "south")

_FOLDERS = ("00", "01", "02", "03", "02/deep", "03/deep/er")
_FILES = 8  # in each folder, at first
_SIZES = (0, 1, 4_096, 60_000, 300_000, 1_500_000, 3_000_000)
_FIRST = 1_709_164_800  # 2024-02-29
_DAY = 86_400  # lists tell times to the minute: changes must be further apart


@dataclass(frozen=True, slots=True)
class File:
    """One version of a file: its content follows from `seed`. `modified` is seconds since 1970."""

    seed: int
    size: int
    modified: int

    @property
    def content(self) -> bytes:
        return content(self.size, self.seed)

    @property
    def sha256(self) -> str:
        return _digest(self.size, self.seed)

    @property
    def etag(self) -> str:
        return f'"{self.modified:x}-{self.size:x}"'


@lru_cache(maxsize=4096)
def _digest(size: int, seed: int) -> str:
    return sha256(content(size, seed)).hexdigest()


def side_of(path: str) -> Side:
    """Return which server a list names for a file; both have all of them."""
    return SIDES[int(path.split("/")[0]) % 2]


class World:
    """What is served now, and was before; its lock guards everything.

    Time is counted in changes: moment 0 is the beginning.
    """

    def __init__(self, chance: random.Random) -> None:
        self._lock = threading.Lock()
        self._moment = 0
        self._number = 0
        self._files: dict[str, File] = {}
        self._history: dict[str, list[tuple[int, File | None]]] = {}
        for folder in _FOLDERS:
            for _ in range(_FILES):
                self._put(self._new_path(folder), self._new_file(chance))

    # -- what is there --

    @property
    def moment(self) -> int:
        with self._lock:
            return self._moment

    def files(self) -> dict[str, File]:
        """Return what is served now, by path."""
        with self._lock:
            return dict(self._files)

    def during(self, path: str, first: int, last: int) -> set[File | None]:
        """Return the versions that a file had between two moments; None where it had none."""
        with self._lock:
            past = self._history.get(path, [])
            before = [file for moment, file in past if moment <= first]
            since = {file for moment, file in past if first < moment <= last}
            return since | {before[-1] if before else None}

    def ever(self, path: str) -> set[str]:
        """Return the digests of all versions that a file had so far."""
        with self._lock:
            return {file.sha256 for _, file in self._history.get(path, []) if file is not None}

    def paths_ever(self) -> set[str]:
        with self._lock:
            return set(self._history)

    # -- what changes --

    def change(self, chance: random.Random) -> str:
        """Let something happen; return what it was."""
        with self._lock:
            self._moment += 1
            path = chance.choice(sorted(self._files))
            file, kind = self._files[path], chance.random()
            if kind < 0.35:
                self._put(path, self._new_file(chance, size=file.size, after=file.modified))
                return f"{path} has another content of the same size"
            if kind < 0.6:
                self._put(path, self._new_file(chance, after=file.modified))
                return f"{path} has another content"
            earlier = [each for _, each in self._history[path] if each not in (None, file)]
            if kind < 0.65 and earlier:
                self._put(path, chance.choice(earlier))
                return f"{path} is an earlier version again"
            if kind < 0.8 and not self._is_last(path):
                self._put(path, None)
                return f"{path} is gone"
            if kind < 0.9 or len(self._files) < _FILES:
                added = self._new_path(chance.choice(_FOLDERS))
                self._put(added, self._new_file(chance))
                return f"{added} is new"
            renamed = self._new_path(path.rpartition("/")[0])
            self._put(renamed, file)
            self._put(path, None)
            return f"{path} is {renamed} now"

    def lose(self, chance: random.Random, share: float) -> str:
        """Have a share of all files go at once."""
        with self._lock:
            self._moment += 1
            paths = chance.sample(sorted(self._files), int(len(self._files) * share))
            before = len(self._files)
            for path in paths:
                if not self._is_last(path):
                    self._put(path, None)
            return f"{before - len(self._files)} files are gone"

    def grow(self, chance: random.Random) -> None:
        """Have as many files again as there were at first."""
        with self._lock:
            self._moment += 1
            while len(self._files) < _FILES * len(_FOLDERS):
                path = self._new_path(chance.choice(_FOLDERS))
                self._put(path, self._new_file(chance))

    def _is_last(self, path: str) -> bool:
        # A list without a file is refused, and not what this is about.
        return [each for each in self._files if side_of(each) == side_of(path)] == [path]

    def _put(self, path: str, file: File | None) -> None:
        self._history.setdefault(path, []).append((self._moment, file))
        if file is None:
            del self._files[path]
        else:
            self._files[path] = file

    def _new_path(self, folder: str) -> str:
        self._number += 1
        # A name that is a list's by its looks comes last in a mirror; others need escapes.
        name = {7: "index.html", 11: "a b+c.bin", 13: "ü&ü;.bin", 17: "100%.bin"}
        return f"{folder}/{self._number:03}-{name.get(self._number % 20, 'file.bin')}"

    def _new_file(
        self, chance: random.Random, *, size: int | None = None, after: int = _FIRST
    ) -> File:
        chosen = chance.choice(_SIZES) if size is None else size
        return File(chance.getrandbits(32), chosen, after + _DAY * chance.randint(1, 30))


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return all folders that files are in, at any depth; the top one is the empty string.

    Example:
        >>> sorted(folders_of(["a/b/c", "d"]))
        ['', 'a', 'a/b']
    """
    found = {""}
    for path in paths:
        steps = path.split("/")[:-1]
        found |= {"/".join(steps[: depth + 1]) for depth in range(len(steps))}
    return found
