"""Which heads say where a body ends, and which leave it to guesses."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.framing import line_trouble
from segdl.net.wholehead import WholeHead

PURE = settings(deadline=None, derandomize=True, max_examples=300)
STATUS = b"HTTP/1.1 200 OK\r\n"
ANY = b"ETag: 1\r\n"
NO_FIELD = "a line of its head is no field"
FOLDED = "a line of its head that tells of the body is folded"


@pytest.mark.parametrize(
    ("line", "before", "trouble"),
    [
        (b"\r\n", ANY, None),
        (b"\n", ANY, None),
        (b"ETag: 1\r\n", STATUS, None),
        (b"ETag: 1\n", STATUS, None),
        (b"ETag:1\r\n", STATUS, None),
        (b"ETag:\r\n", STATUS, None),
        (b"X[a]/b: 1\r\n", ANY, None),
        (b"X: \x01\x7f\x80\xff:\r\n", ANY, None),
        (b"no field\r\n", ANY, NO_FIELD),
        (b"nofield\r\n", ANY, NO_FIELD),
        (b": 1\r\n", ANY, NO_FIELD),
        (b"ETag : 1\r\n", ANY, NO_FIELD),
        (b"ETag\t: 1\r\n", ANY, NO_FIELD),
        (b"E Tag: 1\r\n", ANY, NO_FIELD),
        (b"E\xe9: 1\r\n", ANY, NO_FIELD),
        (b"E\x00: 1\r\n", ANY, NO_FIELD),
        (b"E\x7f: 1\r\n", ANY, NO_FIELD),
        (b"From me\r\n", STATUS, NO_FIELD),
        (b"HTTP/1.1 200 OK\r\n", ANY, NO_FIELD),
        (b"X: a\rContent-Length: 1\r\n", ANY, NO_FIELD),
        (b"X: a\r\r\n", ANY, NO_FIELD),
        (b"\r\r\n", ANY, NO_FIELD),
        (b"X: a\x00\r\n", ANY, NO_FIELD),
        (b" folded\r\n", ANY, None),
        (b"\tfolded\r\n", ANY, None),
        (b" \r\n", ANY, None),
        (b" folded\r\n", b" folded\r\n", None),
        (b" folded\r\n", STATUS, None),
        (b" X-Content-Type-Options: nosniff\r\n", STATUS, None),
        (b" boundary=Content-Length\r\n", b"Content-Type: multipart/byteranges;\r\n", None),
        (b" a\rb\r\n", ANY, NO_FIELD),
        (b" a\x00\r\n", ANY, NO_FIELD),
        (b" 10\r\n", b"Content-Length:\r\n", FOLDED),
        (b" , gzip\r\n", b"transfer-encoding: chunked\n", FOLDED),
        (b" gzip\r\n", b"Content-Encoding:\r\n", FOLDED),
        (b" 0-4/5\r\n", b"CONTENT-RANGE: bytes\r\n", FOLDED),
        (b" Content-Length: 10\r\n", STATUS, FOLDED),
        (b"\t content-length \t: 10\r\n", ANY, FOLDED),
        (b" Transfer-Encoding: chunked\r\n", ANY, FOLDED),
    ],
)
def test_lines_of_a_head(line: bytes, before: bytes, trouble: str | None) -> None:
    assert line_trouble(line, before) == trouble


class Bytes:
    """All that http.client asks of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


PARTS = st.sampled_from(
    [b"a", b"X", b"Content-Length", b"From ", b"-", b":", b": ", b" ", b"\t", b"\r", b"\n", b"\r\n",
     b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xff", b"1"]
)  # fmt: skip
LINE = st.lists(PARTS, max_size=6).map(b"".join)


@PURE
@given(st.lists(LINE, max_size=6))
def test_no_line_of_a_head_is_lost(lines: list[bytes]) -> None:
    head = STATUS + b"\r\n".join([*lines, b"", b""])
    read: Any = WholeHead(Bytes(head), method="GET")  # type: ignore[arg-type]
    try:
        read.begin()
    except http.client.HTTPException:
        return
    # The head ends at the first line that is empty.
    below = head.replace(b"\r\n", b"\n").split(b"\n\n")[0].split(b"\n")[1:]
    fields = [line for line in below if not line.startswith((b" ", b"\t"))]
    assert [name.encode("latin-1") for name, _ in read.msg.items()] == [
        line.partition(b":")[0] for line in fields
    ]
    if fields == below:
        assert [value.strip(" \t").encode("latin-1") for _, value in read.msg.items()] == [
            line.partition(b":")[2].strip(b" \t") for line in fields
        ]
