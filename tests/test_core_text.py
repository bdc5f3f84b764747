"""Text that is safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.text import human_size, is_hostile, printable

PURE = settings(deadline=None, derandomize=True, max_examples=200)
any_text = st.text(alphabet=st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    "character",
    [
        *map(chr, range(32)),
        *map(chr, range(0x7F, 0xA0)),
        "\u061c",
        "\u200e",
        "\u200f",
        "\u2028",
        "\u2029",
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2060, 0x2070)),
        "\ufeff",
        "\ud800",
    ],
)
def test_hostile(character: str) -> None:
    assert is_hostile(character)
    assert printable(f"a{character}b") == "a?b"


@pytest.mark.parametrize(
    "character",
    ["\u00ad", "\u180e", "\u200b", "\U000e0001", *map(chr, range(0xE0020, 0xE0080))],
)
def test_what_cannot_be_seen_is_shown_and_no_harm(character: str) -> None:
    assert not is_hostile(character)
    assert printable(f"a{character}b") == "a?b"


@pytest.mark.parametrize(
    "character",
    [" ", "~", "é", "\xa0", "…", "中", "ع", "🎉", "\u0301", "\u200c", "\u200d", "\ufe0f", "�"],
)
def test_harmless(character: str) -> None:
    assert not is_hostile(character)
    assert printable(character) == character


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 10, ""),
        ("a" * 10, 10, "a" * 10),
        ("a" * 11, 10, "a" * 9 + "…"),
        ("a" * 5000, 10, "a" * 9 + "…"),
        ("\x1b]0;owned\x07", 100, "?]0;owned?"),
        ("one\r\ntwo\n", 100, "one??two?"),
        ("photo\u202egpj.exe", 100, "photo?gpj.exe"),
    ],
)
def test_printable(text: str, limit: int, expected: str) -> None:
    assert printable(text, limit) == expected


@PURE
@given(any_text, st.integers(1, 50))
def test_nothing_steers_a_terminal(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in shown)
    assert printable(shown, limit) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 52, "1023.9 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1024**2, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**4, "1.0 TiB"),
        (1 << 60, "1024.0 PiB"),
    ],
)
def test_human_size(count: float, expected: str) -> None:
    assert human_size(count) == expected
