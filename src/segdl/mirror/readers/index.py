"""What the links of a folder's index page lead to, whoever wrote the page."""

from __future__ import annotations

import re
from dataclasses import replace

from segdl.core.blanks import trimmed_url
from segdl.core.folders import component, folder_of, path_below
from segdl.core.text import printable
from segdl.core.url import USUAL_PORTS, Location, parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Further, Item, Unusable
from segdl.mirror.readers import relative
from segdl.mirror.readers.lines import shown_name

# A link to a name, with nothing in it that any rule about URLs changes.
_PLAIN = re.compile(
    r"(?:\./)?((?!\.\.?/?$)(?:[A-Za-z0-9_~!$'()*+,;=@&.-]|%[0-9A-Fa-f]{2})+/?)", re.ASCII
)
# Queries that show another folder, and links to the page itself that have one.
_SHOWS = re.compile(r"(?:^|[&;])(?:dir|folder|path)=", re.IGNORECASE)
_SORTS = re.compile(r"(?:^|[&;])(?:c|o|sort|order|sortby|by)=", re.IGNORECASE)
_ITSELF = frozenset({"", "./", "index.php"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Folder:
    """The folder that a page lists. Only what is one step below it counts.

    Args:
        document: the page. Paths are relative to the folder of its `base`, where the walk
            began.

    Raises:
        UsageError: nobody told where the page is, or it is not below its base.
    """

    def __init__(self, document: Document) -> None:
        page = document.url or document.base
        if page is None:
            raise UsageError(
                f"{shown_name(document)} has names that are relative to its URL",
                hint="give that with --base-url",
            )
        start = parse_url(relative.folder_of(replace(document, base=document.base or page)))
        self.place = parse_url(page) if document.url else start
        self._folder = folder_of(self.place)
        self._root = _root(self.place)
        path = path_below(start, Location(self._root, self.place.origin))
        if path is None:
            raise UsageError(f"{self.place} is not below {start}", hint="mend --base-url")
        self._path = f"{path}/" if path else ""
        self._top = "/".join(self._root.split("/", 3)[:3])

    def item(
        self,
        link: str,
        line: int,
        *,
        base: str | None = None,
        size: int | None = None,
        modified: int | None = None,
    ) -> Item | None:
        """Return what a link is to, or None where that is not one step below.

        Args:
            link: as the page has it, entities decoded.
            line: of the page, from 1.
            base: what the page says that its links are relative to.
            size: bytes of the file.
            modified: seconds since 1970.
        """
        found = self._below(link, base)
        if found is None:
            return None
        url, step = found
        name = component(step.removesuffix("/"))
        if name is None:
            return Unusable(line=line, why=f"{printable(step, 100)!r} is no file's name")
        if step.endswith("/"):
            return Further(url=url, deeper=True)
        return Entry(path=self._path + name, urls=(url,), size=size, modified=modified)

    def _below(self, link: str, base: str | None) -> tuple[str, str] | None:
        """Return the URL of what is one step below, and that step; None elsewhere."""
        link = trimmed_url(link)
        plain = None if base else _PLAIN.fullmatch(link)
        if plain is not None:
            # The same as below, in a fifth of the time.
            return self._root + plain[1], plain[1]
        target = self._target(link, base)
        if target is None:
            return None
        path = target.path
        if path.startswith(self._folder):
            step = path[len(self._folder) :]
        elif path_below(self.place, target):
            # It is written with other escapes.
            step = "/".join(path.split("/")[self._folder.count("/") :])
        else:
            return None
        name = step.removesuffix("/")
        return (target.url, step) if name and "/" not in name else None

    def _target(self, link: str, base: str | None) -> Location | None:
        # Queries sort the page; a name that has one of these in it comes escaped.
        if not link or "?" in link or "#" in link:
            return None
        try:
            place = self.place if base is None else parse_url(_resolved(self.place, base))
            target = parse_url(_resolved(place, link))
            if target.user is not None:
                return None
            if target.origin == self.place.origin:
                return target
            # Where TLS ends before the server that writes the page, it has its own idea of that.
            return parse_url(self._top + target.path) if self._is_same_host(target) else None
        except UsageError:
            return None

    def _is_same_host(self, target: Location) -> bool:
        origins = (self.place.origin, target.origin)
        usual = all(each.port == USUAL_PORTS.get(each.scheme) for each in origins)
        return usual and len({each.host for each in origins}) == 1

    def leaves_out(self, link: str, base: str | None) -> bool:
        """Tell whether a link is to what may be a file or folder of the page, and is not followed.

        Some pages tell by a query which folder they are to show, or which version of a file.
        """
        path, query, asked = trimmed_url(link).partition("?")
        # Whatever a page is called, it may be sorted.
        is_page = path in _ITSELF or not path.endswith("/")
        if not query or "#" in path or (_SORTS.search(asked) and is_page):
            return False
        shows = _SHOWS.search(asked) is not None
        return self._below(path, base) is not None or (shows and path in _ITSELF)


def _resolved(place: Location, link: str) -> str:
    """Return what a link is relative to a page, but for steps to ``..`` (RFC 3986, 5.2).

    `urljoin` takes a ``;`` at a name's end for nothing.
    """
    if _SCHEME.match(link):
        return link
    scheme, _, rest = place.url.partition("://")
    if link.startswith("//"):
        return f"{scheme}:{link}"
    if link.startswith("/"):
        return f"{scheme}://{rest.partition('/')[0]}{link}"
    return _root(place) + link


def _root(place: Location) -> str:
    """Return the URL of the folder that a page is of."""
    return place.url.partition("?")[0].rpartition("/")[0] + "/"
