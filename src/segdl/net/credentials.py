"""Who gets which secret: each goes to the origin that it was given for, and no other."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from segdl.core.text import printable
from segdl.core.url import USUAL_PORTS, Location, parse_url
from segdl.errors import UsageError
from segdl.net.cookies import shown_to_jar
from segdl.net.exchange import Exchange
from segdl.options import NetworkOptions, Request
from segdl.version import __version__

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from netrc import netrc

USER_AGENT = f"segdl/{__version__}"


class Credentials:
    """Header fields for each request of one file. `_lock` owns `_jar`.

    Args:
        options: has secrets for the URL that the user named.
        request: has more of them.
        asked: that URL, or one beside it; where `request` names whom it entrusts with them,
            the user did not name this one, and it has no say.
    """

    def __init__(self, options: NetworkOptions, request: Request, asked: Location) -> None:
        self._asked: Location | None = asked
        if request.entrusted is not None:
            self._asked = parse_url(request.entrusted) if request.entrusted else None
            options = replace(options, location_trusted=False)
        # Whom headers are for is one question, whom the user named another: a list may write
        # headers for whatever URL it likes.
        self._named = self._asked if request.named is None else parse_url(request.named)
        self._options = options
        self._own = (*options.headers, *request.headers)
        self._usual = _usual_fields(options.contact)
        self._lock = threading.Lock()
        self._jar = None if options.cookies is None else _load_cookies(options.cookies)
        self._netrc = load_netrc() if options.netrc else None

    def headers(self, location: Location) -> MutableMapping[str, str]:
        """Return a new mapping of the fields to send to `location`."""
        if self._tells_nothing(location):
            return dict(self._usual)
        from urllib3 import HTTPHeaderDict

        asked, fields = self._asked, HTTPHeaderDict(self._usual)
        user = location.user
        if asked and (self._options.location_trusted or location.origin == asked.origin):
            user = self._options.user or user or asked.user
            # http.client writes latin-1: so the bytes that go out are those of the UTF-8.
            fields.update((name, _bytes(value).decode("latin-1")) for name, value in self._own)
        if "Authorization" not in fields:
            user = user or self._from_netrc(location)
            if user is not None:
                fields.update([basic(*user)])
        cookie = self._cookie(location)
        if cookie:
            fields["Cookie"] = "; ".join(filter(None, [fields.get("Cookie"), cookie]))
        return fields

    def _tells_nothing(self, location: Location) -> bool:
        """Tell whether there is nothing to say but what every request says."""
        user = self._options.user or location.user or (self._asked and self._asked.user)
        if user or self._own or self._netrc is not None:
            return False
        with self._lock:
            return self._jar is None

    def remember_cookies(self, exchange: Exchange) -> None:
        """Keep what a response sets, for this file and in memory only."""
        if not exchange.sets_cookies:
            return
        from http.cookiejar import CookieJar

        with self._lock:
            if self._jar is None:
                self._jar = CookieJar()
            exchange.keep_cookies(self._jar)

    def _cookie(self, location: Location) -> str | None:
        with self._lock:
            if self._jar is None:
                return None
            asked = shown_to_jar(location)
            self._jar.add_cookie_header(asked)
            return asked.get_header("Cookie")

    def _from_netrc(self, location: Location) -> tuple[str, str] | None:
        """Look a machine up. Its file knows no ports, so a stranger gets the usual ones only."""
        if self._netrc is None:
            return None
        origin = location.origin
        if self._named and origin == self._named.origin:
            found = self._netrc.authenticators(origin.host)
        elif origin.port == USUAL_PORTS.get(origin.scheme):
            # "default" is meant for the server that the user named.
            found = self._netrc.hosts.get(origin.host)
        else:
            found = None
        return None if found is None else (found[0] or "", found[2] or "")


@lru_cache(maxsize=16)
def _usual_fields(contact: str | None) -> Mapping[str, str]:
    """Return what every request says."""
    agent = f"{USER_AGENT} (+{contact})" if contact else USER_AGENT
    return MappingProxyType({"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"})


def basic(name: str, password: str) -> tuple[str, str]:
    """Return the header field of Basic authentication (RFC 7617).

    Example:
        >>> basic("me", "pw")
        ('Authorization', 'Basic bWU6cHc=')
    """
    pair = _bytes(f"{name}:{password}")
    return "Authorization", "Basic " + base64.b64encode(pair).decode("ascii")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _load_cookies(path: str | os.PathLike[str]) -> CookieJar:
    from http.cookiejar import LoadError, MozillaCookieJar

    jar = MozillaCookieJar()
    try:
        # Those that have run out are not sent: the jar sees to that.
        jar.load(str(path), ignore_discard=True, ignore_expires=True)
    except OSError as error:
        # LoadError is one, without a strerror.
        why, hint = error.strerror, "check the path of --cookies"
        if isinstance(error, LoadError):
            why, hint = "not a Netscape cookie file", "export cookies.txt from the browser"
        shown = printable(str(path), 1000)
        raise UsageError(f"cannot read cookies from {shown}: {why}", hint=hint) from error
    except UnicodeDecodeError:
        shown = printable(str(path), 1000)
        raise UsageError(f"cannot read cookies from {shown}: not text") from None
    for cookie in jar:
        # Browsers and curl write 0 for those that last as long as a session.
        if cookie.expires == 0:
            cookie.expires, cookie.discard = None, True
    return jar


def load_netrc() -> netrc | None:
    """Read ``~/.netrc`` or ``$NETRC``; None where there is neither.

    Raises:
        UsageError: it cannot be read, or not be understood.
    """
    from netrc import NetrcParseError, netrc

    named = os.environ.get("NETRC")
    for usual in ("~/.netrc", "~/_netrc"):
        path = os.path.expanduser(named or usual)
        if not named and not os.path.exists(path):
            continue
        try:
            return netrc(path)
        except (OSError, NetrcParseError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not understood"
            if isinstance(error, NetrcParseError) and error.lineno:
                why = f"line {error.lineno} is not understood"
            raise UsageError(
                f"cannot read {printable(path, 1000)}: {why}",
                hint="mend it, or go without --netrc",
            ) from None
    return None
