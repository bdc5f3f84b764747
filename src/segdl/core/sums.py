"""Checksum files that lie beside a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from segdl.core.checksum import Checksum
from segdl.core.sumlines import read_sum
from segdl.core.url import Location


@dataclass(frozen=True, slots=True)
class Beside:
    """Where a checksum file may be; `alone`: by its name it is about the one file only."""

    location: Location
    name: str
    alone: bool


def places(asked: Location) -> tuple[Beside, ...]:
    """Return where the digest of the file at `asked` may be told, the likeliest first.

    They are at the same origin, with the same query: it may be what lets us in.

    Example:
        >>> from segdl.core.url import parse_url
        >>> [place.location.url for place in places(parse_url("http://h/d/a%20b?key=1"))][1:]
        ['http://h/d/a%20b.sha256sum?key=1', 'http://h/d/SHA256SUMS?key=1']
    """
    parts = urlsplit(asked.url)
    folder, _, name = parts.path.rpartition("/")
    if not name:
        return ()
    paths = [(f"{name}{ending}", True) for ending in (".sha256", ".sha256sum")]
    return tuple(
        Beside(
            asked._replace(url=urlunsplit(parts._replace(path=f"{folder}/{last}"))),
            unquote(last),
            alone,
        )
        for last, alone in [*paths, ("SHA256SUMS", False)]
    )


def file_name(asked: Location) -> str:
    """Return what a checksum file would call the file; bytes that are not UTF-8 are surrogates."""
    return unquote(asked.path.rpartition("/")[2], errors="surrogateescape")


def digests_for(name: str, text: str, *, alone: bool) -> set[Checksum]:
    r"""Return the digests that a checksum file tells of one file: one, none, or too many.

    Args:
        name: the file's, without folders.
        text: the file's; lines that are no digest count for nothing.
        alone: by its own name it is about this file: then one digest without a name, or
            with another one, is this file's.

    Example:
        >>> len(digests_for("b", "0" * 64 + "  a\n" + "1" * 64 + " *./b\n", alone=False))
        1
    """
    entries = list(_entries(text))
    named = {digest for digest, said in entries if said.removeprefix("./") == name}
    every = {digest for digest, _ in entries}
    if not named and alone and len(every) == 1:
        return every
    return named


def is_markup(text: str) -> bool:
    """Tell whether a text is a web page or the like, which no checksum file is."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def _entries(text: str) -> Iterator[tuple[Checksum, str]]:
    # Not splitlines: a name may hold what that takes for the end of a line.
    for ended in text.removeprefix("\ufeff").split("\n"):
        line = read_sum(ended.removesuffix("\r"))
        if line is not None and line.checksum is not None and line.checksum.algorithm == "sha256":
            yield line.checksum, line.name
