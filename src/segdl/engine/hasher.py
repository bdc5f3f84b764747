"""Digests of a file that is still coming in, so that its end is not a second pass over it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from segdl.core.hashing import new_hash
from segdl.engine.run import GRACE, TICK
from segdl.errors import IntegrityError
from segdl.starting import starts
from segdl.store.layout import Growing

_STEP = 1024 * 1024
# How long to wait where nothing new was there, in seconds. What comes meanwhile is what is
# left to do at the end.
_NAP = 0.05


class Hasher:
    """Hashes a file from its beginning on, as far as it is there, in a thread of its own.

    Where the file comes faster than it can be hashed the thread lags; it holds one chunk.
    What it has hashed is what is on the disk: bytes are hashed after they were written, and
    when some are taken back it begins anew.

    Every field belongs to the thread while it runs (others may read `_at`), and to who calls
    `finish` after that.
    """

    def __init__(self, growing: Growing, algorithms: Iterable[str]) -> None:
        self.algorithms = frozenset(algorithms)
        self._growing = growing
        self._retractions = growing.retractions
        self._begin()
        self._error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="segdl-hash", daemon=True)
        # Else all of it is left to `finish`.
        self._started = starts(self._thread)

    def stop(self) -> None:
        """End the thread; it may be left behind where the disk does not answer."""
        self._stopping.set()
        if self._started:
            self._thread.join(GRACE)

    def finish(self, size: int, on_progress: Callable[[int], None]) -> dict[str, str]:
        """Hash what is left, and return the digests in hexadecimal by algorithm.

        Args:
            size: bytes of the file; all are there, and nobody writes any more.
            on_progress: called now and then with the bytes that are hashed; whatever it
                raises ends it.

        Raises:
            DiskError: the disk failed.
            IntegrityError: the file is shorter.
        """
        self._stopping.set()
        if self._started:
            self._thread.join(TICK)
        while self._thread.is_alive():
            on_progress(self._at)
            self._thread.join(TICK)
        if self._error is not None:
            raise self._error
        while self._is_short_of(size):
            on_progress(self._at)
            if not self._hash_some(size - self._at):
                raise IntegrityError(
                    f"the file became shorter: no byte {self._at}",
                    hint="run the same command again",
                )
        on_progress(size)
        return {name: digest.hexdigest() for name, digest in self._digests.items()}

    def _begin(self) -> None:
        self._digests = {name: new_hash(name) for name in self.algorithms}
        self._at = 0

    def _follow(self) -> None:
        try:
            while not self._stopping.is_set():
                self._heed_retractions()
                if not self._hash_some(_STEP):
                    self._stopping.wait(_NAP)
        except BaseException as error:  # noqa: BLE001 - handed to who calls `finish`
            self._error = error

    def _is_short_of(self, size: int) -> bool:
        self._heed_retractions()
        return self._at < size

    def _heed_retractions(self) -> None:
        now = self._growing.retractions
        if now != self._retractions:
            self._retractions = now
            self._begin()

    def _hash_some(self, most: int) -> bool:
        data = self._growing.read_from(self._at, min(most, _STEP))
        for digest in self._digests.values():
            digest.update(data)
        self._at += len(data)
        return bool(data)
