"""What the attempts at one version of a file have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from segdl.core.identity import Version
from segdl.core.selection import Selection
from segdl.core.spans import Span
from segdl.engine.contact import Ranges
from segdl.engine.gate import Gate
from segdl.engine.task import Task
from segdl.net.source import Source
from segdl.store.parts import PartStore

# What one read may bring, and those of all connections together, in bytes. More costs
# memory, less costs CPU.
_CHUNK = 1024 * 1024
_CHUNKS = 8 * 1024 * 1024
_LEAST_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """The version that every response must be of, and how the server does ranges."""

    version: Version
    ranges: Ranges


@dataclass(slots=True)
class Seams:
    """Bytes that came before a segment's start, for when its neighbour is there.

    `_lock` owns `_pending`.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: dict[int, bytes] = field(default_factory=dict)

    def keep(self, start: int, data: bytes) -> None:
        """Remember that the file has `data` at `start`."""
        with self._lock:
            self._pending[start] = data

    def first_mismatch(self, parts: PartStore) -> int | None:
        """Return where what is there differs from what was remembered; None if nowhere."""
        with self._lock:
            pending = sorted(self._pending.items())
        for start, data in pending:
            held = parts.read(Span(start, start + len(data)))
            if held is None:
                continue
            if held != data:
                return start
            with self._lock:
                # Another thread may have remembered more bytes there.
                if self._pending.get(start) == data:
                    del self._pending[start]
        return None


@dataclass(slots=True, kw_only=True)
class Job:
    """What to fetch, and where it goes.

    Only the coordinator changes it, and only between attempts, but for `seams`, which
    locks itself.

    Attributes:
        source: where the bytes come from.
        parts: where they go.
        gate: the origin's door; the coordinator passed it before it starts an attempt.
        selection: which bytes of the remote file make the local one.
        pin: what every response must be of.
        delay: seconds to wait before try N, from 1, after a refusal that names no time.
        chunk: most bytes that one read brings.
        seams: overlaps to compare later.
    """

    source: Source
    parts: PartStore
    gate: Gate
    selection: Selection
    pin: Pin
    delay: Callable[[int], float]
    chunk: int
    seams: Seams = field(default_factory=Seams)


def job_of(task: Task, pin: Pin, selection: Selection, parts: PartStore) -> Job:
    """Return what the attempts at `selection` of one version share."""
    return Job(
        source=task.source,
        parts=parts,
        gate=task.gate,
        selection=selection,
        pin=pin,
        delay=task.run.backoff,
        chunk=max(_LEAST_CHUNK, min(_CHUNK, _CHUNKS // task.run.transfer.connections)),
    )
