"""Digests of a file whose parts come in no order and are kept nowhere.

SHA-256 and its like cannot be put together from those of parts. So bytes that come early wait
in memory until what is before them has come; how many connections run ahead is bounded by it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from segdl.core.hashing import new_hash
from segdl.core.pieces import PieceHasher, Pieces


class InOrder:
    """Hashes the bytes of parts in order. Threads share it; `_lock` owns everything.

    Args:
        algorithms: of the digests of the whole.
        pieces: digests that its pieces should have.
    """

    def __init__(self, algorithms: Iterable[str], pieces: Pieces | None) -> None:
        self._lock = threading.Lock()
        self._digests = {name: new_hash(name) for name in algorithms}
        self._hasher = None if pieces is None else PieceHasher(pieces)
        self._next = 1
        self._waiting: dict[int, list[bytes]] = {}
        self._whole: set[int] = set()
        self._spoilt = False

    @property
    def spoilt(self) -> bool:
        """Whether bytes were hashed that others took the place of."""
        with self._lock:
            return self._spoilt

    def add(self, number: int, data: bytes | memoryview) -> None:
        """Take the next bytes of a part."""
        copy = bytes(data)
        with self._lock:
            self._waiting.setdefault(number, []).append(copy)

    def drop(self, number: int) -> None:
        """Forget a part: it comes again."""
        with self._lock:
            self._waiting.pop(number, None)
            self._whole.discard(number)
            self._spoilt = self._spoilt or number < self._next

    def end(self, number: int) -> None:
        """A part is whole, and stays."""
        with self._lock:
            self._whole.add(number)
            while self._next in self._whole:
                for chunk in self._waiting.pop(self._next, ()):
                    self._hash(chunk)
                self._whole.remove(self._next)
                self._next += 1

    def _hash(self, data: bytes) -> None:
        for digest in self._digests.values():
            digest.update(data)
        if self._hasher is not None:
            self._hasher.update(data)

    def finish(self) -> tuple[dict[str, str], dict[int, str]]:
        """Return the digests by algorithm, and those of pieces by index; all has come."""
        with self._lock:
            digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
            return digests, {} if self._hasher is None else self._hasher.finish()
