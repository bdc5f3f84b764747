"""XML from strangers: what is heard of it, and what it may not cost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.markup import MOST_BYTES, Path, root_of, walk, walk_pieces
from segdl.errors import UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=300)


class Heard:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.roots: list[tuple[str, str]] = []
        self.starts: list[tuple[str, dict[str, str]]] = []
        self.ends: list[tuple[str, str]] = []

    def root(self, namespace: str, name: str) -> None:
        self.roots.append((namespace, name))

    def start(self, path: Path, attributes: Mapping[str, str]) -> None:
        self.starts.append(("/".join(path), dict(attributes)))

    def end(self, path: Path, attributes: Mapping[str, str], text: str) -> None:
        assert ("/".join(path), dict(attributes)) in self.starts
        self.ends.append(("/".join(path), text))


def heard(document: str | bytes) -> Heard:
    visitor = Heard()
    data = document.encode() if isinstance(document, str) else document
    walk(data, visitor, "list.xml")
    return visitor


def refusal(document: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        heard(document)
    assert str(caught.value).startswith("list.xml ")
    return caught.value


def test_what_is_heard_and_when() -> None:
    visitor = heard("<a x='1'><b>one</b> two <b y='&lt;'>th&#114;ee<c/></b></a>")
    assert visitor.roots == [("", "a")]
    assert visitor.starts == [("a", {"x": "1"}), ("a/b", {}), ("a/b", {"y": "<"}), ("a/b/c", {})]
    assert visitor.ends == [("a/b", "one"), ("a/b/c", ""), ("a/b", "three"), ("a", " two ")]


@pytest.mark.parametrize(
    "document",
    [
        "<a xmlns='urn:a'><b>t</b></a>",
        "<p:a xmlns:p='urn:a'><p:b>t</p:b></p:a>",
        "<a xmlns='urn:a' xmlns:q='urn:a'><q:b>t</q:b></a>",
        "<a xmlns='urn:a'><x:c xmlns:x='urn:x'><b>no</b><x:b>no</x:b></x:c><b>t</b></a>",
        "<a xmlns='urn:a'><b>t<b xmlns=''>no<b xmlns='urn:a'>no</b></b></b></a>",
        "<!-- c --><?pi d?><a xmlns='urn:a'><b><!-- x -->t<?y z?></b></a>",
        "<a xmlns='urn:a'><b><![CDATA[t]]></b></a>",
    ],
)
def test_only_the_namespace_of_the_root_is_heard(document: str) -> None:
    visitor = heard(document)
    assert visitor.roots == [("urn:a", "a")]
    assert visitor.ends == [("a/b", "t"), ("a", "")]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-be"),
        ("iso-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("iso-8859-15", "iso-8859-15"),
    ],
)
def test_encodings(declared: str, codec: str) -> None:
    document = f"<?xml version='1.0' encoding='{declared}'?><a>n\xe4ive</a>"
    prefix = b"\xfe\xff" if codec == "utf-16-be" else b""
    assert heard(prefix + document.encode(codec)).ends == [("a", "n\xe4ive")]


@pytest.mark.parametrize(
    "name",
    [
        "utf-7",
        "shift_jis",
        "iso-8859-12",
        "windows-1259",
        "no-such-encoding",
        "idna",
        "punycode",
        "unicode_escape",
        "zlib",
        "rot13",
    ],
)
def test_encodings_that_are_not_read(name: str) -> None:
    refusal(f"<?xml version='1.0' encoding='{name}'?><a/>")


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a PUBLIC '-//x' 'http://x.example/x.dtd'><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x '" + "y" * 1000 + "'>]><a>" + "&x;" * 10_000 + "</a>",
        "<!DOCTYPE a [<!ENTITY a 'ha'>"
        + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in pairwise("abcdefghijk"))
        + "]><a>&k;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://x.example/'>%p;]><a/>",
    ],
)
def test_a_dtd_is_refused_before_anything_in_it_is_read(document: str) -> None:
    tracemalloc.start()
    try:
        refused = refusal(document)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "DTD" in refused.message
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "line 1: no element found"),
        ("hello", "not well-formed"),
        ("<a>", "no element found"),
        ("<a></b>", "mismatched tag"),
        ("<a/><a/>", "junk after document element"),
        ("<a>&unknown;</a>", "undefined entity"),
        ("<a x='1' x='2'/>", "duplicate attribute"),
        ("<p:a/>", "unbound prefix"),
        ("<a>\x00</a>", "invalid token"),
        (b"<a>\xff</a>", "invalid token"),
        (b"\x1f\x8b\x08\x00", "not well-formed"),
    ],
)
def test_what_is_not_well_formed(document: str | bytes, says: str) -> None:
    assert says in refusal(document).message


def test_a_document_that_is_too_large() -> None:
    assert "16 MiB" in refusal(b"<a>" + b" " * MOST_BYTES + b"</a>").message


def test_elements_that_are_too_many_or_too_deep() -> None:
    assert "elements" in refusal("<a>" + "<b/>" * (1 << 19) + "</a>").message
    assert "nests" in refusal("<a>" * 100_000).message
    # Where they are of no interest their depth costs nothing.
    deep = "<x:y>" * 10_000 + "</x:y>" * 10_000
    assert heard(f"<a xmlns:x='urn:x'>{deep}</a>").ends == [("a", "")]


def test_what_a_visitor_raises_comes_through() -> None:
    class Picky(Heard):
        def start(self, path: Path, attributes: Mapping[str, str]) -> None:
            raise KeyError(path[-1])

    with pytest.raises(KeyError, match="a"):
        walk(b"<a/>", Picky(), "list.xml")


@pytest.mark.parametrize(
    ("beginning", "root"),
    [
        (b"<a>", ("", "a")),
        (b"<a", None),
        (b"", None),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <x> --><p:b xmlns:p='urn:p' c='d'>&gt; ...",
            ("urn:p", "b"),
        ),
        ("<a xmlns='urn:a'>".encode("utf-16"), ("urn:a", "a")),
        (b"<?xml version='1.0' encoding='none'?><a>", None),
        (b"<!DOCTYPE html><html>", None),
        (b"\x7fELF", None),
        (b" " * 70_000 + b"<a>", None),
    ],
)
def test_the_root_of_a_beginning(beginning: bytes, root: tuple[str, str] | None) -> None:
    assert root_of(beginning) == root


@PURE
@given(
    st.binary()
    | st.text().map(str.encode)
    | st.lists(
        st.sampled_from(
            [
                "<a>",
                "</a>",
                "<b ",
                "x='1'",
                ">",
                "<!DOCTYPE a>",
                "&lt;",
                "&x;",
                "t",
                "<!--",
                "-->",
                "<?xml version='1.0' encoding='",
                "utf-8",
                "'?>",
                "<x:c xmlns:x='urn:x'>",
                "</x:c>",
                "/>",
            ]
        )
    ).map(lambda parts: "".join(parts).encode())
)
def test_any_bytes_are_a_document_or_a_usage_error(data: bytes) -> None:
    root_of(data)
    visitor = Heard()
    try:
        walk(data, visitor, "list.xml")
    except UsageError:
        return
    assert len(visitor.starts) == len(visitor.ends) >= 1
    assert root_of(data) == visitor.roots[0]


def in_pieces(document: str | bytes, size: int) -> Heard:
    visitor = Heard()
    data = document.encode() if isinstance(document, str) else document
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for _ in walk_pieces(pieces, visitor, "list.xml"):
        pass
    return visitor


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_in_pieces_the_same_is_heard(size: int) -> None:
    document = "<?xml version='1.0'?><a xmlns='urn:a' x='1'><b y='&lt;'>th&#114;e\u00e9</b><c/></a>"
    at_once, visitor = heard(document), in_pieces(document, size)
    assert visitor.roots == at_once.roots
    assert visitor.starts == at_once.starts
    assert visitor.ends == at_once.ends == [("a/b", "thre\u00e9"), ("a/c", ""), ("a", "")]


def test_in_pieces_it_is_heard_as_it_comes() -> None:
    visitor = Heard()
    walking = walk_pieces(iter([b"<a><b>1</b>", b"<b>2</b>"]), visitor, "list.xml")
    next(walking)
    next(walking)
    # Newer versions of expat put off what may not be complete.
    assert ("a/b", "1") in visitor.ends
    with pytest.raises(UsageError, match="well-formed"):
        next(walking)


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE a><a/>",
        "<?xml version='1.0' encoding='utf-7'?><a/>",
        "<a>" * 40 + "</a>" * 40,
        "<a>",
        "",
        "<a>" + "x" * (1 << 21) + "</a>",
        "<a>" + "x<![CDATA[y]]>" * (1 << 20) + "</a>",
        "<a b='" + "x" * (1 << 22) + "'/>",
        "<" + "x" * (1 << 22) + "/>",
        "<a><!--" + "x" * (1 << 22) + "--></a>",
    ],
)
def test_in_pieces_it_is_refused_too(document: str) -> None:
    with pytest.raises(UsageError) as caught:
        in_pieces(document, 1 << 16)
    assert str(caught.value).startswith("list.xml ")


def test_in_pieces_there_is_no_end_to_elements() -> None:
    ends = in_pieces("<a>" + "<b/>\n " * 530_000 + "</a>", 1 << 16).ends
    assert len(ends) == 530_001
    # What is between elements is not kept.
    assert ends[-1] == ("a", "\n ")
