"""File names: hostile until proved otherwise."""

from __future__ import annotations

import hashlib
import os
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.names import (
    choose_name,
    name_beside,
    name_from_disposition,
    name_from_path,
    safe_name,
)
from segdl.core.text import is_hostile

PURE = settings(deadline=None, derandomize=True, max_examples=400)
any_text = st.text(alphabet=st.characters(exclude_categories=()))
nasty = st.text(
    alphabet=st.sampled_from([*"./\\ a\x00\x1b\x7f\x9b\n:", "\u202e", "é", "🎉", "\ud800", "\xa0"]),
    max_size=30,
)
long_text = st.tuples(
    st.sampled_from(["a", "é", "中", "🎉", ". ", "a."]), st.integers(1, 400), any_text
).map(lambda parts: parts[0] * parts[1] + parts[2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file.iso", "file.iso"),
        ("with space.iso", "with space.iso"),
        ("résumé.pdf", "résumé.pdf"),
        ("日本語.zip", "日本語.zip"),
        ("a.tar.gz", "a.tar.gz"),
        ("", "download"),
        (".", "download"),
        ("..", "download"),
        ("...", "download"),
        (" . . ", "download"),
        ("\x00", "download"),
        (".bashrc", "bashrc"),
        ("..bashrc", "bashrc"),
        (" .bashrc", "bashrc"),
        (". .bashrc", "bashrc"),
        ("\x1b.bashrc", "bashrc"),
        (".\x00.", "download"),
        ("\u202e.bashrc", "bashrc"),
        ("/etc/passwd", "_etc_passwd"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("C:\\boot.ini", "C:_boot.ini"),
        ("a\x00b\x1b[2Jc\r\nd", "ab[2Jcd"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\u200bb\u00ad.exe", "a\u200bb\u00ad.exe"),
        ("می\u200cشود", "می\u200cشود"),
        ("x\ud800y", "xy"),
        ("-rf", "-rf"),
        ("~", "~"),
        ("/", "_"),
    ],
)
def test_safe_names(text: str, expected: str) -> None:
    assert safe_name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:b", "a_b"),
        ('<>:"|?*', "_______"),
        ("name. . ", "name"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("lpt9", "_lpt9"),
        ("com²", "_com²"),
        ("nul", "_nul"),
        ("console.txt", "console.txt"),
        ("com10", "com10"),
        ("fine.txt", "fine.txt"),
    ],
)
def test_names_for_windows(text: str, expected: str) -> None:
    assert safe_name(text, windows=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 255, "a" * 255),
        ("a" * 256, "a" * 255),
        ("a" * 300 + ".iso", "a" * 251 + ".iso"),
        ("é" * 200 + ".iso", "é" * 125 + ".iso"),
        ("é" * 200, "é" * 127),
        ("🎉" * 100, "🎉" * 63),
        ("a." + "b" * 300, "a." + "b" * 253),
        ("." + "b" * 300, "b" * 255),
        ("a" * 300 + "." + "b" * 16, "a" * 238 + "." + "b" * 16),
        ("a" * 300 + "." + "b" * 17, "a" * 255),
    ],
)
def test_long_names_keep_their_extension(text: str, expected: str) -> None:
    assert safe_name(text) == expected


@PURE
@given(any_text | nasty | long_text, st.booleans())
def test_any_text_gives_a_safe_name(text: str, windows: bool) -> None:
    name = safe_name(text, windows=windows)
    assert name
    assert len(name.encode()) <= 255
    assert not set(name) & {"/", "\\", "\x00"}
    assert not name.startswith(".")
    assert not any(is_hostile(c) or unicodedata.category(c) in {"Cc", "Cs"} for c in name)
    if windows:
        assert not set(name) & set('<>:"|?*')
        assert name == name.rstrip(". ")
        assert name.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b.iso", "b.iso"),
        ("b.iso", "b.iso"),
        ("/a/b%20c.iso", "b c.iso"),
        ("/%E6%97%A5%E6%9C%AC.zip", "日本.zip"),
        ("/na%C3%AFve", "naïve"),
        ("/na%EFve", "naïve"),
        ("/naïve", "naïve"),
        ("/a+b", "a+b"),
        ("/100%", "100%"),
        ("/%zz", "%zz"),
        ("/a%2Fb", "a/b"),
        ("/\udcff", "?"),
        ("/a/", None),
        ("/", None),
        ("", None),
        ("/.", None),
        ("/..", None),
        ("/%2e%2e", None),
        ("/%20", None),
    ],
)
def test_names_from_paths(path: str, expected: str | None) -> None:
    assert name_from_path(path) == expected


# After the test cases of RFC 6266 at greenbytes.de/tech/tc2231: the field as http.client
# gives it (latin-1) and what a careful user agent makes of it. Fields that are broken have
# no one answer; what is here is the one that keeps most of the name.
DISPOSITIONS = {
    "inlonly": ("inline", None),
    "inlonlyquoted": ('"inline"', None),
    "inlwithasciifilename": ('inline; filename="foo.html"', "foo.html"),
    "inlwithfnattach": (
        'inline; filename="Not an attachment!"',
        "Not an attachment!",
    ),
    "inlwithasciifilenamepdf": ('inline; filename="foo.pdf"', "foo.pdf"),
    "attonly": ("attachment", None),
    "attonlyquoted": ('"attachment"', None),
    "attonlyucase": ("ATTACHMENT", None),
    "attwithasciifilename": ('attachment; filename="foo.html"', "foo.html"),
    "attwithasciifilename25": (
        'attachment; filename="0000000000111111111122222"',
        "0000000000111111111122222",
    ),
    "attwithasciifnescapedchar": (r'attachment; filename="f\oo.html"', "foo.html"),
    # An escaped quote is part of the name.
    "attwithasciifnescapedquote": (
        r'attachment; filename="\"quoting\" tested.html"',
        '"quoting" tested.html',
    ),
    "attwithquotedsemicolon": (
        'attachment; filename="Here\'s a semicolon;.html"',
        "Here's a semicolon;.html",
    ),
    "attwithfilenameandextparam": (
        'attachment; foo="bar"; filename="foo.html"',
        "foo.html",
    ),
    "attwithfilenameandextparamescaped": (
        r'attachment; foo="\"\\";filename="foo.html"',
        "foo.html",
    ),
    "attwithasciifilenameucase": ('attachment; FILENAME="foo.html"', "foo.html"),
    "attwithasciifilenamenq": ("attachment; filename=foo.html", "foo.html"),
    "attwithtokfncommanq": ("attachment; filename=foo,bar.html", "foo,bar.html"),
    "attwithasciifilenamenqs": ("attachment; filename=foo.html ;", "foo.html"),
    "attemptyparam": ("attachment; ;filename=foo", "foo"),
    "attwithasciifilenamenqws": ("attachment; filename=foo bar.html", "foo bar.html"),
    "attwithfntokensq": ("attachment; filename='foo.bar'", "'foo.bar'"),
    "attwithisofnplain": ('attachment; filename="foo-ä.html"', "foo-ä.html"),
    "attwithutf8fnplain": ('attachment; filename="foo-Ã¤.html"', "foo-ä.html"),
    "attwithfnrawpctenca": ('attachment; filename="foo-%41.html"', "foo-A.html"),
    "attwithfnusingpct": ('attachment; filename="50%.html"', "50%.html"),
    "attwithfnrawpctencaq": (r'attachment; filename="foo-%\41.html"', "foo-A.html"),
    "attwithnamepct": ('attachment; name="foo-%41.html"', None),
    "attwithfilenamepctandiso": ('attachment; filename="ä-%41.html"', "ä-A.html"),
    "attwithfnrawpctenclong": (
        'attachment; filename="foo-%c3%a4-%e2%82%ac.html"',
        "foo-ä-€.html",
    ),
    "attwithasciifilenamews1": ('attachment; filename ="foo.html"', "foo.html"),
    "attwith2filenames": ('attachment; filename="foo.html"; filename="bar.html"', "foo.html"),
    "attfnbrokentoken": ("attachment; filename=foo[1](2).html", "foo[1](2).html"),
    "attfnbrokentokeniso": ("attachment; filename=foo-ä.html", "foo-ä.html"),
    "attfnbrokentokenutf": ("attachment; filename=foo-Ã¤.html", "foo-ä.html"),
    "attmissingdisposition": ("filename=foo.html", "foo.html"),
    "attmissingdisposition2": ("x=y; filename=foo.html", "foo.html"),
    "attmissingdisposition3": ('"foo; filename=bar;baz"; filename=qux', None),
    "attmissingdisposition4": ("filename=foo.html, filename=bar.html", None),
    "emptydisposition": ("; filename=foo.html", "foo.html"),
    "doublecolon": (": inline; attachment; filename=foo.html", "foo.html"),
    "attandinline": ("inline; attachment; filename=foo.html", "foo.html"),
    "attandinline2": ("attachment; inline; filename=foo.html", "foo.html"),
    "attbrokenquotedfn": ('attachment; filename="foo.html".txt', None),
    "attbrokenquotedfn2": ('attachment; filename="bar', None),
    "attbrokenquotedfn3": ('attachment; filename=foo"bar;baz"qux', None),
    "attmultinstances": (
        "attachment; filename=foo.html, attachment; filename=bar.html",
        None,
    ),
    "attmissingdelim": ("attachment; foo=foo filename=bar", None),
    "attmissingdelim2": ("attachment; filename=bar foo=foo", None),
    "attmissingdelim3": ("attachment filename=bar", None),
    "attreversed": ("filename=foo.html; attachment", "foo.html"),
    "attconfusedparam": ("attachment; xfilename=foo.html", None),
    "attabspath": ('attachment; filename="/foo.html"', "foo.html"),
    "attabspathwin": (r'attachment; filename="\\foo.html"', "foo.html"),
    "attcdate": (
        'attachment; creation-date="Wed, 12 Feb 1997 16:29:51 -0500"',
        None,
    ),
    "dispext": ("foobar", None),
    "dispextbadfn": ('attachment; example="filename=example.txt"', None),
    "attwithisofn2231iso": (
        "attachment; filename*=iso-8859-1''foo-%E4.html",
        "foo-ä.html",
    ),
    "attwithfn2231utf8": (
        "attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html",
        "foo-ä-€.html",
    ),
    "attwithfn2231noc": ("attachment; filename*=''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
    "attwithfn2231utf8comp": ("attachment; filename*=UTF-8''foo-a%cc%88.html", "foo-a\u0308.html"),
    "attwithfn2231utf8-bad": (
        "attachment; filename*=iso-8859-1''foo-%c3%a4-%e2%82%ac.html",
        "foo-Ã¤-â\x82¬.html",
    ),
    "attwithfn2231ws1": ("attachment; filename *=UTF-8''foo-%c3%a4.html", None),
    "attwithfn2231ws2": ("attachment; filename*= UTF-8''foo-%c3%a4.html", "foo-ä.html"),
    "attwithfn2231ws3": ("attachment; filename* =UTF-8''foo-%c3%a4.html", "foo-ä.html"),
    "attwithfn2231quot": ("attachment; filename*=\"UTF-8''foo-%c3%a4.html\"", None),
    "attwithfn2231quot2": ('attachment; filename*="foo%20bar.html"', None),
    "attwithfn2231singleqmissing": ("attachment; filename*=UTF-8'foo-%c3%a4.html", None),
    "attwithfn2231nbadpct1": ("attachment; filename*=UTF-8''foo%", "foo%"),
    "attwithfn2231nbadpct2": ("attachment; filename*=UTF-8''f%oo.html", "f%oo.html"),
    "attwithfn2231dpct": ("attachment; filename*=UTF-8''A-%2541.html", "A-%41.html"),
    "attwithfn2231abspathdisguised": (
        "attachment; filename*=UTF-8''%5cfoo.html",
        "foo.html",
    ),
    "attfnboth": (
        "attachment; filename=\"foo-ae.html\"; filename*=UTF-8''foo-%c3%a4.html",
        "foo-ä.html",
    ),
    "attfnboth2": (
        "attachment; filename*=UTF-8''foo-%c3%a4.html; filename=\"foo-ae.html\"",
        "foo-ä.html",
    ),
    "attfnboth3": (
        (
            "attachment; filename*0*=ISO-8859-15''euro-sign%3d%a4; "
            "filename*=ISO-8859-1''currency-sign%3d%a4"
        ),
        "currency-sign=¤",
    ),
    "attnewandfn": ('attachment; foobar=x; filename="foo.html"', "foo.html"),
    # Continuations are not part of RFC 6266.
    "attfncont": ('attachment; filename*0="foo."; filename*1="html"', None),
    "attfncontenc": ("attachment; filename*0*=UTF-8''foo-%c3%a4; filename*1=\".html\"", None),
    # RFC 8187 is in the first place even where it is broken and `filename` is not.
    "brokenext": ('attachment; filename*=UTF-8; filename="foo.html"', "foo.html"),
    "language": ("attachment; filename*=UTF-8'en'%e2%82%ac%20rates", "€ rates"),
    "parent": ('attachment; filename="../../foo.html"', "foo.html"),
    "dots": ('attachment; filename=".."', None),
    "blank": ('attachment; filename="  "', None),
    "empty": ('attachment; filename=""', None),
    "nothing": ("", None),
}

# What these broken fields give is not promised: only that something sensible or nothing does.
UNSPECIFIED = {
    "attmissingdisposition3",
    "attmissingdisposition4",
    "attbrokenquotedfn",
    "attbrokenquotedfn2",
    "attbrokenquotedfn3",
    "attmultinstances",
    "attmissingdelim",
    "attmissingdelim2",
    "attmissingdelim3",
    "attwithfn2231ws1",
    "attwithfn2231quot",
    "attwithfn2231quot2",
    "attwithfn2231singleqmissing",
    "attfncont",
    "attfncontenc",
}


@pytest.mark.parametrize("case", sorted(DISPOSITIONS.keys() - UNSPECIFIED))
def test_dispositions(case: str) -> None:
    value, expected = DISPOSITIONS[case]
    assert name_from_disposition(value) == expected


@pytest.mark.parametrize("case", sorted(UNSPECIFIED))
def test_broken_dispositions_do_no_harm(case: str) -> None:
    name = name_from_disposition(DISPOSITIONS[case][0])
    assert name is None or not set(name) & {"/", "\\"}


dispositions = st.one_of(
    any_text,
    any_text.map("attachment; filename=".__add__),
    any_text.map('attachment; filename="'.__add__),
    any_text.map("attachment; filename*=UTF-8''".__add__),
    st.text(alphabet="filename*=;\"'\\%4aUTF-8/. ", max_size=60).map("attachment;".__add__),
    st.binary(max_size=40).map(
        lambda raw: "a; filename*=x''" + "".join(f"%{byte:02x}" for byte in raw)
    ),
)


@PURE
@given(dispositions)
def test_no_disposition_raises_and_no_name_has_a_folder(value: str) -> None:
    name = name_from_disposition(value)
    if name is not None:
        assert name.strip(". ")
        assert not set(name) & {"/", "\\"}
        assert choose_name(value, "/x", "/y") == name
        assert safe_name(name)


@PURE
@given(any_text | nasty)
def test_no_path_raises(path: str) -> None:
    name = name_from_path(path)
    assert name is None or name.strip(". ")


@PURE
@given(st.text(min_size=1).filter(lambda text: text.strip(". ") and not set(text) & {"/", "\\"}))
def test_an_extended_name_comes_back_as_it_was(name: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    value = f"attachment; filename=\"fallback\"; filename*=UTF-8''{encoded}"
    assert name_from_disposition(value) == name


def test_an_endless_disposition_is_read_only_so_far() -> None:
    assert name_from_disposition("attachment" + "; a=b" * 100_000 + "; filename=x") is None


@pytest.mark.parametrize(
    ("disposition", "asked", "final", "expected"),
    [
        ("attachment; filename=srv.zip", "/a.iso", "/b.iso", "srv.zip"),
        ("attachment", "/a.iso", "/b.iso", "a.iso"),
        ("", "/a.iso", "/b.iso", "a.iso"),
        (None, "/a.iso", "/b.iso", "a.iso"),
        (None, "/download", "/files/real.zip", "real.zip"),
        (None, "/download", "/files/other", "download"),
        (None, "/", "/files/other", "other"),
        (None, "/", "/", "download"),
        (None, "/a.iso", "/", "a.iso"),
        ('attachment; filename=".."', "/a.iso", "/", "a.iso"),
    ],
)
def test_which_name(disposition: str | None, asked: str, final: str, expected: str) -> None:
    assert choose_name(disposition, asked, final) == expected


@given(st.binary(min_size=1, max_size=255).filter(lambda raw: not {*raw} & {*b"/\0"}))
def test_what_is_beside_a_file_has_a_name_of_its_own(raw: bytes) -> None:
    name = os.fsdecode(raw)
    beside = name_beside(name, ".corrupt")
    assert len(os.fsencode(beside)) <= 255
    assert beside.endswith(".corrupt")
    assert beside not in {name, name_beside(name + "x", ".corrupt"), name_beside(name, ".segdl")}
    if len(raw) <= 247:
        assert beside == name + ".corrupt"


@pytest.mark.parametrize("name", ["漢" * 83, "é" * 127, "a" + "漢" * 84, "a" * 255, "😀" * 63])
def test_a_name_is_cut_at_the_end_of_a_character(name: str) -> None:
    stem, tilde, rest = name_beside(name, ".corrupt").rpartition("~")
    assert tilde
    assert name.startswith(stem)
    assert 197 <= len(stem.encode()) <= 200
    assert rest == hashlib.sha256(name.encode()).hexdigest()[:16] + ".corrupt"
