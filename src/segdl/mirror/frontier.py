"""What a walk has still to read, and what it has read."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from urllib.parse import unquote_to_bytes, urlsplit

from segdl.mirror.loops import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a walk ends that would not end by itself.

    Attributes:
        levels: of folders below the first.
        documents: that are read in all.
    """

    levels: int = 64
    documents: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A document that is to be read; `above` led to it, and `deeper` says how."""

    url: str = field(repr=False)
    above: Page
    deeper: bool


class Frontier:
    """Documents to read, those that were found last first: so few of them wait at a time.

    For each one that was handed out it keeps eight bytes, whatever the length of its URL.
    One thread uses it.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Page, bool, list[str]]] = []
        self._seen: set[int] = set()

    def add(self, page: Page, urls: list[str], *, deeper: bool) -> None:
        """Put what a page leads to before all that waits, in its order."""
        if urls:
            self._waiting.append((page, deeper, urls[::-1]))

    def next(self) -> Pending | None:
        """Return the next document that was not handed out before; None where none waits."""
        while self._waiting:
            page, deeper, urls = self._waiting[-1]
            url = urls.pop()
            if not urls:
                self._waiting.pop()
            if self.is_new(url):
                return Pending(url=url, above=page, deeper=deeper)
        return None

    def is_new(self, url: str) -> bool:
        """Tell whether a document was not seen before; now it was."""
        key = _key(url)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def arrived(self, pending: Pending, url: str) -> bool:
        """Tell whether a document is still new, now that it is known where it was."""
        return _key(url) == _key(pending.url) or self.is_new(url)

    @property
    def seen(self) -> int:
        """How many documents were handed out, or were where others led to."""
        return len(self._seen)


def _key(url: str) -> int:
    """Return one number for a URL, however its path is percent-encoded."""
    parts = urlsplit(url)
    path = unquote_to_bytes(parts.path)
    text = b"\0".join([parts.scheme.encode(), parts.netloc.encode(), path, parts.query.encode()])
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
