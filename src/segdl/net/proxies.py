"""Which proxy a request goes through, and what it is asked for there.

The environment is read by requests, which knows its corners (``NO_PROXY`` with networks and
ports, the settings of macOS and Windows). It takes 30 ms to import, so it is asked only
where there may be something to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from segdl.core.url import Location
from segdl.net.systemproxies import system_may_name_one

if TYPE_CHECKING:
    from segdl.core.url import Origin


class Proxies:
    """Finds the proxy for each origin.

    Threads share it. Nothing in it changes but what was found for an origin: two that look
    for it at once find the same.

    Args:
        chosen: the one for every request, ``""`` for none; None asks the environment.
    """

    def __init__(self, chosen: str | None) -> None:
        self._chosen = chosen
        self._found: dict[Origin, str | None] = {}

    def of(self, location: Location) -> str | None:
        """Return the URL of the proxy for a request, None where it goes there directly."""
        if self._chosen is not None:
            return self._chosen or None
        origin = location.origin
        if origin not in self._found:
            self._found[origin] = _from_environment(location.url)
        return self._found[origin]


def _from_environment(url: str) -> str | None:
    if not system_may_name_one():
        return None
    from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

    found = select_proxy(url, get_environ_proxies(url))
    return prepend_scheme_if_needed(found, "http") if found else None


def is_socks(proxy: str) -> bool:
    """Tell whether a proxy passes bytes on without looking at them."""
    return proxy.lower().startswith("socks")


def target_of(location: Location, proxy: str | None) -> str:
    """Return what a request asks for: a path, or the whole URL of a proxy that reads requests.

    It is as RFC 9112, 3.2, has it.
    """
    parts = urlsplit(location.url)
    if proxy is not None and parts.scheme == "http" and not is_socks(proxy):
        return location.url
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
