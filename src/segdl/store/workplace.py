"""NAME.segdl: the parts of one target, what they belong to, and who may touch them."""

from __future__ import annotations

import os
import threading
from types import TracebackType

from segdl.store.faults import disk_errors
from segdl.store.lock import Lock
from segdl.store.parts import Parts
from segdl.store.state import State, load, save
from segdl.store.target import Target

_LOCK = "lock"
_STATE = "state.json"
# A power cut costs about this much of what came in, in seconds.
_FLUSH_EVERY = 2.0


class Workplace:
    """Holds the folder of parts while it is entered; one run at a time.

    Raises on entering:
        TargetLockedError: another run holds it.
        DiskError: it cannot be made.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.folder = target.workplace
        self.parts = Parts(self.folder)
        self._lock: Lock | None = None
        self._leaving = threading.Event()
        self._flusher: threading.Thread | None = None

    def __enter__(self) -> Workplace:
        self.target.prepare()
        self._lock = Lock(self.folder / _LOCK, self.target.path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leaving.set()
        if self._flusher is not None:
            self._flusher.join()
        assert self._lock is not None
        if any(self.parts.sizes().values()):
            self._lock.release(delete=False)
            return
        # Nothing to go on from: leave no trace.
        self.parts.clear()
        for name in (_STATE, "state.new"):
            (self.folder / name).unlink(missing_ok=True)
        self._lock.release(delete=True)
        try:
            os.rmdir(self.folder)
        except OSError:
            # Another run has come, or somebody keeps a file here.
            pass

    def state(self) -> State | None:
        """Return what the parts belong to, or None where that is not known."""
        return load(self.folder / _STATE)

    def belongs_to(self, state: State) -> None:
        """Write down what the parts belong to."""
        save(self.folder / _STATE, state)

    def keep_flushing(self) -> None:
        """Bring parts to the disk now and then, so that little is left to do at the end."""
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush, name="segdl-flush", daemon=True)
            self._flusher.start()

    def _flush(self) -> None:
        state_flushed = False
        while not self._leaving.wait(_FLUSH_EVERY):
            try:
                if not state_flushed:
                    self._sync_state()
                    state_flushed = True
                self.parts.sync()
            except Exception:  # noqa: BLE001 - the writer meets the same error and reports it
                return

    def _sync_state(self) -> None:
        with disk_errors(self.folder, "write"):
            descriptor = os.open(self.folder / _STATE, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
