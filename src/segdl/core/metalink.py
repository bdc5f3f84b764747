"""Metalink documents, 4 (RFC 5854) and 3, as plain values.

They come from anywhere. What only describes (language, publisher, signatures, torrents) is
left out; what says where bytes come from, what they must be and where they go is either
right or an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from segdl.core.blanks import trimmed_url
from segdl.core.markup import OTHERWISE, Path, root_of, walk
from segdl.core.metalinkfile import Draft, MetalinkFile
from segdl.core.names import safe_path
from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import UsageError

MEDIA_TYPES = ("application/metalink4+xml", "application/metalink+xml")
NAMESPACES = ("urn:ietf:params:xml:ns:metalink", "http://www.metalinker.org/")
MOST_FILES = 10_000

# Metalink 3 has wrappers where Metalink 4 has none.
_ROLES: dict[Path, str] = {
    (*file, *below): role
    for file in (("metalink", "file"), ("metalink", "files", "file"))
    for below, role in {
        (): "file",
        ("size",): "size",
        ("url",): "url",
        ("resources",): "resources",
        ("resources", "url"): "url",
        ("hash",): "hash",
        ("verification", "hash"): "hash",
        ("pieces",): "pieces",
        ("pieces", "hash"): "piece",
        ("verification", "pieces"): "pieces",
        ("verification", "pieces", "hash"): "piece",
    }.items()
}


def is_metalink(media_type: str, beginning: bytes) -> bool:
    """Tell whether a response or a file is a Metalink document.

    Args:
        media_type: without parameters, in lower case; ``""`` where it is not known.
        beginning: its first bytes, a few KiB of them.

    Example:
        >>> is_metalink("application/metalink4+xml", b"")
        True
        >>> is_metalink("text/xml", b"<metalink xmlns='urn:ietf:params:xml:ns:metalink'>")
        True
        >>> is_metalink("text/xml", b"<feed xmlns='http://www.w3.org/2005/Atom'/>")
        False
    """
    if media_type in MEDIA_TYPES:
        return True
    namespace, name = root_of(beginning) or ("", "")
    return name == "metalink" and namespace in NAMESPACES


def parse_metalink(
    data: bytes,
    what: str = "the Metalink document",
    *,
    windows: bool = False,
    as_named: bool = False,
) -> tuple[MetalinkFile, ...]:
    """Read a document; it has one file at least.

    Args:
        data: the whole document.
        what: names it in messages: a path, or a URL without its secrets.
        windows: avoid names that Windows reserves, too.
        as_named: leave names as the document has them: who takes them checks where they lead.

    Raises:
        UsageError: it cannot be read, says what cannot be, or names a file outside the
            folder to save in, unless names are left as they are.

    Example:
        >>> (file,) = parse_metalink(b'''<metalink xmlns="urn:ietf:params:xml:ns:metalink">
        ...   <file name="a.iso"><size>5</size><url>http://example.org/a.iso</url></file>
        ... </metalink>''')
        >>> file.name, file.size, [mirror.url for mirror in file.mirrors]
        ('a.iso', 5, ['http://example.org/a.iso'])
    """
    reader = _Reader(what, windows=windows, as_named=as_named)
    walk(data, reader, what)
    if not reader.files:
        raise UsageError(f"{what} names no file", hint=OTHERWISE)
    return tuple(reader.files.values())


def urls_of(file: MetalinkFile, what: str, *, safely: bool) -> tuple[str, ...]:
    """Return the URLs that a file may be fetched from, those to be asked first at the front.

    Args:
        file: one of the document's.
        what: names the document in messages.
        safely: whether the document came by https. What it names is then not fetched by http
            unless a digest tells that it is right: a redirect there would be refused, too.

    Raises:
        UsageError: there is none.

    Example:
        >>> from segdl.core.mirrorurl import MirrorUrl
        >>> one = MetalinkFile(name="a", mirrors=(MirrorUrl(url="http://example.org/a"),))
        >>> urls_of(one, "a.meta4", safely=False)
        ('http://example.org/a',)
    """
    urls = [mirror.url for mirror in file.mirrors]
    if safely and not file.checksums and file.pieces is None:
        urls = [url for url in urls if parse_url(url).origin.scheme == "https"]
    if urls:
        return tuple(urls)
    named = f"{what}: {printable(file.name, 100)!r}"
    if file.mirrors:
        raise UsageError(
            f"{named} has http mirrors only and no digest, which is refused for a document "
            "that came by https",
            hint="ask for the http URL itself if you trust it",
        )
    raise UsageError(f"{named} has no http or https mirror", hint="use another list")


class _Reader:
    """Builds the values from what `walk` tells of; confined to one reading."""

    def __init__(self, what: str, *, windows: bool, as_named: bool) -> None:
        self.files: dict[str, MetalinkFile] = {}
        self._what = what
        self._windows = windows
        self._as_named = as_named
        self._file = Draft("", what)

    def root(self, namespace: str, name: str) -> None:
        """Refuse what is no Metalink document."""
        if name != "metalink" or namespace not in NAMESPACES:
            raise UsageError(
                f"{self._what} is no Metalink document: its root element is "
                f"{printable(name, 60)!r}" + ("" if namespace else " without a namespace"),
                hint=OTHERWISE,
            )

    def start(self, path: Path, attributes: Mapping[str, str]) -> None:
        """Hear of an element before what is in it."""
        match _ROLES.get(path):
            case "file":
                self._file = Draft(self._path(attributes.get("name", "")), self._what)
            case "resources":
                self._file.limit_connections(attributes)
            case "pieces":
                self._file.begin_pieces(attributes)

    def end(self, path: Path, attributes: Mapping[str, str], text: str) -> None:
        """Hear of an element after what is in it."""
        match _ROLES.get(path):
            case "file":
                self.files[self._file.name] = self._file.finish()
            case "size":
                self._file.take_size(text.strip())
            case "url":
                self._file.take_url(attributes, trimmed_url(text))
            case "hash":
                self._file.take_hash(attributes, text.strip())
            case "piece":
                self._file.take_piece(attributes, text.strip())
            case "pieces":
                self._file.end_pieces()

    def _path(self, name: str) -> str:
        """Return where to save the file of this name, the next one of the document."""
        shown = f"{self._what}: {printable(name, 100)!r}"
        path = name if self._as_named else safe_path(name, windows=self._windows)
        if len(self.files) == MOST_FILES:
            problem = f"{self._what} names more than {MOST_FILES} files"
        elif not name:
            problem = f"{self._what} has a file without a name"
        elif path is None:
            problem = f"{shown} leads out of the folder to save in, or is too long"
        elif path in self.files:
            problem = f"{shown} is the name of two files"
        else:
            return path
        raise UsageError(problem, hint=OTHERWISE)
