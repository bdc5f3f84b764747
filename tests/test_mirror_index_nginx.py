"""Index pages as a real nginx writes them, in HTML and in JSON."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from segdl.mirror.fetcher import AT_ONCE
from support.program import run_segdl
from support.walking import fetched, walked
from test_mirror_index_apache import NAMES as APACHES

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx

FORMATS = {
    "html": ["autoindex on;"],
    "html, local times": ["autoindex on; autoindex_localtime on;"],
    "json": ["autoindex on; autoindex_format json;"],
}
# It keeps what begins with a dot to itself.
NAMES = [name for name in APACHES if not name.startswith(".")]
MODIFIED = 1600000000


def lay_out(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        path = folder / name
        path.write_bytes(b"x" * number)
        os.utime(path, (MODIFIED + number, MODIFIED + number))


@pytest.mark.parametrize("form", FORMATS)
def test_every_name_comes_through_with_its_exact_size(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    lay_out(tmp_path / "pub")
    lay_out(tmp_path / "pub" / "d ir&x;ü")
    found = walked(server.url("/pub/"), robots=False).whole
    expected = {name: number for number, name in enumerate(NAMES)}
    expected |= {f"d ir&x;ü/{name}": number for number, name in enumerate(NAMES)}
    assert {entry.path: entry.size for entry in found.entries} == expected
    assert len(found.entries) == len(expected)
    assert [record.target for record in server.log(2)] == ["/pub/", "/pub/d%20ir%26x%3B%C3%BC/"]


@pytest.mark.parametrize("form", FORMATS)
def test_many_pages_come_over_a_few_connections(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    for number in range(30):
        (tmp_path / "pub" / f"{number:02}").mkdir(parents=True)
        (tmp_path / "pub" / f"{number:02}" / "file").write_bytes(b"x")
    found = walked(server.url("/pub/")).whole
    assert len(found.entries) == 30
    log = server.log(32)
    assert [record.target for record in log[:2]] == ["/pub/", "/robots.txt"]
    assert len({record.connection for record in log}) <= AT_ONCE + 1


@pytest.mark.parametrize("form", FORMATS)
def test_every_url_leads_to_its_file(nginx: StartNginx, tmp_path: Path, form: str) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode())
    found = walked(server.url(), robots=False).whole
    assert len(found.entries) == len(NAMES)
    for entry in found.entries:
        assert fetched(entry.urls[0]) == entry.path.encode()


def test_times_are_to_the_minute_in_html_and_to_the_second_in_json(
    nginx: StartNginx, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"")
    os.utime(tmp_path / "a", (MODIFIED + 7, MODIFIED + 7))
    for form, expected in (("html", (MODIFIED + 7) // 60 * 60), ("json", MODIFIED + 7)):
        server = nginx(tmp_path, server=FORMATS[form])
        (entry,) = walked(server.url(), robots=False).whole.entries
        assert entry.modified == expected


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_replaced_before_its_minute_is_over_is_found_out(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    site, mirrored = tmp_path / "site", tmp_path / "mirrored"
    site.mkdir()
    server = nginx(site, server=FORMATS[form])
    # Whatever the time is, these are of the same minute, and it is not long over.
    minute = int(time.time()) // 60 * 60
    for second, content in enumerate((b"AAAA", b"BBBB", b"CCCC")):
        (site / "file").write_bytes(content)
        os.utime(site / "file", (minute + second, minute + second))
        assert run_segdl("mirror", server.url(), str(mirrored)).code == 0
        assert (mirrored / "file").read_bytes() == content


def test_rounded_sizes_are_no_sizes(nginx: StartNginx, tmp_path: Path) -> None:
    server = nginx(tmp_path, server=["autoindex on; autoindex_exact_size off;"])
    for size in (0, 9999, 10000, 1234567):
        (tmp_path / f"of-{size}").write_bytes(b"x" * size)
    found = walked(server.url(), robots=False).whole
    # It rounds from 10,000 on.
    assert {entry.path: entry.size for entry in found.entries} == {
        "of-0": 0,
        "of-9999": 9999,
        "of-10000": None,
        "of-1234567": None,
    }


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_that_are_not_utf_8_stay_what_they_are(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "wb") as file:
        file.write(b"here")
    (entry,) = walked(server.url(), robots=False).whole.entries
    assert os.fsencode(entry.path) == b"caf\xe9.txt"
    assert fetched(entry.urls[0]) == b"here"


def test_what_is_no_file_is_not_in_the_json(nginx: StartNginx, tmp_path: Path) -> None:
    server = nginx(tmp_path, server=FORMATS["json"])
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"1")
    assert walked(server.url(), robots=False).whole.paths == ["file"]


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_folder_is_an_empty_list(nginx: StartNginx, tmp_path: Path, form: str) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    assert walked(server.url(), robots=False).whole.paths == []


@pytest.mark.parametrize("form", FORMATS)
def test_loops_end_at_once(nginx: StartNginx, tmp_path: Path, form: str) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("1", "a/2", "a/b/3"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "a" / "b" / "up").symlink_to("../..")
    found = walked(server.url(), robots=False).whole
    assert found.paths == ["1", "a/2", "a/b/3"]
    assert len(found.said) == 3


@pytest.mark.parametrize("form", FORMATS)
def test_two_folders_that_lead_to_each_other_end(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    server = nginx(tmp_path, server=FORMATS[form])
    for name, other in (("left", "right"), ("right", "left")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in-{name}").write_bytes(b"x")
        (tmp_path / name / "across").symlink_to(f"../{other}")
    found = walked(server.url(), robots=False).whole
    # What the links lead to is there, too, once: no program can make links of it.
    assert found.paths == [
        "left/across/in-right",
        "left/in-left",
        "right/across/in-left",
        "right/in-right",
    ]
    assert len(found.said) == 2


def test_a_page_that_is_cut_is_an_error(nginx: StartNginx, tmp_path: Path) -> None:
    (tmp_path / "pub").mkdir()
    for number in range(200):
        (tmp_path / "pub" / f"file-{number}").write_bytes(b"")
    server = nginx(tmp_path, server=["autoindex on; autoindex_format json;"])
    page = fetched(server.url("/pub/"))
    (tmp_path / "cut").write_bytes(page[: len(page) // 2])
    (tmp_path / "whole").write_bytes(page)
    for name, count in (("whole", 200), ("cut", 99)):
        found = walked(server.url(name), robots=False)
        assert len(found.entries) >= count
        assert (found.error is None) == (name == "whole")
