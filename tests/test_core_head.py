"""Response heads: tables of fields, and no text that raises."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.head import (
    ContentRange,
    Head,
    parse_content_range,
    parse_head,
    parse_length,
    parse_retry_after,
)
from segdl.core.httpdate import parse_date
from segdl.core.identity import Version
from segdl.core.spans import OPEN, Span
from segdl.core.verdict import judge

PURE = settings(deadline=None, derandomize=True, max_examples=300)
NOV_1994 = 784111777.0
FIELDS = [
    "Content-Length",
    "Content-Range",
    "Content-Encoding",
    "Content-Type",
    "Content-Disposition",
    "ETag",
    "Last-Modified",
    "Retry-After",
    "Location",
    "Accept-Ranges",
    "Repr-Digest",
    "Digest",
    "Content-MD5",
    "x-goog-hash",
]


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("needs time.tzset")
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "XYZ+5")
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("5", 5),
        (" 5 ", 5),
        ("007", 7),
        ("5, 5", 5),
        ("5,5,5", 5),
        (str(1 << 60), 1 << 60),
        (str(OPEN - 1), OPEN - 1),
        (str(OPEN), None),
        ("9999999999999999999", None),
        ("9" * 5000, None),
        (None, None),
        ("", None),
        ("5, 6", None),
        ("5,", None),
        ("-1", None),
        ("+5", None),
        ("5.0", None),
        ("0x10", None),
        ("1_000", None),
        ("٣", None),
        ("5 5", None),
        ("five", None),
    ],
)
def test_content_length(value: str | None, expected: int | None) -> None:
    assert parse_length(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-499/1234", ContentRange(Span(0, 500), 1234)),
        ("bytes 500-999/1234", ContentRange(Span(500, 1000), 1234)),
        ("bytes 734-1233/1234", ContentRange(Span(734, 1234), 1234)),
        ("bytes 42-1233/*", ContentRange(Span(42, 1234), None)),
        ("bytes */1234", ContentRange(None, 1234)),
        ("bytes */0", ContentRange(None, 0)),
        ("bytes */*", ContentRange(None, None)),
        ("bytes 0-0/1", ContentRange(Span(0, 1), 1)),
        ("BYTES 0-0/1", ContentRange(Span(0, 1), 1)),
        ("  bytes   0-0/1 ", ContentRange(Span(0, 1), 1)),
        (f"bytes 0-{OPEN - 2}/{OPEN - 1}", ContentRange(Span(0, OPEN - 1), OPEN - 1)),
        (f"bytes 0-{OPEN - 1}/{OPEN}", None),
        (f"bytes 0-{OPEN - 1}/*", None),
        (f"bytes */{OPEN}", None),
        ("bytes 0-9/" + "9" * 19, None),
        ("bytes 0-9/" + "9" * 5000, None),
        (None, None),
        ("", None),
        ("bytes 0-1234/1234", None),
        ("bytes 5-4/10", None),
        ("bytes -5/10", None),
        ("bytes 5-/10", None),
        ("bytes=0-4/10", None),
        ("bytes 0-4", None),
        ("0-4/10", None),
        ("items 0-4/10", None),
        ("bytes 0-4/10, bytes 5-9/10", None),
        ("bytes \u0660-\u0664/10", None),
        ("bytes 0-4/10\r\nX: y", None),
        ("bytes 0 - 4/10", None),
    ],
)
def test_content_range(value: str | None, expected: ContentRange | None) -> None:
    assert parse_content_range(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("20", 20.0),
        (" 120 ", 120.0),
        ("86400", 86400.0),
        ("99999999999", 1e9),
        ("9" * 5000, 1e9),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 09:50:37 +0100", 60.0),
        ("Sun, 06 Nov 1994 08:50:37 -0000", 60.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("20 s", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:50:37 GMT", None),
        ("Sun, 06 Nov 1994 08:50:37 +9999", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
@pytest.mark.usefixtures("far_from_greenwich")
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, NOV_1994) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", NOV_1994),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOV_1994),
        ("Sun Nov  6 08:49:37 1994", NOV_1994),
        (None, None),
        ("", None),
        ("yesterday", None),
    ],
)
@pytest.mark.usefixtures("far_from_greenwich")
def test_dates(value: str | None, expected: float | None) -> None:
    assert parse_date(value) == expected


def test_a_whole_head() -> None:
    head = parse_head(
        206,
        {
            "Content-Length": "10",
            "Content-Range": "bytes 0-9/20",
            "ETag": ' "abc" ',
            "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
            "Content-Type": "Application/ZIP; charset=x",
            "Content-Encoding": " GZip ",
            "Content-Disposition": "attachment; filename=x",
            "Accept-Ranges": "Bytes",
            "Retry-After": "7",
            "Location": "/there",
            "Digest": "sha-256=abc",
            "Content-MD5": "",
        },
        now=0,
    )
    assert head == Head(
        status=206,
        length=10,
        content_range=ContentRange(Span(0, 10), 20),
        version=Version(
            size=20,
            etag='"abc"',
            last_modified="Sun, 06 Nov 1994 08:49:37 GMT",
            media_type="application/zip",
        ),
        encoding="gzip",
        retry_after=7.0,
        location="/there",
        disposition="attachment; filename=x",
        accept_ranges="bytes",
        digests=(("Digest", "sha-256=abc"),),
    )


def test_an_empty_head() -> None:
    assert parse_head(200, {}, now=0) == Head(status=200)


@pytest.mark.parametrize(
    ("status", "fields", "size"),
    [
        (200, {"Content-Length": "10"}, 10),
        (200, {"Content-Length": "0"}, 0),
        (200, {}, None),
        (200, {"Content-Length": "10", "Content-Range": "bytes 0-9/20"}, 10),
        (206, {"Content-Length": "10", "Content-Range": "bytes 0-9/20"}, 20),
        (206, {"Content-Length": "10", "Content-Range": "bytes 0-9/*"}, None),
        (206, {"Content-Length": "10"}, None),
        (416, {"Content-Length": "10", "Content-Range": "bytes */20"}, 20),
        (416, {"Content-Length": "10"}, None),
        (404, {"Content-Length": "10"}, None),
        (503, {"Content-Length": "10", "Content-Range": "bytes 0-9/20"}, None),
        (302, {"Content-Length": "0"}, None),
    ],
)
def test_which_field_tells_the_size(status: int, fields: dict[str, str], size: int | None) -> None:
    assert parse_head(status, fields, now=0).version.size == size


@pytest.mark.parametrize("value", ["identity", "Identity", " identity ", ""])
def test_identity_is_no_encoding(value: str) -> None:
    assert parse_head(200, {"Content-Encoding": value}, now=0).encoding == ""


def test_validators_without_end_are_not_kept() -> None:
    fields = {"ETag": '"' + "a" * 1022 + '"', "Last-Modified": "x" * 1025, "Digest": "d" * 1025}
    head = parse_head(200, fields, now=0)
    assert head.version.etag == fields["ETag"]
    assert head.version.last_modified is None
    assert head.digests == ()


texts = st.one_of(
    st.text(),
    st.text(alphabet="0123456789-/*, bytes", max_size=40),
    st.from_regex(r"bytes [0-9]{1,22}-[0-9]{1,22}/([0-9]{1,22}|\*)", fullmatch=True),
    st.from_regex(
        r"[A-Z][a-z]{2},? ?[0-9]{0,3}[- ](Jan|Nov|Xyz)[- ][0-9]{1,6} [0-9:]{0,9} ?"
        r"([+-][0-9]{0,6}|GMT)?",
        fullmatch=True,
    ),
    st.integers().map(str),
)


@PURE
@given(
    st.sampled_from([200, 206, 301, 416, 429, 503]) | st.integers(100, 999),
    st.dictionaries(st.sampled_from(FIELDS), texts),
    st.floats(0, 4e9),
)
def test_no_header_text_raises(status: int, fields: dict[str, str], now: float) -> None:
    head = parse_head(status, fields, now=now)
    assert head.status == status
    assert head.length is None or 0 <= head.length < OPEN
    assert head.retry_after is None or 0 <= head.retry_after < 1e15
    assert head.version.size is None or 0 <= head.version.size < OPEN
    if head.content_range and head.content_range.span:
        span, total = head.content_range.span, head.content_range.total
        assert len(span) > 0
        assert total is None or span.stop <= total
    # And what was read can be judged.
    for asked in (None, Span(0, OPEN), Span(5, 10)):
        judge(asked, head, None, "http://h/x")
        judge(asked, head, Version(size=9, etag='"a"'), "http://h/x")


@PURE
@given(texts)
def test_no_date_raises(text: str) -> None:
    for value in (parse_date(text), parse_retry_after(text, 0.0)):
        assert value is None or isinstance(value, float)
