"""What a mirror decides: what is needed, which names it takes, who is away, what may go."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.checksum import Checksum
from segdl.core.identity import Version
from segdl.core.mirrordelete import check_deletion
from segdl.core.mirrorneed import Had, Listed, Need, Stat, lasting, listed_for_good, need_of
from segdl.core.mirrorpath import is_list_name, path_trouble, tidy_path
from segdl.core.outage import HERE, failed, is_over, may_try
from segdl.errors import IntegrityError

HERE_IT_IS = Stat(9, 1_000)
ONE, OTHER = Checksum("sha256", "1" * 64), Checksum("sha256", "2" * 64)
MD5 = Checksum("md5", "3" * 32)
HAD = Had(HERE_IT_IS, listed_modified=70, checksum=ONE, sha256=ONE.hexdigest)


@pytest.mark.parametrize(
    ("listed", "had", "found", "need"),
    [
        # Not here, or of another size: whatever else is said.
        (Listed(), HAD, None, Need.FETCH),
        (Listed(9, 70, ONE), HAD, None, Need.FETCH),
        (Listed(8, 70, ONE), HAD, HERE_IT_IS, Need.FETCH),
        # Unless it may be somebody else's.
        (Listed(8, 70, ONE), None, HERE_IT_IS, Need.READ),
        (Listed(8, 70, ONE), HAD, Stat(9, 2_000), Need.READ),
        (Listed(8, 70), None, HERE_IT_IS, Need.FETCH),
        # The digest of the list decides.
        (Listed(9, 70, ONE), HAD, HERE_IT_IS, Need.NOTHING),
        (Listed(None, 99, ONE), HAD, HERE_IT_IS, Need.NOTHING),
        (Listed(9, 70, OTHER), HAD, HERE_IT_IS, Need.FETCH),
        (Listed(9, 70, MD5), HAD, HERE_IT_IS, Need.READ),
        (Listed(9, 70, ONE), None, HERE_IT_IS, Need.READ),
        (Listed(9, 70, ONE), HAD, Stat(9, 2_000), Need.READ),
        # Then size and time, as the list told them before.
        (Listed(9, 70), HAD, HERE_IT_IS, Need.NOTHING),
        (Listed(9, 71), HAD, HERE_IT_IS, Need.ASK),
        (Listed(None, 70), HAD, HERE_IT_IS, Need.ASK),
        (Listed(9), HAD, HERE_IT_IS, Need.ASK),
        # Then the server.
        (Listed(), HAD, HERE_IT_IS, Need.ASK),
        (Listed(), None, HERE_IT_IS, Need.ASK),
        # Somebody changed it.
        (Listed(9, 70), HAD, Stat(9, 2_000), Need.FETCH),
        (Listed(), HAD, Stat(8, 1_000), Need.FETCH),
    ],
)
def test_what_is_needed(listed: Listed, had: Had | None, found: Stat | None, need: Need) -> None:
    assert need_of(listed, had, found) is need


@pytest.mark.parametrize(
    ("date", "lasts"),
    # A clock of the server that says another time altogether tells nothing.
    [(130, False), (131, False), (132, True), (129, False), (1, False), (-3600, True), (1e9, True)],
)
def test_what_is_remembered_of_a_file_that_just_changed(date: float, lasts: bool) -> None:
    told = Version(size=9, last_modified="Thu, 01 Jan 1970 00:02:10 GMT", date=date)
    assert lasting(told) == (told if lasts else Version(size=9))
    bare = replace(told, etag='"a"', last_modified=None)
    assert lasting(bare) == bare


@pytest.mark.parametrize(
    ("etag", "lasts"),
    [
        ('"6553f100-9"', False),
        ('W/"6553F100-9"', False),
        ('"1700000000.9"', False),
        ('"s44we89"', False),
        ('"6553f101-9"', True),
        ('"d41d8cd98f00b204e9800998ecf8427e"', True),
    ],
)
def test_an_etag_lasts_unless_it_is_made_of_the_second(etag: str, lasts: bool) -> None:
    modified = "Tue, 14 Nov 2023 22:13:20 GMT"
    told = Version(size=9, etag=etag, last_modified=modified, date=1_700_000_001)
    assert lasting(told) == Version(size=9, etag=etag if lasts else None)


@pytest.mark.parametrize("behind", [-2e5, 0, 2e5])
def test_the_servers_clock_tells_whether_a_time_of_the_list_is_over(behind: float) -> None:
    told = Version(last_modified="Thu, 01 Jan 1970 00:02:10 GMT", date=131)
    assert listed_for_good(130, told, 131 + behind) is None
    assert listed_for_good(130, replace(told, date=132), 131 - behind) == 130


def test_verify_reads_whatever_can_be_compared() -> None:
    assert need_of(Listed(9, 70, ONE), HAD, HERE_IT_IS, verify=True) is Need.READ
    assert need_of(Listed(9, 70), HAD, HERE_IT_IS, verify=True) is Need.READ
    assert need_of(Listed(8, 70), HAD, HERE_IT_IS, verify=True) is Need.FETCH


def test_sums_read_what_has_no_sha256() -> None:
    bare = replace(HAD, sha256=None, checksum=MD5)
    assert need_of(Listed(9, 70), bare, HERE_IT_IS, sums=True) is Need.READ
    assert need_of(Listed(9, 70, MD5), bare, HERE_IT_IS, sums=True) is Need.READ
    assert need_of(Listed(9, 70, MD5), bare, HERE_IT_IS) is Need.NOTHING
    assert need_of(Listed(9, 70), HAD, HERE_IT_IS, sums=True) is Need.NOTHING


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b c/ü",
        ".hidden",
        "a/.gitattributes",
        "..a",
        "a\\b",
        "x" * 255,
        "a\udce9",
        "a\u200cb\u200d",
        "a\u200bb\u00ad",
    ],
)
def test_names_that_are_kept(path: str) -> None:
    assert path_trouble(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/a", "..", "../a", "a/..", "a/../b", "a//b", "a/", ".", "a\0b", "a\nb", "a\x1bb",
        "a\u202eb", "a.segdl", "a.SEGDL/b", ".segdl/ledger.sqlite",
        "x" * 256, "ü" * 128, "/".join("a" * 65), "a\ud800",
    ],
)  # fmt: skip
def test_names_that_are_refused(path: str) -> None:
    assert path_trouble(path) is not None


@pytest.mark.parametrize("path", ["a:b", "con", "a/NUL.txt", "a.", "b ", "a\\..\\b", "q?"])
def test_names_that_windows_refuses(path: str) -> None:
    assert path_trouble(path) is None
    assert path_trouble(path, windows=True) is not None


@given(st.text(alphabet="ab./\\\0\n~", max_size=12))
def test_no_path_leaves_the_folder(text: str) -> None:
    path = tidy_path(text)
    if path_trouble(path) is None:
        place = os.path.normpath(os.path.join("/mirror", path))
        assert place.startswith("/mirror/")
        assert place == "/mirror/" + path


@pytest.mark.parametrize(
    "name",
    ["SHA256SUMS", "sha256sum.txt", "MD5SUMS", "index.html", "InRelease", "Release.gpg",
     "Packages.xz", "repomd.xml", "x.iso.sha256", "x.meta4", "CHECKSUM", "B2SUMS.asc"],
)  # fmt: skip
def test_lists_by_name(name: str) -> None:
    assert is_list_name(f"d/{name}")


@pytest.mark.parametrize("name", ["a.iso", "sums.iso", "Packages-1.0.tar.gz", "data.bin", "x.deb"])
def test_no_lists_by_name(name: str) -> None:
    assert not is_list_name(name)


def test_one_files_trouble_is_not_its_hosts() -> None:
    state = failed(failed(HERE, 0.0), 1.0)
    assert not state.away
    assert may_try(state, 1.0, 5)


def test_a_host_that_is_away_is_tried_by_one_file_less_and_less_often() -> None:
    state, now, tries = HERE, 0.0, []
    for _ in range(3):
        state = failed(state, now)
    while not is_over(state, now, 600.0):
        assert not may_try(state, state.not_before, 1)
        assert not may_try(state, state.not_before - 0.1, 0)
        now = state.not_before
        assert may_try(state, now, 0)
        tries.append(now)
        state = failed(state, now)
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps == sorted(gaps)
    assert 4 <= len(tries) <= 10


@given(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([0, 0.05, 0.1, 1]))
def test_no_more_is_deleted_than_allowed(gone: int, kept: int, share: float) -> None:
    here = gone + kept
    allowed = gone <= max(int(here * share), bool(share))
    try:
        check_deletion(gone, here, share)
    except IntegrityError:
        assert not allowed
    else:
        assert allowed
