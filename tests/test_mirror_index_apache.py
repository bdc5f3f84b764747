"""Index pages as a real Apache writes them, in each of its layouts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.walking import fetched, walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.apache import Apache

LAYOUTS = {
    "a plain list": [],
    "fancy": ["IndexOptions FancyIndexing"],
    "fancy, names whole": ["IndexOptions FancyIndexing NameWidth=*"],
    "a table": ["IndexOptions FancyIndexing HTMLTable"],
    "XHTML, icons are links": [
        "IndexOptions FancyIndexing IconsAreLinks XHTML",
        "AddIcon /i.gif *",
        'AddDescription "of 12-Jan-2020 10:00  44" *.bin',
    ],
    "a table, icons are links": [
        "IndexOptions FancyIndexing HTMLTable IconsAreLinks",
        "AddIcon /i.gif *",
    ],
    "the old form of dates": ["IndexOptions FancyIndexing UseOldDateFormat FoldersFirst"],
}
# Whatever a file may be called that a program may stumble over.
NAMES = [
    "a.txt",
    "a:b;.txt",
    "sp ace & amp.txt",
    "a&copy=b.txt",
    "x" * 90 + ".iso",
    "ü.txt",
    "q?uery.txt",
    "?C=N;O=D",
    "C=N;O=D",
    "h#ash",
    "100%.txt",
    "100%25.txt",
    "a+b=c,d@e!$'()*.bin",
    "<b>.html",
    'quo"te',
    "back\\slash",
    "tilde~",
    "[br]{ace}",
    "ctl\x01\n.txt",
    "javascript:x",
    "mailto:x",
    "http:",
    "..hidden",
    " lead",
    "trail ",
]


def lay_out(root: str) -> None:
    for name in NAMES:
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"x" * 1234567 if name == "a.txt" else b"x")
        os.utime(os.path.join(root, name), (1600000000, 1600000000))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_name_comes_through(apache: Callable[..., Apache], layout: str) -> None:
    server = apache(server=LAYOUTS[layout])
    folder = server.root / "pub"
    below = folder / "d ir&x;ü"
    below.mkdir(parents=True)
    lay_out(str(folder))
    lay_out(str(below))
    found = walked(server.url("/pub/"), robots=False).whole
    assert found.paths == sorted([*NAMES, *(f"d ir&x;ü/{name}" for name in NAMES)])
    # Nothing is asked for but the pages of the two folders.
    assert len(server.asked(2)) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_url_leads_to_its_file(apache: Callable[..., Apache], layout: str) -> None:
    server = apache(server=LAYOUTS[layout])
    for name in NAMES:
        (server.root / name).write_bytes(name.encode())
    found = walked(server.url(), robots=False).whole
    assert len(found.entries) == len(NAMES)
    for entry in found.entries:
        assert fetched(entry.urls[0]) == entry.path.encode()


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "a plain list"])
def test_rounded_sizes_are_no_sizes_and_times_are_told(
    apache: Callable[..., Apache], layout: str
) -> None:
    server = apache(server=LAYOUTS[layout])
    lay_out(str(server.root))
    found = walked(server.url(), robots=False).whole
    sizes = {entry.path: entry.size for entry in found.entries}
    assert sizes["a.txt"] is None
    # It has no zone, so it is somewhere around what it is: the same in every layout.
    times = {entry.modified for entry in found.entries}
    assert len(times) == 1
    told = times.pop()
    assert told is not None
    assert abs(told - 1600000000) <= 26 * 3600
    assert told % 60 == 0


def test_bytes_that_are_not_utf_8_stay_what_they_are(apache: Callable[..., Apache]) -> None:
    server = apache()
    name = os.fsencode(server.root) + b"/caf\xe9.txt"
    with open(name, "wb") as file:
        file.write(b"here")
    (entry,) = walked(server.url(), robots=False).whole.entries
    assert os.fsencode(entry.path) == b"caf\xe9.txt"
    assert fetched(entry.urls[0]) == b"here"


@pytest.mark.parametrize("layout", ["a plain list", "fancy", "a table"])
def test_a_link_to_the_folder_itself_is_a_loop_that_ends(
    apache: Callable[..., Apache], layout: str
) -> None:
    server = apache(server=LAYOUTS[layout])
    (server.root / "pub" / "deep" / "deeper").mkdir(parents=True)
    (server.root / "pub" / "one").write_bytes(b"1")
    (server.root / "pub" / "deep" / "two").write_bytes(b"2")
    (server.root / "pub" / "deep" / "deeper" / "three").write_bytes(b"3")
    (server.root / "pub" / "self").symlink_to(".")
    (server.root / "pub" / "deep" / "deeper" / "up").symlink_to("../..")
    found = walked(server.url("/pub/"), robots=False).whole
    assert found.paths == ["deep/deeper/three", "deep/two", "one"]
    assert len(found.said) == 2
    assert all("leads back to" in line for line in found.said)
    # pub, deep, deeper, and two for each loop.
    assert len(server.asked(7)) == 7


def test_two_folders_of_one_name_that_list_the_same_are_no_loop(
    apache: Callable[..., Apache],
) -> None:
    server = apache()
    (server.root / "six" / "six" / "six").mkdir(parents=True)
    for place in ("six/README", "six/six/README", "six/six/six/README"):
        (server.root / place).write_bytes(b"me")
    found = walked(server.url(), robots=False).whole
    assert found.paths == ["six/README", "six/six/README", "six/six/six/README"]
    assert found.said == []
    # It was taken for one, until it was looked for far below.
    assert "/" + "six/" * 9 in server.asked(5)
