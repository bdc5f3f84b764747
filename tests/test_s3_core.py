"""What is decided about parts, keys and a store's answers: tables, and any input."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.multipart import (
    LEAST_PART,
    MIB,
    MOST_PARTS,
    Stored,
    bare,
    etag_of,
    is_md5,
    part_size,
    span_of,
    usable,
)
from segdl.core.s3answer import Meaning, Told, read_answer
from segdl.core.s3url import S3Place, parse_prefix, parse_s3, place_of
from segdl.core.spans import OPEN, Span, union
from segdl.core.url import follow, parse_source, parse_url
from segdl.errors import ServerError, UsageError
from segdl.s3.inorder import InOrder


@given(st.integers(0, 5 * 1024 * MIB * MOST_PARTS))
def test_parts_tile_the_object_within_the_limits(size: int) -> None:
    length = part_size(size)
    count = max(1, -(-size // length))
    assert count <= MOST_PARTS
    assert length >= LEAST_PART
    assert length % MIB == 0
    assert length <= 5 * 1024 * MIB
    last = span_of(count, size, length)
    assert last.stop == size
    assert count == 1 or len(last) > 0
    spans = [span_of(number, size, length) for number in (1, count // 2 + 1, count)]
    assert all(span.start % length == 0 for span in spans)
    if count < 100:
        every = [span_of(number, size, length) for number in range(1, count + 1)]
        assert union(every) == ([Span(0, size)] if size else [])


def test_an_object_that_no_store_has_is_refused() -> None:
    with pytest.raises(UsageError):
        part_size(5 * 1024 * MIB * MOST_PARTS + 1)
    assert part_size(OPEN) == 2 * LEAST_PART
    assert part_size(80 * 1024 * MIB) == 9 * MIB


@given(
    st.integers(0, 100),
    st.integers(1, 20),
    st.dictionaries(st.integers(-1, 30), st.integers(0, 25)),
)
def test_only_parts_that_fit_are_gone_on_from(
    size: int, length: int, listed: dict[int, int]
) -> None:
    told = {number: Stored(count, "e") for number, count in listed.items()}
    found = usable(told, size, length)
    assert list(found) == sorted(found)
    for number, part in found.items():
        span = span_of(number, size, length)
        assert part.size == len(span)
        assert span.stop <= size


def test_etags() -> None:
    halves = [hashlib.md5(half).hexdigest() for half in (b"a", b"b")]
    joined = hashlib.md5(bytes.fromhex(halves[0] + halves[1])).hexdigest()
    assert etag_of(halves) == f"{joined}-2"
    assert bare(' "ABC" ') == "abc"
    assert [is_md5(text) for text in (halves[0], f"{joined}-2", "", "x" * 32)] == [True] + 3 * [
        False
    ]


@given(st.permutations(range(1, 7)), st.integers(1, 5), st.sets(st.integers(1, 6)))
def test_bytes_are_hashed_in_order_in_whatever_order_they_come(
    turns: list[int], size: int, again: set[int]
) -> None:
    content = bytes(range(6 * size))
    order = InOrder({"sha256"}, None)
    for number in turns:
        part = content[(number - 1) * size : number * size]
        if number in again:
            # It broke off, and comes again.
            order.add(number, part[: size // 2])
            order.drop(number)
        order.add(number, part[:1])
        order.add(number, part[1:])
        order.end(number)
    assert not order.spoilt
    assert order.finish()[0]["sha256"] == hashlib.sha256(content).hexdigest()


def test_bytes_that_were_hashed_and_then_replaced_are_told_of() -> None:
    order = InOrder({"md5"}, None)
    order.add(1, b"x")
    order.end(1)
    order.drop(1)
    assert order.spoilt


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://abc/k", "abc", "k"),
        ("S3://abc/k/", "abc", "k/"),
        ("s3://a.b-c_D9/é?x#y%20z", "a.b-c_D9", "é?x#y%20z"),
        ("s3://abc", "abc", ""),
    ],
)
def test_places(text: str, bucket: str, key: str) -> None:
    place = parse_s3(text)
    assert place == S3Place(bucket, key)
    assert place_of(place.url) == place


@given(st.text(min_size=1, max_size=50))
def test_any_key_comes_back_from_its_url(key: str) -> None:
    try:
        place = parse_s3(f"s3://abc/{key}")
    except UsageError:
        return
    assert place_of(place.url) == place
    assert place.url.isascii()
    assert place.url.isprintable()


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:///k", "s3://a/k", "s3://-ab/k", "s3://a b/k", "s3://abc/a/../b", "s3://abc/\x1b",
     "s3://abc/" + "k" * 1025, "s3://user:secret@abc/k"],
)  # fmt: skip
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_s3(text)
    assert "\x1b" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_prefixes() -> None:
    assert parse_prefix("s3://abc/x//") == S3Place("abc", "x/")
    assert S3Place("abc", "x/").below(PurePosixPath("a/b")) == S3Place("abc", "x/a/b")
    for path in ("/etc/passwd", "../x", "a/../../x", "."):
        with pytest.raises(UsageError):
            S3Place("abc", "x/").below(PurePosixPath(path))


@pytest.mark.parametrize("url", ["s3://abc/k", "sftp://h/x", "gs://b/x"])
def test_only_what_a_user_names_is_read_by_other_protocols(url: str) -> None:
    assert not parse_source(url).is_web
    with pytest.raises(UsageError):
        parse_url(url)
    with pytest.raises(ServerError):
        follow(parse_url("http://h/"), url)


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, b"", Meaning.FINE),
        (200, b"<Error><Code>InternalError</Code></Error>", Meaning.PASSING),
        (503, b"", Meaning.BUSY),
        (429, b"", Meaning.BUSY),
        (400, b"<Code>RequestTimeout</Code>", Meaning.PASSING),
        (500, b"\xff\xfe", Meaning.PASSING),
        (403, b"<Code>AccessDenied</Code><Message>Request has expired</Message>", Meaning.EXPIRED),
        (403, b"<Code>AccessDenied</Code>", Meaning.FAILED),
        (404, b"<Code>NoSuchUpload</Code>", Meaning.FAILED),
        (301, b"<Code>PermanentRedirect</Code>", Meaning.FAILED),
        (0, b"", Meaning.FAILED),
    ],
)
def test_answers(status: int, body: bytes, meaning: Meaning) -> None:
    assert read_answer(status, body).meaning is meaning


def test_what_a_store_says_steers_no_terminal() -> None:
    error = Told(403, "Access", "no\x1b[2J way").error("s3://b/k")
    assert "\x1b" not in str(error)
    assert "403" in error.message
