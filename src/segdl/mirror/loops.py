"""Folders that lead back to one above them, as symbolic links on a server do.

Such a folder shows what the one above shows: the names are the same. So may two folders that
are no loop. But no tree goes on like that for ever: if it still does many times further down
the same way, it is a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from segdl.mirror.listing import Entry, Further, Item

# How often the way from a folder back to itself is gone to be sure, where it is short.
_TIMES = 8
# Steps in all: a file system follows 40 symbolic links in one path at most.
_MOST_STEPS = 32


class Names:
    """What a page lists, as one value. One thread uses it."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def add(self, item: Item) -> None:
        """Take the next item in: its name alone, as sizes and times change under a walk."""
        match item:
            case Entry(path=path):
                self._hash.update(b"\0f" + _last(path))
            case Further(url=url):
                self._hash.update(b"\0d" + _last(url.rstrip("/")))
            case _:
                self._hash.update(b"\0?")

    def digest(self) -> bytes:
        """Return what is equal for equal names in equal order."""
        return self._hash.digest()


def _last(path: str) -> bytes:
    return path.rpartition("/")[2].encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A document of the list that was read.

    Attributes:
        url: where it came from; a folder's without what is behind its last ``/``.
        level: how many levels it is below the first.
        kind: what documents of its level may be.
        names: what it lists.
        above: the page that led to it.
    """

    url: str = field(repr=False)
    level: int
    kind: str
    names: bytes = b""
    above: Page | None = None


def like_above(url: str, names: bytes, above: Page | None) -> Page | None:
    """Return the nearest page above that lists the same, if any does."""
    while above is not None:
        if above.names == names and url.startswith(above.url) and url != above.url:
            return above
        above = above.above
    return None


def far_below(above: str, url: str) -> str:
    """Return the URL of a folder where the way from `above` to `url` was gone many times.

    Example:
        >>> far_below("http://h/pub/", "http://h/pub/a/b/").count("a/b/")
        8
    """
    way = url[len(above) :]
    times = max(2, min(_TIMES, _MOST_STEPS // way.count("/")))
    return above + way * times
