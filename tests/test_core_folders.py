"""Where URLs are below a folder."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.folders import component, path_below
from segdl.core.url import parse_url

START = "http://h/pub/"


@pytest.mark.parametrize(
    ("start", "place", "path"),
    [
        (START, "http://h/pub/", ""),
        (START, "http://h/pub/a", "a"),
        (START, "http://h/pub/a/", "a"),
        (START, "http://h:80/pub/a/b", "a/b"),
        (START, "http://h/pub/a?x=/y", "a"),
        ("http://h/pub/index.html?C=N", "http://h/pub/a", "a"),
        ("http://h/", "http://h/a/b/", "a/b"),
        ("http://h/p%C3%BCb/", "http://h/p%c3%bcb/%E9", "\udce9"),
        ("http://h/%70ub/", "http://h/pub/a", "a"),
        (START, "http://h/pub", None),
        (START, "http://h/public/a", None),
        (START, "http://h/", None),
        (START, "http://h/pub/../etc", None),
        (START, "http://h/pub/%2e%2e/etc", None),
        (START, "http://h/pub/..%2fetc", None),
        (START, "http://h/pub/a%2fb", None),
        (START, "http://h/pub/a%00", None),
        (START, "https://h/pub/a", None),
        (START, "http://h:81/pub/a", None),
        (START, "http://i/pub/a", None),
    ],
)
def test_paths(start: str, place: str, path: str | None) -> None:
    assert path_below(parse_url(start), parse_url(place)) == path


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda name: name.strip(". ") and "/" not in name))
def test_any_name_comes_back(name: str) -> None:
    if "\0" in name or "\ud800" <= max(name) <= "\udfff":
        return
    assert component(quote(name, safe="")) == name
    assert path_below(parse_url(START), parse_url(START + quote(name, safe=""))) == name


@settings(deadline=None)
@given(st.binary(min_size=1).filter(lambda name: name.strip(b". ") and not {*name} & {*b"/\0"}))
def test_any_bytes_come_back(raw: bytes) -> None:
    name = component(quote(raw, safe=""))
    assert name is not None
    assert name.encode("utf-8", "surrogateescape") == raw


def test_two_names_that_latin_1_would_make_one_are_two() -> None:
    assert component("%E4") != component("%C3%A4")
    assert path_below(parse_url("http://h/%E4/"), parse_url("http://h/%C3%A4/f")) is None
