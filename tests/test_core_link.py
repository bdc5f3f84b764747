"""The Link field: mirrors, descriptions, and what else servers send in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.link import MOST_LINKS, Link, duplicates, metalinks, parse_links
from segdl.core.mirrorurl import LAST_PRIORITY, MOST_MIRRORS
from segdl.core.url import parse_url

PURE = settings(deadline=None, derandomize=True, max_examples=300)
SENDER = parse_url("http://a.example/pub/f.iso?k=1")


def links(value: str) -> list[Link]:
    return parse_links(value, SENDER)


def targets(value: str) -> list[str]:
    return [link.location.url for link in links(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("<http://h/>", ["http://h/"]),
        ("<http://h/>;", ["http://h/"]),
        (" , ,<http://h/> , <http://i/>,", ["http://h/", "http://i/"]),
        ("<http://h/a,b;c>; rel=x", ["http://h/a,b;c"]),
        ('<http://h/>; t="a,b", <http://i/>', ["http://h/", "http://i/"]),
        ('<http://h/>; t="a\\"b,<http://no/>", <http://i/>', ["http://h/", "http://i/"]),
        ("<http://h/>; t='a, <http://i/>", ["http://h/", "http://i/"]),
        ("<http://h/>; t=a/b:c@d, <http://i/>", ["http://h/", "http://i/"]),
        ("<http://h/> rubbish; x, <http://i/>", ["http://h/", "http://i/"]),
        ('<http://h/>; t="never closed, <http://i/>', ["http://h/", "http://i/"]),
        ("rubbish <http://h/>", []),
        ("<http://h/", []),
        ("<>", ["http://a.example/pub/f.iso?k=1"]),
        ("<#part>", ["http://a.example/pub/f.iso?k=1"]),
        ("<?k=2>", ["http://a.example/pub/f.iso?k=2"]),
        ("<g.iso>", ["http://a.example/pub/g.iso"]),
        ("<../g.iso>", ["http://a.example/g.iso"]),
        ("</g.iso>", ["http://a.example/g.iso"]),
        ("<//h/g.iso>", ["http://h/g.iso"]),
        ("< http://h/a b >", ["http://h/a%20b"]),
        ("<ftp://h/>, <magnet:?x>, <javascript:x>, <http://[>, <http://h:x/>", []),
        ("<http://h/na\xc3\xafve>", ["http://h/na\xefve"]),
        ("<http://h/na\xefve>", ["http://h/na\xefve"]),
    ],
)
def test_targets(value: str, expected: list[str]) -> None:
    assert targets(value) == expected


@pytest.mark.parametrize(
    ("parameters", "relations"),
    [
        ("", set()),
        ("; rel", set()),
        ("; rel=", set()),
        ("; rel=duplicate", {"duplicate"}),
        (";rel=duplicate", {"duplicate"}),
        (" ;  REL = Duplicate", {"duplicate"}),
        ('; rel="next  Duplicate http://x/y"', {"next", "duplicate", "http://x/y"}),
        ("; rel=first; rel=duplicate", {"first"}),
        ("; x=rel; rel=up", {"up"}),
        (";;; rel=up", {"up"}),
        ("; rev=duplicate", set()),
        ('; rel="du\\plicate"', {"duplicate"}),
    ],
)
def test_relations(parameters: str, relations: set[str]) -> None:
    (link,) = links(f"<http://h/>{parameters}")
    assert link.relations == relations


def test_parameters() -> None:
    (link,) = links('<http://h/>; A=1; b="x; y, \\"z\\""; c; d=; a=2; e*=UTF-8\'\'x')
    found = {name: link.parameter(name) for name in ("a", "b", "c", "d", "e*", "f")}
    assert found == {"a": "1", "b": 'x; y, "z"', "c": "", "d": "", "e*": "UTF-8''x", "f": None}


@pytest.mark.parametrize(
    ("anchor", "about_this"),
    [
        ("#x", True),
        ("", True),
        ("http://a.example/pub/f.iso?k=1#y", True),
        ("http://a.example/pub/other", False),
        ("/", False),
        ("http://[", False),
    ],
)
def test_links_about_other_resources_are_left_out(anchor: str, about_this: bool) -> None:
    assert bool(links(f'<http://h/>; rel=duplicate; anchor="{anchor}"')) is about_this


def test_a_password_stays_with_its_origin() -> None:
    sender = parse_url("http://me:secret@a.example/f")
    here, there = parse_links("<g>, <http://b.example/g>", sender)
    assert here.location.user == ("me", "secret")
    assert there.location.user is None
    assert "secret" not in repr([here, there])


def mirrors(value: str, sender: str = "http://a.example/f") -> list[tuple[str, int, str]]:
    place = parse_url(sender)
    found = duplicates(parse_links(value, place), place)
    return [(mirror.url, mirror.priority, mirror.location) for mirror in found]


def test_the_mirrors_of_rfc_6249() -> None:
    value = (
        "<http://last.example/f>; rel=duplicate, "
        "<http://second.example/f>; rel=duplicate; pri=2; geo=GB; depth=1, "
        "<ftp://ftp.example/f>; rel=duplicate; pri=1, "
        "<http://same.example/f>; rel=duplicate; pri=1, "
        "<http://best.example/f>; rel=duplicate; pri=1; pref; depth=4, "
        "<http://no.example/f>; rel=alternate, "
        "</f>; rel=duplicate, "
        '<f.meta4>; rel=describedby; type="application/metalink4+xml"'
    )
    assert mirrors(value) == [
        ("http://best.example/f", 1, ""),
        ("http://same.example/f", 1, ""),
        ("http://second.example/f", 2, "gb"),
        ("http://last.example/f", LAST_PRIORITY, ""),
    ]
    place = parse_url("http://a.example/f")
    best, same, second, _ = duplicates(parse_links(value, place), place)
    assert (best.preferred, best.depth) == (True, 4)
    assert (same.preferred, same.depth) == (False, 0)
    assert second.depth == 1


@pytest.mark.parametrize(
    ("parameter", "priority"),
    [
        ("pri=1", 1),
        ('pri="20"', 20),
        ("pri=0", LAST_PRIORITY),
        ("pri=-1", LAST_PRIORITY),
        ("pri=" + "9" * 5000, LAST_PRIORITY),
        ("pri", LAST_PRIORITY),
        ("pri=3; pri=1", 3),
    ],
)
def test_priorities(parameter: str, priority: int) -> None:
    assert mirrors(f"<http://h/f>; rel=duplicate; {parameter}") == [("http://h/f", priority, "")]


@pytest.mark.parametrize("depth", ["", "-1", "x", "9" * 5000])
def test_a_depth_that_is_none(depth: str) -> None:
    place = parse_url("http://a.example/f")
    links = parse_links(f"<http://h/f>; rel=duplicate; depth={depth}", place)
    assert [mirror.depth for mirror in duplicates(links, place)] == [0]


def test_a_mirror_counts_once_and_the_sender_not() -> None:
    value = "<http://h/f>; rel=duplicate; pri=2, <http://h/f>; rel=duplicate; pri=1"
    assert mirrors(value) == [("http://h/f", 2, "")]
    assert mirrors("<http://a.example/f#x>; rel=duplicate") == []


def test_https_does_not_lead_to_http() -> None:
    value = "<http://h/f>; rel=duplicate, <https://i/f>; rel=duplicate"
    assert mirrors(value, "https://a.example/f") == [("https://i/f", LAST_PRIORITY, "")]
    assert len(mirrors(value, "http://a.example/f")) == 2


@pytest.mark.parametrize(
    ("parameters", "is_one"),
    [
        ('rel=describedby; type="application/metalink4+xml"', True),
        ("rel=describedby; type=application/metalink4+xml", True),
        ('rel=describedby; type="Application/Metalink+XML; charset=utf-8"', True),
        ('rel="up describedby"; type="application/metalink4+xml"', True),
        ('rel=describedby; type="application/x-bittorrent"', False),
        ('rel=describedby; type="application/metalink4+xmlish"', False),
        ("rel=describedby", False),
        ('rel=duplicate; type="application/metalink4+xml"', False),
    ],
)
def test_descriptions(parameters: str, is_one: bool) -> None:
    found = [place.url for place in metalinks(links(f"<f.meta4>; {parameters}"))]
    assert found == (["http://a.example/pub/f.meta4"] if is_one else [])


def test_how_much_is_read() -> None:
    many = ", ".join(f"<http://h/{n}>; rel=duplicate" for n in range(MOST_LINKS + 50))
    assert len(links(many)) == MOST_LINKS
    assert len(duplicates(links(many), SENDER)) == MOST_MIRRORS
    assert (
        links("<http://h/>, " * 9 + "," * 200_000 + "<http://i/>")[-1].location.url == "http://h/"
    )


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<>",
        "<h>,",
        ";",
        "<h>;",
        '<h>;a="',
        '<h>;a="\\',
        " ",
        "<h> ",
        '"',
        "\\",
        '<h>;a=" ,',
        "<h>;a =",
    ],
)
def test_nothing_takes_long(unit: str) -> None:
    began = time.process_time()
    links(unit * 200_000)
    links("<h>" + unit * 200_000)
    assert time.process_time() - began < 5


@PURE
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "<http://h/",
                "f",
                ">",
                "<",
                ";",
                ",",
                " rel=duplicate",
                "pri=1",
                '"',
                "\\",
                "=",
                "\x00",
                "\xff",
            ]
        )
    ).map("".join)
)
def test_any_text_is_read(value: str) -> None:
    found = links(value)
    for link in found:
        assert link.location.origin.scheme in {"http", "https"}
    for mirror in duplicates(found, SENDER):
        assert 1 <= mirror.priority <= LAST_PRIORITY
    metalinks(found)
