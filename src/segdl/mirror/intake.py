"""From what a listing names to what the ledger says is to be done."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from segdl.core.mirrorneed import Listed, Need, Stat, need_of
from segdl.core.mirrorpath import is_list_name, path_trouble, tidy_path
from segdl.core.resource import query_digest
from segdl.core.text import printable
from segdl.core.turns import Turns
from segdl.core.url import parse_url
from segdl.errors import SegdlError, UsageError
from segdl.mirror.apart import Apart
from segdl.mirror.failures import Failures
from segdl.mirror.ledger import MOST_NUMBER, Ledger
from segdl.mirror.listing import Entry, Found, Unlisted, Unusable
from segdl.mirror.options import MirrorOptions
from segdl.mirror.rows import Row, Wanted


class Waiting(Protocol):
    """Takes files that something is to be done about, until somebody does it."""

    def add(self, file: Wanted | Row) -> None:
        """Note that one more waits in the ledger."""

    def has_early(self) -> bool:
        """Tell whether a file that is none of the late ones waits or is at work."""


@dataclass(slots=True)
class Intake:
    """Writes a listing down. The coordinator's thread owns it.

    Attributes:
        hosts: take the files that something is to be done about.
        listing: its number in the ledger.
        look: tells what is where a file should be; see :class:`segdl.mirror.place.Place`.
        since: that of the first round of the run.
        files: that it names.
        bytes: that they have, as far as it tells or they are kept.
        unsized: files of which that is not known.
        kept: files that are as it wants them.
        kept_bytes: those of the kept ones.
        wanted: files that something is to be done about.
        troubles: what of it cannot be used, in its order.
        untold: of that, what nobody was told yet.
        ended: whether there is no more of it.
        blocked: paths that are a folder here, or have a file in the place of a folder.
        apart: entries of which the ledger must not, or cannot, hold everything.
        turns: which of its files come first.
    """

    ledger: Ledger
    hosts: Waiting
    options: MirrorOptions
    listing: int
    look: Callable[[str], tuple[Stat | None, bool]]
    since: int
    files: int = 0
    bytes: int = 0
    unsized: int = 0
    kept: int = 0
    kept_bytes: int = 0
    wanted: int = 0
    troubles: Failures = field(default_factory=Failures)
    untold: list[SegdlError] = field(default_factory=list)
    ended: bool = False
    blocked: list[str] = field(default_factory=list)
    apart: Apart = field(default_factory=Apart)
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Turns(self.options.order)

    @property
    def has_enough(self) -> bool:
        """Whether more of the list should wait for files that make room."""
        # Those that come after all others wait for the end of the list themselves.
        return self.apart.full and self.hosts.has_early()

    def take(self, batch: Sequence[Found]) -> None:
        """Write a part of the listing down, and what is to be done about its files."""
        entries: dict[str, tuple[Entry, str]] = {}
        for found in batch:
            if isinstance(found, Unusable):
                self.refuse(UsageError(f"line {found.line} of the list: {found.why}"))
            elif isinstance(found, Unlisted):
                self.refuse(found.error)
            else:
                self._check(found, entries)
        known = self.ledger.rows(list(entries)) if entries else {}
        wanted = [
            self._wanted(path, entry, host, known.get(path))
            for path, (entry, host) in entries.items()
            if not self._named_twice(entry, known.get(path))
        ]
        with self.ledger.transaction():
            self.ledger.write(self.listing, wanted)
        for each in wanted:
            self._count(each)

    def _check(self, entry: Entry, entries: dict[str, tuple[Entry, str]]) -> None:
        path = tidy_path(entry.path)
        shown = printable(path, 200)
        why = path_trouble(path, windows=os.name == "nt") or _number_trouble(entry)
        if why is not None:
            self.refuse(UsageError(f"the list names {shown!r}: {why}"))
            return
        if self.options.shard is not None and not self.options.shard.has(path):
            return
        try:
            host = host_of(entry.urls[0])
        except (SegdlError, IndexError) as error:
            why = error.message if isinstance(error, SegdlError) else "it has no URL"
            self.refuse(UsageError(f"{shown}: {why}"))
            return
        earlier = entries.get(path)
        if earlier is None:
            entries[path] = entry, host
            return
        same_urls = earlier[0].urls == entry.urls
        if not _listed(earlier[0]).agrees(_listed(entry), same_urls=same_urls):
            self.refuse(_twice(shown))

    def _named_twice(self, entry: Entry, row: Row | None) -> bool:
        if row is None or row.listing != self.listing:
            return False
        urls = tuple(map(_public, entry.urls))
        same_urls = (urls, query_digest(entry.urls[0])) == (row.urls, row.query)
        if not row.listed.agrees(_listed(entry), same_urls=same_urls):
            self.refuse(_twice(printable(row.path, 200)))
        return True

    def refuse(self, error: SegdlError) -> None:
        """Take note of what of the list cannot be used."""
        self.troubles.note(error)
        self.untold.append(error)

    def _wanted(self, path: str, entry: Entry, host: str, row: Row | None) -> Wanted:
        listed, query = _listed(entry), query_digest(entry.urls[0])
        found, blocked = self.look(path)
        if blocked:
            self.blocked.append(path)
        need = need_of(
            listed,
            row.had if row else None,
            found,
            verify=self.options.verify,
            sums=self.options.sums,
        )
        public = tuple(map(_public, entry.urls))
        moved = row is not None and _is_another(row, host, public[0], query)
        if row and need is not Need.FETCH and self._was_right(row, listed, public, query, found):
            need = Need.NOTHING
        if row and need is not Need.FETCH:
            need = self._in_doubt(row, listed, need)
        if need is not Need.NOTHING and (
            public != entry.urls or entry.headers or entry.pieces is not None
        ):
            self.apart.keep(host, path, entry)
        self.files += 1
        kept = found if need is Need.NOTHING else None
        # What is here has a size, whether or not the list tells it.
        size = kept.size if kept and entry.size is None else entry.size
        self.bytes += size or 0
        self.unsized += size is None
        self.kept += kept is not None
        self.kept_bytes += kept.size if kept else 0
        return Wanted(
            path=path,
            host=host,
            urls=public,
            listed=listed,
            turn=0 if need is Need.NOTHING else self.turns.next(host, path, entry.size),
            late=blocked or is_list_name(path),
            need=need,
            query=query,
            moved=moved,
        )

    def _was_right(
        self, row: Row, listed: Listed, urls: tuple[str, ...], query: int, found: Stat | None
    ) -> bool:
        """Tell whether an earlier round of this run found the file right, as it is listed now."""
        untouched = row.had is not None and row.had.stat == found
        same = (row.listed, row.urls, row.query) == (listed, urls, query)
        return untouched and row.listing >= self.since and same

    def _in_doubt(self, row: Row, listed: Listed, need: Need) -> Need:
        """Return what is to be done where what is known may not hold, or not all was done."""
        # What a killed run put in its place may look the same, and be of another list.
        unfinished = row.open or (row.unrun and bool(self.options.exec))
        if row.doubtful or (unfinished and listed.checksum is not None):
            return Need.READ
        return Need.ASK if unfinished and need is Need.NOTHING else need

    def _count(self, wanted: Wanted) -> None:
        if wanted.need is not Need.NOTHING:
            self.wanted += 1
            self.hosts.add(wanted)


def host_of(url: str) -> str:
    """Return what the host of a URL is called: with its port where that is not the usual one.

    Raises:
        UsageError: it is no http or https URL.
    """
    return _named(*url.split("/", 3)[:3])


@lru_cache(maxsize=1024)
def _named(*beginning: str) -> str:
    origin = parse_url("/".join((*beginning, ""))).origin
    usual = {"http": 80, "https": 443}[origin.scheme]
    return origin.host if origin.port == usual else f"{origin.host}:{origin.port}"


def _public(url: str) -> str:
    """Return a URL without what may be secret; what cannot be parsed is not asked for."""
    if "@" not in url and "?" not in url and "#" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _number_trouble(entry: Entry) -> str | None:
    """Tell whether an entry has numbers that no file has, and no database."""
    numbers = (entry.size or 0, entry.modified or 0)
    return None if all(abs(each) <= MOST_NUMBER for each in numbers) else "a number is too large"


def _listed(entry: Entry) -> Listed:
    return Listed(entry.size, entry.modified, entry.checksum)


def _twice(shown: str) -> UsageError:
    return UsageError(
        f"the list names {shown} twice, and says different things of it",
        hint="call one otherwise: out= or dir= in a list of URLs, dest in JSON lines and CSV",
    )


def _is_another(row: Row, host: str, url: str, query: int) -> bool:
    """Tell whether a list has another resource of the same host for a file than it had before.

    Another host is another mirror of it, as far as its size and time agree.
    """
    if row.host != host:
        return False
    path = url.split("/", 3)[3:]
    return path != row.urls[0].split("/", 3)[3:] or row.query not in {None, query}
