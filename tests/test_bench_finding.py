"""What a benchmark says it found: figures in, a sentence out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.bench.figures import Spread, ratio, spread
from segdl.bench.finding import Finding, find
from segdl.bench.group import Group, faster

MIB = 1024.0**2
LENGTH = 64 * 1024**2


def own(connections: int | None, *speeds: float | None, used: int | None = None) -> Group:
    return Group(
        label=f"segdl -j {connections or 'auto'}",
        connections=connections,
        own=True,
        speeds=tuple(None if speed is None else speed * MIB for speed in speeds),
        used=used,
    )


def other(label: str, *speeds: float | None) -> Group:
    speeds_of = tuple(None if speed is None else speed * MIB for speed in speeds)
    return Group(label=label, connections=8, own=False, speeds=speeds_of)


def told(*groups: Group, length: int | None = LENGTH) -> tuple[str, str, tuple[str, ...]]:
    finding = find(groups, length)
    return finding.kind, finding.text, finding.notes


MORE = "more than 8 gain nothing."


@pytest.mark.parametrize(
    ("groups", "kind", "text"),
    [
        # One connection fills the link.
        (
            [own(1, 10, 10.2, 9.9), own(2, 10.1, 10, 10), own(8, 9.9, 10, 10.1)],
            "one-fills",
            "One connection fills this link: more gain nothing.",
        ),
        # A tenth more is no gain that anybody would notice.
        (
            [own(1, 10, 10, 10), own(8, 10.9, 10.8, 10.9)],
            "one-fills",
            "One connection fills this link: more gain nothing.",
        ),
        (
            [own(1, 10, 10, 10), own(2, 8, 8, 8), own(8, 5, 5.5, 5)],
            "one-fills",
            "One connection fills this link: more are slower (0.5 times its speed with 8).",
        ),
        (
            [own(4, 10, 10, 10), own(8, 10, 10, 10)],
            "one-fills",
            "4 connections fill this link: more than 4 gain nothing.",
        ),
        # Segments help up to a number.
        (
            [own(1, 2, 2, 2), own(2, 4, 4, 4), own(8, 10, 10.2, 10.4), own(16, 10.1, 10, 10)],
            "more-help",
            f"8 connections are 5.1 times as fast as one; {MORE}",
        ),
        # Or as far as was tried.
        (
            [own(1, 2, 2, 2), own(8, 16, 16, 16)],
            "more-help",
            "8 connections are 8.0 times as fast as one; more than 8 were not tried.",
        ),
        (
            [own(1, 2, 2, 2), own(4, 8, 8, 8), own(16, 4, 4, 4)],
            "more-help",
            (
                "4 connections are 4.0 times as fast as one; "
                "more than 4 are slower (0.5 times its speed with 16)."
            ),
        ),
        # Small steps add up: each is no gain over the one before.
        (
            [own(1, 10, 10, 10), own(2, 10.8, 10.8, 10.8), own(4, 11.6, 11.6, 11.6)],
            "more-help",
            "4 connections are 1.2 times as fast as one; more than 4 were not tried.",
        ),
        # The order of the list does not matter.
        (
            [own(8, 16, 16, 16), own(1, 2, 2, 2)],
            "more-help",
            "8 connections are 8.0 times as fast as one; more than 8 were not tried.",
        ),
        # A link that changes from round to round, alike for all: the rounds are compared.
        (
            [own(1, 10, 5, 2), own(8, 20, 10, 4)],
            "more-help",
            "8 connections are 2.0 times as fast as one; more than 8 were not tried.",
        ),
        # Noise larger than the gain.
        (
            [own(1, 10, 10, 10), own(8, 14, 13, 7)],
            "unclear",
            (
                "8 connections looked 1.3 times as fast as one, but the rounds differ by more than "
                "that; more rounds (--rounds) would tell."
            ),
        ),
        (
            [own(1, 2, 2, 2), own(4, 8, 8, 8), own(8, 10, 10, 6)],
            "more-help",
            (
                "4 connections are 4.0 times as fast as one; "
                "whether more than 4 gain anything, the rounds do not tell."
            ),
        ),
        # From five rounds on, an outlier does not hide a gain.
        (
            [own(1, 10, 10, 10, 10, 10), own(8, 14, 14, 7, 14, 14)],
            "more-help",
            "8 connections are 1.4 times as fast as one; more than 8 were not tried.",
        ),
        # Failures in some rounds leave the others to compare.
        (
            [own(1, 2, None, 2), own(8, None, 8, 8)],
            "more-help",
            "8 connections are 4.0 times as fast as one; more than 8 were not tried.",
        ),
        # Being faster than who is faster is not enough, where they never met.
        (
            [own(1, 2, 2, None), own(2, None, 4, 2), own(3, 2, None, 4)],
            "more-help",
            "2 connections are 2.0 times as fast as one; more than 2 gain nothing.",
        ),
        # Who fails half of the time is not recommended.
        (
            [own(1, 2, 2), own(4, 8, 8), own(8, 16, None)],
            "more-help",
            "4 connections are 4.0 times as fast as one; more than 4 were not tried.",
        ),
        (
            [own(1, 2, 2, 2), own(8, None, None, None)],
            "single",
            "segdl -j 1 brings 2.0 MiB/s; there is nothing to compare it with.",
        ),
        (
            [own(None, 2, 2, 2)],
            "single",
            "segdl -j auto brings 2.0 MiB/s; there is nothing to compare it with.",
        ),
        (
            [own(1, None), own(8, None)],
            "nothing",
            "Too few runs succeeded to say anything of this link.",
        ),
        # One round: only what is too large for chance.
        (
            [own(1, 10), own(8, 12)],
            "one-fills",
            "One connection fills this link: more gain nothing.",
        ),
        (
            [own(1, 10), own(8, 30)],
            "more-help",
            "8 connections are 3.0 times as fast as one; more than 8 were not tried.",
        ),
    ],
)
def test_sentences(groups: list[Group], kind: str, text: str) -> None:
    assert told(*groups)[:2] == (kind, text)


def test_the_best_is_named() -> None:
    finding = find([own(1, 2, 2), own(2, 4, 4), own(4, 4, 4)], LENGTH)
    assert (finding.best, finding.times) == ("segdl -j 2", 2.0)
    finding = find([own(1, 2, 2), own(2, 2, 2)], LENGTH)
    assert (finding.best, finding.times) == ("segdl -j 1", 1)
    assert find([own(1, None)], LENGTH) == Finding(
        "nothing",
        "Too few runs succeeded to say anything of this link.",
        ("segdl -j 1 failed in 1 of 1 rounds, and does not count.",),
    )


@pytest.mark.parametrize(
    ("groups", "length", "notes"),
    [
        # A server that serves four at a time, however many are asked for.
        (
            [
                own(1, 2, 2, used=1),
                own(4, 8, 8, used=4),
                own(8, 8, 8, used=4),
                own(16, 8, 8, used=4),
            ],
            LENGTH,
            ("Asked for 16 connections, the server served 4 at a time.",),
        ),
        # Segments that end before the others are no limit of the server's.
        ([own(8, 8, 8, used=8), own(16, 9, 9, used=14)], LENGTH, ()),
        ([own(4, 8, 8, used=3), own(16, 9, 9, used=11)], LENGTH, ()),
        ([own(8, 8, 8, used=None), own(16, 9, 9, used=None)], LENGTH, ()),
        # A small file is no limit of the server's either.
        (
            [own(1, 8, 8, used=1), own(16, 9, 9, used=4)],
            4 * 1024**2,
            ("4.0 MiB have room for 4 segments of 1 MiB, not for 16.",),
        ),
        ([own(1, 8, 8), own(16, 9, 9)], None, ()),
        # Failures are told.
        (
            [own(1, 8, 8, 8), own(16, 9, 9, None)],
            LENGTH,
            ("segdl -j 16 failed in 1 of 3 rounds.",),
        ),
        # Other programs.
        (
            [own(1, 2, 2), own(8, 9, 9), other("aria2c -x8", 6, 6), other("axel -n8", 5, 5)],
            LENGTH,
            ("segdl -j 8 is 1.5 times as fast as the fastest of the others, aria2c -x8.",),
        ),
        (
            [own(1, 2, 2), own(8, 6, 6), other("aria2c -x8", 9, 9)],
            LENGTH,
            ("aria2c -x8 is 1.5 times as fast as segdl -j 8.",),
        ),
        (
            [own(1, 6, 6), other("curl", 6.1, 6)],
            LENGTH,
            ("segdl -j 1 and curl are as fast as each other.",),
        ),
        (
            [own(1, 6, 6), other("curl", 6.1, 6), other("wget", 5, 5)],
            LENGTH,
            ("segdl -j 1 and the fastest of the others, curl, are as fast as each other.",),
        ),
        (
            [own(1, 6, 6), other("curl", None, None)],
            LENGTH,
            ("curl failed in 2 of 2 rounds, and does not count.",),
        ),
        # Whoever chooses for itself is held against the best.
        (
            [own(1, 2, 2), own(8, 9, 9), own(None, 9, 8.8)],
            LENGTH,
            ("segdl -j auto does as well as segdl -j 8.",),
        ),
        (
            [own(1, 2, 2), own(8, 9, 9), own(None, 4.5, 4.5)],
            LENGTH,
            ("segdl -j auto brings 0.50 times the speed of segdl -j 8.",),
        ),
        (
            [own(1, 6), own(8, 6)],
            LENGTH,
            ("One round cannot tell a difference from chance (--rounds).",),
        ),
    ],
)
def test_notes(groups: list[Group], length: int | None, notes: tuple[str, ...]) -> None:
    assert told(*groups, length=length)[2] == notes


def test_start_and_end_that_take_much_of_the_time() -> None:
    def group(overhead: float) -> Group:
        return Group(
            label="segdl -j 8", connections=8, own=True, speeds=(MIB, MIB), overhead=overhead
        )

    assert find([group(0.2)], 2 * 1024**2).notes == (
        "2.0 MiB have room for 2 segments of 1 MiB, not for 8.",
    )
    assert find([group(0.3)], 2 * 1024**2).notes[1] == (
        "Of the 2.0 s of segdl -j 8, 0.6 s are the start and the end of the program: more bytes "
        "(a larger file, or --max-bytes) tell more of the link."
    )


def test_spread_and_ratio() -> None:
    assert spread([]) is None
    assert spread([5.0]) == Spread(5.0, 5.0, 5.0, 1)
    assert spread([9, 1, 2, 3]) == Spread(1, 2.5, 9, 4)
    assert ratio([2.0, None], [None, 1.0]) is None
    assert ratio([2.0, 9.0], [1.0, 3.0]) == Spread(2.0, 2.5, 3.0, 2)
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])


SPEEDS = st.lists(st.none() | st.floats(0.5, 1e4), min_size=3, max_size=3)
GROUPS = st.lists(
    st.builds(
        lambda connections, speeds, used: own(connections, *speeds, used=used),
        st.none() | st.integers(1, 256),
        SPEEDS,
        st.none() | st.integers(0, 256),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda group: group.connections,
)


@given(GROUPS, st.lists(st.builds(lambda speeds: other("x", *speeds), SPEEDS), max_size=2))
def test_any_figures_end_in_a_finding(groups: list[Group], others: list[Group]) -> None:
    finding = find([*groups, *others], LENGTH)
    assert finding.text.endswith(".")
    if finding.best is not None:
        best = next(group for group in groups if group.label == finding.best)
        assert best.counts
        fewest = min(
            (g for g in groups if g.counts and g.connections is not None),
            key=lambda group: group.connections or 0,
            default=best,
        )
        # What is recommended is never slower than the fewest that were tried.
        assert best is fewest or faster(best, fewest)
