"""NAME.segdl: the parts of one target, what they belong to, and who may touch them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from types import TracebackType

from segdl.core.spans import Span
from segdl.errors import DiskError
from segdl.options import LayoutName
from segdl.starting import starts
from segdl.store.faults import disk_errors, shown
from segdl.store.layout import discard, layouts
from segdl.store.lock import Lock
from segdl.store.state import State, boot_id, load, save
from segdl.store.target import Target

_LOCK = "lock"
_FIRST = "first"
_MOST_TRIES = 100
_STATE = "state.json"
# A power cut costs about this much of what came in, in seconds.
_FLUSH_EVERY = 2.0


class Workplace:
    """Holds the folder of parts while it is entered; one run at a time.

    The coordinator's thread changes `parts`; the flusher reads it.

    Attributes:
        target: the file that is to be.
        folder: the folder.
        parts: the layout to go on with, where it is entered: what is there already goes
            before what was asked for.

    Raises on entering:
        TargetLockedError: another run holds it.
        DiskError: it cannot be made.
    """

    def __init__(self, target: Target, asked: LayoutName = "parts") -> None:
        self.target = target
        self.folder = target.workplace
        self._asked = asked
        self._lock: Lock | None = None
        self._leaving = threading.Event()
        self._flusher: threading.Thread | None = None

    @property
    def where(self) -> str:
        """What messages call the folder."""
        return shown(self.folder)

    @property
    def name(self) -> str:
        """What messages call the target."""
        return shown(self.target.path)

    def __enter__(self) -> Workplace:
        self._lock = self._hold()
        try:
            self._choose()
            self._mend()
        except BaseException:
            self._lock.release(delete=False)
            raise
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
        empty = False
        try:
            empty = self.parts.is_empty()
            self.parts.close()
            if empty:
                # Nothing to go on from: leave no trace.
                self.clear()
                for name in (_STATE, "state.new"):
                    (self.folder / name).unlink(missing_ok=True)
        except (OSError, DiskError):
            # A disk that fails has been reported, and a whole file is whole.
            empty = False
        self._lock.release(delete=empty)
        if empty:
            try:
                os.rmdir(self.folder)
            except OSError:
                # Another run has come, or somebody keeps a file here.
                pass

    def _hold(self) -> Lock:
        """Make the folder and lock it."""
        for _ in range(_MOST_TRIES):
            self.target.prepare()
            try:
                return Lock(self.folder / _LOCK, self.target.path)
            except DiskError as error:
                # A run that just ended took the folder with it.
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
        raise DiskError(f"{shown(self.folder)} comes and goes", hint="try again")

    def _choose(self) -> None:
        """Find out how what is there lies, and have no empty file of another layout beside it."""
        self.parts, self._other = layouts(self.folder, self._asked)
        if self._other.is_empty():
            self._other.clear()

    def clear(self) -> None:
        """Throw everything away that was fetched; what comes next lies as was asked for."""
        self.parts.clear()
        self._other.clear()
        self._choose()

    def drop(self, spans: Iterable[Span]) -> None:
        """Drop the bytes of `spans`, and what is behind them in the same part."""
        discard(self.parts, spans)

    def _mend(self) -> None:
        """Undo what a sudden end may have left."""
        first = self.folder / _FIRST
        with disk_errors(first, "remove"):
            first.unlink(missing_ok=True)
        whole = self.parts.whole
        try:
            # Killed in publishing: the file has its name, and this one besides.
            if os.path.samestat(os.lstat(whole), os.lstat(self.target.path)):
                whole.unlink()
        except OSError:
            # Mostly one of them is not there.
            pass
        state = self.state()
        if state is not None and state.boot != boot_id():
            self.parts.mend()

    def state(self) -> State | None:
        """Return what the parts belong to, or None where that is not known."""
        return load(self.folder / _STATE)

    def belongs_to(self, state: State) -> None:
        """Write down what the parts belong to."""
        if self.state() != state:
            save(self.folder / _STATE, state)

    def begin_with(self, data: bytes) -> None:
        """Have `data` be the beginning of the bytes that are held; none may be yet."""
        first = self.folder / _FIRST
        with disk_errors(first, "write"), open(first, "xb") as file:
            file.write(data)
        self.parts.adopt(first)

    def keep_flushing(self) -> None:
        """Bring parts to the disk now and then, so that little is left to do at the end."""
        if self._flusher is None:
            flusher = threading.Thread(target=self._flush, name="segdl-flush", daemon=True)
            # Else all of it is left to do at the end.
            if starts(flusher):
                self._flusher = flusher

    def _flush(self) -> None:
        while not self._leaving.wait(_FLUSH_EVERY):
            try:
                self.parts.sync()
            except DiskError:
                # The part remembers, and tells its writer.
                return
