"""Parts of an upload as workers see them: bytes that go on at their end, kept nowhere here.

What a connection brings goes out over another in the same thread, chunk by chunk: memory does
not grow with the size of parts. A part that is broken off begins again; one that is whole is
the store's.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from segdl.core.head import parse_retry_after
from segdl.core.multipart import bare, is_md5, span_of
from segdl.core.s3answer import Meaning, Told, read_answer
from segdl.core.s3url import S3Place
from segdl.core.spans import OPEN, Span
from segdl.engine.attempt import OVERLAP
from segdl.engine.run import Run
from segdl.errors import IntegrityError
from segdl.net.failures import TransferError
from segdl.net.put import AnsweredError, Put
from segdl.net.s3 import StoreError
from segdl.progress.events import Retrying
from segdl.s3.inorder import InOrder
from segdl.s3.store import Store
from segdl.store.part import PartFile, TakenBackError


class _Piece(Protocol):
    """One part on its way."""

    number: int

    @property
    def room(self) -> int:
        """Bytes that it lacks."""

    def take(self, data: memoryview) -> None:
        """Take the next bytes.

        Raises:
            StoreError: the store does not.
        """

    def end(self) -> str:
        """Return its ETag; it is whole.

        Raises:
            StoreError: the store does not have it.
        """

    def abort(self) -> None:
        """Have a thread that waits in it fail now; callable from any."""

    def close(self) -> None:
        """Let go of it; nobody waits in it."""


class _Sent:
    """A part whose bytes go out as they come."""

    def __init__(self, uploading: Uploading, number: int, length: int) -> None:
        self.number = number
        self.room = length
        self._what = f"{uploading.place}: part {number}"
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._put: Put = uploading.begin_put(number, length)

    def take(self, data: memoryview) -> None:
        try:
            self._put.send(data)
        except AnsweredError as early:
            raise _failure(self._what, early.answer.status, early) from early
        self._md5.update(data)
        self.room -= len(data)

    def end(self) -> str:
        answer = self._put.finish()
        if answer.status != 200:
            raise _failure(self._what, answer.status, AnsweredError(answer))
        etag, sent = bare(answer.fields.get("etag", "")), self._md5.hexdigest()
        if etag != sent:
            raise StoreError(_wrong_etag(self._what, etag, sent))
        return etag

    def abort(self) -> None:
        self._put.abort()

    def close(self) -> None:
        self._put.close()


class _Collected:
    """A part of a file whose length nobody tells: it waits until it is known to be whole."""

    def __init__(self, uploading: Uploading, number: int, length: int) -> None:
        self.number = number
        self.room = length
        self._uploading = uploading
        self._data = bytearray()

    def take(self, data: memoryview) -> None:
        self._data += data
        self.room -= len(data)

    def end(self) -> str:
        sent = _Sent(self._uploading, self.number, len(self._data))
        try:
            sent.take(memoryview(self._data))
            return sent.end()
        finally:
            sent.close()

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Compared:
    """A part that is there already, and is read again for a digest of the whole."""

    def __init__(self, number: int, length: int, etag: str) -> None:
        self.number = number
        self.room = length
        self._etag = etag
        self._md5 = hashlib.md5(usedforsecurity=False)

    def take(self, data: memoryview) -> None:
        self._md5.update(data)
        self.room -= len(data)

    def end(self) -> str:
        if self._md5.hexdigest() != self._etag:
            raise StoreError(IntegrityError(f"part {self.number} is another"))
        return self._etag

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


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

    def end(self) -> None:
        """Send what waits of a file whose length nobody told; it is over."""
        with self._lock:
            writers = list(self._writers.values())
        for writer in writers:
            writer.end()

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

    def piece(self, number: int) -> _Piece:
        """Begin a part.

        Raises:
            StoreError: the store does not take it now.
            TakenBackError: it may not be asked.
        """
        if self._closed or self._store.pause():
            raise TakenBackError
        length = len(span_of(number, self.size, self.length))
        if self.size == OPEN:
            return _Collected(self, number, length)
        known = self._known.get(number) if self.order else None
        return _Sent(self, number, length) if known is None else _Compared(number, length, known)

    def begin_put(self, number: int, length: int) -> Put:
        """Open a connection that takes a part.

        Raises:
            TransferError: nobody takes it.
        """
        location = self._store.client.sign_part(self.place, self._upload, number)
        return self._store.put(location, length)

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
        if self.order is not None:
            self.order.drop(number)
        if self._closed:
            return TakenBackError()
        with self._lock:
            # One that is not what comes now is sent anew.
            self._known.pop(number, None)
            self._failures[number] += 1
            tries = self._failures[number]
        if failure.fatal or tries >= max(1, self._run.transfer.retries):
            raise failure.error from failure
        told = failure if isinstance(failure, StoreError) else StoreError(failure.error)
        pause = self._store.refused(told, tries)
        with self._lock:
            self._not_before[number] = self._run.clock() + pause
        start = span_of(number, self.size, self.length).start
        retries, why = self._run.transfer.retries, failure.error.message
        self._run.emit(Retrying(self._file, start, tries, retries, pause, why))
        return TakenBackError()


class Writer:
    """Takes bytes from the beginning of a part on, through as many parts as it takes.

    One thread at a time writes; `abort` may come from any. `_lock` owns `_busy` and `_over`.
    """

    def __init__(self, uploading: Uploading, start: int) -> None:
        self._uploading = uploading
        self.start = start
        self.size = 0
        self._piece: _Piece | None = None
        self._begun = start
        self._tail = b""
        self._lock = threading.Lock()
        self._busy = False
        self._over = False

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self.start + self.size

    def append(self, data: bytes | memoryview) -> None:
        """Send bytes on.

        Raises:
            TakenBackError: the part begins again.
            SegdlError: the store does not take it.
        """
        with self._at_work():
            self._append(memoryview(data))

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            if self._over:
                raise TakenBackError
            self._busy = True
        try:
            yield
        finally:
            if self._rest():
                self._take_back()

    def _rest(self) -> bool:
        """Note that nobody writes; tell whether nobody will any more."""
        with self._lock:
            self._busy = False
            return self._over

    def _append(self, left: memoryview) -> None:
        while left:
            number = self._uploading.number_at(self.stop)
            try:
                piece = self._piece
                if piece is None:
                    self._begun = self.stop
                    piece = self._piece = self._uploading.piece(number)
                number = piece.number
                taken = left[: piece.room]
                piece.take(taken)
                if self._uploading.order is not None:
                    self._uploading.order.add(number, taken)
                self.size += len(taken)
                self._tail = (self._tail + bytes(taken[-OVERLAP:]))[-OVERLAP:]
                left = left[len(taken) :]
                if not piece.room:
                    self._end(piece)
            except TransferError as failure:
                self._take_back()
                raise self._uploading.lost(number, failure) from failure
            except BaseException:
                self._take_back()
                raise

    def end(self) -> None:
        """Send what waits.

        Raises:
            SegdlError: the store does not take it.
        """
        with self._at_work():
            while self._piece is not None:
                piece = self._piece
                try:
                    self._end(piece)
                except TransferError as failure:
                    self._uploading.lost(piece.number, failure)

    def cut(self, size: int) -> None:
        """Drop what was sent behind `size` bytes, and what is before that in the same part."""
        whole = (self.start + size) // self._uploading.length * self._uploading.length
        if whole < self.stop:
            self._take_back()
            self._uploading.forget([Span(whole, self.stop + 1)])
            self.size = whole - self.start
            self._tail = b""

    def read(self, span: Span) -> bytes | None:
        """Return bytes that came last; None where they are not among them."""
        tail, stop = self._tail, self.stop
        begin = span.start - (stop - len(tail))
        if begin < 0 or span.stop > stop:
            return None
        return tail[begin : begin + len(span)]

    def abort(self) -> None:
        """End what is on its way."""
        with self._lock:
            self._over = True
            piece = self._piece
            if self._busy:
                # Its thread lets go of it.
                if piece is not None:
                    piece.abort()
                return
        self._take_back()

    def _end(self, piece: _Piece) -> None:
        etag = piece.end()
        self._piece = None
        self._uploading.whole(piece.number, etag, self._tail)

    def _take_back(self) -> None:
        piece, self._piece = self._piece, None
        if piece is not None:
            piece.close()
        self.size = self._begun - self.start
        self._tail = b""


def _failure(what: str, status: int, early: AnsweredError) -> StoreError:
    answer = early.answer
    told = read_answer(status, answer.body)
    if told.meaning is Meaning.FINE:
        # Nobody has the bytes that were not sent yet.
        told = Told(status, "", "it answered before it had the part")
    error = told.error(what)
    after = parse_retry_after(answer.fields.get("retry-after"), 0.0)
    fatal = told.meaning is Meaning.FAILED
    return StoreError(
        error, told if told.meaning is Meaning.BUSY else None, fatal=fatal, after=after
    )


def _wrong_etag(what: str, etag: str, sent: str) -> IntegrityError:
    if is_md5(etag):
        return IntegrityError(
            f"{what}: the store has another part than was sent: its MD5 is {etag}, not {sent}",
            hint="run the same command to go on",
        )
    return IntegrityError(
        f"{what}: the store tells no MD5 of what it has, so nothing can be proved",
        hint="buckets encrypted with keys of KMS or the customer do that; see docs/s3.md",
    )
