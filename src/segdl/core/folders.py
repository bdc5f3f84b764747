"""Where a URL is below a folder, as a path for the disk (RFC 3986)."""

from __future__ import annotations

from segdl.core.names import exact_name
from segdl.core.url import Location

_NEVER = frozenset("/\0")


def folder_of(place: Location) -> str:
    """Return the path of the folder that a page is in, percent-encoded, with its last ``/``.

    Example:
        >>> from segdl.core.url import parse_url
        >>> folder_of(parse_url("http://h/pub/index.html?x=/y"))
        '/pub/'
    """
    return place.path.rpartition("/")[0] + "/"


def component(encoded: str) -> str | None:
    r"""Return a step of a URL's path as a name, or None where no file can have it.

    Bytes that are not UTF-8 are surrogates, as the system's own names have them (PEP 383).

    Example:
        >>> component("b%20c.iso"), component("..%2fetc"), component("%2E%2e")
        ('b c.iso', None, None)
        >>> component("caf%E9")
        'caf\udce9'
    """
    name = exact_name(f"/{encoded}")
    return None if name is None or not _NEVER.isdisjoint(name) else name


def path_below(start: Location, place: Location) -> str | None:
    """Return the path of a file or folder below the folder of `start`; None elsewhere.

    It is percent-decoded, without a ``/`` at its ends; ``""`` is the folder itself.

    Example:
        >>> from segdl.core.url import parse_url
        >>> start = parse_url("http://h/p%c3%bcb/")
        >>> path_below(start, parse_url("http://h/p%C3%BCb/a%20b/c/"))
        'a b/c'
        >>> path_below(start, parse_url("http://h/a")), path_below(start, parse_url("http://i/pub"))
        (None, None)
    """
    if place.origin != start.origin:
        return None
    above = folder_of(start).split("/")[:-1]
    steps = place.path.split("/")
    if len(steps) <= len(above) or not _same(above, steps):
        return None
    below = steps[len(above) :]
    if not below[-1]:
        below.pop()
    names = [component(step) for step in below]
    return None if None in names else "/".join(filter(None, names))


def _same(above: list[str], steps: list[str]) -> bool:
    """Tell whether a path begins with those steps, however each is encoded."""
    return all(
        ours == theirs or component(ours) == component(theirs) is not None
        for ours, theirs in zip(above, steps, strict=False)
    )
