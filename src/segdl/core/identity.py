"""Which version of the remote file bytes belong to (RFC 9110, 8.8).

A ladder: a strong ETag proves; Last-Modified tells; without either, only the size
speaks, and the engine compares a few KiB of overlap wherever bytes of two responses
meet. A digest that is another one speaks against all of them; one that is the same adds
nothing to what they say, as it may be no more than a CRC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum

from segdl.core.checksum import Claim

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class Match(Enum):
    """How two versions compare."""

    SAME = "same"
    DIFFERENT = "different"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a server says of one representation.

    Attributes:
        size: bytes of the whole representation; None where it does not tell.
        etag: the entity tag as sent, quotes and ``W/`` included.
        last_modified: as sent.
        media_type: Content-Type without parameters, lower case.
        digest: the strongest that it tells of the whole representation.
        date: when it said so, by its own clock, in seconds since 1970; None where it does not
            tell. It makes no other version.
    """

    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    media_type: str = ""
    digest: Claim | None = None
    date: float | None = field(default=None, compare=False)

    @property
    def strong_etag(self) -> str | None:
        """The entity tag where it promises equal bytes (RFC 9110, 8.8.3)."""
        return self.etag if self.etag and re.fullmatch(r'"[^"\r\n]*"', self.etag) else None

    @property
    def proves(self) -> bool:
        """Whether equal validators are proof enough to do without comparing overlaps."""
        return self.strong_etag is not None or self.last_modified is not None

    def without_etag(self) -> Version:
        """Return this version for a server that gives another ETag a request."""
        return replace(self, etag=None)

    def without_digest(self) -> Version:
        """Return this version for a server whose digests are not of the whole file."""
        return replace(self, digest=None)

    def contradicts(self, other: Version) -> bool:
        """Tell whether the two have digests that no one file has."""
        if self.digest is None or other.digest is None:
            return False
        return self.digest.contradicts(other.digest)


def compare(pinned: Version, seen: Version) -> Match:
    """Tell whether `seen` can be the version that `pinned` names.

    DOUBTFUL is another ETag with nothing else that differs, or validators that are
    suddenly missing: some servers do that for one and the same file.

    Example:
        >>> compare(Version(size=9, etag='"a"'), Version(size=9, etag='"a"')).value
        'same'
        >>> compare(Version(size=9, etag='"a"'), Version(size=9, etag='"b"')).value
        'doubtful'
        >>> compare(Version(size=9), Version(size=8)).value
        'different'
    """
    if None not in (pinned.size, seen.size) and pinned.size != seen.size:
        return Match.DIFFERENT
    if pinned.contradicts(seen):
        return Match.DIFFERENT
    modified_known = pinned.last_modified is not None and seen.last_modified is not None
    if modified_known and pinned.last_modified != seen.last_modified:
        return Match.DIFFERENT
    if pinned.etag is not None:
        if seen.etag == pinned.etag:
            return Match.SAME
        if seen.etag is not None or not modified_known:
            return Match.DOUBTFUL
    elif pinned.last_modified is not None and not modified_known:
        return Match.DOUBTFUL
    return Match.SAME


def is_still(pinned: Version, seen: Version) -> bool:
    """Tell whether `seen` is beyond doubt the version that `pinned` names.

    A pinned version without an ETag is of a server that gives another one a request: then that
    of `seen` says nothing.

    Example:
        >>> is_still(Version(size=9, etag='"a"'), Version(size=9, etag='"a"'))
        True
        >>> is_still(Version(size=9, etag='"a"'), Version(size=9, etag='"b"'))
        False
    """
    told = seen.without_etag() if pinned.etag is None else seen
    return compare(pinned, told) is Match.SAME


def is_page_instead(pinned: Version, seen: Version) -> bool:
    """Tell whether a web page came where a file is known to be: a login, a portal, an error.

    Example:
        >>> is_page_instead(Version(media_type="application/zip"), Version(media_type="text/html"))
        True
    """
    return is_page(seen) and not is_page(pinned)


def is_page(seen: Version) -> bool:
    """Tell whether this is a web page."""
    return seen.media_type in _PAGES
