"""A file that is filled in place, and a disk whose power is cut."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.core.spans import Span
from segdl.store import filling as filling_module
from segdl.store import inplace as inplace_module
from segdl.store import journal as journal_module
from segdl.store.inplace import Inplace
from support import data

if TYPE_CHECKING:
    pass

SIZE = 100_000
CONTENT = data.content(SIZE)


def never() -> None:
    """Be asked whether to go on waiting, where nothing should wait."""
    pytest.fail("it waited")


def write(place: Inplace, start: int, length: int) -> None:
    part = place.open(start)
    part.append(CONTENT[part.stop : part.stop + length])
    place.release(part)


def spans(place: Inplace) -> list[tuple[int, int]]:
    return [(span.start, span.stop) for span in place.held()]


_next_runs: list[Inplace] = []


def killed(folder: Path, size: int = SIZE) -> Inplace:
    """Return what the next run finds where this one was killed; `close_all` ends it."""
    found = Inplace(folder)
    _next_runs.append(found)
    found.prepare(size, never)
    return found


def close_all() -> None:
    """Close what `killed` opened since the last call."""
    while _next_runs:
        _next_runs.pop().close()


def boot_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "boot_of_journals", lambda: b"another boot id!")


class Disk:
    """Remembers what was written and what was flushed, and cuts the power at one moment.

    Attributes:
        left: the files that the power cut left, by name; None before it.
    """

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, chance: random.Random, moment: int
    ) -> None:
        self.left: dict[str, bytes] | None = None
        self._folder = folder
        self._chance = chance
        self._moment = moment
        self._flushed: dict[int, bytes] = {}
        self._written: dict[int, list[tuple[int, bytes]]] = {}
        monkeypatch.setattr(filling_module, "sync_data", self.sync)
        monkeypatch.setattr(inplace_module, "sync_data", self.sync)
        monkeypatch.setattr(journal_module, "sync_data", self.sync)
        monkeypatch.setattr(journal_module, "write_at", self.write)

    def write(self, descriptor: int, data: bytes, at: int) -> int:
        self._written.setdefault(os.fstat(descriptor).st_ino, []).append((at, bytes(data)))
        written = os.pwrite(descriptor, data, at)
        self._pass_by()
        return written

    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self._flushed[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._written[status.st_ino] = []
        self._pass_by()

    def flushed_when_made(self) -> None:
        """Note that the journal is on the disk."""
        path = self._folder / "inplace.journal"
        self._flushed[path.stat().st_ino] = path.read_bytes()
        self._written[path.stat().st_ino] = []

    def cut_power(self) -> None:
        if self.left is None:
            paths = [self._folder / "inplace.data", self._folder / "inplace.journal"]
            self.left = {path.name: self._spared(path) for path in paths}

    def _pass_by(self) -> None:
        self._moment -= 1
        if not self._moment:
            self.cut_power()

    def _spared(self, path: Path) -> bytes:
        """Return what may be on the disk: what was flushed, and what came later here and there."""
        status = path.stat()
        left = bytearray(self._flushed.get(status.st_ino, b"").ljust(status.st_size, b"\0"))
        for at, told in self._written.get(status.st_ino, []):
            for sector in range(at // 512, -(-(at + len(told)) // 512)):
                if self._chance.random() < 0.5:
                    begin, end = max(at, sector * 512), min(at + len(told), sector * 512 + 512)
                    left[begin:end] = told[begin - at : end - at]
        return bytes(left)


def check_spared(folder: Path, disk: Disk, content: bytes) -> list[Span]:
    """Return what the next run finds after the power cut; it may be little, but is right."""
    assert disk.left is not None
    for name, left in disk.left.items():
        (folder / name).write_bytes(left)
    with pytest.MonkeyPatch.context() as monkeypatch:
        boot_anew(monkeypatch)
        found = Inplace(folder)
        # It never needs to be refused, either.
        assert found.misfit(len(content)) is None
        for span in found.held():
            assert found.read(span) == content[span.start : span.stop]
        return found.held()
