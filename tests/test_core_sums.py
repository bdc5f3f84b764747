"""Checksum files: every way of writing them, and no text that raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.sums import digests_for, file_name, is_markup, places
from segdl.core.url import parse_url

PURE = settings(deadline=None, derandomize=True, max_examples=300)
A, B = "a" * 64, "b" * 64
SIGNATURE = f"-----BEGIN PGP SIGNATURE-----\n\n{B}\n-----END PGP SIGNATURE-----\n"


def found(text: str, name: str = "f.iso", *, alone: bool = False) -> set[str]:
    return {digest.hexdigest for digest in digests_for(name, text, alone=alone)}


@pytest.mark.parametrize(
    "text",
    [
        f"{A}  f.iso\n",
        f"{A}  f.iso",
        f"{A} *f.iso\n",
        f"{A}  ./f.iso\n",
        f"{A} *./f.iso\r\n",
        f"{A.upper()}  f.iso\n",
        f"{A} f.iso\n",
        f"{A}\tf.iso\n",
        f"\ufeff{A}  f.iso\n",
        f"SHA256 (f.iso) = {A}\n",
        f"SHA256(f.iso)= {A}\n",
        f"SHA2-256(f.iso)= {A}\n",
        f"SHA256 (./f.iso) = {A}\r\n",
        f"{B}  g.iso\n{A}  f.iso\n{B}  f.iso.asc\n",
        f"{B}  sub/f.iso\n{A}  f.iso\n",
        f"{A}  f.iso\n{A} *f.iso\n",
        f"# a comment\n\n{A}  f.iso\n",
        f"MD5 (f.iso) = {'0' * 32}\nSHA256 (f.iso) = {A}\nSHA512 (f.iso) = {'0' * 128}\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{A}  f.iso\n{SIGNATURE}",
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_the_formats(text: str, alone: bool) -> None:
    assert found(text, alone=alone) == {A}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"\\{A}  a\\\\b\\nc\\rd", "a\\b\nc\rd"),
        (f"\\SHA256 (a\\nb) = {A}", "a\nb"),
        (f"{A}  a\\nb", "a\\nb"),
        (f"{A}   f", " f"),
        (f"{A}  *f", "*f"),
        (f"SHA256 (a) = (b) = {A}", "a) = (b"),
        (f"{A}  \udcff", "\udcff"),
        (f"{A}  a\x0bb\x85c\u2028d", "a\x0bb\x85c\u2028d"),
    ],
)
def test_names_that_are_written_in_other_ways(line: str, name: str) -> None:
    assert found(f"{B}  else\n{line}\n", name) == {A}
    assert found(f"{B}  else\n{line}\n", name + "x") == set()


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        (f"{A}\n", {A}),
        (f"  \n{A}   \n", {A}),
        (f"{A}  -\n", {A}),
        (f"{A}  build/out/f-1.0.iso\n", {A}),
        (f"{A}  f-1.0.iso\n{A}\n", {A}),
        # Several files, and not one of them is this one.
        (f"{A}  one\n{B}  two\n", set()),
        ("", set()),
        (f"{A[1:]}  f.iso\n", set()),
        (f"{A}a  f.iso\n", set()),
        (f"{A}f.iso\n", set()),
        (f"x{A}  f.iso\n", set()),
    ],
)
def test_a_file_about_one_file(text: str, digests: set[str]) -> None:
    assert found(text, alone=True) == digests
    # Elsewhere the name must be there.
    assert found(text, alone=False) == set()


def test_two_digests_of_one_file_are_both_told() -> None:
    assert found(f"{A}  f.iso\n{B}  ./f.iso\n") == {A, B}


@pytest.mark.parametrize("name", ["sub/f.iso", "../f.iso", "/f.iso", "f.iso/", "F.iso", "f.iso "])
def test_other_files(name: str) -> None:
    assert found(f"{A}  {name}\n") == set()


@PURE
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            [A, B, " ", "  ", "*", "\\", "f.iso", "\n", "\r\n", "SHA256 (", ") = ", "./", "<"]
        ),
        max_size=40,
    ).map("".join),
    st.booleans(),
)
def test_no_text_raises(text: str, alone: bool) -> None:
    for digest in digests_for("f.iso", text, alone=alone):
        assert digest.algorithm == "sha256"
        assert digest.hexdigest in text.lower()
    is_markup(text)


@PURE
@given(st.text(min_size=1, max_size=30).filter(lambda name: not name.startswith("./")))
def test_any_name_is_found_as_sha256sum_writes_it(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    for line in (
        f"{mark}{A}  {escaped}",
        f"{mark}{A} *{escaped}",
        f"{mark}SHA256 ({escaped}) = {A}",
    ):
        assert found(f"{B}  {name}x\n{line}\n".replace(f"{B}  {name}x", f"{B}  no"), name) == {A}


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<!DOCTYPE html>", True),
        ("\ufeff\n <html>", True),
        ("<?xml version='1.0'?>", True),
        (f"{A}  <b>\n", False),
        ("", False),
    ],
)
def test_markup(text: str, markup: bool) -> None:
    assert is_markup(text) is markup


@pytest.mark.parametrize(
    ("url", "urls", "name"),
    [
        (
            "https://h/d/f.iso",
            ["https://h/d/f.iso.sha256", "https://h/d/f.iso.sha256sum", "https://h/d/SHA256SUMS"],
            "f.iso",
        ),
        (
            "http://h/f%20%2Fx?k=/v",
            [
                "http://h/f%20%2Fx.sha256?k=/v",
                "http://h/f%20%2Fx.sha256sum?k=/v",
                "http://h/SHA256SUMS?k=/v",
            ],
            "f /x",
        ),
        ("http://h/%ff", ["http://h/%ff.sha256", "http://h/%ff.sha256sum", "http://h/SHA256SUMS"],
         "\udcff"),
        ("http://h/", [], ""),
        ("http://h/d/", [], ""),
        ("http://h", [], ""),
    ],
)  # fmt: skip
def test_places(url: str, urls: list[str], name: str) -> None:
    asked = parse_url(url)
    assert [place.location.url for place in places(asked)] == urls
    assert file_name(asked) == name
    assert [place.alone for place in places(asked)] == [True, True, False][: len(urls)]


def test_places_are_at_the_same_origin_for_the_same_user() -> None:
    asked = parse_url("https://me:secret@h:8443/f.iso")
    for place in places(asked):
        assert (place.location.origin, place.location.user) == (asked.origin, asked.user)
        assert "secret" not in place.location.url
