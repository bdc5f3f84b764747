"""robots.txt, which whoever follows index pages has to heed (RFC 9309)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from segdl.core.url import Location
from segdl.engine.run import Run
from segdl.engine.small import read_small
from segdl.errors import NetworkError, SegdlError, ServerError
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.version import __version__

if TYPE_CHECKING:
    from protego import Protego

# Some name a version, as they have seen it in a log.
AGENT = f"segdl/{__version__}"
# RFC 9309, 2.5: this much has to be read, and no more need be.
MOST_BYTES = 500 * 1024
# Seconds between two requests beyond which nobody means a program that keeps a mirror.
LONGEST_DELAY = 30.0

WITHOUT = "ask who runs the server, or go on with --no-robots"
# Of events about what is no file of the run.
_NO_FILE = 0
_NOT_NOW = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Robots:
    """What a server asks of programs that follow its links.

    Attributes:
        rules: None lets everything be read.
        delay: seconds from one request to the next.
    """

    rules: Protego | None = None
    delay: float = 0.0

    def allows(self, url: str) -> bool:
        """Tell whether a page or file may be asked for."""
        return self.rules is None or self.rules.can_fetch(url, AGENT)


def read_robots(run: Run, place: Location, credentials: Credentials) -> Robots:
    """Fetch the rules of the server that a page is on.

    Where there are none, all is allowed. Where nobody can tell, nothing is (RFC 9309,
    2.3.1.4).

    Args:
        run: the surroundings.
        place: the page.
        credentials: what the server may need to let anybody in.

    Raises:
        NetworkError: the server cannot be reached.
        ServerError: it cannot tell.
    """
    parts = urlsplit(place.url)
    at = Location(urlunsplit((parts.scheme, parts.netloc, "/robots.txt", "", "")), place.origin)
    source = Source(run.transport, at, credentials)
    try:
        _, data = read_small(run, source, _NO_FILE, MOST_BYTES + 1)
    except ServerError as error:
        status = error.status or 0
        if 400 <= status < 500 and status not in _NOT_NOW:
            return Robots()
        raise _untold(error, at) from error
    except NetworkError as error:
        raise _untold(error, at) from error
    return parse_robots(data)


def parse_robots(data: bytes) -> Robots:
    r"""Return what a robots.txt says to segdl.

    Example:
        >>> robots = parse_robots(b"User-agent: *\nDisallow: /private/\nCrawl-delay: 2")
        >>> robots.allows("http://h/private/a"), robots.allows("http://h/a"), robots.delay
        (False, True, 2.0)
    """
    from protego import Protego

    if len(data) > MOST_BYTES:
        # Without the line that is cut.
        data = data[: data.rfind(b"\n", 0, MOST_BYTES) + 1]
    rules = Protego.parse(data.decode("utf-8-sig", "replace"))
    delay = rules.crawl_delay(AGENT) or 0.0
    rate = rules.request_rate(AGENT)
    if rate is not None:
        delay = max(delay, rate.seconds / rate.requests)
    return Robots(rules, min(delay, LONGEST_DELAY))


def _untold(error: SegdlError, at: Location) -> SegdlError:
    error.message = f"{error.message}: without {at} nobody knows which folders may be read"
    error.resolve("try again later, or go on with --no-robots")
    return error
