"""Rows of the ledger as values, and how SQLite's columns become them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from segdl.core.checksum import Checksum, read_checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Listed, Need, Stat

# In the order that `row_of` takes them in.
COLUMNS = (
    "id, path, host, urls, size, modified, checksum, late, need, "
    "had_size, had_modified, had_listed, had_checksum, had_sha256, etag, last_modified, listing, "
    "open, had_size IS NOT NULL AND checked IS NULL, query, unrun"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A file of the ledger.

    Attributes:
        id: its number; stays with the path.
        path: relative to the mirror.
        host: whom it is asked from, ``HOST:PORT``.
        urls: without users, passwords and queries.
        listed: what the list says of it.
        late: whether it comes after the others.
        need: what is to be done.
        had: what is here; None where nothing is known to be.
        listing: the listing that named it last.
        open: whether a run began with it and did not come to write down how that ended.
        doubtful: whether what is here was found not to be what it was.
        query: the digest of its first URL's query; None where an earlier version did not note it.
        unrun: whether the program that is run for a file failed for what is here.
        has_twin: whether another one had the digest that it must have; told by `take` only.
    """

    id: int
    path: str
    host: str
    urls: tuple[str, ...]
    listed: Listed
    late: bool
    need: Need
    had: Had | None
    listing: int
    open: bool = False
    doubtful: bool = False
    query: int | None = None
    unrun: bool = False
    has_twin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file as a listing names it, to be written down.

    Attributes:
        moved: whether it is another resource of the same host than before: what that one's server
            said says nothing of it (RFC 9110, 8.8.1).
    """

    path: str
    host: str
    urls: tuple[str, ...]
    listed: Listed
    turn: int
    late: bool
    need: Need
    query: int | None = None
    moved: bool = False


def row_of(columns: tuple[object, ...]) -> Row:
    """Return a row, given its `COLUMNS` and, where it was asked for, whether it has a twin."""
    (
        number, path, host, urls, size, modified, checksum, late, need,
        had_size, had_modified, had_listed, had_checksum, had_sha256, etag, changed, listing,
        begun, doubtful, query, unrun, *twin,
    ) = columns  # fmt: skip
    had = None
    if isinstance(had_size, int) and isinstance(had_modified, int):
        had = Had(
            Stat(had_size, had_modified),
            Version(size=had_size, etag=_text(etag), last_modified=_text(changed)),
            had_listed if isinstance(had_listed, int) else None,
            _checksum(had_checksum),
            _text(had_sha256),
        )
    assert isinstance(number, int)
    assert isinstance(need, int)
    assert isinstance(listing, int)
    return Row(
        id=number,
        path=str(path),
        host=str(host),
        urls=_urls(str(urls)),
        listed=Listed(
            size if isinstance(size, int) else None,
            modified if isinstance(modified, int) else None,
            _checksum(checksum),
        ),
        late=bool(late),
        need=Need(abs(need)),
        had=had,
        listing=listing,
        open=bool(begun),
        doubtful=bool(doubtful),
        query=query if isinstance(query, int) else None,
        unrun=bool(unrun),
        has_twin=any(twin),
    )


def _urls(text: str) -> tuple[str, ...]:
    # Nearly all files have one, in which nothing is escaped.
    if text.count('"') == 2 and "\\" not in text:
        return (text[2:-2],)
    return tuple(json.loads(text))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _checksum(value: object) -> Checksum | None:
    return None if value is None else read_checksum(str(value))
