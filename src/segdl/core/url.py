"""URLs: origins, secrets, redirects (RFC 3986, RFC 9110 15.4, RFC 6454)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from segdl.core.s3url import is_s3, parse_s3
from segdl.core.text import is_hostile, printable
from segdl.errors import ServerError, UsageError

_STRAY = re.compile("%(?![0-9A-Fa-f]{2})")
# What needs no second look: no user, nothing to encode, nothing that only libraries know of.
_USUAL = re.compile(r"(https?)://([0-9a-z.-]+)(?::([0-9]{1,5}))?(/[0-9A-Za-z_.~/-]*)")
# What is given where a server of one's own is meant: urllib takes the host for a scheme.
_HOST_AND_PORT = re.compile(r"[0-9A-Za-z.-]+:[0-9]{1,5}(?:[/?#]|$)")
USUAL_PORTS = {"http": 80, "https": 443}
# What fsspec reads in ranges from places that a URL names. Not ftp, which has one transfer a
# connection and no version of a file; not file, as a list from elsewhere must not read disks.
ELSEWHERE = frozenset(
    {
        *("abfs", "abfss", "az", "gcs", "gs", "hdfs", "hf", "oci", "oss", "sftp", "smb", "ssh"),
        *("tos", "webdav", "webhdfs"),
    }
)


class Origin(NamedTuple):
    """Scheme, host and port: whom a secret is given to."""

    scheme: str
    host: str
    port: int


class Location(NamedTuple):
    """A URL that can be asked for; user and password are taken out of it."""

    url: str
    origin: Origin
    user: tuple[str, str] | None = None

    @property
    def is_web(self) -> bool:
        """Whether it is asked for by HTTP as it is."""
        return self.origin.scheme in USUAL_PORTS

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.url).path

    @property
    def public(self) -> str:
        """The URL without query: what may be stored, logged and shown."""
        return _without_query(self.url)

    def __str__(self) -> str:
        return self.public

    def __repr__(self) -> str:
        return f"Location({self.public!r})"


@lru_cache(maxsize=256)
def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return printable(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), 2000)


@lru_cache(maxsize=256)
def parse_url(text: str) -> Location:
    """Read a URL that a user or a list gave.

    Raises:
        UsageError: no http or https URL.

    Example:
        >>> str(parse_url("https://me:secret@example.org:443/a?token=x#frag"))
        'https://example.org:443/a'
    """
    return _as_usual(text) or _as_any(text)


def _as_usual(text: str) -> Location | None:
    """Read one of those that lists are full of; None for any other."""
    usual = _USUAL.fullmatch(text)
    if usual is None or "/." in text:
        return None
    scheme, host, port, _ = usual.groups()
    number = USUAL_PORTS[scheme] if port is None else int(port)
    return Location(text, Origin(scheme, host, number)) if number < 65536 else None


def _as_any(text: str) -> Location:
    # Bytes of an argument that are not UTF-8 arrive as surrogates.
    text = re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text.strip())
    try:
        text.encode()
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # Its text quotes the password.
        raise UsageError(
            f"not a URL: {_guarded(text)!r}", hint="check it for typing errors"
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in USUAL_PORTS:
        if "://" not in text and _HOST_AND_PORT.match(text):
            hint = f"did you mean http://{_guarded(text)}?"
        elif "://" not in text and "." in text.split("/")[0]:
            hint = f"did you mean https://{_guarded(text)}?"
        else:
            hint = "segdl fetches http:// and https://"
        raise UsageError(f"unsupported URL scheme in {_guarded(text)!r}", hint=hint)
    if not host or not _is_plain(parts.netloc):
        raise UsageError(f"no host in {_guarded(text)!r}", hint="write https://HOST/PATH")
    user = None
    if parts.username is not None:
        user = (unquote(parts.username), unquote(parts.password or ""))
    netloc = parts.netloc.rpartition("@")[2]
    path = _without_dots(_encoded(parts.path)) or "/"
    url = urlunsplit((scheme, netloc, path, _encoded(parts.query), ""))
    return Location(
        url, Origin(scheme, host.lower(), USUAL_PORTS[scheme] if port is None else port), user
    )


def parse_source(text: str) -> Location:
    """Read a URL that a user names a file by: also of an object, or by another protocol.

    What servers and lists name is read by `parse_url`, which knows http and https alone:
    nobody else may have the user's own credentials used.

    Raises:
        UsageError: as `parse_url`.

    Example:
        >>> str(parse_source("s3://logs/a b.txt")), str(parse_source("sftp://me:pw@h/x?y"))
        ('s3://logs/a%20b.txt', 'sftp://h/x')
    """
    if is_s3(text):
        place = parse_s3(text.strip())
        if not place.key or place.key.endswith("/"):
            raise UsageError(f"{place} is no object", hint="write s3://BUCKET/KEY")
        return Location(place.url, Origin("s3", place.bucket, 0))
    scheme, separator, _ = text.strip().partition("://")
    if not separator or scheme.lower() not in ELSEWHERE:
        return parse_url(text)
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        raise UsageError(f"not a URL: {_guarded(text)!r}") from None
    if not parts.path.strip("/") or any(map(is_hostile, text)):
        raise UsageError(f"no file in {_guarded(text)!r}", hint=f"write {scheme}://PLACE/PATH")
    user = None
    if parts.username is not None:
        user = (unquote(parts.username), unquote(parts.password or ""))
    netloc = parts.netloc.rpartition("@")[2]
    url = urlunsplit((scheme.lower(), netloc, _encoded(parts.path), parts.query, ""))
    return Location(url, Origin(scheme.lower(), host, port), user)


def follow(current: Location, location: str, *, safely: bool = False) -> Location:
    """Return where a redirect leads.

    Args:
        current: what was asked for.
        location: as the answer tells it.
        safely: it was asked for over TLS, though its URL does not say so, as of an object.

    Raises:
        ServerError: it leads to another scheme than http and https, or from https to http.

    Example:
        >>> follow(parse_url("http://a.example/x/y"), "../z?k=1").url
        'http://a.example/z?k=1'
    """
    # Servers send raw UTF-8 here, which arrives decoded as latin-1.
    try:
        location = location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    try:
        target = parse_url(urljoin(current.url, location.strip()))
    except (UsageError, ValueError):
        raise ServerError(
            f"{current} redirects to an address that cannot be fetched: {_guarded(location)!r}"
        ) from None
    safely = safely or current.origin.scheme == "https"
    if safely and target.origin.scheme == "http":
        raise ServerError(
            f"{current} redirects from https to http ({target.origin.host}), which is refused",
            hint="ask for the http URL itself if you trust it",
        )
    if target.user is None and target.origin == current.origin:
        return Location(target.url, target.origin, current.user)
    return target


def _guarded(text: str) -> str:
    """Show what was given without what may be secret in it.

    What cannot be read as a URL may have a password with any character in it: whatever is
    before the last ``@`` goes.
    """
    scheme = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:[/\\]+)?", text)
    assert scheme is not None
    head, *tail = re.split("[?#]", text[scheme.end() :], maxsplit=1)
    _, at, after = ("", "@", "") if tail and "@" in tail[0] else head.rpartition("@")
    return printable(scheme[0] + ("…@" if at else "") + after, 120)


def _is_plain(netloc: str) -> bool:
    """Tell whether there is nothing in it that no host's name has."""
    if netloc.isascii() and netloc.isprintable():
        return " " not in netloc and "\\" not in netloc
    return not any(c.isspace() or is_hostile(c) or c == "\\" for c in netloc)


def _without_dots(path: str) -> str:
    """Take steps to ``.`` and ``..`` as RFC 3986, 5.2.4, has it: servers refuse to."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for step in path.split("/"):
        if step not in {".", ".."}:
            kept.append(step)
        elif step == ".." and len(kept) > 1:
            kept.pop()
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept)


def _encoded(text: str) -> str:
    """Encode what no URL has: spaces, control characters, a ``%`` that encodes nothing."""
    if "%" in text:
        text = _STRAY.sub("%25", text)
    if text.isprintable() and " " not in text:
        return text
    return "".join(f"%{ord(c):02X}" if ord(c) <= 32 or ord(c) == 127 else c for c in text)
