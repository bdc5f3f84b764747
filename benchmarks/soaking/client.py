"""Calls segdl for many files, again and again, and checks what must hold after every call."""

from __future__ import annotations

import gc
import json
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import segdl
from lab.measure import digest
from segdl.core.spans import Span, union
from soaking.server import KINDS, Remote

MIB = 1024 * 1024
_BATCH = 24
_SIZES = (1, 4096, 200_000, MIB, 3 * MIB, 8 * MIB)
_PASSES = 60  # of one batch: the server's faults run out long before
# What is compared where runs and tries meet is fetched twice, and what a broken answer had
# in the air once more; anything beyond is a loss.
_TWICE_SHARE, _TWICE_A_REQUEST = 1 / 8, 16 * 1024
_NETWORK = segdl.NetworkOptions(connect_timeout=2, stall_timeout=0.5)
_TRANSFER = segdl.TransferOptions(min_split=128 * 1024, retries=4)


@dataclass
class Soak:
    """The state of a soak run; one thread uses it."""

    chance: random.Random
    top: str
    folder: Path
    errors: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    calls: int = 0
    cancels: int = 0
    resumed: int = 0
    held: int = 0
    twice: int = 0
    restarts: int = 0

    def batch(self, number: int) -> None:
        """Fetch a number of files, however many calls it takes."""
        wanted = {f"{number}-{each}.bin": self._remote(each) for each in range(_BATCH)}
        for _ in range(_PASSES):
            if not wanted:
                break
            for name in self._call(wanted):
                del wanted[name]
        self.broken += [f"{remote.path} was never had" for remote in wanted.values()]
        left = os.listdir(self.folder)
        if left:
            self.broken.append(f"left on disk: {left}")
        gc.collect()
        self.memory.append(_resident())

    def _remote(self, number: int) -> Remote:
        kind = KINDS[number % len(KINDS)]
        return Remote(kind, self.chance.getrandbits(32), self.chance.choice(_SIZES))

    def _call(self, wanted: dict[str, Remote]) -> list[str]:
        """Call segdl once for all files; return the names of those that are whole."""
        names = list(wanted)
        before = {name: _covered(self.folder / f"{name}.segdl") for name in names}
        outside = _Outside.now()
        told = _Told()
        cancel = threading.Event()
        timer = threading.Timer(self.chance.uniform(0.1, 1.5), cancel.set)
        if self.chance.random() < 0.5:
            timer.start()
        whole = []
        try:
            outcomes = segdl.download_many(
                [self._request(name, remote) for name, remote in wanted.items()],
                max_files=8,
                connections=4,
                on_event=told,
                cancel=cancel,
                network=_NETWORK,
                transfer=_TRANSFER,
            )
            for outcome in outcomes:
                if isinstance(outcome, segdl.Failure):
                    self.errors[type(outcome.error).__name__] += 1
                else:
                    whole.append(self._check(outcome, wanted, before, told))
        except segdl.CancelledError:
            self.cancels += 1
        finally:
            timer.cancel()
            if timer.ident is not None:
                timer.join()
        self.calls += 1
        self.restarts += len(told.restarted)
        self.broken += outside.left_behind()
        for name in set(os.listdir(self.folder)) & set(names) - set(whole):
            self.broken.append(f"{name} has its final name, and was not reported")
        for name in whole:
            (self.folder / name).unlink(missing_ok=True)
        return whole

    def _request(self, name: str, remote: Remote) -> segdl.Request:
        checksum = None
        if remote.kind == "lying":
            checksum = segdl.parse_checksum(f"sha256={self._digests(remote)[0]}")
        return segdl.Request(
            url=self.top + remote.path, directory=self.folder, name=name, checksum=checksum
        )

    def _digests(self, remote: Remote) -> list[str]:
        with urlopen(f"{self.top}/digests{remote.path}") as answer:
            told: list[str] = json.load(answer)
        return told

    def _check(
        self,
        result: segdl.DownloadResult,
        wanted: dict[str, Remote],
        before: dict[str, int],
        told: _Told,
    ) -> str:
        assert result.path is not None
        name = result.path.name
        remote = wanted[name]
        if digest(result.path) not in self._digests(remote):
            self.broken.append(f"WRONG BYTES in {remote.path}")
        self.files += 1
        self.bytes += remote.size
        number = list(wanted).index(name) + 1
        if number not in told.restarted:
            self._check_resume(result, remote, before[name], told.held.get(number, 0))
        return name

    def _check_resume(
        self, result: segdl.DownloadResult, remote: Remote, on_disk: int, held: int
    ) -> None:
        self.resumed += on_disk > 0
        self.held += on_disk
        twice = max(0, result.fetched + on_disk - remote.size)
        self.twice += twice
        allowed = _TWICE_SHARE * remote.size + _TWICE_A_REQUEST * result.requests
        if held < on_disk or twice > allowed:
            self.broken.append(
                f"{remote.path}: {on_disk} bytes on disk, {held} held, {result.fetched} fetched"
            )


class _Told:
    """Listens to a run: what each file held when it started, and which began anew."""

    # Events come from several threads, one at a time, and are read when the run is over.
    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.restarted: set[int] = set()

    def __call__(self, event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Started):
            self.held.setdefault(event.file, event.held)
        elif isinstance(event, segdl.events.Restarted) or _tells_of_a_loss(event):
            self.restarted.add(event.file)


def _tells_of_a_loss(event: segdl.events.Event) -> bool:
    """Tell whether later parts are of no use: all of two answers in a row had no ranges."""
    return isinstance(event, segdl.events.Note) and "fetched before cannot be used" in event.text


@dataclass(frozen=True)
class _Outside:
    """Threads and descriptors of this process."""

    threads: int
    descriptors: int

    @classmethod
    def now(cls) -> _Outside:
        return cls(threading.active_count(), len(os.listdir("/proc/self/fd")))

    def left_behind(self) -> list[str]:
        """Say what is there more than then, once it has had two seconds to go."""
        deadline = time.monotonic() + 2
        while (now := _Outside.now()) != self and time.monotonic() < deadline:
            gc.collect()
            time.sleep(0.01)
        threads, descriptors = now.threads - self.threads, now.descriptors - self.descriptors
        if threads > 0 or descriptors > 0:
            return [f"left behind: {threads} threads, {descriptors} descriptors"]
        return []


def _covered(parts: Path) -> int:
    """Return how many bytes of a file its part files hold."""
    if not parts.is_dir():
        return 0
    spans = [
        Span(int(part.stem), int(part.stem) + part.stat().st_size)
        for part in parts.glob("*.part")
        if part.stat().st_size
    ]
    return sum(span.stop - span.start for span in union(spans))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
