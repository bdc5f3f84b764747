"""What a response means: every status, every range that is not the one asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.head import ContentRange, Head, parse_head
from segdl.core.identity import Version
from segdl.core.spans import OPEN, Span
from segdl.core.verdict import Accept, Changed, Fail, Refused, Retry, Unranged, Verdict, judge
from segdl.errors import IntegrityError, ServerError

PURE = settings(deadline=None, derandomize=True, max_examples=300)
URL = "http://h.example/file.bin"
PIN = Version(size=1000, etag='"a"', media_type="application/zip")
ASKED = Span(100, 200)

TRANSIENT = {408, 425, 500, 502, 504, 520, 521, 522, 523, 524, 529, 530, 598, 599}
REFUSED = {429, 503}
EXPIRED = {400, 401, 403, 404, 410}


def head(status: int, **fields: str) -> Head:
    return parse_head(
        status, {name.replace("_", "-").title(): text for name, text in fields.items()}, now=0
    )


def partial(content_range: str | None, length: str | None = None, etag: str = '"a"') -> Head:
    fields = {"Content-Range": content_range, "Content-Length": length, "ETag": etag}
    return parse_head(206, {name: text for name, text in fields.items() if text}, now=0)


def check_no_success(status: int, asked: Span | None, pinned: Version | None) -> None:
    verdict = judge(asked, Head(status=status, retry_after=7.0), pinned, URL)
    if status in REFUSED:
        assert isinstance(verdict, Refused)
        assert verdict.after == 7.0
    elif status in TRANSIENT:
        assert isinstance(verdict, Retry)
    elif status in {412, 416}:
        assert isinstance(verdict, Unranged if pinned is None else Changed)
        assert pinned is None or str(status) in verdict.why
        return
    else:
        assert isinstance(verdict, Fail)
        assert verdict.expired == (status in EXPIRED)
    assert isinstance(verdict.error, ServerError)
    assert verdict.error.status == status
    assert verdict.error.exit_code == 4
    assert verdict.error.message == f"{URL}: the server answered {status}"


@pytest.mark.parametrize("pinned", [None, PIN])
@pytest.mark.parametrize("asked", [None, ASKED, Span(0, OPEN)])
def test_every_status_that_is_no_success(asked: Span | None, pinned: Version | None) -> None:
    for status in sorted({*range(100, 600)} - {200, 206}):
        check_no_success(status, asked, pinned)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "-u"),
        (403, "expired"),
        (404, "check the URL"),
        (410, "check the URL"),
        (407, "--proxy"),
        (429, "-j"),
        (503, "-j"),
        (500, "later"),
        (501, "later"),
    ],
)
def test_what_to_do_next(status: int, hint: str) -> None:
    verdict = judge(ASKED, Head(status=status), None, URL)
    assert isinstance(verdict, Refused | Retry | Fail)
    assert hint in verdict.error.hint


@pytest.mark.parametrize("after", [None, 0.0, 20.0])
@pytest.mark.parametrize("status", sorted(REFUSED))
def test_a_refusal_says_when(status: int, after: float | None) -> None:
    verdict = judge(ASKED, Head(status=status, retry_after=after), PIN, URL)
    assert isinstance(verdict, Refused)
    # At once is no time: nobody would ask again and again without a pause.
    assert verdict.after == (after or None)


@pytest.mark.parametrize(
    ("asked", "content_range", "length", "accepted"),
    [
        (ASKED, "bytes 100-199/1000", "100", (100, 200)),
        (ASKED, "bytes 100-199/1000", None, (100, 200)),
        (ASKED, "bytes 100-199/*", "100", (100, 200)),
        # Shorter than asked is legal.
        (ASKED, "bytes 100-149/1000", "50", (100, 150)),
        (ASKED, "bytes 100-100/1000", None, (100, 101)),
        (Span(0, OPEN), "bytes 0-999/1000", "1000", (0, 1000)),
        (Span(900, OPEN), "bytes 900-999/1000", "100", (900, 1000)),
        (Span(900, OPEN), "bytes 900-909/1000", "10", (900, 910)),
        # Another range than asked.
        (ASKED, "bytes 0-99/1000", "100", None),
        (ASKED, "bytes 99-199/1000", "101", None),
        (ASKED, "bytes 101-199/1000", "99", None),
        (ASKED, "bytes 100-200/1000", "101", None),
        (ASKED, "bytes 100-999/1000", "900", None),
        (ASKED, "bytes 0-999/1000", "1000", None),
        (ASKED, "bytes 200-299/1000", "100", None),
        (Span(900, OPEN), "bytes 0-999/1000", "1000", None),
        # A length that is a lie.
        (ASKED, "bytes 100-199/1000", "99", None),
        (ASKED, "bytes 100-199/1000", "101", None),
        (ASKED, "bytes 100-199/1000", "1000", None),
        (ASKED, "bytes 100-199/1000", "0", None),
        # No usable Content-Range; multipart has none in its head.
        (ASKED, None, "100", None),
        (ASKED, "bytes */1000", "100", None),
        (ASKED, "bytes 100-199", "100", None),
        (ASKED, "bytes 199-100/1000", "100", None),
        (ASKED, "bytes 100-1000/1000", "901", None),
        (ASKED, "elephants 100-199/1000", "100", None),
        # A range that nobody asked for.
        (None, "bytes 0-999/1000", "1000", None),
    ],
)
@pytest.mark.parametrize("pinned", [None, PIN])
def test_ranges(
    asked: Span | None,
    content_range: str | None,
    length: str | None,
    accepted: tuple[int, int] | None,
    pinned: Version | None,
) -> None:
    verdict = judge(asked, partial(content_range, length), pinned, URL)
    if accepted:
        assert verdict == Accept(*accepted)
    else:
        assert isinstance(verdict, Unranged)


@pytest.mark.parametrize("media_type", ["multipart/byteranges; boundary=x", "Multipart/ByteRanges"])
@pytest.mark.parametrize("pinned", [None, PIN])
def test_a_range_in_parts_is_not_the_range(media_type: str, pinned: Version | None) -> None:
    fields = {
        "Content-Type": media_type,
        "Content-Range": "bytes 100-199/1000",
        "Content-Length": "100",
        "ETag": '"a"',
    }
    verdict = judge(ASKED, parse_head(206, fields, now=0), pinned, URL)
    assert verdict == Unranged("the server answers one range in several parts")
    assert judge(None, parse_head(200, fields, now=0), None, URL) == Accept(0, 100)


def test_another_range_is_named() -> None:
    verdict = judge(ASKED, partial("bytes 5-9/1000"), PIN, URL)
    assert verdict == Unranged("the server answers bytes 5-9 where 100-199 were asked for")


@pytest.mark.parametrize(
    ("asked", "length", "whole_will_do", "accepted"),
    [
        (None, "1000", False, (0, 1000)),
        (None, None, False, (0, None)),
        (None, "0", False, (0, 0)),
        (Span(0, OPEN), "1000", True, (0, 1000)),
        (Span(0, 100), None, True, (0, None)),
        (ASKED, "1000", True, (0, 1000)),
        (ASKED, "1000", False, None),
        (ASKED, "100", False, None),
        (Span(0, OPEN), "1000", False, None),
        (Span(0, 1000), "1000", False, None),
    ],
)
def test_the_whole_file(
    asked: Span | None,
    length: str | None,
    whole_will_do: bool,
    accepted: tuple[int, int | None] | None,
) -> None:
    answer = head(200, content_length=length) if length else head(200)
    verdict = judge(asked, answer, None, URL, whole_will_do=whole_will_do)
    assert verdict == (Accept(*accepted) if accepted else Unranged("the server ignores the range"))


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Version(size=999, etag='"a"'), "999"),
        (Version(size=1000, etag='"b"'), "ETag"),
        (Version(size=1000), "ETag"),
    ],
)
def test_another_version_is_never_accepted(status: int, seen: Version, why: str) -> None:
    answer = Head(
        status=status,
        length=100,
        content_range=ContentRange(ASKED, seen.size) if status == 206 else None,
        version=seen,
    )
    for whole_will_do in (False, True):
        verdict = judge(ASKED, answer, PIN, URL, whole_will_do=whole_will_do)
        assert isinstance(verdict, Changed)
        assert why in verdict.why


MONDAY, TUESDAY = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("pinned", "seen", "why"),
    [
        (Version(last_modified=MONDAY), Version(last_modified=TUESDAY), "it was modified since"),
        (
            Version(size=1000, last_modified=MONDAY),
            Version(last_modified=TUESDAY),
            "it was modified since",
        ),
        (
            Version(size=1000, last_modified=MONDAY),
            Version(size=999, last_modified=TUESDAY),
            "it has 999 bytes now, it had 1000",
        ),
        (
            Version(etag='"a"', last_modified=MONDAY),
            Version(etag='"b"', last_modified=MONDAY),
            "its ETag is another now",
        ),
        (
            Version(etag='"a"', last_modified=MONDAY),
            Version(etag='"b"'),
            "its ETag is another now",
        ),
        (
            Version(etag='"a"'),
            Version(etag='"b"', last_modified=MONDAY),
            "its ETag is another now",
        ),
    ],
)
def test_what_changed_is_named(pinned: Version, seen: Version, why: str) -> None:
    answer = Head(status=206, content_range=ContentRange(ASKED, 1000), version=seen)
    assert judge(ASKED, answer, pinned, URL) == Changed(why)


@pytest.mark.parametrize("status", [200, 206])
def test_a_login_page_is_no_file(status: int) -> None:
    answer = Head(
        status=status,
        length=100,
        content_range=ContentRange(ASKED, 1000),
        version=Version(size=1000, etag='"a"', media_type="text/html"),
    )
    verdict = judge(ASKED, answer, PIN, URL, whole_will_do=True)
    assert isinstance(verdict, Retry)
    assert "web page" in verdict.error.message
    # Where a page is what was asked for, it is the file.
    page = Version(size=1000, etag='"a"', media_type="text/html")
    assert isinstance(judge(None, head(200), None, URL), Accept)
    if status == 206:
        assert judge(ASKED, answer, page, URL) == Accept(100, 200)


@pytest.mark.parametrize(
    ("path", "encoding", "fine"),
    [
        ("x.bin", "", True),
        ("x.bin", "identity", True),
        ("x.bin", "gzip", False),
        ("x.bin", "br", False),
        ("x.bin", "zstd", False),
        ("x.bin", "deflate", False),
        ("x.bin", "gzip, gzip", False),
        ("x.tar.gz", "gzip", True),
        ("x.tar.GZ", "x-gzip", True),
        ("x.tgz", "gzip", True),
        ("x.br", "br", True),
        ("x.zst", "zstd", True),
        ("x.gz", "br", False),
        ("x.gz", "gzip, br", False),
        ("x.gzip", "gzip", False),
    ],
)
@pytest.mark.parametrize("pinned", [None, PIN])
def test_encodings(path: str, encoding: str, fine: bool, pinned: Version | None) -> None:
    fields = {
        "Content-Range": "bytes 100-199/1000",
        "Content-Encoding": encoding,
        "ETag": '"a"',
    }
    verdict = judge(ASKED, parse_head(206, fields, now=0), pinned, f"http://h.example/{path}")
    if fine:
        assert verdict == Accept(100, 200)
    else:
        assert isinstance(verdict, Fail)
        assert isinstance(verdict.error, IntegrityError)
        assert "try another URL" in verdict.error.hint
        assert not verdict.expired


def test_an_encoding_cannot_steer_a_terminal() -> None:
    verdict = judge(None, Head(status=200, encoding="\x1b[2J" + "x" * 5000), None, URL)
    assert isinstance(verdict, Fail)
    assert "\x1b" not in str(verdict.error)
    assert len(str(verdict.error)) < 250


optional_size = st.none() | st.integers(0, 1200)
places = st.integers(0, 1200)
spans = st.tuples(places, places).filter(lambda p: p[0] != p[1]).map(lambda p: Span(*sorted(p)))
heads = st.builds(
    Head,
    status=st.sampled_from([200, 206, 206, 206, 404, 412, 416, 429, 500]),
    length=optional_size,
    content_range=st.none()
    | st.builds(ContentRange, st.none() | spans | st.just(ASKED), optional_size),
    version=st.builds(
        Version,
        size=st.sampled_from([None, 1000, 1000, 999]),
        etag=st.sampled_from([None, '"a"', '"a"', '"b"']),
        media_type=st.sampled_from(["", "application/zip", "text/html"]),
    ),
    encoding=st.sampled_from(["", "", "", "gzip"]),
)


@PURE
@given(heads, st.sampled_from([None, ASKED, Span(0, OPEN)]), st.sampled_from([None, PIN]))
def test_what_is_accepted_is_what_was_asked_of_the_right_version(
    answer: Head, asked: Span | None, pinned: Version | None
) -> None:
    verdict: Verdict = judge(asked, answer, pinned, URL)
    if not isinstance(verdict, Accept):
        return
    assert answer.encoding == ""
    if pinned is not None:
        assert answer.version.etag == pinned.etag
        assert answer.version.size in {None, pinned.size}
        assert answer.version.media_type != "text/html"
    if answer.status == 200:
        assert asked is None
        assert verdict == Accept(0, answer.length)
    else:
        assert answer.status == 206
        assert asked is not None
        assert verdict.start == asked.start
        assert verdict.stop is not None
        assert verdict.stop <= asked.stop
        assert answer.length in {None, verdict.stop - verdict.start}
