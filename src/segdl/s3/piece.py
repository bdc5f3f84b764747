"""One part of an upload on its way: sent as it comes, collected, or compared with what is there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from segdl.core.multipart import bare
from segdl.errors import IntegrityError
from segdl.net.boto import StoreError
from segdl.net.put import AnsweredError, Put
from segdl.s3.failures import not_taken, wrong_etag


class Piece(Protocol):
    """One part on its way."""

    number: int

    @property
    def room(self) -> int:
        """Bytes that it lacks."""

    def take(self, data: memoryview) -> None:
        """Take the next bytes.

        Raises:
            TransferError: the store does not.
        """

    def end(self) -> str:
        """Return its ETag; it is whole.

        Raises:
            TransferError: the store does not have it.
        """

    def abort(self) -> None:
        """Have a thread that waits in it fail now; callable from any."""

    def close(self) -> None:
        """Let go of it; nobody waits in it."""


class Sending:
    """A part whose bytes go out as they come.

    Args:
        what: the part, for messages.
        number: of the part.
        length: its bytes.
        put: takes them.
    """

    def __init__(self, what: str, number: int, length: int, put: Put) -> None:
        self.number = number
        self.room = length
        self._what = what
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._put = put

    def take(self, data: memoryview) -> None:
        """Send the next bytes.

        Raises:
            StoreError: the store said before it had them that it does not take the part.
            TransferError: the connection broke.
        """
        try:
            self._put.send(data)
        except AnsweredError as early:
            raise not_taken(self._what, early.answer) from early
        self._md5.update(data)
        self.room -= len(data)

    def end(self) -> str:
        """Return the ETag that the store gave it, which is the MD5 of what was sent.

        Raises:
            StoreError: the store did not take it, or has something else.
            TransferError: the connection broke.
        """
        answer = self._put.finish()
        if answer.status != 200:
            raise not_taken(self._what, answer)
        etag, sent = bare(answer.fields.get("etag", "")), self._md5.hexdigest()
        if etag != sent:
            raise StoreError(wrong_etag(self._what, etag, sent))
        return etag

    def abort(self) -> None:
        """Shut the connection down."""
        self._put.abort()

    def close(self) -> None:
        """Close the connection."""
        self._put.close()


class Collecting:
    """A part of a file whose length nobody tells: it waits until it is known to be whole.

    One thread uses it; `abort` may come from any. `_lock` owns `_sending` and `_aborted`.

    Args:
        number: of the part.
        length: bytes that it may have.
        send: begins to send it, by its bytes.
    """

    def __init__(self, number: int, length: int, send: Callable[[int], Sending]) -> None:
        self.number = number
        self.room = length
        self._send = send
        self._data = bytearray()
        self._lock = threading.Lock()
        self._sending: Sending | None = None
        self._aborted = False

    def take(self, data: memoryview) -> None:
        """Keep the next bytes."""
        self._data += data
        self.room -= len(data)

    def end(self) -> str:
        """Send what was kept, and return its ETag; where that fails, it can be sent again.

        Raises:
            TransferError: the store does not take it.
        """
        with closing(self._send(len(self._data))) as sending, self._abortable(sending):
            sending.take(memoryview(self._data))
            return sending.end()

    @contextmanager
    def _abortable(self, sending: Sending) -> Iterator[None]:
        with self._lock:
            self._sending = sending
            if self._aborted:
                # Nobody could while it connected.
                sending.abort()
        try:
            yield
        finally:
            with self._lock:
                self._sending = None

    def abort(self) -> None:
        """Shut the connection down by which it is sent."""
        with self._lock:
            self._aborted = True
            if self._sending is not None:
                self._sending.abort()

    def close(self) -> None:
        """Do nothing: its connections are closed as they end."""


class Comparing:
    """A part that is there already, and is read again for a digest of the whole.

    Args:
        number: of the part.
        length: its bytes.
        etag: its MD5.
    """

    def __init__(self, number: int, length: int, etag: str) -> None:
        self.number = number
        self.room = length
        self._etag = etag
        self._md5 = hashlib.md5(usedforsecurity=False)

    def take(self, data: memoryview) -> None:
        """Hash the next bytes."""
        self._md5.update(data)
        self.room -= len(data)

    def end(self) -> str:
        """Return the ETag that it has already.

        Raises:
            StoreError: what came is not what is there.
        """
        if self._md5.hexdigest() != self._etag:
            raise StoreError(IntegrityError(f"part {self.number} is another"))
        return self._etag

    def abort(self) -> None:
        """Do nothing: nobody waits in it."""

    def close(self) -> None:
        """Do nothing: it holds nothing."""
