"""What the user asked for, as frozen values.

Secrets are kept out of ``repr`` so that a logged or printed value gives none away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from segdl.core.checksum import AUTO, Wanted
from segdl.core.connections import parse_connections
from segdl.core.expected import Expected
from segdl.core.fields import check_header
from segdl.core.identity import Version
from segdl.core.mirrorurl import MOST_MIRRORS
from segdl.core.schedule import parse_schedule
from segdl.core.selection import RangeSpec
from segdl.core.url import parse_url
from segdl.errors import UsageError

IfExists = Literal["auto", "skip", "resume", "rename", "overwrite", "error"]
LayoutName = Literal["parts", "inplace"]
Headers = tuple[tuple[str, str], ...]

MIB = 1024 * 1024

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Which S3 store is meant, beside what the environment and ``~/.aws`` say.

    Attributes:
        endpoint_url: of a store that is not Amazon's.
        profile: section of ``~/.aws`` to take credentials and settings from.
        region: where the buckets are.
    """

    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if self.endpoint_url is not None and parse_url(self.endpoint_url).user:
            raise UsageError(
                "an endpoint's URL takes no user and password",
                hint="boto3 has them from the environment or ~/.aws",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How to reach servers; one value for a whole run.

    Attributes:
        headers: sent to the origin of each URL, and to no other.
        user: name and password for Basic authentication, for the origin of each URL.
        netrc: look names and passwords up in ``~/.netrc`` (or ``$NETRC``).
        cookies: a Netscape cookie file; each cookie goes to its own domain only.
        location_trusted: send `headers` and `user` on to other origins after a redirect.
        proxy: http, https, socks5 or socks5h URL; ``None`` takes the environment's, ``""``
            goes without.
        cacert: PEM bundle or folder that replaces the default authorities.
        cert: client certificate (PEM).
        key: its private key, where it is not in `cert`.
        insecure: do not verify certificates.
        connect_timeout: seconds for one TCP and TLS set-up.
        stall_timeout: seconds without a byte after which a connection is dropped.
        contact: a URL or an address that servers may write to about this client; it is sent
            to all of them, in the User-Agent field.
        limit_rate: bytes a second for all connections and files of a run together, as a number
            or as ``"2M"`` or ``"mon-fri 08:00-18:00=2M,10M"``; 0 or None is no limit.
        s3: the store that ``s3://`` means.
    """

    headers: Headers = field(default=(), repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    netrc: bool = False
    cookies: Path | None = None
    location_trusted: bool = False
    proxy: str | None = field(default=None, repr=False)
    cacert: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False
    connect_timeout: float = 30.0
    stall_timeout: float = 30.0
    limit_rate: int | str | None = None
    contact: str | None = None
    s3: S3Options = field(default_factory=S3Options)

    def __post_init__(self) -> None:
        _check_headers(self.headers)
        if self.contact is not None and not re.fullmatch(r"[!-'*-~]{1,200}", self.contact):
            raise UsageError("a contact is a URL or an address, without spaces or parentheses")
        scheme, separator, rest = (self.proxy or "http://-").partition("://")
        if scheme.lower() not in _PROXY_SCHEMES or not separator or not rest.strip("/"):
            known = ", ".join(f"{name}://" for name in _PROXY_SCHEMES)
            raise UsageError(
                "the proxy's URL cannot be used", hint=f"it begins with one of {known}"
            )
        for name in ("connect_timeout", "stall_timeout"):
            # As many as any system takes for a wait.
            if not 0 < getattr(self, name) < 1e9:
                raise UsageError(f"{name} must be more than 0 seconds, and less than 10**9")
        parse_schedule(self.limit_rate)
        if self.key and not self.cert:
            raise UsageError("a private key needs its certificate", hint="give it with --cert")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How to fetch and keep each file.

    Attributes:
        connections: connections for one file: a number, ``auto`` for as many as make it
            faster, up to 32, or ``auto:N`` for up to N.
        min_split: bytes; no segment is smaller.
        retries: tries in a row without progress before a segment gives up.
        if_exists: what to do with a finished file of that name; ``auto`` skips where it
            provably is the remote file and is an error elsewhere.
        range: the bytes wanted; ``None`` is all of them.
        remote_time: set the file's modification time from Last-Modified.
        fresh: throw partial data away and start again.
        layout: where segments land: ``parts`` gives each a file of its own and joins them,
            ``inplace`` fills one file and keeps a journal.
        metalink_over_http: take mirrors and Metalink documents that the server of a URL
            names in its Link fields, where it tells a digest as well (RFC 6249).
    """

    connections: int | str = "auto"
    min_split: int = MIB
    retries: int = 5
    if_exists: IfExists = "auto"
    range: RangeSpec | None = None
    remote_time: bool = False
    fresh: bool = False
    layout: LayoutName = "parts"
    metalink_over_http: bool = False

    def __post_init__(self) -> None:
        parse_connections(self.connections)
        if self.layout not in get_args(LayoutName):
            raise UsageError(f"layout must be parts or inplace, not {self.layout!r}")
        if self.min_split < 1 or self.retries < 0:
            raise UsageError("min_split must be at least 1 and retries at least 0")

    @property
    def most(self) -> int:
        """Most connections for one file."""
        return parse_connections(self.connections).most

    @property
    def planned(self) -> int:
        """Connections to begin with."""
        return 1 if self.adaptive else self.most

    @property
    def adaptive(self) -> bool:
        """Whether a file gets fewer connections where more would not be faster."""
        return parse_connections(self.connections).adaptive


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One file that is wanted.

    Attributes:
        url: http or https; a user and password in it go to its origin only.
        directory: folder to save in, made if missing.
        name: file name, may have folders in it; ``None`` takes the server's or the URL's.
        checksum: the digest the whole file must have; ``"auto"`` looks for one beside the URL.
        headers: sent to the URL's origin beside those of NetworkOptions.
        mirrors: other URLs of the same file, the preferred ones first; they get none of the
            headers, users and passwords that are meant for `url`.
        expected: what a list says that the file must be; see :func:`segdl.read_metalink`.
        most_connections: what a list allows for all URLs together; None is no limit.
        most_per_url: URLs that a list allows only so many connections to, and how many.
        held: what the server said of the finished file that is here, when it was fetched: where
            it has that version still the file is left as it is, whatever `if_exists` says. The
            caller knows that nobody touched the file.
        guessed: `held` is what the file looks like, not what a server said of it: its server is
            asked what it has, without a condition, so that its size is compared as well.
        supersedes: what was fetched of another file for this place is thrown away; else it is an
            error.
        entrusted: the URL whose origin headers, users and passwords are meant for; None is
            `url`, and ``""`` is nobody.
        named: the URL whose origin the user named, where a list that is not the user's own says
            what is asked for: only that origin gets what ``~/.netrc`` has for any server, or for
            a machine at an unusual port. None is whom `entrusted` says.
    """

    url: str = field(repr=False)
    directory: Path = Path()
    name: str | None = None
    checksum: Wanted | None = None
    headers: Headers = field(default=(), repr=False)
    mirrors: tuple[str, ...] = field(default=(), repr=False)
    expected: Expected = field(default_factory=Expected)
    most_connections: int | None = None
    most_per_url: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    entrusted: str | None = field(default=None, repr=False)
    named: str | None = field(default=None, repr=False)
    held: Version | None = None
    guessed: bool = False
    supersedes: bool = False

    def __post_init__(self) -> None:
        given: object = self.directory
        if isinstance(given, str):
            # Where nobody looks at types.
            object.__setattr__(self, "directory", Path(given))
        _check_headers(self.headers)
        capped = [url for url, _ in self.most_per_url]
        for url in (*self.mirrors, *capped, *filter(None, [self.entrusted, self.named])):
            parse_url(url)
        if len(self.mirrors) > MOST_MIRRORS:
            raise UsageError(f"a file has more than {MOST_MIRRORS} mirrors")
        if self.most_connections is not None and self.most_connections < 1:
            raise UsageError("most_connections must be at least 1")
        if any(most < 1 for _, most in self.most_per_url):
            raise UsageError("a URL must be allowed at least 1 connection")
        if self.name is not None and (not self.name or "\0" in self.name):
            raise UsageError("a file name is empty or holds a NUL")
        if isinstance(self.checksum, str) and self.checksum != AUTO:
            raise UsageError('checksum is a text other than "auto"', hint="use parse_checksum")

    @property
    def unless(self) -> Version | None:
        """The version of which the server need not send anything (RFC 9110, 13.1)."""
        return None if self.guessed else self.held

    @property
    def most_in_all(self) -> int | None:
        """The most connections that what a list allows comes to; None is no limit."""
        if self.most_connections is None and not self.most_per_url:
            return None
        capped = dict(self.most_per_url)
        told = [] if self.most_connections is None else [self.most_connections]
        urls = {self.url, *self.mirrors}
        if urls <= capped.keys():
            told.append(sum(capped[url] for url in urls))
        return min(told, default=None)


def _check_headers(headers: Headers) -> None:
    for name, value in headers:
        check_header(name, value)
