"""What holds for single hosts: their headers go unencrypted only where the user says so."""

from __future__ import annotations

import pytest

from segdl.core.url import parse_url
from segdl.mirror.options import HostProfile
from segdl.mirror.profiles import Profiles

KEY = (("X-Key", "k"),)


@pytest.mark.parametrize(
    ("source", "host", "url", "given"),
    [
        ("https://s.example/list", "h", "https://h/f", True),
        ("https://s.example/list", "h", "https://h:8443/f", True),
        ("https://s.example/list", "h", "http://h/f", False),
        ("https://s.example/list", "h", "http://h:8080/f", False),
        ("http://s.example/list", "h", "http://h/f", False),
        # The user has the list itself asked for like that.
        ("http://h/list", "h", "http://h/f", True),
        ("http://h/list", "h", "http://h:8080/f", True),
        ("https://h/list", "h", "http://h/f", False),
        # The user says where.
        ("https://s.example/list", "h:80", "http://h/f", True),
        ("https://s.example/list", "h:80", "http://h:8080/f", False),
        ("https://s.example/list", "h:8080", "http://h:8080/f", True),
        ("https://s.example/list", "h:8080", "https://h:8080/f", True),
        ("https://s.example/list", "h:443", "https://h/f", True),
        ("https://s.example/list", "h:443", "http://h:443/f", False),
        ("https://s.example/list", "h:80", "https://h/f", False),
        # The list is the user's own.
        ("list.txt", "h", "http://h/f", True),
        ("-", "h", "http://h:8080/f", True),
        ("-", "h", "http://sub.h/f", False),
    ],
)
def test_whom_headers_may_be_shown_to(source: str, host: str, url: str, given: bool) -> None:
    profiles = Profiles([HostProfile(host=host, headers=KEY)], source, lambda _: None)
    assert profiles.headers(parse_url(url)) == (KEY if given else ())


def test_what_names_the_port_goes_first() -> None:
    hosts = [
        HostProfile(host="h", headers=KEY, connections=1),
        HostProfile(host="h:80", connections=2),
        HostProfile(host="h:8080", headers=(("X-Key", "8080"),)),
        HostProfile(host="web:80", connections=3),
    ]
    profiles = Profiles(hosts, "-", lambda _: None)
    assert profiles.headers(parse_url("http://h:8080/f")) == (("X-Key", "8080"),)
    assert profiles.headers(parse_url("http://h/f")) == ()
    assert profiles.headers(parse_url("https://h/f")) == KEY
    named = ("h", "h:81", "h:8080", "web", "other")
    assert [profiles.connections(host) for host in named] == [1, 1, None, 3, None]


def test_a_host_is_told_of_once() -> None:
    said: list[str] = []
    hosts = [HostProfile(host=host, headers=KEY) for host in ("h", "g:443")]
    profiles = Profiles([*hosts, HostProfile(host="none")], "https://s.example/list", said.append)
    for url in ("http://h/a?k=secret", "http://h:8080/b", "http://g:443/", "http://none/"):
        profiles.headers(parse_url(url))
    assert said == [
        (
            'the list names http://h:80: what [host."h"] has for it is not sent unencrypted;'
            ' if it may be, say so: [host."h:80"]'
        ),
        'the list names http://g:443: what [host."g:443"] has for it is not sent unencrypted',
    ]
