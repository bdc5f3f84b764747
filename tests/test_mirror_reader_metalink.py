"""Metalink documents as lists of a mirror."""

from __future__ import annotations

import hashlib

import pytest

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry
from segdl.mirror.readers.metalink import Metalink
from support.meta4 import Listed, meta4, metalink3
from support.reading import NAMES, entries, items, troubles

READER = Metalink()
DATA = b"x" * 3000
HTTP, HTTPS = "http://h/f", "https://h/f"


def test_what_metalink_4_says() -> None:
    listed = Listed(content=DATA, urls=(HTTP, HTTPS), name="d/f.iso", pieces="sha-1", length=1000)
    (entry,) = entries(READER, meta4(listed), url="https://h/f.meta4")
    assert (entry.path, entry.urls, entry.size) == ("d/f.iso", (HTTP, HTTPS), 3000)
    assert str(entry.checksum) == f"sha256={hashlib.sha256(DATA).hexdigest()}"
    assert entry.pieces is not None
    assert (entry.pieces.length, len(entry.pieces.hexdigests)) == (1000, 3)


def test_what_metalink_3_says() -> None:
    text = metalink3(Listed(content=DATA, urls=(HTTPS, HTTP), pieces="sha1", length=1000))
    (entry,) = entries(READER, text)
    assert (entry.path, entry.urls) == ("f.bin", (HTTPS, HTTP))
    assert entry.checksum is not None
    assert entry.checksum.algorithm == "sha1"
    assert entry.pieces is not None


def test_preferred_mirrors_come_first() -> None:
    text = meta4(Listed(content=DATA, urls=("https://c/f", "https://b/f", "https://a/f")))
    text = text.replace('priority="1"', 'priority="9"')
    (entry,) = entries(READER, text)
    assert entry.urls == ("https://b/f", "https://a/f", "https://c/f")


# Whoever takes them refuses what leads out: nothing hides that here.
@pytest.mark.parametrize("name", [*NAMES, "../f", "/f", "a//b", "con", "a\\b", "d.segdl/f"])
def test_a_name_is_what_the_document_says(name: str) -> None:
    files = [Listed(content=DATA, urls=(HTTP,), name=each) for each in (name, "good")]
    assert [entry.path for entry in entries(READER, meta4(*files))] == [name, "good"]
    assert [entry.path for entry in entries(READER, metalink3(files[0]))] == [name]


def test_blanks_around_a_url_are_those_of_ascii() -> None:
    (entry,) = entries(READER, meta4(Listed(content=DATA, urls=(f"\n {HTTP}\u00a0 ",))))
    assert entry.urls == (f"{HTTP}%C2%A0",)


@pytest.mark.parametrize(
    ("came_from", "listed", "urls"),
    [
        ("https://h/l", Listed(content=DATA, urls=(HTTP,), checksum=None), None),
        ("https://h/l", Listed(content=DATA, urls=(HTTP, HTTPS), checksum=None), (HTTPS,)),
        ("https://h/l", Listed(content=DATA, urls=(HTTP,)), (HTTP,)),
        ("https://h/l", Listed(content=DATA, urls=(HTTP,), checksum=None, pieces="md5"), (HTTP,)),
        ("http://h/l", Listed(content=DATA, urls=(HTTP,), checksum=None), (HTTP,)),
        (None, Listed(content=DATA, urls=(HTTP,), checksum=None), (HTTP,)),
        (None, Listed(content=DATA, urls=("ftp://h/f",)), None),
        (None, Listed(content=DATA, urls=()), None),
    ],
)
def test_which_mirrors_are_asked(
    came_from: str | None, listed: Listed, urls: tuple[str, ...] | None
) -> None:
    good = Listed(content=DATA, urls=(HTTPS,), name="good")
    found = items(READER, meta4(listed, good), "l.meta4", url=came_from)
    files = [item for item in found if isinstance(item, Entry)]
    assert files[-1].path == "good"
    assert [entry.urls for entry in files[:-1]] == ([] if urls is None else [urls])
    assert list(troubles(found)) == ([1] if urls is None else [])


@pytest.mark.parametrize(
    "text",
    [
        "<html/>",
        "nothing",
        meta4(),
        meta4(*[Listed(content=DATA, urls=(HTTP,), name="f")] * 2),
        meta4(Listed(content=DATA, urls=(HTTP,), name="")),
        '<!DOCTYPE x [<!ENTITY a "b">]>' + meta4(Listed(content=DATA, urls=(HTTP,))),
        meta4(Listed(content=DATA, urls=(HTTP,))) + " " * (16 << 20),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError):
        items(READER, text, "l.meta4")


@pytest.mark.parametrize(
    ("head", "media_type", "known"),
    [
        (meta4(Listed(content=DATA, urls=(HTTP,))), "", True),
        (metalink3(Listed(content=DATA, urls=(HTTP,))), "text/plain", True),
        ("", "application/metalink4+xml", True),
        ("<metalink/>", "text/xml", False),
        ("<html/>", "text/html", False),
    ],
)
def test_it_is_known_by_its_root(head: str, media_type: str, known: bool) -> None:
    document = Document(name="", media_type=media_type)
    assert READER.recognises(head.encode(), document) is known
