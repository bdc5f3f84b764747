"""Parts of an upload as workers see them: bytes that go on at their end, kept nowhere here.

What a connection brings goes out over another in the same thread, chunk by chunk: memory does
not grow with the size of parts. A part that is broken off begins again; one that is whole is
the store's.
"""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial

from segdl.core.multipart import span_of
from segdl.core.s3url import S3Place
from segdl.core.spans import OPEN, Span
from segdl.engine.run import Run
from segdl.net.boto import StoreError
from segdl.net.failures import TransferError
from segdl.progress.events import Retrying
from segdl.s3.inorder import InOrder
from segdl.s3.piece import Collecting, Comparing, Piece, Sending
from segdl.s3.store import Store
from segdl.s3.writer import Writer
from segdl.store.part import PartFile, TakenBackError


class Uploading:
    """The parts of one upload: a `PartStore`. Threads share it; `_lock` owns what changes.

    Args:
        run: the surroundings.
        file: its number, for events.
        store: where it is.
        place: the object.
        upload: what the store calls the upload.
        size: bytes of the object, or OPEN.
        length: bytes of each part but the last.
        stored: ETags of the parts that are there, by number.
        order: wants the file's bytes in order; parts that are there are read again then.
    """

    def __init__(
        self,
        run: Run,
        file: int,
        store: Store,
        place: S3Place,
        upload: str,
        *,
        size: int,
        length: int,
        stored: dict[int, str],
        order: InOrder | None,
    ) -> None:
        self._run = run
        self._file = file
        self._store = store
        self.place = place
        self._upload = upload
        self.size = size
        self.length = length
        self.order = order
        self._lock = threading.Lock()
        self._known = dict(stored)
        self._etags = {} if order else dict(stored)
        self._writers: dict[int, Writer] = {}
        self._tails: dict[int, bytes] = {}
        self._failures: Counter[int] = Counter()
        self._not_before: dict[int, float] = {}
        self._closed = False

    # -- what workers use --

    def open(self, start: int) -> PartFile:
        """Return what takes the bytes from `start` on, where a part begins."""
        with self._lock:
            if start not in self._writers:
                self._writers[start] = Writer(self, start)
            return self._writers[start]

    def release(self, part: PartFile) -> None:
        """Do nothing: what is on its way waits for its next bytes."""

    def read(self, span: Span) -> bytes | None:
        """Return bytes that came a moment ago; None where they are not here any more."""
        with self._lock:
            writers = list(self._writers.values())
            for stop, tail in self._tails.items():
                if stop - len(tail) <= span.start and span.stop <= stop:
                    begin = span.start - (stop - len(tail))
                    return tail[begin : begin + len(span)]
        for writer in writers:
            found = writer.read(span)
            if found is not None:
                return found
        return None

    # -- what the supply uses --

    @property
    def etags(self) -> dict[int, str]:
        """The parts that are whole."""
        with self._lock:
            return dict(self._etags)

    def missing(self) -> list[Span]:
        """Return the parts that are to be fetched, in order."""
        count = max(1, -(-self.size // self.length))
        with self._lock:
            return [
                span_of(number, self.size, self.length)
                for number in range(1, count + 1)
                if number not in self._etags
            ]

    def position(self, start: int) -> int:
        """Return where the next byte goes of what is written from `start` on."""
        with self._lock:
            writer = self._writers.get(start)
        return start if writer is None else writer.stop

    def ready_at(self, start: int) -> float:
        """Return when the part that begins at `start` may be tried again."""
        now = self._run.clock()
        with self._lock:
            later = self._not_before.get(self.number_at(start), 0.0)
        return max(later, now + self._store.pause())

    def over(self, start: int) -> None:
        """Nobody will ask any more for what is before the part that begins at `start`."""
        with self._lock:
            self._writers.pop(start, None)
            for stop in [stop for stop in self._tails if stop <= start]:
                del self._tails[stop]

    def number_at(self, start: int) -> int:
        """Return the number of the part that begins at `start`."""
        return start // self.length + 1

    def end(self) -> bool:
        """Send what waits of a file whose length nobody told, and tell whether all is sent.

        What is not waits still, to be sent again when `ready_at` says.

        Raises:
            TakenBackError: nobody wants it any more.
            SegdlError: the store does not take it.
        """
        with self._lock:
            writers = list(self._writers.values())
        return all(writer.end() for writer in writers)

    def forget(self, spans: list[Span]) -> None:
        """Have the parts fetched again that hold a byte of `spans`; nobody may be writing."""
        with self._lock:
            for number in list(self._etags):
                part = span_of(number, self.size, self.length)
                if any(part.start < s.stop and s.start < part.stop for s in spans):
                    del self._etags[number]
                    self._known.pop(number, None)
                    if self.order is not None:
                        self.order.drop(number)

    def close(self) -> None:
        """Break off what is on its way."""
        with self._lock:
            self._closed = True
            writers = list(self._writers.values())
        for writer in writers:
            writer.abort()

    # -- what a writer uses --

    def piece(self, number: int) -> Piece:
        """Begin a part.

        Raises:
            TransferError: the store does not take it now.
            TakenBackError: it may not be asked.
        """
        if self._closed or self._store.pause():
            raise TakenBackError
        length = len(span_of(number, self.size, self.length))
        if self.size == OPEN:
            return Collecting(number, length, partial(self._send, number))
        known = self._known.get(number) if self.order else None
        return self._send(number, length) if known is None else Comparing(number, length, known)

    def _send(self, number: int, length: int) -> Sending:
        location = self._store.client.sign_part(self.place, self._upload, number)
        put = self._store.put(location, length)
        return Sending(f"{self.place}: part {number}", number, length, put)

    def whole(self, number: int, etag: str, tail: bytes) -> None:
        """A part is the store's."""
        stop = span_of(number, self.size, self.length).stop
        with self._lock:
            self._etags[number] = etag
            self._tails[stop] = tail
            del self._failures[number]
        if self.order is not None:
            self.order.end(number)

    def lost(self, number: int, failure: TransferError) -> TakenBackError:
        """A part broke off: return what makes it come again.

        Raises:
            SegdlError: it cannot be had.
        """
        if self._closed:
            return TakenBackError()
        with self._lock:
            # One that is not what comes now is sent anew.
            self._known.pop(number, None)
            self._failures[number] += 1
            tries = self._failures[number]
        told = failure if isinstance(failure, StoreError) else StoreError(failure.error)
        gone = told.silent and self._store.silent(failure.error)
        if failure.fatal or gone or tries >= max(1, self._run.transfer.retries):
            raise failure.error from failure
        pause = self._store.refused(told, tries)
        with self._lock:
            self._not_before[number] = self._run.clock() + pause
        start = span_of(number, self.size, self.length).start
        retries, why = self._run.transfer.retries, failure.error.message
        self._run.emit(Retrying(self._file, start, tries, retries, pause, why))
        return TakenBackError()
