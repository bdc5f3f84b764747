"""What the attempts at one version of a file have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from segdl.core.selection import Selection
from segdl.core.spans import Span
from segdl.engine.gate import Gates
from segdl.engine.site import Site
from segdl.engine.task import Task
from segdl.store.parts import PartStore

# What one read may bring, and those of all connections together, in bytes. More costs
# memory, less costs CPU.
_CHUNK = 1024 * 1024
_CHUNKS = 8 * 1024 * 1024
_LEAST_CHUNK = 64 * 1024


def first_difference(ours: bytes, theirs: bytes) -> int:
    """Return how many bytes at the beginning are the same.

    Example:
        >>> first_difference(b"abc", b"abd"), first_difference(b"abc", b"ab")
        (2, 2)
    """
    pairs = zip(ours, theirs, strict=False)
    shorter = min(len(ours), len(theirs))
    return next((place for place, (a, b) in enumerate(pairs) if a != b), shorter)


class Disagreement(NamedTuple):
    """The byte at `at` is another in what `site` sent than in what is on disk."""

    at: int
    site: Site


@dataclass(slots=True)
class Seams:
    """Bytes that came before a segment's start, for when its neighbour is there.

    `_lock` owns `_pending`.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: list[tuple[int, bytes, Site]] = field(default_factory=list)

    def keep(self, start: int, data: bytes, site: Site) -> None:
        """Remember that the file has `data` at `start`, as `site` says."""
        with self._lock:
            self._pending.append((start, data, site))

    def kept(self) -> list[tuple[int, bytes]]:
        """Return what nobody has compared yet: a place in the file, and what is there."""
        with self._lock:
            return sorted((start, data) for start, data, _ in self._pending)

    def first_mismatch(self, parts: PartStore) -> Disagreement | None:
        """Return where what is there differs from what was remembered; None if nowhere."""
        with self._lock:
            pending = sorted(self._pending, key=lambda kept: kept[0])
        for kept in pending:
            start, data, site = kept
            held = parts.read(Span(start, start + len(data)))
            if held is None:
                continue
            if held != data:
                return Disagreement(start + first_difference(held, data), site)
            with self._lock:
                # Another thread may have compared the same.
                if kept in self._pending:
                    self._pending.remove(kept)
        return None


@dataclass(slots=True, kw_only=True)
class Job:
    """What to fetch, and where it goes.

    Only the coordinator changes it, and only between attempts, but for `seams`, which
    locks itself, and for `chunk`, which attempts look at when they begin.

    Attributes:
        origin: where the bytes come from.
        parts: where they go.
        selection: which bytes of the remote file make the local one.
        gates: of all origins: a redirect may lead from one to another.
        delay: seconds to wait before try N, from 1, after a refusal that names no time.
        chunk: most bytes that one read brings.
        seams: overlaps to compare later.
    """

    origin: Site
    parts: PartStore
    selection: Selection
    delay: Callable[[int], float]
    gates: Gates
    chunk: int
    seams: Seams = field(default_factory=Seams)

    def share_chunks(self, connections: int) -> None:
        """Have attempts that begin from now on read as much at once as so many may."""
        self.chunk = _chunk(connections)


def _chunk(connections: int) -> int:
    return max(_LEAST_CHUNK, min(_CHUNK, _CHUNKS // connections))


def job_of(task: Task, origin: Site, selection: Selection, parts: PartStore) -> Job:
    """Return what the attempts at `selection` of one version share."""
    return Job(
        origin=origin,
        parts=parts,
        selection=selection,
        delay=task.run.backoff,
        gates=task.run.gates,
        chunk=_chunk(task.run.transfer.most),
    )
