"""Index pages of other servers, and pages that mean harm or are no index at all."""

from __future__ import annotations

import http.server
import io
import threading
import tracemalloc
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.url import parse_url
from segdl.errors import SegdlError, UsageError
from segdl.mirror.listing import Document, Entry, Further, Item, Unusable
from segdl.mirror.readers.index_html import IndexHtml
from segdl.mirror.readers.index_json import IndexJson
from support.walking import fetched, walked

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data" / "index"
PAGE = "http://h/pub/a%20b/"
DOCUMENT = Document(name="", url=PAGE, base="http://h/pub/")
NGINX = "<html><head><title>Index of /</title></head><body><pre>{}</pre></body></html>"


class Dribbling(io.BytesIO):
    """Reads a few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._most, size or self._most))


def items(page: bytes | str, document: Document = DOCUMENT, most: int = 2**20) -> list[Item]:
    data = page if isinstance(page, bytes) else page.encode("utf-8", "surrogateescape")
    for reader in (IndexJson(), IndexHtml()):
        if reader.recognises(data[:65536], document):
            return list(reader.read(Dribbling(data, most), document))
    raise AssertionError("not recognised")


def links(*hrefs: str, before: str = "") -> list[Item]:
    text = "\n".join(f'<a href="{href}">what it says</a>  1.2M' for href in hrefs)
    return items(before + NGINX.format(text))


# -- other servers --


@pytest.mark.parametrize("server", ["lighttpd", "caddy"])
@pytest.mark.parametrize("most", [1, 7, 100, 10**6])
def test_other_servers(server: str, most: int) -> None:
    document = Document(name="", url="http://h/", base="http://h/")
    found = items((DATA / f"{server}.html").read_bytes(), document, most)
    assert {item.path for item in found if isinstance(item, Entry)} == {
        "a.txt",
        "sp ace & ü:<b>?#%.iso",
        "x" * 80,
    }
    assert [item.url for item in found if isinstance(item, Further)] == [
        f"http://h/{name}/" for name in ("d%20ir&x" if server == "caddy" else "d%20ir%26x", "dir")
    ]
    assert not any(isinstance(item, Unusable) for item in found)
    assert len(found) == 5


def test_lighttpd_tells_times_but_rounds_sizes() -> None:
    found = items((DATA / "lighttpd.html").read_bytes())
    told = {(item.size, item.modified) for item in found if isinstance(item, Entry)}
    assert told == {(None, 1795692384)}


@contextmanager
def python_server(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_python_itself(tmp_path: Path) -> None:
    (tmp_path / "d ir&x").mkdir()
    (tmp_path / "linked").symlink_to("d ir&x")
    names = ["a:b;.txt", "sp ace & ü:<b>?#%.iso", "javascript:x", "d ir&x/in"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    with python_server(tmp_path) as url:
        found = walked(url).whole
        assert found.paths == sorted([*names, "linked/in"])
        for entry in found.entries:
            assert fetched(entry.urls[0]) == entry.path.replace("linked", "d ir&x").encode()


# -- links --


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("f", "a b/f"),
        ("./f", "a b/f"),
        ("./a:b;.txt", "a b/a:b;.txt"),
        ("f%20g", "a b/f g"),
        ("f g", "a b/f g"),
        (" f\n", "a b/f"),
        ("/pub/a%20b/f", "a b/f"),
        ("/pub/a b/f", "a b/f"),
        ("/pub/%61%20b/f", "a b/f"),
        ("http://h/pub/a%20b/f", "a b/f"),
        ("http://h:80/pub/a%20b/f", "a b/f"),
        ("//h/pub/a%20b/f", "a b/f"),
        ("../a%20b/f", "a b/f"),
        ("f&amp;g", "a b/f&g"),
        ("&#x66;", "a b/f"),
        ("%e4", "a b/\udce4"),
        ("%c3%a4", "a b/ä"),
        ("ä", "a b/ä"),
        ("\udce4", "a b/\udce4"),
        ("100%.txt", "a b/100%.txt"),
        ("...a", "a b/...a"),
        ("a;b=c", "a b/a;b=c"),
        ("%0a%1b[2J", "a b/\n\x1b[2J"),
        # What HTML has around a link is blanks of ASCII.
        (" \u00a0f\u3000 ", "a b/\u00a0f\u3000"),
    ],
)
def test_links_to_files(href: str, path: str) -> None:
    (entry,) = links(href)
    assert isinstance(entry, Entry)
    assert entry.path == path
    assert parse_url(entry.urls[0]).url == entry.urls[0]
    assert entry.urls[0].startswith("http://h")


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("d/", PAGE + "d/"),
        ("./d/", PAGE + "d/"),
        ("/pub/a%20b/d/", PAGE + "d/"),
        ("x/../d/", PAGE + "d/"),
        ("d%20e/", PAGE + "d%20e/"),
        ("d e/", PAGE + "d%20e/"),
    ],
)
def test_links_to_folders(href: str, url: str) -> None:
    assert links(href) == [Further(url=url, deeper=True)]


@pytest.mark.parametrize(
    "href",
    [
        "",
        " ",
        ".",
        "./",
        "/pub/a%20b/",
        "?C=N;O=D",
        "?",
        "#top",
        "f#top",
        "..",
        "../",
        "/",
        "/pub/",
        "/pub/f",
        "../f",
        "../../../etc/passwd",
        "/pub/a%20bc/f",
        "d/f",
        "d/e/",
        "//",
        "///etc",
        "/pub/a%20b//f",
        "/pub/a%20b//",
        "http://other/pub/a%20b/f",
        "http://h:81/pub/a%20b/f",
        "http://me:secret@h/pub/a%20b/f",
        "//other/pub/a%20b/f",
        "mailto:me@h",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://h/pub/a%20b/f",
        "file:///etc/passwd",
        "a:b",
        "http:",
        "http://[",
        "http://h:99999999/",
        "\\\\other\\f",
    ],
)
def test_links_that_lead_elsewhere_count_for_nothing(href: str) -> None:
    found = links(href)
    # A backslash is a character like any other in a path.
    expected = "a b/" + href if href.startswith("\\") else None
    assert [item.path for item in found if isinstance(item, Entry)] == (
        [expected] if expected else []
    )
    assert len(found) == (1 if expected else 0)


@pytest.mark.parametrize("href", ["f?download", "d/?C=N;O=D", "?dir=sub", "./?folder=a/b"])
def test_a_page_that_tells_all_by_queries_is_not_taken_for_an_empty_one(href: str) -> None:
    with pytest.raises(UsageError, match="1 links with queries, and none to a file or folder"):
        links(href)


def test_an_empty_folder_may_be_sorted() -> None:
    for href in (
        "?C=N;O=D",
        "?sort=name&order=asc",
        "./?sort=size&path=%2Fd",
        "?",
        "#top",
        "index.html?C=N;O=D",
    ):
        assert links(href) == []


@pytest.mark.parametrize("href", ["https://h/pub/a%20b/f", "//h/pub/a%20b/f"])
def test_a_page_may_take_its_server_for_one_with_tls(href: str) -> None:
    """Where that ends before it."""
    (entry,) = links(href)
    assert isinstance(entry, Entry)
    assert (entry.path, entry.urls) == ("a b/f", ("http://h/pub/a%20b/f",))


@pytest.mark.parametrize(
    "href", ["..%2fetc", "..%2Fetc/", "a%2fb", "%2e%2e/", "%2E%2E", ".%2e/", "%00", "a%00b"]
)
def test_links_that_no_file_can_have(href: str) -> None:
    (found,) = links("f", href)[1:]
    assert isinstance(found, Unusable)
    assert found.line == 2
    assert found.why.isprintable()


def test_a_page_that_has_a_base_of_its_own() -> None:
    elsewhere = "<title>Index of</title><base href='http://other/pub/a%20b/'>"
    assert links("f", before=elsewhere) == []
    (entry,) = links("a%20b/f", before="<title>Index of</title><base href='/pub/'>")
    assert isinstance(entry, Entry)
    assert entry.path == "a b/f"


STEP = st.text(st.sampled_from("ab.%2fé &;:@'()~\\\x01"), max_size=6)


@settings(deadline=None)
@given(step=STEP, folder=st.booleans(), dot=st.booleans())
def test_plain_links_are_read_as_all_others_are(step: str, folder: bool, dot: bool) -> None:
    from segdl.mirror.readers.index import Folder

    link = ("./" if dot else "") + step + ("/" if folder else "")
    # With a base there is no short way.
    page = Folder(DOCUMENT)
    assert page.item(link, 1) == page.item(link, 1, base=PAGE)
    short, long = page.item(link, 1), page.item(link, 1, base=PAGE)
    if isinstance(short, Entry) and isinstance(long, Entry):
        assert short.urls == long.urls


# -- pages --


def test_comments_scripts_and_attributes_are_no_links() -> None:
    page = NGINX.format(
        '<!-- <a href="comment">x</a> --><script>"<a href=\'script\'>x</a>"</script>'
        '<style><a href="style">x</a></style><link href="link"><img alt=\'<a href="alt">x</a>\'>'
        '<a name="nowhere">x</a><A HREF=bare>x</A><a title="a > b" href=\'quoted\'>x</a>'
    )
    assert [item.path for item in items(page) if isinstance(item, Entry)] == [
        "a b/bare",
        "a b/quoted",
    ]


@pytest.mark.parametrize("around", ["pre", "table", "TABLE"])
def test_a_page_that_ends_within_its_list_is_not_all_of_it(around: str) -> None:
    begun = f'<h1>Index of /</h1><{around}><a href="f">f</a>\n'
    with pytest.raises(UsageError, match="ends before its list of files does"):
        items(begun)
    assert len(items(begun + f"</{around.lower()}>")) == 1


def test_of_two_links_to_one_file_the_last_says_most() -> None:
    page = NGINX.format(
        '<a href="f"><img src="i.gif"></a> <a href="f">f</a>    26-Nov-2026 11:18    77\n'
        '<a href="d/">i</a> <a href="d/">d/</a>                 26-Nov-2026 11:18    -\n'
    )
    entry, folder = items(page)
    assert isinstance(entry, Entry)
    assert (entry.size, entry.modified) == (77, 1795691880)
    assert isinstance(folder, Further)


@pytest.mark.parametrize(
    "text",
    [
        "  99-Nov-2026 11:18  77\n",
        "  26-Foo-2026 11:18  77\n",
        "  2026-13-45 99:99  1K\n",
        "  26-Nov-2026 11:18  " + "9" * 5000,
        " " * 5000 + "26-Nov-2026 11:18  77\n",
        "  ²6-Nov-2026 11:18  77\n",
    ],
)
def test_what_is_no_date_or_size_is_none(text: str) -> None:
    (entry,) = items(NGINX.format(f'<a href="f">f</a>{text}'))
    assert isinstance(entry, Entry)
    assert entry.size is None


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html><title>Welcome</title><a href='f'>f</a>",
        b"Index of /\nhttp://h/f\n",
        b"0123456789abcdef  Index of\n",
        b"<?xml version='1.0'?><metalink><file name='Parent Directory'/></metalink>",
        b"[]x",
        b'[{"url": "http://h/f"}]',
        b'[{"name": "f", "type": "thing"}]',
        b'{"name": "f", "type": "file"}\n{"name": "g", "type": "file"}\n',
        b"\x1f\x8b<title>Index of</title>",
    ],
)
def test_what_is_no_index_page(page: bytes) -> None:
    assert not IndexHtml().recognises(page, DOCUMENT)
    assert not IndexJson().recognises(page, DOCUMENT)


@pytest.mark.parametrize(
    "head",
    [
        b"<html>\r\n<head><title>Index of /pub/</title>",
        b"\xef\xbb\xbf\n<!DOCTYPE html><TITLE>\nINDEX OF /pub</TITLE>",
        b"<title>Directory listing for /</title>",
        b"<title>Directory: /pub/</title>",
        b"<html><h1>Index of /pub</h1>",
        b'<pre><a href="../">../</a>\n',
        b'<html><pre><A HREF="/pub/">[To Parent Directory]</A><br>',
        b'<table><th><a href="?C=N;O=D">Name</a></th>',
    ],
)
def test_what_is_one(head: bytes) -> None:
    assert IndexHtml().recognises(head, DOCUMENT)


@pytest.mark.parametrize(
    "junk",
    [
        b"<!--",
        b"<a ",
        b'<a href="' + b"x" * 1000,
        b"<script>var x;",
        b"<![CDATA[",
        b"<![foo[",
        b"<!doctype [",
        b"</",
        b"<?",
        b"&#" + b"9" * 5000,
    ],
    ids=repr,
)
def test_endless_junk_takes_little_memory_and_ends(junk: bytes) -> None:
    class Endless(io.RawIOBase):
        left = 64 * 2**20

        def read(self, size: int = -1, /) -> bytes:
            self.left -= size
            return (junk * (size // len(junk) + 1))[:size] if self.left > 0 else b""

    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="http://h/pub/a%20b/ is no index page"):
            for _ in IndexHtml().read(cast(BinaryIO, Endless()), DOCUMENT):
                pass
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reader", [IndexHtml(), IndexJson()])
def test_a_page_of_any_length_is_read_in_little_memory(reader: IndexHtml | IndexJson) -> None:
    class Long(io.RawIOBase):
        left = 20

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            if isinstance(reader, IndexHtml):
                line = b'<a href="e">e<a href="f">f</a>  26-Nov-2026 11:18  77\n'
                begin, end = b" ", b" "
            else:
                line = b'{"name":"f", "type":"file", "size":77},'
                begin, end = b"[", b'{"name":"f", "type":"file"}]'
            if self.left == 19:
                return begin
            if self.left > 0:
                return line * (size // len(line))
            return end if self.left == 0 else b""

    tracemalloc.start()
    try:
        count = sum(1 for _ in reader.read(cast(BinaryIO, Long()), DOCUMENT))
        assert count > 20_000
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@settings(deadline=None)
@given(page=st.binary(max_size=200), most=st.integers(1, 50))
def test_no_page_makes_it_fail_otherwise(page: bytes, most: int) -> None:
    for reader in (IndexHtml(), IndexJson()):
        try:
            for item in reader.read(Dribbling(page, most), DOCUMENT):
                assert isinstance(item, Entry | Further | Unusable)
        except UsageError:
            pass


_BITS = """<a |href=|"|'|>|</a>|<!--|-->|<![|[|]|<!|&#|1;|<script>|</script>|f|/|<base |<pre>|<?"""
HTMLISH = st.lists(st.sampled_from([*_BITS.split("|"), "&lt;", "\0"]), max_size=30).map("".join)


@settings(deadline=None)
@given(page=HTMLISH, most=st.integers(1, 20))
def test_a_page_is_read_alike_in_any_pieces(page: str, most: int) -> None:
    def outcome(most: int) -> list[Item] | str:
        try:
            return list(IndexHtml().read(Dribbling(page.encode(), most), DOCUMENT))
        except UsageError as error:
            return str(error)

    assert outcome(most) == outcome(10**6)


# -- JSON --


@pytest.mark.parametrize("most", [1, 3, 10**6])
def test_json_in_any_pieces(most: int) -> None:
    page = (
        '[\n{ "name":"f", "type":"file", "mtime":"Thu, 26 Nov 2026 11:18:42 GMT", "size":12 },\n'
        '{"type":"directory","name":"d é"} , { "name":"o", "type":"other" },{"name":"q\\"\\u00e9",'
        '"type":"file","size":-1},{"name":"r","type":"file","size":true,"mtime":[1]}]\n'
    )
    found = items(page, most=most)
    assert found == [
        Entry(path="a b/f", urls=(f"{PAGE}f",), size=12, modified=1795691922),
        Further(url=f"{PAGE}d%20%C3%A9/", deeper=True),
        Entry(path='a b/q"é', urls=(f"{PAGE}q%22%C3%A9",)),
        Entry(path="a b/r", urls=(f"{PAGE}r",)),
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ('{"name":"..", "type":"directory"}', None),
        ('{"name":".", "type":"file"}', None),
        ('{"name":"../../etc", "type":"file"}', Unusable),
        ('{"name":"a/b", "type":"file"}', Unusable),
        ('{"name":"\\u0000", "type":"file"}', Unusable),
        ('{"name":"\\ud800", "type":"file"}', Unusable),
        ('{"name":"", "type":"file"}', Unusable),
        ('{"name":"f"}', Unusable),
        ('{"name":7, "type":"file"}', Unusable),
        ('{"name":"f", "type":"thing"}', Unusable),
        ("{}", Unusable),
    ],
)
def test_json_that_means_harm(value: str, kind: type[Item] | None) -> None:
    found = items('[{"name":"f", "type":"file"},' + value + "]")[1:]
    assert [type(item) for item in found] == ([] if kind is None else [kind])
    assert all(item.why.isprintable() for item in found if isinstance(item, Unusable))


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ",",
        ',{"name":"g"',
        ",]",
        ",1]",
        "]x",
        "}",
        '{"name":"g"}]',
        ',{"name":' + "[" * 100_000,
        ',{"name":"' + "x" * 200_000,
    ],
    ids=lambda text: text[:20],
)
def test_json_that_is_broken_or_was_cut(rest: str) -> None:
    with pytest.raises(UsageError, match="its JSON is broken"):
        items('[{"name":"f", "type":"file"}' + rest)


def test_empty_json() -> None:
    assert items("[\n]") == []


# -- where a page is --


def test_a_page_that_nobody_knows_the_place_of() -> None:
    for reader in (IndexHtml(), IndexJson()):
        with pytest.raises(UsageError, match="relative to its URL; give that with --base-url"):
            list(reader.read(io.BytesIO(b"[]"), Document(name="index.html")))


def test_a_page_that_is_not_below_its_base() -> None:
    document = Document(name="", url="http://h/pub/", base="http://i/")
    with pytest.raises(SegdlError, match="not below"):
        list(IndexHtml().read(io.BytesIO(b"<title>Index of</title>"), document))


@pytest.mark.parametrize("base", ["http://h/pub/", "http://h/pub"])
def test_a_saved_page(tmp_path: Path, base: str) -> None:
    page = tmp_path / "index.html"
    page.write_text(NGINX.format('<a href="f">f</a>  26-Nov-2026 11:18  77\n'))
    (entry,) = walked(str(page), base_url=base, robots=False).whole.entries
    assert (entry.path, entry.urls, entry.size) == ("f", ("http://h/pub/f",), 77)
