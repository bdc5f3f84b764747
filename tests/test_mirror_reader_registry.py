"""Which reader a list gets: by content, by name, and from other packages."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.text import printable
from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Reader, Unusable
from segdl.mirror.readers.registry import formats, reader_for
from support.lists import BAG, CRAWL, ENA, INDEX, MINIO, zenodo_file
from support.meta4 import Listed, meta4

A = "a" * 64
SIGNED = (
    f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{A} *a\n"
    "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
)
EXAMPLES = [
    ("urls", "https://h/a\n  out=b\nhttps://h/c\n", ""),
    ("urls", "# mine\nhttps://h/a\thttps://i/a\n", "list.csv"),
    ("checksums", f"{A}  a\n", "SHA256SUMS"),
    ("checksums", f"SHA256 (a) = {A}\n", ""),
    ("checksums", f"{A}\n", "a.iso.sha256"),
    ("checksums", SIGNED, "SHA256SUMS.asc"),
    ("metalink", meta4(Listed(content=b"x", urls=("https://h/a",))), ""),
    ("s3", MINIO, ""),
    ("jsonlines", '{"url": "https://h/a", "key": 1, "checksum": "", "links": 2}\n', ""),
    ("csv", "url,size\nhttps://h/a,5\n", ""),
    ("csv", "url;size\nhttps://h/a;5\n", ""),
    ("csv", "dest\turl\na\thttps://h/a\n", ""),
    ("bagit", BAG, "fetch.txt"),
    ("paths", CRAWL, "warc.paths"),
    ("paths", CRAWL, ""),
    ("tsvhttpdata", "TsvHttpData-1.0\nhttps://h/a\t5\n", ""),
    ("ena", ENA, "report.tsv"),
    ("zenodo", json.dumps({"files": [zenodo_file("a")]}), ""),
    ("huggingface", json.dumps(INDEX), "model.safetensors.index.json"),
]


@pytest.mark.parametrize(("name", "text", "called"), EXAMPLES)
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_each_is_known_by_its_content(name: str, text: str, called: str, begin: str) -> None:
    head = (begin + text).encode()[: 64 * 1024]
    assert reader_for(head, Document(name=called)).name == name
    crlf = head.replace(b"\n", b"\r\n")
    assert reader_for(crlf, Document(name=called)).name == name


@pytest.mark.parametrize("name", sorted({name for name, _, _ in EXAMPLES} | {"s3-no-md5"}))
def test_each_can_be_asked_for(name: str) -> None:
    assert name in formats()
    assert reader_for(b"whatever", Document(name=""), name).name == name


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"<!DOCTYPE html><title>Login</title>\nhttps://h/a\n", "web page"),
        (b"\xef\xbb\xbf \n<html>", "web page"),
        (b"<Error><Code>AccessDenied</Code></Error>", "web page or the like"),
        ("https://h/a".encode("utf-16"), "UTF-16"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"some words\n", "--format: index-json, index-html, metalink, s3"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "--format"),
        (b'{"a": 1}', "--format"),
    ],
)
def test_what_is_no_list(head: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        reader_for(head, Document(name="a\x1b[2Jb"))
    assert says in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(UsageError):
        reader_for(head, Document(name=""))


def test_what_its_server_calls_metalink_is_taken_for_nothing_else() -> None:
    document = Document(name="", media_type="application/metalink4+xml")
    assert reader_for(b"https://h/an-error-page\n", document).name == "metalink"


def test_a_format_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="urls"):
        reader_for(b"https://h/a\n", Document(name=""), "no\x1bsuch")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.sampled_from(EXAMPLES), st.data(), st.sampled_from(formats()))
def test_no_document_raises_but_to_say_what_is_wrong(
    example: tuple[str, str, str], data: st.DataObject, name: str
) -> None:
    """Documents that are cut, damaged, or in another format than is said."""
    whole = example[1].encode()
    at = data.draw(st.integers(0, len(whole)))
    dropped = data.draw(st.integers(0, 20))
    damaged = whole[:at] + data.draw(st.binary(max_size=10)) + whole[at + dropped :]
    document = Document(name=example[2], url="https://h/d/list", base="https://h/d/list")
    said: list[str] = []
    try:
        reader = reader_for(damaged, document, data.draw(st.sampled_from([None, name])))
        for item in reader.read(io.BufferedReader(io.BytesIO(damaged)), document):
            if isinstance(item, Entry):
                assert item.path
                assert item.urls
                assert all(parse_url(url) for url in item.urls)
            elif isinstance(item, Unusable):
                said.append(item.why)
    except UsageError as error:
        said.append(str(error))
    assert [printable(text, 1000) for text in said] == said


MODULE = """
from segdl.mirror.listing import Entry

class Reader:
    name = "stac"

    def recognises(self, head, document):
        return head.startswith(b"https://stac")

    def read(self, stream, document):
        for line in stream:
            yield Entry(path="x", urls=(line.decode().strip(),))

READER = Reader()

class Broken(Reader):
    def recognises(self, head, document):
        raise RuntimeError("a defect")

BROKEN = Broken()
NO_READER = 5
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as pip installs one, with entry points of which two work."""
    (tmp_path / "stac_lists.py").write_text(MODULE)
    info = tmp_path / "stac_lists-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stac-lists\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[segdl.readers]\n"
        "a-missing = no_such_module:READER\n"
        "b-broken = stac_lists:BROKEN\n"
        "c-none = stac_lists:NO_READER\n"
        "stac = stac_lists:READER\n"
        "urls = stac_lists:READER\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stac_lists", raising=False)
    return tmp_path


def test_another_package_adds_a_format(package: Path) -> None:
    assert formats()[-4:] == ("a-missing", "b-broken", "c-none", "stac")
    document = Document(name="")
    # By name, and by content where most texts would be a URL list.
    named: Reader = reader_for(b"", document, "stac")
    found = reader_for(b"https://stac.example/1\n", document)
    assert named.name == found.name == "stac"
    assert found is named
    # What is not its own is ours as before, and so is what knows its format for sure.
    assert reader_for(b"https://h/1\n", document).name == "urls"
    assert reader_for(MINIO.encode(), document).name == "s3"
    # It takes the name of none of ours.
    assert type(reader_for(b"", document, "urls")).__module__.startswith("segdl.")


@pytest.mark.parametrize("name", ["a-missing", "c-none"])
def test_a_package_that_does_not_work_says_so_where_it_is_asked_for(
    package: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="of stac-lists"):
        reader_for(b"", Document(name=""), name)
    # And in the error where nothing fits.
    with pytest.raises(UsageError, match="not asked: a-missing, b-broken, c-none"):
        reader_for(b"some words\n", Document(name=""))


def test_a_page_is_a_page_with_other_packages_too(package: Path) -> None:
    with pytest.raises(UsageError, match="web page"):
        reader_for(b"<html>", Document(name=""))
