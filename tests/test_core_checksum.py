"""``ALGO=HEX``."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.checksum import Checksum, parse_checksum
from segdl.errors import UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=150)


@pytest.mark.parametrize(
    ("written", "algorithm"),
    [
        ("md5", "md5"),
        ("MD5", "md5"),
        ("sha-1", "sha1"),
        ("sha1", "sha1"),
        ("SHA-1", "sha1"),
        ("sha-224", "sha224"),
        ("sha-256", "sha256"),
        ("sha256", "sha256"),
        ("SHA256", "sha256"),
        ("Sha-384", "sha384"),
        ("sha-512", "sha512"),
        ("blake2b", "blake2b"),
        ("blake2s", "blake2s"),
        ("sha3-256", "sha3_256"),
        ("sha-3-256", "sha3_256"),
        ("sha3_256", "sha3_256"),
        ("sha3-512", "sha3_512"),
    ],
)
def test_the_algorithms(written: str, algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"segdl").hexdigest()
    expected = Checksum(algorithm, digest)
    assert parse_checksum(f"{written}={digest}") == expected
    assert parse_checksum(f" {written} = {digest.upper()} ") == expected
    assert parse_checksum(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "sha256",
        "sha256=",
        "sha256:" + "0" * 64,
        "=" + "0" * 64,
        "0" * 64,
        "crc32=00000000",
        "shake_128=" + "0" * 32,
        "sha-256=" + "0" * 63,
        "sha-256=" + "0" * 65,
        "sha-256=" + "0" * 128,
        "sha-256=" + "g" * 64,
        "sha-256=" + "٣" * 64,
        "sha-256=" + "0" * 62 + "  00",
        "md5=" + "0" * 64,
    ],
)
def test_what_is_no_checksum(text: str) -> None:
    with pytest.raises(UsageError, match="checksum"):
        parse_checksum(text)


@PURE
@given(st.text() | st.text().map("md5=".__add__) | st.text(alphabet="0=sha-25").map(str))
def test_any_text_is_a_checksum_or_a_usage_error(text: str) -> None:
    try:
        checksum = parse_checksum(text)
    except UsageError:
        return
    assert len(bytes.fromhex(checksum.hexdigest)) == hashlib.new(checksum.algorithm).digest_size
