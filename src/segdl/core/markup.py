"""XML from strangers: no DTD and so no entities, and bounds on what a document may cost.

The standard library's expat does the reading. It never fetches anything, and where a
DTD is refused at its first word there is nothing left that could grow in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn, Protocol
from xml.parsers import expat

from segdl.core.text import printable
from segdl.errors import UsageError

OTHERWISE = "use another list, or a URL of the file itself"
MOST_BYTES = 16 * 1024 * 1024
_MOST_ELEMENTS = 1 << 19
_MOST_DEPTH = 32
_MOST_BEGINNING = 64 * 1024
# Bytes of one token that comes in pieces, and characters of one text.
_LONGEST = 1 << 20

_ENCODING = re.compile(
    r"utf-?8|utf-16([bl]e)?|(us-)?ascii|iso-8859-([1-9]|1[013-6])|windows-125[0-8]|koi8-[ru]",
    re.IGNORECASE,
)

Path = tuple[str, ...]


class Visitor(Protocol):
    """Is told of the elements of the root's namespace; those of others are left out.

    What a method raises ends the walk.
    """

    def root(self, namespace: str, name: str) -> None:
        """Hear what the document is, before `start` is called for its root."""

    def start(self, path: Path, attributes: Mapping[str, str]) -> None:
        """An element begins; `path` has the names from the root's to its own."""

    def end(self, path: Path, attributes: Mapping[str, str], text: str) -> None:
        """It ends; `text` is its own, without that of elements in it."""


def walk(data: bytes, visitor: Visitor, what: str) -> None:
    """Read a document from its first element to its last.

    The encoding is what the document declares: UTF-8, UTF-16, or a single-byte one in use.

    Args:
        data: the whole document.
        visitor: is told what is in it.
        what: names the document in messages.

    Raises:
        UsageError: it is not well-formed XML, has a DTD, or is larger, deeper or of more
            elements than a sane one.

    Example:
        >>> class Printing:
        ...     def root(self, namespace, name): pass
        ...     def start(self, path, attributes): pass
        ...     def end(self, path, attributes, text): print(path, attributes, text)
        >>> walk(b"<a>f<b c='d'>e</b></a>", Printing(), "the document")
        ('a', 'b') {'c': 'd'} e
        ('a',) {} f
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{what} is larger than {MOST_BYTES >> 20} MiB", hint=OTHERWISE)
    parser = _parser_for(_Walker(visitor, what))
    # At once: piece by piece, older versions of expat read a long token again each time.
    _feed(parser, data, what, last=True)


def walk_pieces(pieces: Iterable[bytes], visitor: Visitor, what: str) -> Iterator[None]:
    """Read a document of any length as it comes in; yield after each piece of it.

    As `walk`, but the text of an element that has others in it is not told, and there is no
    bound on how many elements there are: the visitor keeps no more than it needs.

    Args:
        pieces: of the document.
        visitor: is told what is in it.
        what: names the document in messages.

    Raises:
        UsageError: as `walk`; or a name, a value or a text of it is longer than 1 MiB.

    Example:
        >>> class Printing:
        ...     def root(self, namespace, name): pass
        ...     def start(self, path, attributes): pass
        ...     def end(self, path, attributes, text): print(path, [text])
        >>> for _ in walk_pieces([b"<a>f<b c='d", b"'>e</b></a>"], Printing(), "the document"):
        ...     pass
        ('a', 'b') ['e']
        ('a',) ['']
    """
    parser = _parser_for(_StreamingWalker(visitor, what))
    fed = 0
    for piece in pieces:
        _feed(parser, piece, what, last=False)
        fed += len(piece)
        if fed - parser.CurrentByteIndex > _LONGEST + len(piece):
            raise _too_long(what)
        yield
    _feed(parser, b"", what, last=True)
    yield


def root_of(beginning: bytes) -> tuple[str, str] | None:
    """Return namespace and name of the root element, or None where it does not show.

    Example:
        >>> root_of(b"<?xml version='1.0'?> <a:b xmlns:a='urn:x'> and so on")
        ('urn:x', 'b')
    """
    found: list[tuple[str, str]] = []

    def start(name: str, _: object) -> NoReturn:
        found.append(_split(name))
        raise _SeenError

    def refuse(*_: object) -> NoReturn:
        raise _SeenError

    def check(_: str, encoding: str | None, __: int) -> None:
        if not _is_readable(encoding):
            raise _SeenError

    parser = _parser()
    parser.StartElementHandler = start
    parser.XmlDeclHandler = check
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(beginning[:_MOST_BEGINNING], False)  # noqa: FBT003 - positional only
    except (_SeenError, expat.ExpatError):
        pass
    return found[0] if found else None


class _SeenError(Exception):
    """Enough was seen of a document."""


class _Walker:
    """Keeps the path, and calls the visitor. Confined to one `walk`."""

    def __init__(self, visitor: Visitor, what: str) -> None:
        self._elements = 0
        self._visitor = visitor
        self._what = what
        self._namespace = ""
        self._path: Path = ()
        self._attributes: list[Mapping[str, str]] = []
        self._texts: list[list[str]] = []
        # How deep it is in an element of another namespace.
        self._foreign = 0

    def check_encoding(self, _: str, encoding: str | None, __: int) -> None:
        if not _is_readable(encoding):
            raise UsageError(
                f"{self._what} is in an encoding that is not read, "
                f"{printable(encoding or '', 40)!r}",
                hint="convert it to UTF-8",
            )

    def refuse_dtd(self, *_: object) -> NoReturn:
        raise UsageError(
            f"{self._what} has a DTD, which is refused: it can hide an entity bomb",
            hint="remove <!DOCTYPE …> if you trust the document",
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise UsageError(
                f"{self._what} has more than {_MOST_ELEMENTS} elements", hint=OTHERWISE
            )
        namespace, local = _split(name)
        if not self._path:
            self._namespace = namespace
            self._visitor.root(namespace, local)
        if self._foreign or namespace != self._namespace:
            self._foreign += 1
            return
        if len(self._path) == _MOST_DEPTH:
            raise UsageError(f"{self._what} nests more than {_MOST_DEPTH} elements", hint=OTHERWISE)
        self._path = (*self._path, local)
        self._attributes.append(attributes)
        self._texts.append([])
        self._visitor.start(self._path, attributes)

    def end(self, _: str) -> None:
        if self._foreign:
            self._foreign -= 1
            return
        self._visitor.end(self._path, self._attributes.pop(), "".join(self._texts.pop()))
        self._path = self._path[:-1]

    def characters(self, text: str) -> None:
        if not self._foreign:
            self._texts[-1].append(text)


class _StreamingWalker(_Walker):
    """Keeps the text of the innermost element only, and does not count."""

    def __init__(self, visitor: Visitor, what: str) -> None:
        super().__init__(visitor, what)
        self._length = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements, self._length = 0, 0
        if self._texts:
            self._texts[-1].clear()
        super().start(name, attributes)

    def end(self, name: str) -> None:
        super().end(name)
        self._length = 0

    def characters(self, text: str) -> None:
        self._length += len(text)
        if self._length > _LONGEST:
            raise _too_long(self._what)
        super().characters(text)


def _parser_for(walker: _Walker) -> expat.XMLParserType:
    parser = _parser()
    parser.buffer_text = True
    parser.XmlDeclHandler = walker.check_encoding
    parser.StartDoctypeDeclHandler = walker.refuse_dtd
    parser.StartElementHandler = walker.start
    parser.EndElementHandler = walker.end
    parser.CharacterDataHandler = walker.characters
    return parser


def _feed(parser: expat.XMLParserType, data: bytes, what: str, *, last: bool) -> None:
    try:
        parser.Parse(data, last)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise UsageError(
            f"{what} is not well-formed XML: line {error.lineno}: {reason}",
            hint=OTHERWISE,
        ) from None


def _too_long(what: str) -> UsageError:
    return UsageError(
        f"{what} has a name, a value or a text longer than {_LONGEST >> 20} MiB", hint=OTHERWISE
    )


def _parser() -> expat.XMLParserType:
    return expat.ParserCreate(namespace_separator=" ")


def _is_readable(encoding: str | None) -> bool:
    # Python knows many more, not all of which are harmless (unicode_escape).
    return encoding is None or _ENCODING.fullmatch(encoding) is not None


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local
