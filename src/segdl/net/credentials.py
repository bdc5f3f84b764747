"""Who gets which secret: each goes to the origin that it was given for, and no other."""

from __future__ import annotations

import base64
import threading
from http.cookiejar import CookieJar, LoadError, MozillaCookieJar

import requests
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.structures import CaseInsensitiveDict
from requests.utils import get_netrc_auth

from segdl.core.url import Location
from segdl.errors import UsageError
from segdl.options import NetworkOptions, Request
from segdl.version import __version__

USER_AGENT = f"segdl/{__version__}"


class Credentials:
    """Header fields for each request of one file. `_lock` owns `_jar`."""

    def __init__(self, options: NetworkOptions, request: Request, asked: Location) -> None:
        self._options = options
        self._own = (*options.headers, *request.headers)
        self._asked = asked
        self._lock = threading.Lock()
        self._jar = _load_cookies(options)

    def headers(self, location: Location) -> CaseInsensitiveDict[str]:
        """Return a new mapping of the fields to send to `location`."""
        fields = CaseInsensitiveDict(
            {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        )
        trusted = self._options.location_trusted or location.origin == self._asked.origin
        user = location.user
        if trusted:
            user = self._options.user or user or self._asked.user
            fields.update(self._own)
        if "Authorization" not in fields:
            if user is None and self._options.netrc:
                user = get_netrc_auth(location.url)
            if user is not None:
                pair = f"{user[0]}:{user[1]}".encode()
                fields["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        cookie = self._cookie(location)
        if cookie:
            fields["Cookie"] = "; ".join(filter(None, [fields.get("Cookie"), cookie]))
        return fields

    def remember_cookies(self, response: requests.Response) -> None:
        """Keep what a response sets, for this file and in memory only."""
        with self._lock:
            extract_cookies_to_jar(self._jar, response.request, response.raw)

    def _cookie(self, location: Location) -> str | None:
        with self._lock:
            if not len(self._jar):
                return None
            return get_cookie_header(self._jar, requests.Request("GET", location.url).prepare())


def _load_cookies(options: NetworkOptions) -> CookieJar:
    if options.cookies is None:
        return CookieJar()
    jar = MozillaCookieJar()
    try:
        jar.load(str(options.cookies), ignore_discard=True, ignore_expires=False)
    except (OSError, LoadError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read cookies from {options.cookies}",
            hint="it must be a Netscape cookie file (cookies.txt)",
        ) from error
    return jar
