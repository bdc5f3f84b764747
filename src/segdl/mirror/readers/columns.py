"""Files as rows of named values, which is what JSON lines and CSV have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

from segdl.core.blanks import BLANKS, trimmed, trimmed_url
from segdl.core.checksum import Checksum, algorithm_named, read_checksum, weakness
from segdl.core.hashing import can_hash
from segdl.core.mirrorurl import MOST_MIRRORS
from segdl.core.spans import OPEN
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry
from segdl.mirror.readers.relative import absolute, path_of

_BETWEEN = re.compile(f"[{BLANKS}|]+")


_NAMES = frozenset({"url", "dest", "size", "modified", "mirrors", "checksum"})


def is_meant(name: str) -> bool:
    """Tell whether a value of this name, in lower case, says anything of a file.

    Example:
        >>> is_meant("dest"), is_meant("sha-256"), is_meant("title")
        (True, True, False)
    """
    return name in _NAMES or algorithm_named(name) is not None


def entry_of(values: Mapping[str, object], document: Document) -> Entry:
    """Return the file that a row names.

    Args:
        values: by name, in lower case: ``url``, and if need be ``dest``, which is taken as it is,
            ``size``, ``modified``, ``mirrors``, ``checksum`` as ``ALGO=HEX``, or a digest under
            its algorithm's name. Others are left out.
        document: the list.

    Raises:
        UsageError: a value is not what its name says, or there is no URL.

    Example:
        >>> row = {"url": "https://example.org/a.iso", "size": "5", "md5": "0" * 32}
        >>> entry = entry_of(row, Document(name=""))
        >>> entry.path, entry.size, str(entry.checksum)
        ('a.iso', 5, 'md5=00000000000000000000000000000000')
    """
    url = trimmed_url(_text(values, "url"))
    if not url:
        raise UsageError("it has no url")
    mirrors = _mirrors(values.get("mirrors"))
    if len(mirrors) > MOST_MIRRORS:
        raise UsageError(f"it has more than {MOST_MIRRORS} mirrors")
    urls = tuple(absolute(each, document) for each in (url, *map(trimmed_url, mirrors)))
    return Entry(
        path=_text(values, "dest") or path_of(urls[0]),
        urls=tuple(dict.fromkeys(urls)),
        size=_size(values.get("size")),
        modified=seconds_of(values.get("modified")),
        checksum=_strongest(values),
    )


def seconds_of(value: object) -> int | None:
    """Return a time as seconds since 1970; None where it makes no sense.

    Args:
        value: such seconds, or a date of ISO 8601 or of HTTP; without a zone it is UTC.

    Example:
        >>> seconds_of("1970-01-02T00:00:00.000Z"), seconds_of("86400"), seconds_of("soon")
        (86400, 86400, None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if 0 <= value < OPEN else None
    if not isinstance(value, str) or len(value) > 100:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]*)?", text):
        return int(text.partition(".")[0])
    try:
        # Python 3.10 reads neither Z nor any number of decimals.
        iso = re.sub(r"\.[0-9]+", "", re.sub("[Zz]$", "+00:00", text))
        moment = datetime.fromisoformat(iso)
    except ValueError:
        # It takes time to load, and hardly any list has dates of HTTP.
        from email.utils import parsedate_to_datetime

        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
    try:
        seconds = moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except OverflowError:
        return None
    return int(seconds) if seconds >= 0 else None


def size_of(value: object) -> int | None:
    """Return a size in bytes, from a number or its digits; None where it is none."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,19}\s*", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < OPEN:
        return value
    return None


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f"its {name} is no text")
    return value


def _size(value: object) -> int | None:
    size = size_of(value)
    if size is None and value is not None and value != "":
        raise UsageError("its size is no number of bytes")
    return size


def _mirrors(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [url for url in _BETWEEN.split(value) if url]
    if isinstance(value, list) and all(isinstance(url, str) for url in value):
        return value
    raise UsageError("its mirrors are no list of URLs")


def _strongest(values: Mapping[str, object]) -> Checksum | None:
    found = []
    for name in values:
        algorithm = "" if name == "checksum" else algorithm_named(name)
        if algorithm is None or not (digest := trimmed(_text(values, name))):
            continue
        try:
            found.append(read_checksum(f"{algorithm}={digest}" if algorithm else digest))
        except UsageError:
            raise UsageError(f"its {name} is no digest that can be checked") from None
    usable = [checksum for checksum in found if can_hash(checksum.algorithm)]
    return min(usable, key=lambda one: weakness(one.algorithm), default=None)
