"""Bytes that go on at their end, from one part of an upload into the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from segdl.core.spans import Span
from segdl.engine.attempt import OVERLAP
from segdl.net.failures import TransferError
from segdl.s3.inorder import InOrder
from segdl.s3.piece import Piece
from segdl.store.part import TakenBackError


class Parts(Protocol):
    """The parts of an upload, as what writes them knows them."""

    @property
    def length(self) -> int:
        """Bytes of each part but the last."""

    @property
    def order(self) -> InOrder | None:
        """Wants the file's bytes in order."""

    def number_at(self, start: int) -> int:
        """Return the number of the part that begins at `start`."""

    def piece(self, number: int) -> Piece:
        """Begin a part.

        Raises:
            TransferError: the store does not take it now.
            TakenBackError: it may not be asked.
        """

    def whole(self, number: int, etag: str, tail: bytes) -> None:
        """A part is the store's; `tail` are its last bytes."""

    def lost(self, number: int, failure: TransferError) -> TakenBackError:
        """A part broke off: return what makes it come again.

        Raises:
            SegdlError: it cannot be had.
        """

    def forget(self, spans: list[Span]) -> None:
        """Have the parts fetched again that hold a byte of `spans`."""


class Writer:
    """Takes bytes from the beginning of a part on, through as many parts as it takes.

    One thread at a time writes; `abort` may come from any. `_lock` owns `_busy` and `_over`.
    """

    def __init__(self, parts: Parts, start: int) -> None:
        self._parts = parts
        self.start = start
        self.size = 0
        self._piece: Piece | None = None
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
            number = self._parts.number_at(self.stop)
            try:
                piece = self._piece
                if piece is None:
                    piece = self._begin(number)
                number = piece.number
                taken = left[: piece.room]
                piece.take(taken)
                if self._parts.order is not None:
                    self._parts.order.add(number, taken)
                self.size += len(taken)
                self._tail = (self._tail + bytes(taken[-OVERLAP:]))[-OVERLAP:]
                left = left[len(taken) :]
                if not piece.room:
                    self._end(piece)
            except TransferError as failure:
                self._take_back()
                raise self._parts.lost(number, failure) from failure
            except BaseException:
                self._take_back()
                raise

    def _begin(self, number: int) -> Piece:
        self._begun = self.stop
        piece = self._parts.piece(number)
        with self._lock:
            self._piece = piece
            if self._over:
                # Who ended it while it connected had nothing to abort.
                raise TakenBackError
        return piece

    def end(self) -> bool:
        """Send what waits, and tell whether it is the store's; else it waits still.

        Raises:
            TakenBackError: nobody wants it any more.
            SegdlError: the store does not take it.
        """
        with self._at_work():
            piece = self._piece
            if piece is None:
                return True
            try:
                self._end(piece)
            except TransferError as failure:
                self._parts.lost(piece.number, failure)
                return False
            return True

    def cut(self, size: int) -> None:
        """Drop what was sent behind `size` bytes, and what is before that in the same part."""
        whole = (self.start + size) // self._parts.length * self._parts.length
        if whole < self.stop:
            self._take_back()
            self._parts.forget([Span(whole, self.stop + 1)])
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

    def _end(self, piece: Piece) -> None:
        etag = piece.end()
        self._piece = None
        self._parts.whole(piece.number, etag, self._tail)

    def _take_back(self) -> None:
        piece, self._piece = self._piece, None
        if piece is not None:
            piece.close()
            if self._parts.order is not None:
                self._parts.order.drop(piece.number)
        self.size = self._begun - self.start
        self._tail = b""
