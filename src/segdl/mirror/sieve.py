"""Which of the items of a document are wanted, and which of the documents may be followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from segdl.core.folders import path_below
from segdl.core.globs import Globs
from segdl.core.mirrorpath import tidy_path
from segdl.core.text import printable
from segdl.core.url import Location, parse_url
from segdl.errors import SegdlError, ServerError, UsageError
from segdl.mirror.listing import Entry, Found, Further, Item, Unlisted
from segdl.mirror.loops import Page
from segdl.mirror.robots import Robots

INDEX = "index page"


# Files of a page that a message names.
_NAMED = 3
# Of the URLs that one page leads to: half a million of usual ones.
_MOST_CHARACTERS = 64 * 1024 * 1024


@dataclass(slots=True)
class Sifted:
    """What a page leads to, and what of it is left out. One thread uses it.

    Attributes:
        page: the page.
        below: URLs of the folders to follow.
        beside: URLs of further documents of the same list.
        too_deep: whether it has folders below the last level.
        forbidden: how many wanted files its server asks not to read.
        named: the paths of some of them.
        keys: tell which of what it leads to is known already.
        length: of their URLs, in characters.
    """

    page: Page
    below: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    too_deep: bool = False
    forbidden: int = 0
    named: list[str] = field(default_factory=list)
    keys: set[int] = field(default_factory=set)
    length: int = 0

    @property
    def where(self) -> str:
        """The page's URL, without secrets."""
        return printable(self.page.url.partition("?")[0], 2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """Decides, and asks nobody.

    Attributes:
        globs: what the user wants.
        depth: levels of folders that are followed down; None is all.
        levels: where a tree is taken for endless.
        start: where the walk began; None where nobody told.
        robots: what the server of that asks for.
    """

    globs: Globs
    depth: int | None
    levels: int
    start: Location | None = None
    robots: Robots = field(default_factory=Robots)

    def sift(self, item: Item, sifted: Sifted) -> Found | None:
        """Return what of an item is to be told; note in `sifted` what it leads to."""
        match item:
            case Entry():
                return self._entry(item, sifted)
            case Further():
                return self._further(item, sifted)
        return item

    def _entry(self, entry: Entry, sifted: Sifted) -> Entry | None:
        if not self.globs.takes(tidy_path(entry.path)):
            return None
        # robots.txt is about links alone.
        if sifted.page.kind != INDEX or self.robots.allows(entry.urls[0]):
            return entry
        sifted.forbidden += 1
        if len(sifted.named) < _NAMED:
            sifted.named.append(entry.path)
        return None

    def _further(self, further: Further, sifted: Sifted) -> Unlisted | None:
        level, deeper = sifted.page.level, further.deeper
        if deeper and self.depth is not None and level >= self.depth:
            return None
        try:
            place = parse_url(further.url)
            self.require_inside(place, deeper=deeper)
        except SegdlError as error:
            return Unlisted(where=sifted.where, error=error)
        if not self.wants(place, deeper=deeper):
            return None
        if deeper and level >= self.levels:
            sifted.too_deep = True
        elif (key := hash(place.url)) not in sifted.keys:
            sifted.keys.add(key)
            sifted.length += len(place.url)
            if sifted.length > _MOST_CHARACTERS:
                raise ServerError(
                    f"{sifted.where} leads to more folders than fit into memory",
                    hint="it may be endless: leave it out with --exclude, or --depth",
                )
            (sifted.below if deeper else sifted.beside).append(place.url)
        return None

    def left_out(self, sifted: Sifted) -> Iterator[Unlisted]:
        """Tell what of a page is wanted, and yet neither fetched nor followed."""
        if sifted.too_deep:
            error = ServerError(
                f"{sifted.where}: there are folders more than {self.levels} levels down: "
                "not followed",
                hint="a loop, by the look of it: end it with --exclude or --depth",
            )
            yield Unlisted(where=sifted.where, error=error)
        if sifted.forbidden:
            names = ", ".join(repr(printable(path, 100)) for path in sifted.named)
            error = ServerError(
                f"{sifted.where}: robots.txt asks programs not to read {sifted.forbidden} of its "
                f"files, such as {names}",
                hint="leave them out with --exclude, or go on with --no-robots",
            )
            yield Unlisted(where=sifted.where, error=error)

    def wants(self, place: Location, *, deeper: bool) -> bool:
        """Tell whether anything in a document may be wanted; a page of a list always."""
        path = path_below(self.start, place) if deeper and self.start else None
        return path is None or self.globs.enters(path)

    def require_inside(self, place: Location, *, deeper: bool) -> None:
        """Refuse a document that is elsewhere: a folder must be below the start.

        Raises:
            ServerError: it is not.
            UsageError: nobody told where the start is.
        """
        if self.start is None:
            raise UsageError(
                f"the list goes on at {place}, and nobody told where it is from",
                hint="give that with --base-url",
            )
        if deeper and path_below(self.start, place) is None:
            raise ServerError(f"{place} is not below {self.start}: not followed")
        if place.origin != self.start.origin:
            raise ServerError(f"{place} is not on {self.start.origin.host}: not followed")

    def require_allowed(self, place: Location) -> None:
        """Heed robots.txt.

        Raises:
            ServerError: it asks programs not to read that.
        """
        if not self.robots.allows(place.url):
            path = self.start and path_below(self.start, place)
            leave = f"leave it out with --exclude '{printable(path, 200)}/', " if path else ""
            raise ServerError(
                f"{place}: robots.txt asks programs not to read this",
                hint=f"{leave}or go on with --no-robots".removeprefix("or "),
            )
