"""Opens the documents of a list: a local file, standard input or a URL, gzipped or not.

What comes from a server is there whole before a byte of it is read: a list that was cut
must not be taken for a shorter one.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain
from typing import IO, BinaryIO, cast

from segdl.core.gunzip import MAGIC, gunzip
from segdl.core.names import name_from_path
from segdl.engine.background import read_ahead
from segdl.engine.run import Run
from segdl.engine.whole import receive
from segdl.errors import IntegrityError, UsageError
from segdl.mirror.listing import Document
from segdl.net.source import Source
from segdl.store.faults import disk_errors, shown

# What readers get to recognise a format by, in bytes.
HEAD = 64 * 1024
_CHUNK = 256 * 1024
# Bytes of the digest that tells two documents apart: a server may have chosen both.
_DIGEST = 32
# Documents up to this stay in memory.
_IN_MEMORY = 1024 * 1024
_MOST_BYTES = 16 * 1024**3
# Of a document's beginning and end, in bytes: enough to see what it is.
_GLANCE = 256
# Of events about what is no file of the run.
_NO_FILE = 0


class Opened:
    """A document of a list. One thread uses it, and closes it.

    Args:
        document: what is known of it.
        where: names it in messages.
        chunks: yields its bytes as they are stored, from the beginning.
        close: lets go of what holds them.
        digest: of its bytes; empty where it did not come from a server.
    """

    def __init__(
        self,
        document: Document,
        where: str,
        chunks: Callable[[], Iterator[bytes]],
        close: Callable[[], None] = lambda: None,
        digest: bytes = b"",
    ) -> None:
        self.document = document
        self.where = where
        self.digest = digest
        self._chunks = chunks
        self._close = close
        self._begun: Iterator[bytes] | None = None
        self._head: bytes | None = None

    def head(self) -> bytes:
        """Return its first bytes, decompressed; as many as readers get at most.

        Raises:
            SegdlError: as `stream`.
        """
        if self._head is None:
            self._head, self._begun = _split(self._decompressed(), HEAD)
        return self._head

    def stream(self) -> BinaryIO:
        """Return it from its beginning, decompressed; a pipe can be read once.

        What it is read for raises SegdlError where it cannot be read, is damaged or was cut.
        """
        begun, self._begun = self._begun, None
        return cast(BinaryIO, io.BufferedReader(_Stream(begun or self._decompressed()), HEAD))

    def close(self) -> None:
        """Let go of it; streams of it cannot be read any more."""
        self._begun = None
        self._close()

    def _decompressed(self) -> Iterator[bytes]:
        begin, chunks = _split(self._chunks(), len(MAGIC))
        return gunzip(chunks, self.where) if begin.startswith(MAGIC) else chunks


class _Stream(io.RawIOBase):
    """A file that reads what an iterator yields."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._left:
            try:
                self._left = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def open_local(run: Run, path: str, base: str | None) -> Opened:
    """Open a list that is a file, or comes by a pipe; ``-`` is standard input.

    Args:
        run: what is waited for ends with it.
        path: where it is.
        base: what its names are relative to, where the user told.

    Raises:
        DiskError: it cannot be read.
        UsageError: it is a folder.
    """
    if path == "-":
        return _by_pipe(run, 0, Document(name="", base=base), "standard input")
    document = Document(name=_list_name(os.path.basename(path)), base=base)
    with disk_errors(path, "read"):
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise UsageError(
                f"{shown(path)} is a folder", hint="give a list of files: a file, - or a URL"
            )
        if not stat.S_ISREG(kind):
            return _by_pipe(run, path, document, shown(path))
        file = open(path, "rb")  # noqa: SIM115 - Opened closes it

    def chunks() -> Iterator[bytes]:
        with disk_errors(path, "read"):
            yield from _chunks_of(run.check_cancelled, file)

    return Opened(document, shown(path), chunks, file.close)


def fetch(
    run: Run, source: Source, base: str | None, check_cancelled: Callable[[], None]
) -> Opened:
    """Fetch a document of a list; it is there whole, and of one version.

    Args:
        run: the surroundings.
        source: where it is.
        base: as `Document` has it; None is where it came from.
        check_cancelled: is called while it is read, and raises where that is to end.

    Raises:
        SegdlError: it cannot be had.
    """
    where = str(source.asked)
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - Opened closes it
    try:
        with disk_errors(tempfile.gettempdir(), "write to"):
            received = receive(run, source, _NO_FILE, cast(IO[bytes], file), _MOST_BYTES)
            digest = blake2b(digest_size=_DIGEST)
            for chunk in _chunks_of(check_cancelled, cast(IO[bytes], file)):
                digest.update(chunk)
    except BaseException:
        file.close()
        raise
    name = name_from_path(source.asked.path) or name_from_path(received.location.path) or ""
    document = Document(
        name=_list_name(name),
        url=received.location.url,
        base=base or received.location.url,
        media_type=received.version.media_type,
    )

    def chunks() -> Iterator[bytes]:
        begin = end = b""
        for chunk in _chunks_of(check_cancelled, cast(IO[bytes], file)):
            begin, end = begin or chunk[:_GLANCE], chunk[-_GLANCE:]
            yield chunk
        if not received.framed and not _tells_its_end(begin, end):
            raise IntegrityError(
                f"{where}: its server does not tell where it ends, so it may have been cut",
                hint="save it with segdl get, look at it, and give the file",
            )

    return Opened(document, where, chunks, file.close, digest.digest())


def _by_pipe(run: Run, path: str | int, document: Document, where: str) -> Opened:
    def read() -> Iterator[bytes]:
        with (
            disk_errors(where, "read"),
            open(path, "rb", buffering=0, closefd=path != 0) as file,
        ):
            while data := file.read(_CHUNK):
                yield data

    # Nothing ends a read but who writes, so it is not this thread that waits.
    blocks = read_ahead(read())

    def chunks() -> Iterator[bytes]:
        for block in blocks:
            run.check_cancelled()
            if block is not None:
                yield block

    return Opened(document, where, chunks, blocks.close)


def _chunks_of(check_cancelled: Callable[[], None], file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while data := file.read(_CHUNK):
        check_cancelled()
        yield data


def _tells_its_end(begin: bytes, end: bytes) -> bool:
    """Tell whether a document that was cut would show it, and whether this one was not."""
    if begin.startswith(MAGIC):
        return True
    if begin.lstrip().startswith(b"["):
        return end.rstrip().endswith(b"]")
    return end.rstrip().lower().endswith((b"</html>", b"</metalink>", b"</listbucketresult>"))


def _list_name(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


def _split(chunks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and an iterator over all of them."""
    seen: list[bytes] = []
    missing = count
    while missing > 0 and (chunk := next(chunks, None)) is not None:
        seen.append(chunk)
        missing -= len(chunk)
    return b"".join(seen)[:count], chain(seen, chunks)
