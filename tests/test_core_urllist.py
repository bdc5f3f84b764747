"""The grammar of URL lists, which `get` and mirrors share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.urllist import UrlLines, entries, read_entry
from segdl.errors import UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=300)


def split(*lines: str | None) -> list[tuple[int, str, list[str] | None]]:
    return [(entry.number, entry.line, entry.options) for entry in entries(lines)]


def test_which_lines_belong_together() -> None:
    assert split(
        "# first", "", "http://h/a\n", "  out=b", "", " # not an option", "\tdir=c\n", "http://h/d"
    ) == [(3, "http://h/a", ["out=b", "dir=c"]), (8, "http://h/d", [])]
    assert split("  http://h/a", " out=b") == [(1, "http://h/a", ["out=b"])]
    assert split() == split("", "#") == []


def test_lines_that_are_too_long() -> None:
    # It may have been what is said of the URL above.
    assert split("http://h/a", None, " out=b", "http://h/c") == [
        (1, "http://h/a", None),
        (3 + 1, "http://h/c", []),
    ]
    assert split("", None, "http://h/c") == [(2, "", None), (3, "http://h/c", [])]
    many = [" header=" + "x" * 1000] * 2000
    assert split("http://h/a", *many, "http://h/b") == [
        (1, "http://h/a", None),
        (2002, "http://h/b", []),
    ]
    with pytest.raises(UsageError, match="too long"):
        read_entry(UrlLines(1, "http://h/a", None))


def test_what_is_said_of_a_file() -> None:
    listed = read_entry(
        UrlLines(
            1,
            "http://h/a\t http://i/a \t",
            ["out=x=y", "dir = d ", "checksum=auto", "header=A: b", "header=C:d", "=y"],
        )
    )
    assert listed.urls == ("http://h/a", "http://i/a")
    assert (listed.out, listed.directory, listed.checksum) == ("x=y", "d", "auto")
    assert listed.headers == ("A: b", "C:d")
    assert "http" not in repr(listed)
    bare = read_entry(UrlLines(1, "http://h/a"))
    assert (bare.out, bare.directory, bare.checksum, bare.headers) == (None, None, None, ())


def test_an_indented_line_says_something_of_the_file_above_or_names_another() -> None:
    """A list that was copied with its indentation has all of its files."""
    lines = [
        "  http://h/a",
        " http://h/b?c=d",
        "http://h/e",
        "\tout=://x",
        "  header=Via: http://h",
    ]
    assert [(each.line, each.options) for each in entries(lines)] == [
        ("http://h/a", []),
        ("http://h/b?c=d", []),
        ("http://h/e", ["out=://x", "header=Via: http://h"]),
    ]
    with pytest.raises(UsageError, match="no option: 'and more'"):
        read_entry(UrlLines(1, "http://h/a", ["and more"]))


def test_blanks_are_those_of_ascii() -> None:
    lines = [
        "\u00a0http://h/a",
        "http://h/nb\u00a0\thttp://i/nb\u3000\n",
        " out=\u00a0nb\u2003 \r\n",
    ]
    first, entry = entries(lines)
    assert first.line == lines[0]
    listed = read_entry(entry)
    assert listed.urls == ("http://h/nb%C2%A0", "http://i/nb%E3%80%80")
    assert listed.out == "\u00a0nb\u2003"


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("ftp://h/a", []),
        ("http://h/a\tftp://h/a", []),
        ("http://h/a" + "\thttp://h/a" * 1000, []),
        ("http://h/a", ["checksum=md5=1"]),
    ],
)
def test_what_cannot_be_asked_for(line: str, options: list[str]) -> None:
    with pytest.raises(UsageError):
        read_entry(UrlLines(1, line, options))


@PURE
@given(st.lists(st.none() | st.text(alphabet="ah:/.#\t =\n", max_size=12), max_size=12))
def test_any_lines(lines: list[str | None]) -> None:
    numbers = []
    for entry in entries(lines):
        numbers.append(entry.number)
        try:
            assert read_entry(entry).urls
        except UsageError:
            pass
    assert numbers == sorted(set(numbers))
