"""The Link field (RFC 8288), and what it tells of mirrors (RFC 6249)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin

from segdl.core.mirrorurl import MOST_MIRRORS, MirrorUrl, read_country, read_priority
from segdl.core.url import Location, parse_url
from segdl.errors import UsageError

MOST_LINKS = 1000
_MOST_TEXT = 128 * 1024

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(
    r"""\s*;\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]*)\s*(?:=\s*("[^"\\]*(?:\\.[^"\\]*)*"|[^,;"\s]*))?""",
    re.DOTALL,
)
_REST = re.compile(r"[^,]*")
_METALINK = re.compile(r"application/metalink4?\+xml\s*(;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A link from the resource that was asked for to another.

    Attributes:
        location: of the other; http or https.
        relations: what it is to this one, in lower case.
        parameters: name in lower case and value without quotes, as sent.
    """

    location: Location
    relations: frozenset[str]
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """Return a parameter's value, the first where it is repeated; None where it is not."""
        return next((value for known, value in self.parameters if known == name), None)


def parse_links(value: str, sender: Location) -> list[Link]:
    r"""Read the Link fields of a response, joined by commas.

    What is broken, of another scheme than http and https, or about another resource than
    the one that was asked for (``anchor``), is left out.

    Args:
        value: the fields' value, decoded as latin-1.
        sender: where the response came from; relative targets start there.

    Example:
        >>> sender = parse_url("http://a.example/x/y")
        >>> value = '<z?a,b>; rel="duplicate up"; title="a \\"b\\", c", <ftp://b/>; rel=duplicate'
        >>> [(link.location.url, sorted(link.relations)) for link in parse_links(value, sender)]
        [('http://a.example/x/z?a,b', ['duplicate', 'up'])]
    """
    links: list[Link] = []
    text, at = value[:_MOST_TEXT], 0
    while len(links) < MOST_LINKS and (target := _TARGET.match(text, at)):
        parameters, at = _parameters(text, target.end())
        link = _link(target[1], parameters, sender)
        if link is not None:
            links.append(link)
        rest = _REST.match(text, at)
        assert rest is not None
        at = rest.end()
    return links


def duplicates(links: Iterable[Link], sender: Location) -> list[MirrorUrl]:
    """Return the mirrors that `sender` names (RFC 6249, 3), those to be asked first at the front.

    A server that names itself is left out, and so is http where https was asked for: a
    redirect would not be followed there, either. RFC 6249, 6: take them only from the server
    that was asked for, and only where it gave a digest of the whole file as well.

    Args:
        links: of one response.
        sender: where it came from.

    Example:
        >>> sender = parse_url("http://a.example/f")
        >>> fields = "<http://b.example/f>; rel=duplicate; pri=2; geo=DE, </f>; rel=duplicate"
        >>> [(found,)] = [duplicates(parse_links(fields, sender), sender)]
        >>> found.url, found.priority, found.location
        ('http://b.example/f', 2, 'de')
    """
    found: dict[str, MirrorUrl] = {}
    for link in links:
        place = link.location
        downgrade = (sender.origin.scheme, place.origin.scheme) == ("https", "http")
        if "duplicate" not in link.relations or place.url == sender.url or downgrade:
            continue
        depth = link.parameter("depth") or ""
        mirror = MirrorUrl(
            url=place.url,
            priority=read_priority(link.parameter("pri") or ""),
            location=read_country(link.parameter("geo") or ""),
            preferred=link.parameter("pref") is not None,
            depth=int(depth) if re.fullmatch("[0-9]{1,3}", depth) else 0,
        )
        found.setdefault(mirror.url, mirror)
    first = sorted(found.values(), key=lambda mirror: (mirror.priority, not mirror.preferred))
    return first[:MOST_MIRRORS]


def metalinks(links: Iterable[Link]) -> list[Location]:
    """Return where Metalink documents describe the resource (RFC 6249, 4.1), in their order.

    Example:
        >>> sender = parse_url("http://a.example/f")
        >>> fields = '<f.meta4>; rel=describedby; type="application/metalink4+xml"'
        >>> [str(place) for place in metalinks(parse_links(fields, sender))]
        ['http://a.example/f.meta4']
    """
    return [
        link.location
        for link in links
        if "describedby" in link.relations and _METALINK.match(link.parameter("type") or "")
    ]


def _parameters(text: str, at: int) -> tuple[list[tuple[str, str]], int]:
    """Read the parameters at a place, and return where they end."""
    parameters: list[tuple[str, str]] = []
    while match := _PARAMETER.match(text, at):
        at = match.end()
        value = match[2] or ""
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
        if match[1]:
            parameters.append((match[1].lower(), value))
    return parameters, at


def _link(target: str, parameters: list[tuple[str, str]], sender: Location) -> Link | None:
    first = dict(reversed(parameters))
    try:
        about = urldefrag(urljoin(sender.url, first.get("anchor", ""))).url
        location = parse_url(urljoin(sender.url, _decode(target).strip()))
    except (UsageError, ValueError):
        return None
    if about != sender.url:
        return None
    if location.user is None and location.origin == sender.origin:
        location = Location(location.url, location.origin, sender.user)
    return Link(location, frozenset(first.get("rel", "").lower().split()), tuple(parameters))


def _decode(target: str) -> str:
    """Undo the decoding of raw UTF-8, which servers send here, as latin-1."""
    try:
        return target.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return target
