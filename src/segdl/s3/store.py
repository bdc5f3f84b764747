"""An S3 store asked with patience: every wait can be interrupted, and is the same for all."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import TypeVar

from segdl.core.pace import LONGEST_WAIT
from segdl.core.s3url import S3Place
from segdl.core.url import Location
from segdl.engine.contact import asks_too_long
from segdl.engine.run import Run
from segdl.errors import SegdlError
from segdl.net.boto import StoreError
from segdl.net.failures import TransferError
from segdl.net.put import Put
from segdl.net.s3 import S3
from segdl.net.transport import Transport
from segdl.progress.events import Waiting

T = TypeVar("T")

# What a key has behind it that is the note of its upload.
NOTE = ".segdl"


class Store:
    """What files that go to one store share. Threads share it; `_lock` owns what changes.

    Args:
        run: the surroundings.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        # Nothing is asked ahead of files that go to a bucket.
        assert isinstance(run.transport, Transport)
        self._transport = run.transport
        self._client: S3 = run.transport.s3
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._silences = 0
        self._trouble: SegdlError | None = None

    @property
    def client(self) -> S3:
        """Asks once, and raises StoreErrors."""
        return self._client

    def put(self, location: Location, length: int) -> Put:
        """Begin to send `length` bytes to a signed URL.

        Raises:
            StoreError: nobody takes them: see `silent`.
        """
        try:
            put = self._transport.put(location, length)
        except TransferError as failure:
            raise StoreError(failure.error, fatal=failure.fatal, silent=True) from failure
        self.answered()
        return put

    def answered(self) -> None:
        """Note that it is there."""
        with self._lock:
            self._silences = 0

    def silent(self, trouble: SegdlError) -> bool:
        """Note that nobody answered, and tell whether that was often enough.

        All parts wait together: each try costs the source bytes that nobody takes.

        Args:
            trouble: what was there instead of an answer.
        """
        run = self._run
        with self._lock:
            self._trouble, now = trouble, run.clock()
            if now >= self._not_before:
                self._silences += 1
                self._not_before = now + run.backoff(self._silences)
            return self._silences >= max(1, run.transfer.retries)

    def given_up(self) -> SegdlError | None:
        """Return why nobody need wait: no answer often enough, and none is asked for now."""
        with self._lock:
            often = self._silences >= max(1, self._run.transfer.retries)
            return self._trouble if often and self._run.clock() < self._not_before else None

    def ask(self, number: int, work: Callable[[S3], T]) -> T:
        """Carry `work` out until it succeeds.

        Args:
            number: the file's, for events.
            work: sends one request; it runs in another thread, which may be left behind.

        Raises:
            SegdlError: the store says no, or does not answer within the retries.
            CancelledError: the run is to end.
        """
        run = self._run
        tries = 0
        while True:
            run.sleep(self.pause())
            future = run.pool.submit(work, self._client)
            try:
                return run.wait_for(future, lambda: None, math.inf)
            except StoreError as failure:
                if failure.fatal:
                    raise failure.error from failure
                tries += 1
                if tries >= max(1, run.transfer.retries):
                    raise failure.error from failure
                pause = self.refused(failure, tries)
                run.emit(Waiting(number, pause, failure.error.message))
                run.sleep(pause)

    def pause(self) -> float:
        """Return the seconds until the store may be asked anything."""
        with self._lock:
            return max(0.0, self._not_before - self._run.clock())

    def refused(self, failure: StoreError, tries: int) -> float:
        """Note what the store said of being asked again; return the seconds until then.

        Raises:
            ServerError: nobody would wait so long.
        """
        pause = self._run.backoff(tries) if failure.after is None else failure.after
        if pause > LONGEST_WAIT:
            raise asks_too_long(failure.error, pause)
        if failure.told is not None:
            # It is there: the others need not find out by themselves that it is busy.
            with self._lock:
                self._not_before = max(self._not_before, self._run.clock() + pause)
        return pause


def note_of(place: S3Place) -> S3Place:
    """Return where it is written what an unfinished upload of an object belongs to."""
    return S3Place(place.bucket, f"{place.key}{NOTE}")
