"""What is to be done about a file that a list names: nothing, a look, or the whole of it.

The list's digest goes first, then what the list says of size and time, then the server's
validators. Nothing is asked for that is known, and nothing taken for known that is not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import IntEnum

from segdl.core.checksum import Checksum
from segdl.core.httpdate import parse_date
from segdl.core.identity import Version


class Need(IntEnum):
    """What is to be done, as the ledger writes it down."""

    NOTHING = 0
    """It is as the list wants it."""
    READ = 1
    """It has to be read to know what it is."""
    ASK = 2
    """Its server has to be asked whether it changed."""
    FETCH = 3
    """It is not here, or is another."""


_UNKNOWN = Version()
_MINUTE = 60
# Seconds until a file that changes gets another time in any case: servers tell whole ones.
_SETTLED = 2
# Seconds by which a server's clock may be behind the one of its files.
_SKEW = 3600
# Seconds; two times of day differ by less.
_DAYS = 2 * 86400
_LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says: bytes, seconds since 1970, digest; None for what it does not."""

    size: int | None = None
    modified: int | None = None
    checksum: Checksum | None = None

    def agrees(self, other: Listed, *, same_urls: bool) -> bool:
        """Tell whether a later line may be of the same file, so that this one stands for both.

        Args:
            other: what the later line says.
            same_urls: whether they lead to the same places.

        Example:
            >>> one, two = Listed(9, checksum=Checksum("md5", "a1")), Listed(9)
            >>> one.agrees(one, same_urls=False), two.agrees(two, same_urls=False)
            (True, False)
            >>> one.agrees(two, same_urls=True), two.agrees(one, same_urls=True)
            (True, False)
        """
        ours, theirs = self.checksum, other.checksum
        if len({self.size, other.size} - {None}) > 1:
            return False
        if not same_urls:
            return ours is not None and ours == theirs
        # What the later one does not say is no contradiction.
        if ours is None or theirs is None:
            return theirs is None
        return ours.algorithm != theirs.algorithm or ours == theirs


@dataclass(frozen=True, slots=True)
class Stat:
    """A file on the disk: its bytes, and when it was changed, in ns since 1970.

    Times after the year 2262 count as one: 64 bits hold no later one.
    """

    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stat:
        """Return what is to be remembered of a file that was looked at."""
        return cls(status.st_size, min(status.st_mtime_ns, _LATEST))

    def is_of(self, status: os.stat_result) -> bool:
        """Tell whether a file that was looked at is this one, untouched."""
        return Stat.of(status) == self


@dataclass(frozen=True, slots=True)
class Had:
    """What the ledger says of the file that was fetched, or found to be right.

    Attributes:
        stat: the file on the disk as it was left.
        version: what its server said then.
        listed_modified: the time that the list told then.
        checksum: the digest that it had.
        sha256: its SHA-256, where that is known.
    """

    stat: Stat
    version: Version = _UNKNOWN
    listed_modified: int | None = None
    checksum: Checksum | None = None
    sha256: str | None = None

    def known(self, algorithm: str) -> str | None:
        """Return its digest in hexadecimal, where that is known."""
        if self.checksum is not None and self.checksum.algorithm == algorithm:
            return self.checksum.hexdigest
        return self.sha256 if algorithm == "sha256" else None


def need_of(
    listed: Listed,
    had: Had | None,
    found: Stat | None,
    *,
    verify: bool = False,
    sums: bool = False,
) -> Need:
    """Decide what is to be done about one file.

    Args:
        listed: what the list says now.
        had: what the ledger says; None where it does not know the file.
        found: what is on the disk; None where nothing is.
        verify: what can be read and compared is read.
        sums: its SHA-256 is wanted in any case.

    Example:
        >>> here = Stat(9, 5)
        >>> need_of(Listed(9, 70), Had(here, listed_modified=70), here).name
        'NOTHING'
        >>> need_of(Listed(9), Had(here), here).name, need_of(Listed(8), Had(here), here).name
        ('ASK', 'FETCH')
    """
    if found is None:
        return Need.FETCH
    untouched = had is not None and had.stat == found
    if listed.size not in {None, found.size}:
        # What somebody else made is not to be lost.
        return Need.FETCH if untouched or listed.checksum is None else Need.READ
    if listed.checksum is not None:
        known = had.known(listed.checksum.algorithm) if had and untouched else None
        if known is not None and known != listed.checksum.hexdigest:
            return Need.FETCH
        unknown = known is None or (sums and had and had.sha256 is None)
        return Need.READ if verify or unknown else Need.NOTHING
    if had is None:
        return Need.ASK
    if not untouched:
        return Need.FETCH
    if verify or (sums and had.sha256 is None):
        return Need.READ
    told = listed.size is not None and listed.modified is not None
    same = told and listed.modified == had.listed_modified
    return Need.NOTHING if same else Need.ASK


def lasting(version: Version) -> Version:
    """Return a version with those validators only that another one would not have, too.

    A file that is fetched within the second in which it was changed can be changed again and
    keep its Last-Modified (RFC 9110, 8.8.2.2), and an ETag that is made of that.

    Example:
        >>> told, nginx = "Tue, 14 Nov 2023 22:13:20 GMT", '"6553f100-9"'
        >>> at = 1_700_000_001
        >>> [lasting(Version(etag=e, last_modified=told, date=at)).etag for e in (nginx, '"a"')]
        [None, '"a"']
        >>> lasting(Version(etag=nginx, last_modified=told, date=at + 1)).etag
        '"6553f100-9"'
    """
    changed = parse_date(version.last_modified)
    if changed is None or version.date is None:
        return version
    if not -_SKEW <= version.date - changed < _SETTLED:
        return version
    timed = version.etag is not None and _tells(version.etag, int(changed))
    return replace(version, etag=None if timed else version.etag, last_modified=None)


def _tells(etag: str, second: int) -> bool:
    """Tell whether an ETag has a time in it, in the way of one of the servers that are known.

    nginx writes seconds in hexadecimal, others in decimal, Caddy did to the base of 36.
    """
    return any(form in etag.lower() for form in (f"{second:x}", f"{second}", _base36(second)))


def _base36(number: int) -> str:
    digits = ""
    while number > 0:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def listed_for_good(modified: int | None, version: Version, asked_at: float) -> int | None:
    """Return the time that a list told of a file, where another one would get another time.

    Lists tell seconds, index pages whole minutes. A file that is fetched before its minute is
    over can be replaced within it: where it has the same size nothing would tell that.

    Args:
        modified: what the list told; None where it did not.
        version: what the file's server told of it.
        asked_at: when that was, in seconds since 1970, where the server did not tell.

    Example:
        >>> known = Version(last_modified="Thu, 01 Jan 1970 00:02:10 GMT")
        >>> listed_for_good(120, known, 131.0), listed_for_good(120, known, 300.0)
        (None, 120)
        >>> listed_for_good(130, known, 131.0), listed_for_good(130, known, 132.0)
        (None, 130)
    """
    if version.date is not None:
        asked_at = version.date
    if modified is None or asked_at > modified + _DAYS:
        return modified
    grain = 1 if modified % _MINUTE else _MINUTE
    # The list may tell its server's own time of day; this is GMT.
    told = parse_date(version.last_modified)
    changed = modified if told is None else int(told)
    # Clocks differ by as much again.
    return modified if asked_at >= (changed // grain + 2) * grain else None
