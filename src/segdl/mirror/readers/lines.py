"""Lines of a list, as they come in: none is longer in memory than a sane one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import BinaryIO, Protocol

from segdl.core.blanks import trimmed
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable

# Bytes of a line: room for a file with a thousand mirrors.
LONGEST = 1 << 20
TOO_LONG = f"it is longer than {LONGEST >> 20} MiB"
_STEP = 1 << 16
_BOM = b"\xef\xbb\xbf"


class Lined(Protocol):
    """What lines are read from."""

    def readline(self, limit: int, /) -> bytes:
        """Return a line with its end, or as much of it; nothing at the end."""
        ...


class Rejoined:
    r"""A stream of which the beginning was read. One thread uses it.

    Example:
        >>> begun = Rejoined(b"a\nb", BytesIO(b"c\nd"))
        >>> [begun.readline(9) for _ in range(4)]
        [b'a\n', b'bc\n', b'd', b'']
    """

    def __init__(self, beginning: bytes, stream: BinaryIO) -> None:
        self._beginning = BytesIO(beginning)
        self._stream = stream

    def readline(self, limit: int, /) -> bytes:
        """Return a line with its end, or as much of it; nothing at the end."""
        line = self._beginning.readline(limit)
        if line.endswith(b"\n") or len(line) == limit:
            return line
        return line + self._stream.readline(limit - len(line))


def lines_of(stream: Lined, document: Document) -> Iterator[str | None]:
    r"""Yield the lines of a document without their ends, LF or CRLF, and without a BOM.

    Bytes that are not UTF-8 come as surrogates. None stands for a line that is too long.

    Raises:
        UsageError: it is a web page, or the like.

    Example:
        >>> import io
        >>> list(lines_of(io.BytesIO(b"\xef\xbb\xbfa\r\n\n\xff"), Document(name="")))
        ['a', '', '\udcff']
    """
    beginning = True
    while raw := stream.readline(LONGEST + 1):
        if beginning:
            raw = raw.removeprefix(_BOM)
            if raw.lstrip().startswith(b"<"):
                raise page_instead(document)
            beginning = not raw.strip()
        if len(raw) <= LONGEST or raw.endswith(b"\n"):
            yield text_of(raw.rstrip(b"\r\n"))
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(_STEP)
        yield None


def records_of(beginning: bytes, stream: BinaryIO) -> Iterator[str | None]:
    r"""Yield what NULs end, as `lines_of` does lines; in it are whatever characters there are.

    Args:
        beginning: what was read of the stream.
        stream: the rest of it.

    Example:
        >>> list(records_of(b"a\nb\0c", BytesIO(b"d\0")))
        ['a\nb', 'cd']
    """
    kept, too_long, piece = b"", False, beginning
    while piece:
        *ended, last = (kept + piece).split(b"\0")
        for raw in ended:
            yield None if too_long or len(raw) > LONGEST else text_of(raw)
            too_long = False
        too_long = too_long or len(last) > LONGEST
        # Of what is too long nothing is kept.
        kept = b"" if too_long else last
        piece = stream.read(_STEP)
    if kept or too_long:
        yield None if too_long else text_of(kept)


def text_of(raw: bytes) -> str:
    """Return the text that bytes of a list are; those that are not UTF-8 are surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def page_instead(document: Document) -> UsageError:
    """Return the error for a web page in the place of a list."""
    return UsageError(
        f"{shown_name(document)} is a web page or the like, not a list of files",
        hint="look at it in a browser: its server may ask for a login",
    )


def shown_name(document: Document) -> str:
    """Return what a list is called in messages."""
    return printable(document.name, 100) or "the list"


def items_of(
    lines: Iterable[tuple[int, str | None]], read: Callable[[str], Iterable[Entry]]
) -> Iterator[Item]:
    """Yield what is read of each line that says something.

    Args:
        lines: numbered; None stands for one that is too long.
        read: returns the files of a line, or raises UsageError where it cannot be used.

    Example:
        >>> def one(line): return [Entry(path=line, urls=())]
        >>> [entry.path for entry in items_of([(1, "a"), (2, " ")], one)]
        ['a']
    """
    for number, line in lines:
        if line is None:
            yield Unusable(line=number, why=TOO_LONG)
        elif trimmed(line):
            try:
                yield from read(line)
            except UsageError as error:
                yield Unusable(line=number, why=str(error))


def lines_in(head: bytes) -> list[str]:
    r"""Return the lines of a document's first bytes that say something, without blanks around.

    The last one may be cut. Comments are left out.

    Example:
        >>> lines_in(b"# a list\n\n http://h/a\nhttp://h")
        ['http://h/a', 'http://h']
    """
    stripped = map(trimmed, raw_lines_in(head))
    return [line for line in stripped if line and not line.startswith("#")]


def raw_lines_in(head: bytes) -> list[str]:
    """Return the lines of a document's first bytes as `lines_of` would."""
    text = text_of(head.removeprefix(_BOM))
    return [line.rstrip("\r") for line in text.split("\n")]
