"""What is taken for plain is read, and written, as a library does it."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection

from segdl.core.plain import Fields, read_plain, write_plain
from segdl.core.url import Origin

PURE = settings(deadline=None, derandomize=True, max_examples=500)
OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 5\r\n"
USUAL = [("User-Agent", "x"), ("Accept-Encoding", "identity")]


class Bytes:
    """What http.client needs of a socket."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.sent = b""

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self.data))

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def settimeout(self, _seconds: float | None) -> None: ...

    def close(self) -> None: ...


def test_a_plain_head() -> None:
    head = read_plain(SIZED + b'ETag:\t"\xe9" \r\nLink: a\r\nlink: b\r\nX:\r\n\r\n')
    assert head is not None
    assert (head.status, head.length, head.lasts) == (200, 5, True)
    assert head.fields["etag"] == '"\xe9"'
    assert (head.fields["LINK"], head.fields.get("X")) == ("a, b", "")
    assert list(head.fields) == ["content-length", "etag", "link", "x"]
    assert "Etag" in head.fields
    assert "Date" not in head.fields
    assert head.fields.get("Date", "none") == "none"


@pytest.mark.parametrize(
    ("value", "lasts"), [(b"keep-alive", True), (b"Keep-Alive", True), (b"close", False)]
)
def test_whether_a_connection_lasts(value: bytes, lasts: bool) -> None:
    head = read_plain(SIZED + b"Connection: " + value + b"\r\n\r\n")
    assert head is not None
    assert head.lasts is lasts


@pytest.mark.parametrize(
    "head",
    [
        b"",
        SIZED,
        SIZED + b"\r\n\r\n",
        OK + b"\r\n",
        SIZED.replace(b"\r\n", b"\n") + b"\n",
        SIZED + b"X: a\nContent-Length: 6\r\n\r\n",
        SIZED + b"X: a\rContent-Length: 6\r\n\r\n",
        SIZED + b"X: a\x00\r\n\r\n",
        SIZED + b"X: a\x0bb\r\n\r\n",
        SIZED + b"X: a\r\n folded\r\n\r\n",
        SIZED + b" X: a\r\n\r\n",
        SIZED + b"X : a\r\n\r\n",
        SIZED + b": a\r\n\r\n",
        SIZED + b"X\r\n\r\n",
        SIZED + b"X\xe9: a\r\n\r\n",
        SIZED + b"Content-Length: 5\r\n\r\n",
        SIZED + b"Content-Length: 6\r\n\r\n",
        SIZED + b"Transfer-Encoding: chunked\r\n\r\n",
        SIZED + b"transfer-encoding: identity\r\n\r\n",
        SIZED + b"Transfer-Encoding:\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: 5, 5\r\n\r\n",
        OK + b"Content-Length: +5\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n",
        OK + b"Content-Length: 5_0\r\n\r\n",
        OK + b"Content-Length: \xb2\r\n\r\n",
        OK + b"Content-Length: 9999999999999999\r\n\r\n",
        SIZED + b"Connection: upgrade\r\n\r\n",
        SIZED + b"Connection: close, keep-alive\r\n\r\n",
        SIZED + b"Connection: keep-alive\r\nConnection: close\r\n\r\n",
        SIZED + b"X: a\r\n" * 100 + b"\r\n",
        *(
            SIZED.replace(b"HTTP/1.1 200 OK", line) + b"\r\n"
            for line in [
                b"HTTP/1.0 200 OK",
                b"HTTP/2 200 OK",
                b"HTTP/1.10 200 OK",
                b"http/1.1 200 OK",
                b"HTTP/1.1 200",
                b"HTTP/1.1  200 OK",
                b"HTTP/1.1 20 OK",
                b"HTTP/1.1 2000 OK",
                b"HTTP/1.1 \xb2\xb0\xb0 OK",
                b"HTTP/1.1 100 Continue",
                b"HTTP/1.1 101 Switching Protocols",
                b"HTTP/1.1 204 No Content",
                b"HTTP/1.1 999 Odd",
                b"HTTP/1.1 200 O\x00K",
                b" HTTP/1.1 200 OK",
                b"SSH-2.0-x",
            ]
        ),
        SIZED.replace(b"200 OK", b"302 Found") + b"Location: /x\r\nSet-Cookie: a=1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_left_to_a_library(head: bytes) -> None:
    assert read_plain(head) is None


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Content-Length: 5",
                b"content-length:0",
                b"Content-Length: 5 ",
                b"Transfer-Encoding: chunked",
                b"Connection: close",
                b"Connection: Keep-Alive",
                b"Keep-Alive: timeout=5",
                b"Set-Cookie: a=1",
                b'ETag: "a"',
                b"Link: <x>",
                b"link: <y>",
                b" folded",
                b"",
            ]
        ),
        st.binary(max_size=12).filter(lambda line: line != b""),
    ),
    max_size=6,
)
STATUS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 206 ", b"HTTP/1.1 404 \xe9", b"HTTP/1.1 302 Found",
     b"HTTP/1.1 204 No", b"HTTP/1.0 200 OK"]
)  # fmt: skip


@PURE
@given(STATUS, LINES, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
def test_a_library_reads_the_same(status: bytes, lines: list[bytes], end: bytes) -> None:
    data = end.join([status, *lines, b"", b""])
    head = read_plain(data)
    if head is None:
        return
    read: Any = http.client.HTTPResponse(Bytes(data), method="GET")  # type: ignore[arg-type]
    read.begin()
    assert (head.status, head.length) == (read.status, read.length)
    assert (head.lasts, read.chunked) == (not read.will_close, False)
    merged = urllib3.HTTPHeaderDict(read.msg.items())
    assert set(head.fields) == {name.lower() for name in merged}
    for name, value in head.fields.items():
        assert value == ", ".join(one.strip() for one in merged.getlist(name))


@pytest.mark.parametrize(
    "origin",
    [
        Origin("http", "example.org", 80),
        Origin("http", "example.org", 8080),
        Origin("https", "example.org", 443),
        Origin("https", "example.org", 80),
        Origin("http", "127.0.0.1", 80),
        Origin("http", "::1", 8080),
        Origin("http", "under_score", 80),
    ],
)
@pytest.mark.parametrize(
    "target", ["/", "/a%20%C3b;c=d/~e?f=g&h=/?:@!$'()*+,", "//x", "/[a]", "/%c3"]
)
def test_it_is_what_a_library_sends(origin: Origin, target: str) -> None:
    fields = [*USUAL, ("Range", "bytes=0-"), ("X", "\xe9 \t"), ("Empty", "")]
    ours = write_plain(origin, target, fields)
    # To encode what is not allowed, in upper case, is a library's.
    assert (ours is None) is (target in {"/[a]", "/%c3"})
    if ours is None:
        return
    kind = urllib3.HTTPSConnectionPool if origin.scheme == "https" else urllib3.HTTPConnectionPool
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    connection = kind(host, origin.port)._new_conn()
    assert isinstance(connection, HTTPConnection)
    wire: Any = Bytes()
    connection.sock = wire
    connection.request("GET", target, headers=dict(fields))
    assert ours == wire.sent


@pytest.mark.parametrize(
    ("host", "target", "fields"),
    [
        ("h", "a", []),
        ("h", "", []),
        ("h", "http://h/a", []),
        ("h", "/a b", []),
        ("h", "/a\r\nX: y", []),
        ("h", "/\xe9", []),
        ("h", "/a#b", []),
        ("h", '/"', []),
        ("h.", "/", []),
        ("\xe9.example", "/", []),
        ("fe80::1%eth0", "/", []),
        ("h\r\nX", "/", []),
        ("", "/", []),
        ("h", "/", [("Host", "other")]),
        ("h", "/", [("content-length", "5")]),
        ("h", "/", [("Transfer-Encoding", "chunked")]),
        ("h", "/", [("X", "a\r\nY: b")]),
        ("h", "/", [("X", "a\n b")]),
        ("h", "/", [("X", "a\x00")]),
        ("h", "/", [("X", "\u20ac")]),
        ("h", "/", [("X: Y", "a")]),
        ("h", "/", [("X ", "a")]),
        ("h", "/", [("", "a")]),
    ],
)
def test_requests_that_are_left_to_a_library(
    host: str, target: str, fields: list[tuple[str, str]]
) -> None:
    assert write_plain(Origin("http", host, 80), target, [*USUAL, *fields]) is None


@pytest.mark.parametrize("fields", [USUAL[:1], USUAL[1:], []])
def test_what_a_library_would_add(fields: list[tuple[str, str]]) -> None:
    assert write_plain(Origin("http", "h", 80), "/", fields) is None


def test_fields_that_are_none() -> None:
    fields = Fields([])
    assert len(fields) == 0
    assert fields.get("X") is None
    with pytest.raises(KeyError):
        fields["X"]


@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"])
def test_what_was_not_modified_has_no_body(length: bytes) -> None:
    """Whatever is said of its length: that is the file's (RFC 9110, 8.6)."""
    head = read_plain(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n' + length + b"\r\n")
    assert head is not None
    assert (head.status, head.length, head.fields["etag"]) == (304, 0, '"a"')
