"""Lines of checksum files: every program's, and no text that raises or takes long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.checksum import DIGITS
from segdl.core.sumlines import algorithms_by_digits, read_sum, target_of, without_signature

PURE = settings(deadline=None, derandomize=True, max_examples=300)
A = "a" * 64


def read(line: str, name: str = "") -> tuple[str, str] | None:
    found = read_sum(line, algorithms_by_digits(name))
    if found is None or found.checksum is None:
        return None
    assert found.checksum.hexdigest == found.checksum.hexdigest.lower()
    return found.name, found.checksum.algorithm


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{A}  f", ("f", "sha256")),
        (f"{A} *f", ("f", "sha256")),
        (f"{A.upper()}  f", ("f", "sha256")),
        (f"{A} f", ("f", "sha256")),
        (f"{A}\tf", ("f", "sha256")),
        (f"  {A}  f", ("f", "sha256")),
        (f"{A}    f", ("  f", "sha256")),
        (f"{A} * f", (" f", "sha256")),
        (f"{A}  *f", ("*f", "sha256")),
        (f"{A}  f ", ("f ", "sha256")),
        (f"\\{A}  a\\\\b\\nc\\rd", ("a\\b\nc\rd", "sha256")),
        (f"{A}  a\\nb", ("a\\nb", "sha256")),
        (f"{'b' * 32}  f", ("f", "md5")),
        (f"{'b' * 40}  f", ("f", "sha1")),
        (f"{'b' * 56}  f", ("f", "sha224")),
        (f"{'b' * 96}  f", ("f", "sha384")),
        (f"{'b' * 128}  f", ("f", "sha512")),
        (f"SHA256 (f) = {A}", ("f", "sha256")),
        (f"SHA256(f)= {A.upper()}", ("f", "sha256")),
        (f"SHA2-256(f)= {A}", ("f", "sha256")),
        (f"SHA3-256(f)= {A}", ("f", "sha3_256")),
        (f"BLAKE2b (f) = {'b' * 128}", ("f", "blake2b")),
        (f"BLAKE2B-512(f)= {'b' * 128}", ("f", "blake2b")),
        (f"BLAKE2S-256(f)= {A}", ("f", "blake2s")),
        (f"MD5 (f) = {'b' * 32}", ("f", "md5")),
        (f"SHA256 (a) = (b) = {A}", ("a) = (b", "sha256")),
        (f"SHA256 (a) = {A}) = {A}", (f"a) = {A}", "sha256")),
        (f"\\SHA256 (a\\nb) = {A}", ("a\nb", "sha256")),
        (A, ("", "sha256")),
        (f" {A} ", ("", "sha256")),
        # As sha256sum writes a file of this name.
        (f"{A}   ", (" ", "sha256")),
        (f"{A}  -", ("-", "sha256")),
        # Of no length that a digest has, of another one than it says, or not known.
        (f"{A}b  f", None),
        (f"{'b' * 31}  f", None),
        (f"{'b' * 500}  f", None),
        (f"SHA256 (f) = {A}b", None),
        (f"SHA256 (f) = {'g' * 64}", None),
        (f"BLAKE2b-256 (f) = {A}", None),
        ("CRC32C (f) = 00000000", None),
        ("SIZE (f) = 5", None),
        (f"{A}f", None),
        (f"x{A}  f", None),
        (f"# {A}  f", None),
        ("", None),
    ],
)
def test_lines(line: str, expected: tuple[str, str] | None) -> None:
    assert read(line) == expected


def test_what_is_no_digest_still_has_a_name() -> None:
    found = read_sum("SIZE (a b) = 5 bytes")
    assert found is not None
    assert (found.name, found.tag, found.value, found.checksum) == ("a b", "SIZE", "5 bytes", None)


@pytest.mark.parametrize(
    ("name", "digits", "algorithm"),
    [
        ("", 128, "sha512"),
        ("SHA512SUMS", 128, "sha512"),
        ("B2SUMS", 128, "blake2b"),
        ("b2sum.txt", 128, "blake2b"),
        ("x.iso.b2", 128, "blake2b"),
        ("x.iso.blake2b.asc", 128, "blake2b"),
        ("BLAKE2SUMS", 128, "blake2b"),
        ("manifest-blake2b.txt", 128, "blake2b"),
        ("x.blake2s", 64, "blake2s"),
        ("SHA3-256SUMS", 64, "sha3_256"),
        ("x.sha3-512", 128, "sha3_512"),
        ("sha256sums.txt", 32, "md5"),
        ("x.md5", 32, "md5"),
        # Not about BLAKE2, whatever is in the name of what they are about.
        ("disk-b2.iso.sha256", 64, "sha256"),
        ("b2.sha512", 128, "sha512"),
        ("lib2sums.txt", 128, "sha512"),
        ("CHECKSUM", 64, "sha256"),
    ],
)
def test_the_name_tells_algorithms_of_one_length_apart(
    name: str, digits: int, algorithm: str
) -> None:
    assert algorithms_by_digits(name).get(digits) == algorithm
    assert read(f"{'c' * digits}  f", name) == ("f", algorithm)
    assert read("c" * digits, name) == ("", algorithm)


def test_digests_that_only_look_like_usual_ones_are_not_taken_for_them() -> None:
    assert read(f"{A}  f", "B2SUMS") is None


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("x.iso.sha256", "x.iso"),
        ("x.iso.SHA256", "x.iso"),
        ("x.iso.sha256sum", "x.iso"),
        ("x.iso.sha256.txt", "x.iso"),
        ("x.md5", "x"),
        ("x.sha1", "x"),
        ("x.sha-512", "x"),
        ("x.b2", "x"),
        ("x.sha3-256", "x"),
        ("SHA256SUMS", None),
        ("SHA256SUMS.txt", None),
        (".sha256", None),
        ("x.iso", None),
        ("", None),
    ],
)
def test_which_file_a_name_is_about(name: str, target: str | None) -> None:
    assert target_of(name) == target


SIGNED = [
    "-----BEGIN PGP SIGNED MESSAGE-----",
    "Hash: SHA512",
    "",
    "first",
    "- -dashes",
    "- - item",
    "",
    "last",
    "-----BEGIN PGP SIGNATURE-----",
    "",
    "deadbeef",
    "-----END PGP SIGNATURE-----",
]


def test_a_signature_around_lines() -> None:
    said = ["", "", "", "first", "-dashes", "- item", "", "last", "", "", "", ""]
    assert list(without_signature(SIGNED)) == said
    assert list(without_signature(["a", *SIGNED, "b", *SIGNED])) == ["a", *said, "b", *said]
    # Cut in the middle, with CR before LF, and lines that are too long within.
    for count in range(len(SIGNED) + 1):
        assert list(without_signature(SIGNED[:count])) == said[:count]
    assert list(without_signature([*SIGNED[:4], None, *SIGNED[8:], None]))[4::5] == [None, None]
    assert list(without_signature([*SIGNED[:1], None, "", "x"])) == ["", "", "", "x"]


def test_no_signature() -> None:
    lines = ["- a", "--", "-----BEGIN PGP", None, ""]
    assert list(without_signature(lines)) == lines


@PURE
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from([A, "b" * 32, " ", "  ", "*", "\\", "f", "MD5 (", ") = ", ")= ", "\t", "("])
    ).map("".join),
    st.sampled_from(["", "B2SUMS", "x.sha3-256"]),
)
def test_no_text_raises(line: str, name: str) -> None:
    found = read_sum(line, algorithms_by_digits(name))
    if found is not None and found.checksum is not None:
        assert len(found.checksum.hexdigest) == DIGITS[found.checksum.algorithm]
        assert found.checksum.hexdigest in line.lower()


@pytest.mark.parametrize("part", [" ", "a", ") = ", "MD5 (", "\\", A, "-", "\t*"])
def test_long_lines_take_no_longer_than_they_are_long(part: str) -> None:
    # The timeout of tests is what fails here.
    for line in (part * 200_000, f"MD5 ({part * 200_000}", f"{A}  {part * 200_000}"):
        read_sum(line)
        target_of(line[:5000])
        algorithms_by_digits(line[:5000])
