"""What the user asked for, as frozen values.

Secrets are kept out of ``repr`` so that a logged or printed value gives none away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from segdl.core.checksum import Checksum
from segdl.core.selection import RangeSpec

IfExists = Literal["auto", "skip", "resume", "rename", "overwrite", "error"]
Headers = tuple[tuple[str, str], ...]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How to reach servers; one value for a whole run.

    Attributes:
        headers: sent to the origin of each URL, and to no other.
        user: name and password for Basic authentication, for the origin of each URL.
        netrc: look names and passwords up in ``~/.netrc`` (or ``$NETRC``).
        cookies: a Netscape cookie file; each cookie goes to its own domain only.
        location_trusted: send `headers` and `user` on to other origins after a redirect.
        proxy: http, https, socks5 or socks5h URL; ``None`` takes the environment's.
        cacert: PEM bundle or folder that replaces the default authorities.
        cert: client certificate (PEM).
        key: its private key, where it is not in `cert`.
        insecure: do not verify certificates.
        connect_timeout: seconds for one TCP and TLS set-up.
        stall_timeout: seconds without a byte after which a connection is dropped.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How to fetch and keep each file.

    Attributes:
        connections: most connections for one file.
        min_split: bytes; no segment is smaller.
        retries: tries in a row without progress before a segment gives up.
        if_exists: what to do with a finished file of that name; ``auto`` skips where it
            provably is the remote file and is an error elsewhere.
        range: the bytes wanted; ``None`` is all of them.
        remote_time: set the file's modification time from Last-Modified.
        fresh: throw partial data away and start again.
    """

    connections: int = 8
    min_split: int = MIB
    retries: int = 5
    if_exists: IfExists = "auto"
    range: RangeSpec | None = None
    remote_time: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One file that is wanted.

    Attributes:
        url: http or https; a user and password in it go to its origin only.
        directory: folder to save in, made if missing.
        name: file name, may have folders in it; ``None`` takes the server's or the URL's.
        checksum: the digest the whole file must have.
        headers: sent to the URL's origin beside those of NetworkOptions.
    """

    url: str = field(repr=False)
    directory: Path = Path()
    name: str | None = None
    checksum: Checksum | None = None
    headers: Headers = field(default=(), repr=False)
