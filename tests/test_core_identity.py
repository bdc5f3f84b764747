"""Which version a response is of: the ladder of validators."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.checksum import Claim, parse_checksum
from segdl.core.identity import Match, Version, compare, is_page_instead

PURE = settings(deadline=None, derandomize=True, max_examples=200)
MONDAY, TUESDAY = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"


def version(size: int | None, etag: str | None, modified: str | None) -> Version:
    return Version(size=size, etag=etag, last_modified=modified)


@pytest.mark.parametrize(
    ("etag", "strong"),
    [
        ('"a"', True),
        ('""', True),
        ('"a-gzip"', True),
        ('"' + "é" + '"', True),
        ('W/"a"', False),
        ('w/"a"', False),
        ("a", False),
        ('"a', False),
        ('a"', False),
        ('"', False),
        ('"a""', False),
        ('"a", "b"', False),
        ('"a\r\nX: y"', False),
        ('"a"\n', False),
        ("", False),
        (None, False),
    ],
)
def test_strong_etags(etag: str | None, strong: bool) -> None:
    assert Version(etag=etag).strong_etag == (etag if strong else None)
    assert Version(etag=etag).proves is strong


def test_what_proves() -> None:
    assert Version(last_modified=MONDAY).proves
    assert Version(etag='W/"a"', last_modified=MONDAY).proves
    assert not Version(size=5).proves
    assert not Version(size=5, etag='W/"a"').proves


def test_without_etag() -> None:
    one = Version(size=5, etag='"a"', last_modified=MONDAY, media_type="a/b")
    assert one.without_etag() == Version(size=5, last_modified=MONDAY, media_type="a/b")


SAME, DIFFERENT, DOUBTFUL = Match.SAME, Match.DIFFERENT, Match.DOUBTFUL


@pytest.mark.parametrize(
    ("pinned", "seen", "match"),
    [
        # Nothing is known.
        ((None, None, None), (None, None, None), SAME),
        # Only sizes.
        ((9, None, None), (9, None, None), SAME),
        ((9, None, None), (8, None, None), DIFFERENT),
        ((0, None, None), (9, None, None), DIFFERENT),
        ((9, None, None), (None, None, None), SAME),
        ((None, None, None), (9, None, None), SAME),
        # Entity tags.
        ((9, '"a"', None), (9, '"a"', None), SAME),
        ((9, '"a"', None), (9, '"b"', None), DOUBTFUL),
        ((9, '"a"', None), (9, None, None), DOUBTFUL),
        ((9, '"a"', None), (8, '"a"', None), DIFFERENT),
        ((9, '"a"', None), (None, '"a"', None), SAME),
        ((9, '"a"', None), (9, 'W/"a"', None), DOUBTFUL),
        ((9, None, None), (9, '"a"', None), SAME),
        # Dates.
        ((9, None, MONDAY), (9, None, MONDAY), SAME),
        ((9, None, MONDAY), (9, None, TUESDAY), DIFFERENT),
        ((9, None, MONDAY), (9, None, None), DOUBTFUL),
        ((9, None, None), (9, None, MONDAY), SAME),
        ((9, None, MONDAY), (8, None, MONDAY), DIFFERENT),
        # Both.
        ((9, '"a"', MONDAY), (9, '"a"', MONDAY), SAME),
        ((9, '"a"', MONDAY), (9, '"b"', MONDAY), DOUBTFUL),
        ((9, '"a"', MONDAY), (9, '"a"', TUESDAY), DIFFERENT),
        ((9, '"a"', MONDAY), (9, '"b"', TUESDAY), DIFFERENT),
        ((9, '"a"', MONDAY), (9, None, MONDAY), SAME),
        ((9, '"a"', MONDAY), (9, '"a"', None), SAME),
        ((9, '"a"', MONDAY), (9, None, None), DOUBTFUL),
        ((9, '"a"', MONDAY), (9, None, TUESDAY), DIFFERENT),
        ((9, None, MONDAY), (9, '"a"', MONDAY), SAME),
    ],
)
def test_compare(
    pinned: tuple[int | None, str | None, str | None],
    seen: tuple[int | None, str | None, str | None],
    match: Match,
) -> None:
    assert compare(version(*pinned), version(*seen)) is match


@pytest.mark.parametrize(
    ("pinned", "seen", "match"),
    [
        ("md5=" + "0" * 32, "md5=" + "0" * 32, SAME),
        ("md5=" + "0" * 32, "md5=" + "1" * 32, DIFFERENT),
        ("md5=" + "0" * 32, "sha256=" + "1" * 64, SAME),
        ("md5=" + "0" * 32, None, SAME),
        (None, "md5=" + "0" * 32, SAME),
        ("crc32c=" + "0" * 8, "crc32c=" + "0" * 8, SAME),
        ("crc32c=" + "0" * 8, "crc32c=" + "1" * 8, DIFFERENT),
        ("crc32c=" + "0" * 8, "md5=" + "1" * 32, SAME),
    ],
)
def test_digests_speak_against(pinned: str | None, seen: str | None, match: Match) -> None:
    def having(digest: str | None, source: str) -> Version:
        claim = None if digest is None else Claim(parse_checksum(digest), source)
        return Version(size=9, etag='"a"', last_modified=MONDAY, digest=claim)

    one, other = having(pinned, "Digest"), having(seen, "Repr-Digest")
    assert compare(one, other) is match is compare(other, one)
    assert one.contradicts(other) is (match is DIFFERENT)
    assert compare(one.without_digest(), other) is SAME
    # What another ETag leaves in doubt, an equal digest does not settle.
    assert compare(one, replace(one, etag='"b"')) is DOUBTFUL
    assert not Version(size=9, digest=one.digest).proves


versions = st.builds(
    Version,
    size=st.sampled_from([None, 0, 8, 9]),
    etag=st.sampled_from([None, '"a"', '"b"', 'W/"a"']),
    last_modified=st.sampled_from([None, MONDAY, TUESDAY]),
)


@PURE
@given(versions)
def test_a_version_is_the_same_as_itself(one: Version) -> None:
    assert compare(one, one) is SAME


@PURE
@given(versions, versions)
def test_another_size_or_date_is_never_the_same(one: Version, other: Version) -> None:
    sizes = {one.size, other.size} - {None}
    dates = {one.last_modified, other.last_modified} - {None}
    if len(sizes) == 2 or len(dates) == 2:
        assert compare(one, other) is DIFFERENT is compare(other, one)
    else:
        assert compare(one, other) is not DIFFERENT


@PURE
@given(versions, versions)
def test_without_an_etag_only_a_lost_date_is_in_doubt(one: Version, other: Version) -> None:
    match = compare(one.without_etag(), other)
    lost = one.last_modified is not None and other.last_modified is None
    assert (match is DOUBTFUL) == (lost and match is not DIFFERENT)


@pytest.mark.parametrize(
    ("pinned", "seen", "page"),
    [
        ("application/zip", "text/html", True),
        ("application/zip", "application/xhtml+xml", True),
        ("", "text/html", True),
        ("text/plain", "text/html", True),
        ("text/html", "text/html", False),
        ("application/xhtml+xml", "text/html", False),
        ("text/html", "application/zip", False),
        ("application/zip", "application/json", False),
        ("application/zip", "", False),
    ],
)
def test_a_page_instead(pinned: str, seen: str, page: bool) -> None:
    assert is_page_instead(Version(media_type=pinned), Version(media_type=seen)) is page
