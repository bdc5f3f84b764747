"""``s3://BUCKET/KEY``: where objects are."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import quote, unquote

from segdl.core.text import is_hostile, printable
from segdl.errors import UsageError

SCHEME = "s3"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_MOST_KEY = 1024


class S3Place(NamedTuple):
    """A bucket, and a key or a prefix of keys in it; a prefix is empty or ends with ``/``."""

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return printable(f"{SCHEME}://{self.bucket}/{self.key}", 2000)

    @property
    def url(self) -> str:
        """Its URL, with the key percent-encoded."""
        return f"{SCHEME}://{self.bucket}/{quote(self.key, safe='/~!$&()*+,;=:@')}"

    def below(self, path: PurePath) -> S3Place:
        """Return the object of a relative path below this prefix.

        Raises:
            UsageError: it would leave the prefix, or no key has that name.

        Example:
            >>> S3Place("b", "data/").below(PurePath("x/y.bin"))
            S3Place(bucket='b', key='data/x/y.bin')
        """
        if path.is_absolute() or path.drive or ".." in path.parts or not path.parts:
            raise UsageError(f"{printable(str(path), 200)!r} leads out of {self}")
        return S3Place(self.bucket, _checked(self.key + path.as_posix()))


def is_s3(text: str) -> bool:
    """Tell whether a text is meant to name a place in a bucket."""
    return text[:5].lower() == f"{SCHEME}://"


def parse_s3(text: str) -> S3Place:
    """Read the URL of an object; its key is taken as it is written.

    Raises:
        UsageError: no bucket's name, or no key.

    Example:
        >>> parse_s3("s3://logs/a b%.txt")
        S3Place(bucket='logs', key='a b%.txt')
    """
    bucket, _, key = text[len(SCHEME) + 3 :].partition("/")
    if not is_s3(text) or not _BUCKET.fullmatch(bucket):
        # What is before an @ is a user and a password elsewhere: boto3 has them otherwise.
        shown = printable(bucket.rpartition("@")[2], 120)
        raise UsageError(f"{shown!r} is no bucket", hint="write s3://BUCKET/KEY")
    return S3Place(bucket, _checked(key))


def place_of(url: str) -> S3Place:
    """Return the place of a URL that `S3Place.url` made."""
    bucket, _, key = url[len(SCHEME) + 3 :].partition("/")
    return S3Place(bucket, unquote(key))


def parse_prefix(text: str) -> S3Place:
    """Read the URL of a bucket, or of a folder in it, to save in.

    Raises:
        UsageError: as `parse_s3`.

    Example:
        >>> parse_prefix("s3://logs/2024"), parse_prefix("s3://logs")
        (S3Place(bucket='logs', key='2024/'), S3Place(bucket='logs', key=''))
    """
    place = parse_s3(text)
    prefix = place.key.rstrip("/")
    return S3Place(place.bucket, f"{prefix}/" if prefix else "")


def _checked(key: str) -> str:
    """Refuse what stores refuse, or what makes two of one object on the way there."""
    try:
        length = len(key.encode())
    except UnicodeError:
        raise UsageError(f"{printable(key, 200)!r} is not UTF-8, as keys are") from None
    if length > _MOST_KEY:
        raise UsageError(f"the key {printable(key, 100)!r} is longer than {_MOST_KEY} bytes")
    if any(step in {".", ".."} for step in key.split("/")) or any(map(is_hostile, key)):
        raise UsageError(f"{printable(key, 200)!r} is no key that all stores take")
    return key
