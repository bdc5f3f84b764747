"""Which of the items of a document are wanted, and which of the documents may be followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from segdl.core.folders import path_below
from segdl.core.globs import Globs
from segdl.core.text import printable
from segdl.core.url import Location, parse_url
from segdl.errors import SegdlError, ServerError, UsageError
from segdl.mirror.listing import Entry, Further, Unlisted, Unusable
from segdl.mirror.loops import Page
from segdl.mirror.robots import Robots

INDEX = "index page"


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

    def entry(self, entry: Entry, page: Page) -> Entry | Unusable | None:
        """Return a file that is wanted; why not, where its server asks not to; else None."""
        if not self.globs.takes(entry.path):
            return None
        if page.kind == INDEX and not self.robots.allows(entry.urls[0]):
            return Unusable(line=0, why=f"robots.txt forbids {printable(entry.path, 200)!r}")
        return entry

    def further(self, further: Further, page: Page) -> str | Unlisted | None:
        """Return the URL of a document to follow; why it cannot be; None where not wanted."""
        if further.deeper and self.depth is not None and page.level >= self.depth:
            return None
        try:
            place = parse_url(further.url)
            self.require_inside(place, deeper=further.deeper)
        except SegdlError as error:
            return Unlisted(where=printable(page.url.partition("?")[0], 2000), error=error)
        return place.url if self.wants(place, deeper=further.deeper) else None

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

    def too_deep(self, page: Page) -> Unlisted | None:
        """Return why the folders of a page are not followed, where they are too deep."""
        if page.level < self.levels:
            return None
        where = printable(page.url.partition("?")[0], 2000)
        error = ServerError(
            f"{where}: there are folders more than {self.levels} levels down: not followed",
            hint="a loop, by the look of it: end it with --exclude or --depth",
        )
        return Unlisted(where=where, error=error)
