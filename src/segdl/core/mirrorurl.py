"""How a list names a mirror: RFC 5854 4.2.16, RFC 6249 3, Metalink 3."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Of a mirror that a list gives no priority.
LAST_PRIORITY = 999_999
MOST_MIRRORS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorUrl:
    """Another place of the same file, as a list has it: a claim, not yet a proof.

    Attributes:
        url: http or https; a user and password in it go to its origin only.
        priority: from 1, which is to be asked first, to `LAST_PRIORITY`.
        location: country as ISO 3166-1 alpha-2 in lower case; ``""`` where it is not told.
        connections: most connections that the list allows for this mirror.
        preferred: it is said to give the same ETags or digests as the sender of the list.
        depth: how many of the last folders in its path are mirrored as a whole.
    """

    url: str = field(repr=False)
    priority: int = LAST_PRIORITY
    location: str = ""
    connections: int | None = None
    preferred: bool = False
    depth: int = 0


def read_priority(text: str) -> int:
    """Read a priority; what is none counts as the last.

    Example:
        >>> read_priority("10"), read_priority("0"), read_priority("high")
        (10, 999999, 999999)
    """
    value = int(text) if re.fullmatch("[0-9]{1,6}", text.strip()) else 0
    return value or LAST_PRIORITY


def read_country(text: str) -> str:
    """Read a country's code; what is none counts as not told.

    Example:
        >>> read_country("DE"), read_country("Germany")
        ('de', '')
    """
    return text.strip().lower() if re.fullmatch("[A-Za-z]{2}", text.strip()) else ""
