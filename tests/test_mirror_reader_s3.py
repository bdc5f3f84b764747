"""Listings of buckets, as servers answer them."""

from __future__ import annotations

import io

import pytest

from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Further
from segdl.mirror.readers.s3 import S3Listing, s3_listing_without_md5
from support.lists import AWS, MD5, MINIO
from support.reading import entries, items, troubles

READER = S3Listing()
BUCKET = "https://bkt.s3.example.com/?list-type=2"


def page(inside: str, namespace: str = AWS) -> str:
    declared = f' xmlns="{namespace}"' if namespace else ""
    return f'<?xml version="1.0"?>\n<ListBucketResult{declared}>{inside}</ListBucketResult>\n'


def thing(key: str, etag: str = "", size: str = "5") -> str:
    return f"<Contents><Key>{key}</Key><ETag>{etag}</ETag><Size>{size}</Size></Contents>"


def test_what_a_real_server_answers() -> None:
    url = "http://127.0.0.1:9000/bkt/?encoding-type=url&list-type=2&prefix=data%2F"
    found = entries(READER, MINIO, url=url)
    assert [entry.path for entry in found] == ["a.txt", "b c+d%.txt", "caf\u00e9", "sub/e&.txt"]
    assert [entry.urls[0].removeprefix("http://127.0.0.1:9000/bkt/data/") for entry in found] == [
        "a.txt",
        "b%20c%2Bd%25.txt",
        "caf%C3%A9",
        "sub/e%26.txt",
    ]
    assert [entry.size for entry in found] == [11, 22, 15, 18]
    assert found[0].modified == 1795693575
    assert str(found[1].checksum) == f"md5={MD5}"
    # Uploaded in parts.
    assert found[3].checksum is None
    # Saved, it says all but where the bucket is.
    saved = entries(READER, MINIO, base="http://127.0.0.1:9000/bkt")
    assert saved == found
    with pytest.raises(UsageError, match="--base-url"):
        items(READER, MINIO, "list.xml")


@pytest.mark.parametrize("namespace", ["", AWS, "http://doc.s3.amazonaws.com/2006-03-01"])
def test_namespaces(namespace: str) -> None:
    text = page(thing("a b"), namespace)
    assert READER.recognises(text.encode(), Document(name=""))
    (entry,) = entries(READER, text, url=BUCKET)
    assert entry.urls == ("https://bkt.s3.example.com/a%20b",)


@pytest.mark.parametrize(
    "head",
    [b"<Error><Code>AccessDenied</Code></Error>", b"<html>", b"", b"<ListBucketResult", b"{}"],
)
def test_other_documents(head: bytes) -> None:
    assert not READER.recognises(head, Document(name=""))
    with pytest.raises(UsageError):
        items(READER, head, url=BUCKET)


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://b.s3.example.com/?list-type=2", None, "https://b.s3.example.com/k/a"),
        ("https://b.s3.example.com?list-type=2", None, "https://b.s3.example.com/k/a"),
        ("https://s3.example.com/b?list-type=2", None, "https://s3.example.com/b/k/a"),
        ("https://s3.example.com/b/?prefix=", None, "https://s3.example.com/b/k/a"),
        # The base is that of the first page.
        (
            "https://s3.example.com/b?list-type=2&continuation-token=x",
            "https://s3.example.com/b?list-type=2",
            "https://s3.example.com/b/k/a",
        ),
        ("https://s3.example.com/b?list-type=2", "https://cdn.example/x", "https://cdn.example/x/k/a"),
        (None, "https://cdn.example/x/?sig=1", "https://cdn.example/x/k/a?sig=1"),
    ],
)  # fmt: skip
def test_where_objects_are(url: str | None, base: str | None, expected: str) -> None:
    (entry,) = entries(READER, page(thing("k/a")), url=url, base=base)
    assert (entry.path, entry.urls) == ("k/a", (expected,))


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        ("", ["k/a", "k/ab/c"]),
        ("k/", ["a", "ab/c"]),
        ("k/a", ["a", "ab/c"]),
        ("k/ab/", ["k/a", "c"]),
        ("k", ["k/a", "k/ab/c"]),
    ],
)
def test_paths_are_below_the_prefix(prefix: str, paths: list[str]) -> None:
    things = thing("k/a") + thing("k/ab/c")
    told = entries(READER, page(f"<Prefix>{prefix}</Prefix>{things}"), url=BUCKET)
    asked = entries(READER, page(things), url=f"{BUCKET}&prefix={prefix.replace('/', '%2F')}")
    assert [entry.path for entry in told] == [entry.path for entry in asked] == paths


@pytest.mark.parametrize(
    ("etag", "md5"),
    [
        (f"&quot;{MD5}&quot;", MD5),
        (MD5, MD5),
        (MD5.upper(), MD5),
        (f"&quot;{MD5}-1&quot;", None),
        (f"&quot;{MD5}-10000&quot;", None),
        (f"W/&quot;{MD5}&quot;", None),
        (f"&quot;{MD5}00&quot;", None),
        ("&quot;g" + MD5[1:] + "&quot;", None),
        ("", None),
    ],
)
def test_which_etags_are_digests(etag: str, md5: str | None) -> None:
    (entry,) = entries(READER, page(thing("a", etag)), url=BUCKET)
    assert (entry.checksum and entry.checksum.hexdigest) == md5
    without = s3_listing_without_md5()
    (entry,) = entries(without, page(thing("a", etag)), url=BUCKET)
    assert entry.checksum is None
    assert not without.recognises(page("").encode(), Document(name=""))


def test_encoded_or_not() -> None:
    key = thing("a%2Bb+c")
    said = "<EncodingType>url</EncodingType>"
    for inside, path in ((key + said, "a+b c"), (said + key, "a+b c"), (key, "a%2Bb+c")):
        for url in (BUCKET, f"{BUCKET}&encoding-type=url"):
            # What is answered counts, not what was asked for.
            (entry,) = entries(READER, page(inside), url=url)
            assert entry.path == path
    # Bytes that are not UTF-8 can come in no other way.
    (entry,) = entries(READER, page(thing("a%FF") + said), url=BUCKET)
    assert (entry.path, entry.urls) == ("a\udcff", ("https://bkt.s3.example.com/a%FF",))


def test_a_listing_of_any_length_is_not_kept() -> None:
    many = "".join(thing(f"a+{number}") for number in range(10_500))
    found = entries(READER, page(many), url=BUCKET)
    assert [entry.path for entry in found] == [f"a+{number}" for number in range(10_500)]
    found = entries(READER, page(many), url=f"{BUCKET}&encoding-type=url")
    assert found[10_499].path == "a 10499"
    stream = io.BytesIO(page(many + "<EncodingType>url</EncodingType>").encode())
    reading = READER.read(stream, Document(name="", url=BUCKET, base=BUCKET))
    with pytest.raises(UsageError, match="too late"):
        for _ in reading:
            pass


@pytest.mark.parametrize(
    ("url", "inside", "further"),
    [
        (BUCKET, "<NextContinuationToken>a/b+=</NextContinuationToken>",
         f"{BUCKET}&continuation-token=a%2Fb%2B%3D"),
        (f"{BUCKET}&continuation-token=old&prefix=p%2F",
         "<NextContinuationToken>new</NextContinuationToken>",
         f"{BUCKET}&prefix=p%2F&continuation-token=new"),
        # ListObjects, without a version
        ("https://h/b", thing("a") + thing("b c"), "https://h/b?marker=b%20c"),
        ("https://h/b?marker=a", "<NextMarker>z</NextMarker>" + thing("b"), "https://h/b?marker=z"),
        ("https://h/b", thing("b+c") + "<NextMarker>b+d</NextMarker>"
         "<EncodingType>url</EncodingType>", "https://h/b?marker=b%20d"),
        ("https://h/b", thing("folder/"), "https://h/b?marker=folder%2F"),
    ],
)  # fmt: skip
def test_the_next_page(url: str, inside: str, further: str) -> None:
    text = page(f"<IsTruncated>true</IsTruncated>{inside}")
    found = items(READER, text, url=url)
    assert found[-1] == Further(url=further)
    assert not found[-1].deeper
    assert parse_url(further).url == further
    # The last one has none.
    assert not any(
        isinstance(item, Further) for item in items(READER, text.replace("true", "false"), url=url)
    )


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://h/b", ""),
        (f"{BUCKET}&continuation-token=t", "<NextContinuationToken>t</NextContinuationToken>"),
        ("https://h/b?marker=a", thing("a")),
        (None, "<NextContinuationToken>t</NextContinuationToken>"),
    ],
)
def test_a_listing_that_cannot_go_on_is_not_taken_for_whole(url: str | None, inside: str) -> None:
    with pytest.raises(UsageError):
        items(
            READER,
            page(f"<IsTruncated>true</IsTruncated>{inside}"),
            url=url,
            base=url or "https://h/b/",
        )


def test_what_is_longer_than_any_key_is_none_and_is_not_held() -> None:
    text = page(thing("a" * 5000) + thing("b", etag="c" * 5000))
    found = items(READER, text, url=BUCKET)
    assert [item.path for item in found if isinstance(item, Entry)] == ["b"]
    assert troubles(found) == {1: "an object has no key"}


def test_what_is_no_file() -> None:
    text = page(
        thing("a/")
        + thing("")
        + "<Contents><Size>5</Size></Contents>"
        + thing("b", size="-1")
        + "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
        + "<CommonPrefixes><Prefix>q\u202e/</Prefix></CommonPrefixes>"
        + "<Owner><Key>no</Key></Owner>"
        + "<Contents><Owner><Key>no</Key></Owner><Key>c</Key></Contents>"
        + "<x:Contents xmlns:x='urn:x'><x:Key>no</x:Key></x:Contents>"
    )
    found = items(READER, text, url=BUCKET)
    assert [item.path for item in found if isinstance(item, Entry)] == ["b", "c"]
    assert [item.size for item in found if isinstance(item, Entry)] == [None, None]
    assert list(troubles(found)) == [2, 3, 5]
    assert "2 folders, such as 'q?/'" in troubles(found)[5]


def test_hostile_keys_stay_at_the_bucket() -> None:
    keys = ["../x", "/etc/passwd", "//evil/x", "http://evil/x", "a//b", "a?b#c"]
    found = entries(READER, page("".join(map(thing, keys))), url=BUCKET)
    assert [entry.path for entry in found] == keys
    assert {parse_url(entry.urls[0]).origin.host for entry in found} == {"bkt.s3.example.com"}


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>' + page(thing("&a;"), ""),
        page(thing("a"))[:-40],
        page(thing("a" * (1 << 21))),
        page(f"<Contents x='{'a' * (1 << 22)}'/>"),
        page("<a>" * 100 + "</a>" * 100),
    ],
)
def test_hostile_xml(text: str) -> None:
    with pytest.raises(UsageError):
        items(READER, text, url=BUCKET)
