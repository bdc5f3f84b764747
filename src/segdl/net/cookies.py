"""What a cookie jar is shown of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segdl.core.url import Location

if TYPE_CHECKING:
    from urllib.request import Request


def shown_to_jar(location: Location) -> Request:
    """Return a request for `location`, never to be opened, that a jar can read.

    Its host is written as it goes out: servers and jars write ``xn--…`` for what is not ASCII.
    """
    # It takes 10 ms to import, and few downloads have cookies.
    from urllib.request import Request

    url = location.url
    if not url.isascii():
        from urllib3.exceptions import LocationParseError
        from urllib3.util import parse_url

        try:
            url = parse_url(url).url
        except LocationParseError:
            # No such host can be asked, which is told where it is.
            pass
    return Request(url, unverifiable=True)  # noqa: S310 - never opened
