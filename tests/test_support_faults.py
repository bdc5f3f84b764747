"""Every fault does on the wire what its name says."""

from __future__ import annotations

import gzip
import re
import socket
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from support import data, faults
from support.faults import HUGE, Fault, always, on, sequence

if TYPE_CHECKING:
    from support.origin import Origin

SIZE = 100_000
CONTENT = data.content(SIZE)


class Wire:
    """What came over the wire: `raw`, and head and body of it, and how it ended."""

    def __init__(
        self,
        origin: Origin,
        method: str = "GET",
        most: int = 10**9,
        timeout: float = 5,
        **headers: str,
    ) -> None:
        asked = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in headers.items())
        text = f"{method} /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{asked}\r\n"
        self.raw = b""
        self.ended = "most"
        with socket.create_connection(("127.0.0.1", origin.server.port), timeout) as client:
            client.sendall(text.encode())
            try:
                while len(self.raw) < most:
                    data = client.recv(1 << 20)
                    if not data:
                        self.ended = "close"
                        break
                    self.raw += data
            except ConnectionResetError:
                self.ended = "reset"
            except TimeoutError:
                self.ended = "stall"
        head, _, self.body = self.raw.partition(b"\r\n\r\n")
        self.first, *lines = head.decode("latin-1").split("\r\n")
        self.fields = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])


def dechunk(body: bytes) -> tuple[bytes, bool]:
    """Return what the chunks hold, and whether the terminator came."""
    whole = b""
    while match := re.match(rb"([0-9a-f]+)\r\n", body):
        size = int(match[1], 16)
        whole += body[match.end() : match.end() + size]
        body = body[match.end() + size + 2 :]
        if not size:
            return whole, True
    return whole, False


RANGE = "bytes=1000-1999"
PART = CONTENT[1000:2000]


def test_ignore_range(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.IgnoreRange())), range=RANGE)
    assert (wire.status, wire.body) == (200, CONTENT)
    assert wire.fields["accept-ranges"] == "bytes"
    silent = Wire(origin(CONTENT, faults=always(faults.IgnoreRange(silent=True))), range=RANGE)
    assert "accept-ranges" not in silent.fields


@pytest.mark.parametrize(
    ("by", "asked", "start", "stop"),
    [(1, RANGE, 1001, 2001), (-500, RANGE, 500, 1500), (SIZE, RANGE, 0, 0), (10, "bytes=-5", 0, 0)],
)
def test_shifted_range(origin: Any, by: int, asked: str, start: int, stop: int) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.ShiftedRange(by))), range=asked)
    if not stop and by == 10:
        start, stop = SIZE - 15, SIZE - 10
    if not stop:
        start, stop = 1000, 2000  # nowhere to shift to
    assert (wire.status, wire.body) == (206, CONTENT[start:stop])
    assert wire.fields["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"


def test_shorter_range(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.ShorterRange(10))), range=RANGE)
    assert (wire.status, wire.body) == (206, PART[:10])
    assert wire.fields["content-range"] == f"bytes 1000-1009/{SIZE}"


@pytest.mark.parametrize("total", ["*", HUGE, 7])
def test_wrong_total(origin: Any, total: int | str) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.WrongTotal(total))), range=RANGE)
    assert wire.fields["content-range"] == f"bytes 1000-1999/{total}"
    assert wire.body == PART


def test_multipart(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.Multipart())), range=RANGE)
    assert wire.fields["content-type"].startswith("multipart/byteranges; boundary=")
    assert "content-range" not in wire.fields
    assert f"bytes 1000-1999/{SIZE}".encode() in wire.body
    assert b"\r\n\r\n" + PART + b"\r\n--" in wire.body


def test_longer_body(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.LongerBody(50))), range=RANGE)
    body, ended = dechunk(wire.body)
    assert (len(body), body[:1000], ended) == (1050, PART, True)
    assert wire.fields["content-range"] == f"bytes 1000-1999/{SIZE}"


def test_unsatisfiable(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.Unsatisfiable())), range=RANGE)
    assert (wire.status, wire.fields["content-range"]) == (416, f"bytes */{SIZE}")


def test_gzip(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.Gzip())), range=RANGE)
    assert wire.fields["content-encoding"] == "gzip"
    assert gzip.decompress(wire.body) == PART


def test_no_length(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.NoLength())))
    assert (wire.first, wire.body) == ("HTTP/1.1 200 OK", CONTENT)
    assert not {"content-length", "transfer-encoding"} & wire.fields.keys()


def test_early_hints(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.EarlyHints(2))), range=RANGE)
    assert wire.first == "HTTP/1.1 103 Early Hints"
    assert wire.raw.count(b"HTTP/1.1 103 ") == 2
    assert b"\r\n\r\nHTTP/1.1 206 " in wire.raw
    assert wire.raw.endswith(PART)


def test_chunked(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.Chunked(7000))), range=RANGE)
    assert wire.fields["transfer-encoding"] == "chunked"
    assert "content-length" not in wire.fields
    assert dechunk(wire.body) == (PART, True)


@pytest.mark.parametrize(("after", "size"), [(None, SIZE), (500, 500), (SIZE * 2, SIZE)])
def test_chunked_cut(origin: Any, after: int | None, size: int) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.ChunkedCut(after))))
    assert dechunk(wire.body) == (CONTENT[:size], False)
    assert wire.ended == "close"


def test_http10(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.Http10())), range=RANGE)
    assert (wire.first, wire.body) == ("HTTP/1.0 200 OK", CONTENT)
    assert not {"content-length", "transfer-encoding", "accept-ranges"} & wire.fields.keys()


@pytest.mark.parametrize(
    ("fault", "length"),
    [
        (faults.WrongLength(5), SIZE + 5),
        (faults.WrongLength(-5), SIZE - 5),
        (faults.WrongLength(exactly=HUGE), HUGE),
    ],
)
def test_wrong_length(origin: Any, fault: Fault, length: int) -> None:
    wire = Wire(origin(CONTENT, faults=always(fault)))
    assert wire.fields["content-length"] == str(length)
    assert (wire.body, wire.ended) == (CONTENT, "close")


def test_cuts(origin: Any) -> None:
    closed = Wire(origin(CONTENT, faults=always(faults.CutAfter(1234))))
    assert (closed.body, closed.ended) == (CONTENT[:1234], "close")
    reset = Wire(origin(CONTENT, faults=always(faults.CutAfter(1234, "reset"))))
    assert (reset.body, reset.ended) == (CONTENT[:1234], "reset")
    never = Wire(origin(CONTENT, faults=always(faults.CutAfter(SIZE))))
    assert (never.body, never.ended) == (CONTENT, "close")


def test_stall(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.StallAfter(77))), timeout=0.3)
    assert (wire.body, wire.ended) == (CONTENT[:77], "stall")


def test_drip(origin: Any) -> None:
    begun = time.monotonic()
    wire = Wire(origin(CONTENT, faults=always(faults.Drip(250, 0.02))), range=RANGE)
    assert wire.body == PART
    assert time.monotonic() - begun >= 0.06


def test_no_http_at_all(origin: Any) -> None:
    assert Wire(origin(CONTENT, faults=always(faults.Garbage()))).raw.startswith(b"SSH-2.0")
    empty = Wire(origin(CONTENT, faults=always(faults.EmptyReply())))
    assert (empty.raw, empty.ended) == (b"", "close")
    reset = Wire(origin(CONTENT, faults=always(faults.EmptyReply("reset"))))
    assert (reset.raw, reset.ended) == (b"", "reset")


def test_header_floods(origin: Any) -> None:
    endless = Wire(origin(CONTENT, faults=always(faults.EndlessHeaders())), most=5_000_000)
    assert endless.ended == "most"
    assert b"\r\n\r\n" not in endless.raw
    huge = Wire(origin(CONTENT, faults=always(faults.HugeHeader(70_000))))
    assert (len(huge.fields["x-huge"]), huge.body) == (70_000, CONTENT)


def test_status_and_retry_after(origin: Any) -> None:
    server = origin(
        CONTENT,
        faults=sequence(
            faults.Status(503, retry_after=2),
            faults.Status(429, retry_after=30, as_date=True),
            faults.Status(500),
            faults.Status(429, retry_after="soon"),
        ),
    )
    seconds, date, plain, odd, fine = (Wire(server) for _ in range(5))
    assert (seconds.status, seconds.fields["retry-after"]) == (503, "2")
    assert seconds.fields["content-type"] == "text/html"
    wait = parsedate_to_datetime(date.fields["retry-after"]) - datetime.now(timezone.utc)
    assert 28 < wait.total_seconds() <= 31
    assert (plain.status, "retry-after" in plain.fields) == (500, False)
    assert odd.fields["retry-after"] == "soon"
    assert fine.body == CONTENT


def test_refuse_head(origin: Any) -> None:
    server = origin(CONTENT, faults=always(faults.RefuseHead(403)))
    assert Wire(server, "HEAD").status == 403
    assert Wire(server).body == CONTENT


def test_redirect_and_login_page(origin: Any) -> None:
    wire = Wire(origin(CONTENT, faults=always(faults.RedirectTo("file:///etc/passwd", 307))))
    assert (wire.status, wire.fields["location"]) == (307, "file:///etc/passwd")
    page = Wire(origin(CONTENT, faults=on(0, fault=faults.LoginPage())), range=RANGE)
    assert page.status == 200
    assert b"log in" in page.body
    assert not {"etag", "accept-ranges", "content-range"} & page.fields.keys()


def test_validators(origin: Any) -> None:
    bare = Wire(origin(CONTENT, faults=always(faults.NoValidators())))
    assert not {"etag", "last-modified"} & bare.fields.keys()
    server = origin(CONTENT, faults=always(faults.FreshEtag()))
    etags = [Wire(server).fields["etag"] for _ in range(2)]
    assert etags[0] != etags[1]
    assert Wire(server, range=RANGE, if_range=etags[0]).status == 200
    weak = origin(CONTENT, faults=always(faults.WeakEtag()))
    assert Wire(weak).fields["etag"] == 'W/"v1"'
    assert Wire(weak, range=RANGE, if_range='W/"v1"').status == 200


def test_preconditions_unheeded(origin: Any) -> None:
    heedless = origin(CONTENT, faults=always(faults.IgnorePreconditions()))
    assert Wire(heedless, range=RANGE, if_range='"other"').body == PART
    dropping = origin(CONTENT, faults=always(faults.NoRangeWithPreconditions()))
    assert Wire(dropping, range=RANGE, if_range='"v1"').status == 200
    assert Wire(dropping, range=RANGE).status == 206


def test_faults_combine(origin: Any) -> None:
    both = (faults.FreshEtag(), faults.Chunked(100), faults.CutAfter(250, "reset"))
    wire = Wire(origin(CONTENT, faults=always(*both)), range=RANGE)
    assert wire.fields["etag"] == '"fresh-0"'
    assert dechunk(wire.body) == (PART[:250], False)
    assert wire.ended == "reset"
