"""core/addresses.py: whom to try first, and what to tell."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.addresses import Address, in_turn, most_telling


def addresses(text: str) -> list[Address]:
    """``6a 4b`` are two: their families, and where they lead."""
    return [Address(int(each[0]), (each[1:],)) for each in text.split()]


@pytest.mark.parametrize(
    ("found", "usual", "order"),
    [
        ("4a", "", "4a"),
        ("4a", "4z", "4a"),
        ("6a 4b", "", "6a 4b"),
        ("4a 6b", "", "4a 6b"),
        ("6a 6b 6c 4d", "", "6a 4d 6b 6c"),
        ("6a 6b 4c 4d", "", "6a 4c 6b 4d"),
        ("4a 4b 4c", "", "4a 4b 4c"),
        # The one that worked goes first, and one of the other family next.
        ("6a 6b 4c 4d", "4d", "4d 6a 4c 6b"),
        ("6a 6b 4c 4d", "6b", "6b 4c 6a 4d"),
        ("4a 4b 4c", "4c", "4c 4a 4b"),
        ("6a 4b", "6z", "6a 4b"),
    ],
)
def test_in_turn(found: str, usual: str, order: str) -> None:
    known = addresses(usual)[0] if usual else None
    assert in_turn(addresses(found), known) == addresses(order)


ANY = st.builds(Address, st.sampled_from([2, 10]), st.tuples(st.integers(0, 5)))


@given(st.lists(ANY), st.none() | ANY)
def test_each_is_tried_once(found: list[Address], usual: Address | None) -> None:
    order = in_turn(found, usual)
    assert sorted(order, key=repr) == sorted(found, key=repr)
    if usual in found:
        assert order[0] == usual
    elif found:
        assert order[0] == found[0]


REFUSED, LATE = ConnectionRefusedError(errno.ECONNREFUSED, "no"), TimeoutError("late")
NO_ROUTE, NO_FAMILY = OSError(errno.ENETUNREACH, "no"), OSError(errno.EAFNOSUPPORT, "no")


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([REFUSED], REFUSED),
        ([LATE, REFUSED], REFUSED),
        ([REFUSED, NO_ROUTE, LATE], REFUSED),
        ([NO_ROUTE, LATE], LATE),
        ([LATE, NO_ROUTE], LATE),
        ([NO_FAMILY, NO_ROUTE], NO_ROUTE),
    ],
)
def test_most_telling(errors: list[OSError], told: OSError) -> None:
    assert most_telling(errors) is told
