"""Which of a host's addresses to try first, and what to tell where none took a connection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import NamedTuple


class Address(NamedTuple):
    """Where a host can be reached.

    Attributes:
        family: the number that the system has for IPv4 or IPv6.
        place: what a socket of that family connects to.
    """

    family: int
    place: tuple[object, ...]


def in_turn(found: Sequence[Address], usual: Address | None = None) -> list[Address]:
    """Order addresses so that a family that leads nowhere holds up one attempt (RFC 8305, 4).

    Args:
        found: in the order of the system's preference.
        usual: the one that took the last connection; it goes first where it is among them.

    Example:
        >>> six, four, more = Address(10, ("::1",)), Address(2, ("a",)), Address(10, ("::2",))
        >>> in_turn([six, more, four]) == [six, four, more]
        True
    """
    by_family: dict[int, list[Address]] = {}
    for address in sorted(found, key=lambda each: each != usual):
        by_family.setdefault(address.family, []).append(address)
    rounds = chain.from_iterable(zip_longest(*by_family.values()))
    return [address for address in rounds if address is not None]


def most_telling(errors: Sequence[OSError]) -> OSError:
    """Return the error of several attempts that says most about the host.

    Who refuses is there; who is silent may be; a family that this machine cannot use says
    nothing of the host. Of those that say nothing the last one goes: the system prefers
    the others.
    """
    for kind in (ConnectionRefusedError, TimeoutError):
        for error in errors:
            if isinstance(error, kind):
                return error
    return errors[-1]
