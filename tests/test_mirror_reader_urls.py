"""URL lists and aria2's input files as lists of a mirror."""

from __future__ import annotations

import pytest

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import LONGEST
from segdl.mirror.readers.urls import UrlList
from support.reading import entries, items, troubles

READER = UrlList()
HEX = "a" * 64


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/a/b.iso", "b.iso"),
        ("http://h:8080/b.iso", "b.iso"),
        ("https://h/a/b%20c.iso?x=/y#z", "b c.iso"),
        ("https://h/a/b c.iso", "b c.iso"),
        ("https://me:pw@h/b", "b"),
        ("HTTPS://H/b", "b"),
        ("https://h/caf%C3%A9", "caf\u00e9"),
        ("https://h/caf\u00e9", "caf\u00e9"),
        ("https://h/a//b", "b"),
        ("https://h/a/./b", "b"),
        # One component, whatever is encoded in it.
        ("https://h/a/..%2F..%2Fb", ".._.._b"),
        ("https://h/a%2Fb", "a_b"),
        ("https://h/.hidden", ".hidden"),
        ("https://h/-x", "-x"),
    ],
)
def test_a_file_goes_where_its_url_ends(url: str, path: str) -> None:
    (entry,) = entries(READER, f"{url}\n")
    assert (entry.path, entry.urls) == (path, (url,))
    assert (entry.size, entry.checksum, entry.headers) == (None, None, ())


def test_what_is_said_of_a_file() -> None:
    (entry,) = entries(
        READER,
        "\ufeff# mirrors of one file\r\n\r\n"
        "http://h/a \thttp://i/b\t\thttps://me:pw@j/a\r\n"
        "  out=sub/b c.bin\r\n"
        "# between\r\n"
        "\tdir=d/e\r\n"
        f"  checksum=sha-256={HEX.upper()}\r\n"
        "  header=X-One: 1\r\n"
        "  header=X-Two: a=b\r\n"
        "  split=5\r\n",
    )
    assert entry.path == "d/e/sub/b c.bin"
    assert entry.urls == ("http://h/a", "http://i/b", "https://me:pw@j/a")
    assert str(entry.checksum) == f"sha256={HEX}"
    assert entry.headers == (("X-One", "1"), ("X-Two", "a=b"))
    assert "pw" not in repr(entry)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("dir=d", "d/a"),
        ("out=b\n dir=d/", "d/b"),
        # Whoever takes them refuses what leads out: nothing hides that here.
        ("out=../../b", "../../b"),
        ("dir=..", "../a"),
        ("dir=d\n out=/etc/passwd", "/etc/passwd"),
        ("dir=/etc", "/etc/a"),
    ],
)
def test_where_a_file_goes(options: str, path: str) -> None:
    assert [entry.path for entry in entries(READER, f"http://h/a\n {options}\n")] == [path]


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ("ftp://h/a", 1),
        ("nonsense", 1),
        ("http://", 1),
        ("http://h/a/", 1),
        ("http://h/", 1),
        ("http://h/a\tftp://i/a", 1),
        ("http://h/a\n checksum=md5=12", 1),
        ("http://h/a\n checksum=auto", 1),
        ("http://h/a\n header=Range: bytes=0-1", 1),
        ("http://h/a\n header=nothing", 1),
        ("\n\n# x\nhttp://h:99999999/a?token=SECRET", 4),
        ("http://h/a" + "\thttp://h/a" * 1000, 1),
        ("http://h/a\n out=" + "x" * LONGEST, 1),
        ("http://h/a\n" + " header=X: yyyyyyyy\n" * 100_000, 1),
        ("http://h/" + "x" * LONGEST, 1),
    ],
)
def test_a_line_that_names_no_file_does_not_stop_the_others(lines: str, number: int) -> None:
    found = items(READER, f"{lines}\nhttp://h/good\n")
    assert list(troubles(found)) == [number]
    assert [item.path for item in found if isinstance(item, Entry)] == ["good"]
    assert "SECRET" not in str(found)
    assert all(len(why) < 500 for why in troubles(found).values())


def test_two_lines_are_two_files_where_their_names_are_equal() -> None:
    # Whoever takes them tells of the collision.
    found = entries(READER, "http://h/1/a\nhttp://h/2/a\n")
    assert [(entry.path, *entry.urls) for entry in found] == [
        ("a", "http://h/1/a"),
        ("a", "http://h/2/a"),
    ]


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"http://h/a\n", True),
        (b"\xef\xbb\xbf# list\n\nHTTPS://h/a", True),
        (b"ftp://h/a\nhttp://h/a\n", True),
        (b"<!DOCTYPE html>\n<title>Login</title>\nhttp://h/a\n", False),
        (b"a.iso\n", False),
        (b"", False),
    ],
)
def test_it_is_known_by_its_first_line(head: bytes, known: bool) -> None:
    assert READER.recognises(head, Document(name="")) is known


@pytest.mark.parametrize("begins", [b"<!DOCTYPE html>", b"\xef\xbb\xbf\r\n  <html>", b"\n\n<?xml"])
def test_a_web_page_is_no_list_whatever_the_user_says(begins: bytes) -> None:
    with pytest.raises(UsageError, match="web page"):
        items(READER, begins + b"\nhttp://h/a\n")


def test_it_streams() -> None:
    class Endless:
        """A stream that ends where it is read too far."""

        def __init__(self) -> None:
            self.read_lines = 0

        def readline(self, limit: int) -> bytes:
            self.read_lines += 1
            return b"http://h/%d\n" % self.read_lines

    stream = Endless()
    found = READER.read(stream, Document(name=""))  # type: ignore[arg-type]
    first: Item = next(found)
    assert isinstance(first, Entry)
    assert first.path == "1"
    assert stream.read_lines == 2
    assert not isinstance(next(found), Unusable)
    assert stream.read_lines == 3
