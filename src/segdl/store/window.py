"""Parts that have no name: a window of the file on its way to a stream."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable

from segdl.core.spans import Span
from segdl.errors import IntegrityError, NetworkError
from segdl.store.faults import disk_errors
from segdl.store.part import PartFile

# Enough to compare the beginning of the next segment with.
_TAIL = 64 * 1024
_MOST = 256 * 1024


class _Unnamed:
    """A part in an unnamed temporary file, which is gone when the process is."""

    def __init__(self, start: int, grown: threading.Condition) -> None:
        self.start = start
        self.size = 0
        self._grown = grown
        with disk_errors("the folder for temporary files", "use"):
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`

    @property
    def stop(self) -> int:
        return self.start + self.size

    def append(self, data: bytes | memoryview) -> None:
        with self._grown:
            with disk_errors("the folder for temporary files", "write to"):
                self._file.seek(self.size)
                view = memoryview(data)
                while view:
                    view = view[self._file.write(view) :]
            self.size += len(data)
            self._grown.notify_all()

    def cut(self, size: int) -> None:  # noqa: ARG002 - the signature is PartFile's
        raise IntegrityError(
            "the server sends more than it announces, and its bytes may be written already",
            hint="save it to a file instead",
        )

    def read(self, span: Span) -> bytes:
        self._file.seek(span.start - self.start)
        return self._file.read(len(span)) or b""

    def close(self) -> None:
        self._file.close()


class WindowParts:
    """The parts between what is written out and what is fetched.

    `_grown` owns everything but `written`, which the writer alone changes.

    Attributes:
        written: bytes that went out.
    """

    def __init__(self) -> None:
        self.written = 0
        self._grown = threading.Condition()
        self._parts: dict[int, _Unnamed] = {}
        self._tail = b""
        self._tail_stop = 0
        self._closed = False

    def open(self, start: int) -> PartFile:
        """Return the part that begins at `start`, made if missing."""
        with self._grown:
            if start not in self._parts:
                self._parts[start] = _Unnamed(start, self._grown)
            return self._parts[start]

    def release(self, part: PartFile) -> None:
        """Do nothing: parts stay until they are written out."""

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not all in one part."""
        with self._grown:
            if self._tail_stop - len(self._tail) <= span.start and span.stop <= self._tail_stop:
                begin = span.start - (self._tail_stop - len(self._tail))
                return self._tail[begin : begin + len(span)]
            for part in self._parts.values():
                if part.start <= span.start and span.stop <= part.stop:
                    return part.read(span)
            return None

    def wait_for(self, at: int) -> bytes:
        """Return bytes that begin at `at` as soon as there are some; ``b""`` after `close`."""
        with self._grown:
            while not self._closed:
                for part in self._parts.values():
                    if part.start <= at < part.stop:
                        return part.read(Span(at, min(at + _MOST, part.stop)))
                self._grown.wait()
            return b""

    def drop(self, start: int) -> None:
        """Forget a part that is written out, but for its last bytes."""
        with self._grown:
            part = self._parts.pop(start)
            self._tail = part.read(Span(max(part.start, part.stop - _TAIL), part.stop))
            self._tail_stop = part.stop
            part.close()

    def close(self) -> None:
        """Let go of everything and wake the writer."""
        with self._grown:
            self._closed = True
            for part in self._parts.values():
                part.close()
            self._parts.clear()
            self._grown.notify_all()


class DirectParts:
    """The one part of a file that is written out as it comes. One thread at a time uses it."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._tail = b""
        self.start = 0
        self.size = 0

    @property
    def stop(self) -> int:
        """Where in the file the next byte goes."""
        return self.size

    def append(self, data: bytes | memoryview) -> None:
        """Write out."""
        data = bytes(data)
        self._write(data)
        self.size += len(data)
        self._tail = (self._tail + data)[-_TAIL:]

    def cut(self, size: int) -> None:  # noqa: ARG002 - the signature is PartFile's
        """Refuse: what went out cannot be taken back."""
        raise IntegrityError("the server sends more than it announces, which is written already")

    def open(self, start: int) -> PartFile:
        """Return the one part."""
        assert start == 0
        return self

    def release(self, part: PartFile) -> None:
        """Do nothing."""

    def read(self, span: Span) -> bytes | None:
        """Return bytes that were written out last.

        Raises:
            NetworkError: they are too far behind.
        """
        if span.stop > self.size:
            return None
        begin = span.start - (self.size - len(self._tail))
        if begin < 0:
            raise NetworkError(
                f"the server can only start anew, and {self.size} bytes are written already",
                hint="save it to a file instead",
            )
        return self._tail[begin : begin + len(span)]
