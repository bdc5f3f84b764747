"""Digests in header fields: what counts, what does not, and no text that raises."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.checksum import DIGITS, Checksum, Claim
from segdl.core.digests import digest_fields, strongest
from segdl.core.head import parse_head

PURE = settings(deadline=None, derandomize=True, max_examples=300)
DATA = b"segdl"
CRC32C = "xDyvAA=="


def b64(algorithm: str, data: bytes = DATA) -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


MD5, SHA1, SHA256, SHA512 = map(b64, ("md5", "sha1", "sha256", "sha512"))
NONSENSE = b64("sha256")[:-4]


@pytest.mark.parametrize(
    ("field", "value", "algorithm"),
    [
        ("Repr-Digest", f"sha-256=:{SHA256}:", "sha256"),
        ("Repr-Digest", f"sha-512=:{SHA512}:", "sha512"),
        ("Repr-Digest", f"sha-256=:{SHA256}:, sha-512=:{SHA512}:", "sha512"),
        ("Repr-Digest", f"sha-512=:{SHA512}:,sha-256=:{SHA256}:", "sha512"),
        ("Repr-Digest", f"md5=:{MD5}: \t,\t sha=:{SHA1}:", "sha1"),
        ("Repr-Digest", f"sha-256=:{SHA256.rstrip('=')}:", "sha256"),
        ("Repr-Digest", f"sha-256=:{SHA256}:;q=1;w", "sha256"),
        ("Repr-Digest", f'x, y="a, \\"b", z=(1 2.5 tok "s";p);q=?1, md5=:{MD5}:', "md5"),
        ("Repr-Digest", f"crc32c=:AAAAAA==:, unixsum=:AA==:, md5=:{MD5}:", "md5"),
        ("Repr-Digest", f"at=@1659578233, sha-256=:{SHA256}:", "sha256"),
        # The strongest makes no sense: the next does.
        ("Repr-Digest", f"sha-512=:{SHA256}:, md5=:{MD5}:", "md5"),
        # The last of a name counts.
        ("Repr-Digest", f"sha-256=:{NONSENSE}:, sha-256=:{SHA256}:", "sha256"),
        ("Repr-Digest", f"sha-256=:{SHA256}:, sha-256=5", None),
        # Not a dictionary of structured fields: nothing of it counts.
        ("Repr-Digest", f"sha-256={SHA256}", None),
        ("Repr-Digest", f"SHA-256=:{SHA256}:", None),
        ("Repr-Digest", f"sha-256=:{SHA256}:,", None),
        ("Repr-Digest", f"sha-256=:{SHA256}: sha=:{SHA1}:", None),
        ("Repr-Digest", f"sha-256=:{SHA256}", None),
        ("Repr-Digest", f"sha-256=:{SHA256}:, é=1", None),
        # Unknown, or not of that length, or not base64.
        ("Repr-Digest", f"sha-384=:{b64('sha384')}:", None),
        ("Repr-Digest", "unixsum=:AA==:, adler=:AAAAAA==:, crc32c=:AAAAAA==:", None),
        ("Repr-Digest", f"sha-256=:{NONSENSE}:", None),
        ("Repr-Digest", f"sha-256=:{SHA1}:", None),
        ("Repr-Digest", "sha-256=::", None),
        ("Repr-Digest", "sha-256=:====:", None),
        ("Repr-Digest", "sha-256", None),
        ("Repr-Digest", "", None),
        ("Content-Digest", f"sha-256=:{SHA256}:", "sha256"),
        ("Digest", f"SHA-256={SHA256}", "sha256"),
        ("Digest", f"sha-256={SHA256},unixsum=30637", "sha256"),
        ("Digest", f"adler32=03da0195, MD5={MD5}, SHA={SHA1}", "sha1"),
        ("Digest", f" md5 = {MD5} ", "md5"),
        ("Digest", f"SHA-256={hashlib.sha256(DATA).hexdigest()}", None),
        ("Digest", f"sha-256=:{SHA256}:", None),
        ("Digest", f"id-sha-256={SHA256}", None),
        ("Digest", "SHA-256", None),
        ("Digest", ",,=,", None),
        ("Content-MD5", MD5, "md5"),
        ("Content-MD5", MD5.rstrip("="), "md5"),
        ("Content-MD5", f"{MD5}, {MD5}", "md5"),
        ("Content-MD5", f"{MD5}, {b64('md5', b'')}", None),
        ("Content-MD5", hashlib.md5(DATA).hexdigest(), None),
        ("Content-MD5", SHA256, None),
        ("x-goog-hash", f"crc32c=n03x6A==,md5={MD5}", "md5"),
        ("x-goog-hash", f"crc32c=n03x6A==, md5={MD5}", "md5"),
        ("x-goog-hash", f"crc32c={CRC32C}", "crc32c"),
        ("x-goog-hash", f"crc32c={CRC32C}, md5={NONSENSE}", "crc32c"),
        ("x-goog-hash", f"crc32c={CRC32C},md5=", "crc32c"),
        ("x-goog-hash", "crc32c=xDyvAAA=", None),
        ("x-goog-hash", "crc32c=c43caf00", None),
        ("x-goog-hash", f"sha={SHA1}", None),
        ("Digest", f"crc32c={CRC32C}", None),
    ],
)
def test_what_a_field_tells(field: str, value: str, algorithm: str | None) -> None:
    claim = strongest([(field, value)])
    if algorithm is None:
        assert claim is None
    else:
        crc = "c43caf00"
        digest = crc if algorithm == "crc32c" else hashlib.new(algorithm, DATA).hexdigest()
        assert claim == Claim(Checksum(algorithm, digest), field)


def test_strength_goes_before_the_order_of_the_fields() -> None:
    fields = {
        "Content-MD5": MD5,
        "Digest": f"SHA-256={b64('sha256', b'other')}",
        "Repr-Digest": f"sha-256=:{SHA256}:",
    }
    digest = parse_head(200, fields, now=0).version.digest
    assert digest == Claim(Checksum("sha256", hashlib.sha256(DATA).hexdigest()), "Repr-Digest")
    del fields["Repr-Digest"]
    digest = parse_head(200, fields, now=0).version.digest
    assert digest is not None
    assert digest.source == "Digest"


ALL = {
    "Repr-Digest": f"sha-256=:{SHA256}:",
    "Digest": f"MD5={MD5}",
    "x-goog-hash": f"md5={MD5}",
    "Content-Digest": f"sha-256=:{SHA256}:",
    "Content-MD5": MD5,
}


@pytest.mark.parametrize(
    ("status", "content_range", "whole"),
    [
        (200, None, True),
        (206, "bytes 0-4/5", True),
        (206, "bytes 0-3/5", False),
        (206, "bytes 1-4/5", False),
        (206, "bytes 0-4/*", False),
        (206, None, False),
    ],
)
def test_fields_of_the_answer_count_where_it_is_the_whole_file(
    status: int, content_range: str | None, whole: bool
) -> None:
    fields = {**ALL, **({"Content-Range": content_range} if content_range else {})}
    head = parse_head(status, fields, now=0)
    names = [name for name, _ in head.digests]
    assert names == ["Repr-Digest", "Digest", "x-goog-hash"] + ["Content-Digest", "Content-MD5"] * (
        whole
    )


def test_a_redirect_tells_the_files_in_digest_alone() -> None:
    head = parse_head(302, ALL, now=0)
    assert [name for name, _ in head.digests] == ["Digest"]


@pytest.mark.parametrize("status", [404, 416, 503])
def test_other_answers_tell_nothing_of_the_file(status: int) -> None:
    head = parse_head(status, ALL, now=0)
    assert (head.digests, head.version.digest) == ((), None)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"x-goog-stored-content-encoding": "identity"}, True),
        ({"x-goog-stored-content-encoding": "gzip"}, False),
        ({"x-goog-stored-content-encoding": "gzip", "Content-Encoding": "gzip"}, True),
        ({"x-guploader-response-body-transformations": "gunzipped"}, False),
    ],
)
def test_the_hash_of_a_stored_object_that_was_unpacked(
    fields: dict[str, str], counts: bool
) -> None:
    told = digest_fields({**fields, "x-goog-hash": f"md5={MD5}"}, whole=True)
    assert bool(told) is counts


def test_fields_without_end_are_not_read() -> None:
    long = f"sha-256=:{SHA256}:" + ", a" * 400
    assert digest_fields({"Repr-Digest": long}, whole=True) == ()


pieces = [
    *("sha-256", "md5", "sha-512", "x", "=", ":", ",", ", ", ";", "(", ")", '"', "\\", " ", "?1"),
    *(
        MD5,
        SHA256,
        SHA512,
        f"sha-256=:{SHA256}:",
        f"md5={MD5}",
        f"crc32c={CRC32C}",
        "a=b;c",
        "@1",
        "-1.5",
        "é",
    ),
]
members = st.lists(st.sampled_from(pieces), max_size=30).map("".join)


@PURE
@given(
    st.dictionaries(st.sampled_from([*ALL]), members | st.text(max_size=80)),
    st.booleans(),
)
def test_no_text_raises(fields: dict[str, str], whole: bool) -> None:
    claim = strongest(digest_fields(fields, whole=whole))
    if claim is not None:
        checksum = claim.checksum
        assert len(bytes.fromhex(checksum.hexdigest)) * 2 == DIGITS[checksum.algorithm]
        assert claim.source in fields


@pytest.mark.parametrize("start", ["a" * 900, "(" * 900, '"' * 900, "a=(" + "1 " * 450, "a;" * 500])
def test_no_text_takes_long(start: str) -> None:
    # An expression that backtracks without end would run into the test's time limit.
    for end in ("", ")", '"', "é"):
        assert strongest([("Repr-Digest", (start + end)[:1024])]) is None


@PURE
@given(st.binary(max_size=100), st.permutations(["md5", "sha1", "sha256", "sha512"]))
def test_a_dictionary_of_all_is_read_back(data: bytes, order: list[str]) -> None:
    names = {"md5": "md5", "sha1": "sha", "sha256": "sha-256", "sha512": "sha-512"}
    value = ", ".join(f"{names[each]}=:{b64(each, data)}:" for each in order)
    claim = strongest([("Repr-Digest", value)])
    assert claim is not None
    assert claim.checksum == Checksum("sha512", hashlib.sha512(data).hexdigest())
