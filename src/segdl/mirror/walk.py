"""Goes through a list, and through the documents that it leads to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace

from segdl.core.folders import folder_of
from segdl.core.globs import make_globs
from segdl.core.url import Location, parse_url
from segdl.engine.run import Run
from segdl.errors import CancelledError, SegdlError, ServerError, UsageError
from segdl.mirror.documents import Documents, Kept
from segdl.mirror.fetcher import AT_ONCE, Asked, Fetcher
from segdl.mirror.frontier import Frontier, Limits, Pending
from segdl.mirror.listing import Document, Found, Item, Reader, Unlisted
from segdl.mirror.loops import Names, Page, far_below, like_above
from segdl.mirror.options import ListingOptions
from segdl.mirror.profiles import Profiles
from segdl.mirror.readers import relative
from segdl.mirror.readers.registry import INDEX_PAGES, reader_for
from segdl.mirror.sieve import INDEX, Sieve, Sifted
from segdl.mirror.source import Opened, open_local

# Items of a page that are kept until it is known that it is no loop; what has more is read
# twice.
_HELD = 4096
# Loops that are told of one by one.
_NAMED = 3


def walk(
    run: Run,
    options: ListingOptions,
    say: Callable[[str], None],
    *,
    profiles: Profiles | None = None,
    limits: Limits | None = None,
    documents: Documents | None = None,
) -> Generator[Found, None, None]:
    """Yield what a list names, as it comes in, in bounded memory.

    Index pages are followed down, never up and never to another origin; loops end. A
    further document that cannot be had, or not to its end, is told of in its place, and the
    walk goes on. Close the generator: that ends what is under way.

    Args:
        run: the surroundings.
        options: the list, and what of it is wanted.
        say: takes lines for the operator, one at a time, from any thread.
        profiles: what holds for single hosts; None is nothing.
        limits: where a walk ends that would not end by itself.
        documents: is told of what was read.

    Raises:
        CancelledError: the run is to end.
        SegdlError: the first document cannot be read, or not to its end.
    """
    if options.base_url is not None:
        parse_url(options.base_url)
    profiles = profiles or Profiles((), options.source, say)
    with closing(Fetcher(run, options, say, profiles)) as fetcher:
        documents = documents or Documents()
        yield from _Walk(run, options, fetcher, limits or Limits(), documents).all()
        documents.end()


class _Walk:
    """One walk. One thread uses it."""

    def __init__(
        self,
        run: Run,
        options: ListingOptions,
        fetcher: Fetcher,
        limits: Limits,
        documents: Documents,
    ) -> None:
        self._run = run
        self._options = options
        self._fetcher = fetcher
        self._limits = limits
        self._documents = documents
        self._frontier = Frontier()
        globs = make_globs(options.include, options.exclude)
        self._sieve = Sieve(globs=globs, depth=options.depth, levels=limits.levels)
        self._robots_known = not options.robots
        self._loops = 0

    def all(self) -> Iterator[Found]:
        """Yield what the list names, the first document's first."""
        yield from self._first()
        ahead: deque[tuple[Pending, Asked]] = deque()
        while True:
            while len(ahead) < AT_ONCE and (pending := self._frontier.next()) is not None:
                if self._frontier.seen > self._limits.documents:
                    yield self._endless()
                    return
                place = parse_url(pending.url)
                try:
                    self._require_allowed(place, deeper=pending.deeper)
                except ServerError as error:
                    yield Unlisted(where=str(place), error=error)
                else:
                    ahead.append((pending, self._fetcher.ask(pending.url)))
            if not ahead:
                break
            yield from self._next(*ahead.popleft())
        if self._loops > _NAMED:
            self._fetcher.say(f"{self._loops} folders in all lead back to one above them")

    def _first(self) -> Iterator[Found]:
        options = self._options
        if "://" in options.source:
            opened = self._fetcher.take(self._fetcher.ask(options.source))
            self._documents.add(_kept(options.source, opened))
        else:
            opened = open_local(self._run, options.source, options.base_url)
        with closing(opened):
            document = opened.document
            reader = _reader_of(opened, options.format)
            self._begin_at(document, _kind(reader))
            start = self._sieve.start
            place = document.url or (start.url if start else "")
            page = Page(url=_folder(place), level=0, kind=_kind(reader))
            names = Names()
            yield from self._found(page, self._items(opened, reader, names), names)

    def _begin_at(self, document: Document, kind: str) -> None:
        """Let further documents be relative to the first one."""
        if document.url is not None:
            self._frontier.is_new(document.url)
        if document.base is None:
            return
        start = parse_url(relative.folder_of(document))
        self._frontier.is_new(start.url)
        self._fetcher.base = start.url if kind == INDEX else document.base
        self._sieve = replace(self._sieve, start=start)
        if kind == INDEX:
            self._require_allowed(parse_url(document.url or document.base), deeper=True)

    def _require_allowed(self, place: Location, *, deeper: bool) -> None:
        """Heed robots.txt for folders; the further pages of a list are no links."""
        if not deeper:
            return
        if not self._robots_known:
            robots = self._fetcher.robots(place)
            self._sieve = replace(self._sieve, robots=robots)
            self._robots_known = True
            self._documents.delay = robots.delay
            if robots.delay:
                host = place.origin.host
                self._fetcher.say(f"{host}: a page every {robots.delay:g} s, by robots.txt")
        self._sieve.require_allowed(place)

    def _next(self, pending: Pending, asked: Asked) -> Iterator[Found]:
        """Yield what a further document names, and that it could not be had."""
        try:
            with closing(self._fetcher.take(asked)) as opened:
                self._documents.add(_kept(pending.url, opened))
                yield from self._further(pending, opened)
        except CancelledError:
            raise
        except SegdlError as error:
            yield Unlisted(where=str(parse_url(pending.url)), error=error)

    def _further(self, pending: Pending, opened: Opened) -> Iterator[Found]:
        place, above = parse_url(opened.document.url or pending.url), pending.above
        self._sieve.require_inside(place, deeper=pending.deeper)
        self._require_allowed(place, deeper=pending.deeper)
        known = not self._frontier.arrived(pending, place.url)
        if known or not self._sieve.wants(place, deeper=pending.deeper):
            return
        reader = self._reader(opened, above.kind)
        if not pending.deeper:
            page = replace(above, url=_folder(place.url))
            yield from self._found(page, self._items(opened, reader, Names()))
            return
        folder = _folder(place.url)
        names, held = self._glance(opened, reader)
        like = like_above(folder, names, above)
        if like is not None and self._is_loop(like, folder):
            self._tell_loop(place, like)
            return
        page = Page(url=folder, level=above.level + 1, kind=above.kind, names=names, above=above)
        items = self._items(opened, reader, Names()) if held is None else held
        yield from self._found(page, items)

    def _tell_loop(self, place: Location, like: Page) -> None:
        self._loops += 1
        if self._loops <= _NAMED:
            self._fetcher.say(f"{place} leads back to {parse_url(like.url)}: not followed")

    def _reader(self, opened: Opened, kind: str) -> Reader:
        """Return the reader of a further document, which is of the same kind as the first."""
        hint = "look at it with a browser; --exclude leaves it out"
        try:
            reader = _reader_of(opened, self._options.format)
        except UsageError as error:
            raise UsageError(f"{opened.where} is no {kind}", hint=hint) from error
        if _kind(reader) != kind:
            raise UsageError(f"{opened.where} is no {kind}", hint=hint)
        return reader

    def _items(self, opened: Opened, reader: Reader, names: Names) -> Iterator[Item]:
        with opened.stream() as stream:
            for item in reader.read(stream, opened.document):
                names.add(item)
                yield item

    def _glance(self, opened: Opened, reader: Reader) -> tuple[bytes, list[Item] | None]:
        """Return what a page lists, and its items where they are few; nothing of a broken one."""
        names = Names()
        held: list[Item] = []
        try:
            for item in self._items(opened, reader, names):
                if len(held) <= _HELD:
                    held.append(item)
        except SegdlError:
            # Who reads it for its items comes upon that again.
            self._run.check_cancelled()
            return b"", None
        return names.digest(), held if len(held) <= _HELD else None

    def _is_loop(self, like: Page, folder: str) -> bool:
        """Tell whether a folder goes on and on listing what one above it does."""
        place = parse_url(far_below(like.url, folder))
        self._documents.miss()
        try:
            self._require_allowed(place, deeper=True)
            with closing(self._fetcher.take(self._fetcher.ask(place.url))) as opened:
                # Who redirects what is not there shows a page that is somewhere else.
                if opened.document.url != place.url:
                    return False
                reader = self._reader(opened, like.kind)
                return self._glance(opened, reader)[0] == like.names
        except SegdlError:
            self._run.check_cancelled()
            return False

    def _found(
        self, page: Page, items: Iterable[Item], names: Names | None = None
    ) -> Iterator[Found]:
        """Yield what of a document is wanted, and put what it leads to before all else.

        Args:
            page: the document.
            items: what it lists.
            names: what `page` is to remember of them, once they are read.
        """
        sifted = Sifted(page)
        try:
            for item in items:
                self._run.check_cancelled()
                found = self._sieve.sift(item, sifted)
                if found is not None:
                    yield found
            yield from self._sieve.left_out(sifted)
        finally:
            if names is not None:
                page = replace(page, names=names.digest())
            self._frontier.add(page, sifted.below, deeper=True)
            self._frontier.add(page, sifted.beside, deeper=False)

    def _endless(self) -> Unlisted:
        where = str(self._sieve.start)
        error = ServerError(
            f"{where} leads to more than {self._limits.documents} folders: not followed further",
            hint="leave some out with --exclude, or --depth",
        )
        return Unlisted(where=where, error=error)


def _kept(asked: str, opened: Opened) -> Kept:
    return Kept(asked, opened.document.url, opened.digest)


def _reader_of(opened: Opened, name: str | None) -> Reader:
    """Return what reads a document; where its format is told, none of it is waited for."""
    return reader_for(b"" if name else opened.head(), opened.document, name)


def _kind(reader: Reader) -> str:
    return INDEX if reader.name in INDEX_PAGES else reader.name


def _folder(url: str) -> str:
    """Return the URL of the folder that a page is of, without its name and query."""
    if not url:
        return url
    place = parse_url(url)
    return place.url[: place.url.index("/", 8)] + folder_of(place)
