"""Names in lists, and the URLs that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from segdl.core.names import exact_name
from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document
from segdl.mirror.readers.lines import shown_name


def resolver(document: Document) -> Callable[[str], str]:
    """Return what makes a URL of a name that is relative to the list's folder.

    A base that the user gave is that folder, whether or not it ends in a slash; its query, which
    may be what lets one in, is kept. Else the folder is where the list lies. Names are not
    encoded yet: every character of them is meant as it is.

    It raises UsageError for a name that no URL can have, such as JSON may tell.

    Raises:
        UsageError: nothing tells where that is.

    Example:
        >>> at = "https://example.org/isos/SHA256SUMS"
        >>> resolver(Document(name="SHA256SUMS", url=at, base=at))("a b%.iso")
        'https://example.org/isos/a%20b%25.iso'
    """
    base = urlsplit(folder_of(document))
    before = urlunsplit((base.scheme, base.netloc, base.path, "", ""))
    after = f"?{base.query}" if base.query else ""

    def resolve(name: str) -> str:
        try:
            quoted = quote(name, errors="surrogateescape")
        except UnicodeEncodeError:
            raise UsageError("its name has half a character") from None
        return f"{before}{quoted}{after}"

    return resolve


def folder_of(document: Document) -> str:
    """Return the URL of the folder that a list's names are relative to; it ends in a slash.

    Raises:
        UsageError: nothing tells where that is.
    """
    if document.base is None:
        raise UsageError(
            f"{shown_name(document)} has names without a host, and it came from none",
            hint="tell the URL of the folder that they are in with --base-url",
        )
    parse_url(document.base)
    base = urlsplit(document.base)
    if is_own(document):
        path, query = base.path[: base.path.rfind("/") + 1] or "/", ""
    else:
        path, query = base.path.rstrip("/") + "/", base.query
    return urlunsplit((base.scheme, base.netloc, path, query, ""))


def is_own(document: Document) -> bool:
    """Tell whether a list's base is where it lies itself, or another page of it does."""
    if document.url is None or document.base is None:
        return False
    return urlsplit(document.base)[:3] == urlsplit(document.url)[:3]


def absolute(url: str, document: Document) -> str:
    """Return the URL that a reference of a list stands for.

    Raises:
        UsageError: it is neither http nor https, or relative to nothing.

    Example:
        >>> absolute("b?c=d", Document(name="", base="https://example.org/a/"))
        'https://example.org/a/b?c=d'
    """
    if "://" not in url:
        base = folder_of(document)
        try:
            url = urljoin(base, url)
        except ValueError:
            raise UsageError(f"{printable(url, 200)!r} is no URL") from None
    parse_url(url)
    return url


def path_of(url: str) -> str:
    """Return where a file goes that has no name but its URL: the last component.

    Raises:
        UsageError: it has none, or is no URL.

    Example:
        >>> path_of("https://example.org/a/b%20c?d")
        'b c'
    """
    name = exact_name(parse_url(url).path)
    if name is None:
        raise UsageError("its URL ends in a folder, and no name is given")
    return name.replace("/", "_")
