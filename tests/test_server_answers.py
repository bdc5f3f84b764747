"""Whatever one file's server answers: the exact file, or the error class, and nothing else."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from segdl.errors import (
    ChecksumMismatchError,
    DiskError,
    IntegrityError,
    NetworkError,
    SegdlError,
    ServerError,
)
from segdl.progress.events import Note, Restarted
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.proxy import HttpProxy
from support.reply import Reply
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

MIB = 1024 * 1024
SIZE = 3 * MIB + 12345
CONTENT = data.content(SIZE)

StartOrigin = "Callable[..., Origin]"


@pytest.mark.parametrize("connections", [1, 2, 8])
@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1, SIZE])
def test_sizes(origin: Any, tmp_path: Path, size: int, connections: int) -> None:
    served = origin(data.content(size))
    fetched = fetch(served.url, tmp_path, connections=connections, min_split=MIB)
    fetched.is_whole(data.content(size))
    assert {request.method for request in served.requests} == {"GET"}
    assert len(served.requests) <= connections + 2


def test_a_small_file_takes_one_request(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT[:MIB])
    fetch(served.url, tmp_path, min_split=MIB).is_whole(CONTENT[:MIB])
    assert len(served.requests) == 1


def test_connections_are_used_again(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.ShorterRange(100_000)))
    fetch(served.url, tmp_path, connections=2).is_whole(CONTENT)
    # The look at the beginning and at the end close theirs.
    assert served.server.accepted <= 6 < len(served.requests)


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize(
    "faults",
    [
        f.IgnoreRange(),
        f.IgnoreRange(silent=True),
        (f.IgnoreRange(), f.Chunked()),
        (f.IgnoreRange(), f.NoLength()),
        f.Http10(),
        f.EarlyHints(),
        (f.EarlyHints(3), f.Chunked()),
        (f.EarlyHints(), f.CutAfter(100_000)),
        f.ShorterRange(150_000),
        f.WrongTotal("*"),
        f.Multipart(),
        f.ShiftedRange(1),
        f.ShiftedRange(-7),
        f.ShiftedRange(70_000),
        f.Chunked(),
        f.NoLength(),
        f.RefuseHead(),
        f.RefuseHead(403),
        f.LongerBody(),
        f.NoValidators(),
        f.WeakEtag(),
        f.FreshEtag(),
        f.FreshEtag(dated=True),
        f.IgnorePreconditions(),
        f.NoRangeWithPreconditions(),
        f.CutAfter(100_000),
        f.CutAfter(100_000, "reset"),
        f.ChunkedCut(100_000),
        f.ChunkedCut(100_000, "reset"),
        (f.NoValidators(), f.CutAfter(100_000)),
        (f.NoValidators(), f.Chunked()),
        (f.NoValidators(), f.NoLength()),
        (f.FreshEtag(), f.CutAfter(100_000)),
        (f.WeakEtag(), f.ShorterRange(150_000)),
    ],
    ids=repr,
)
def test_whole_whatever_every_answer_is_like(
    origin: Any, tmp_path: Path, faults: f.Answer, connections: int
) -> None:
    every = (faults,) if isinstance(faults, f.Fault) else tuple(faults or ())
    if f.LongerBody() in every:
        # Its body in one piece is longer, too: nothing tells the truth but the range.
        served = origin(CONTENT, faults=lambda request, _: every if request.range else None)
    else:
        served = origin(CONTENT, faults=f.always(*every))
    fetch(served.url, tmp_path, connections=connections).is_whole(CONTENT)
    assert len(served.requests) < 120


def test_hints_in_the_middle_of_a_file(origin: Any, tmp_path: Path) -> None:
    # Connections that were used before have a reader of their own.
    served = origin(CONTENT, faults=lambda _, number: f.EarlyHints() if number else None)
    fetch(served.url, tmp_path, connections=3).is_whole(CONTENT)
    assert 1 < len(served.requests) < 120


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("proxied", [False, True])
def test_hints_over_every_way(
    origin: Any, authority: Any, tmp_path: Path, secure: bool, proxied: bool
) -> None:
    context = authority.server_context() if secure else None
    served = origin(CONTENT, tls=context, faults=f.always(f.EarlyHints()))
    with HttpProxy(interim=b"HTTP/1.1 102 Processing\r\n\r\n") as proxy:
        address = f"http://127.0.0.1:{proxy.port}" if proxied else ""
        network = {"cacert": authority.cacert, "proxy": address}
        fetch(served.url, tmp_path, connections=2, network=network).is_whole(CONTENT)
        assert bool(proxy.asked) == proxied


@pytest.mark.parametrize(
    "fault", [f.CutAfter(3000), f.CutAfter(3000, "reset"), f.ShorterRange(3000)]
)
@pytest.mark.parametrize("validators", [True, False])
def test_a_few_kib_at_a_time(origin: Any, tmp_path: Path, fault: f.Fault, validators: bool) -> None:
    small = CONTENT[:150_000]
    every = (fault,) if validators else (fault, f.NoValidators())
    served = origin(small, faults=f.always(*every))
    fetch(served.url, tmp_path, connections=4).is_whole(small)
    assert len(served.requests) < (70 if validators else 250)


@pytest.mark.parametrize("fault", [f.EmptyReply(), f.Status(500), f.CutAfter(0)], ids=repr)
def test_only_tries_in_a_row_without_progress_count(
    origin: Any, tmp_path: Path, fault: f.Fault
) -> None:
    # Each third answer brings something; two in a row without are all that is allowed.
    served = origin(CONTENT, faults=lambda _, n: fault if n % 3 else f.CutAfter(500_000))
    fetch(served.url, tmp_path, connections=1, retries=3).is_whole(CONTENT)


def test_only_odd_ranges_in_a_row_end_the_asking_for_ranges(origin: Any, tmp_path: Path) -> None:
    odd = f.ShiftedRange(70_000)
    served = origin(CONTENT, faults=lambda _, n: odd if n % 2 else f.CutAfter(300_000))
    fetched = fetch(served.url, tmp_path, connections=1).is_whole(CONTENT)
    assert not fetched.told(Restarted)


@pytest.mark.parametrize("index", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "fault",
    [
        f.IgnoreRange(),
        f.ShiftedRange(),
        f.ShorterRange(),
        f.WrongTotal(),
        f.Multipart(),
        f.NoLength(),
        f.Chunked(),
        f.ChunkedCut(5000),
        f.ChunkedCut(),
        f.Http10(),
        f.CutAfter(0),
        f.CutAfter(5000),
        f.CutAfter(5000, "reset"),
        f.WrongLength(by=100),
        f.WrongLength(by=-100),
        f.WrongLength(exactly=f.HUGE),
        f.WrongTotal(f.HUGE),
        f.LongerBody(),
        f.Unsatisfiable(),
        f.Unsatisfiable("*"),
        f.Garbage(),
        f.EmptyReply(),
        f.EmptyReply("reset"),
        f.EndlessHeaders(),
        f.HugeHeader(),
        f.NoValidators(),
        f.FreshEtag(),
        f.WeakEtag(),
        f.Status(500),
        f.Status(502),
        f.Status(408),
        f.Status(429),
        f.Status(503),
        f.Status(503, retry_after=0),
        f.Status(503, retry_after="soon"),
    ],
    ids=repr,
)
def test_one_odd_answer_among_good_ones(
    origin: Any, tmp_path: Path, fault: f.Fault, index: int
) -> None:
    served = origin(CONTENT, faults=f.on(index, fault=fault))
    fetched = fetch(served.url, tmp_path, connections=4)
    if index == 0 and fault == f.WrongTotal(f.HUGE):
        # There is nothing but the server's word for it.
        fetched.failed(DiskError, parts=False)
    else:
        fetched.is_whole(CONTENT)
    assert len(served.requests) < 30


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (f.Gzip(), IntegrityError),
        (f.Status(400), ServerError),
        (f.Status(401), ServerError),
        (f.Status(403), ServerError),
        (f.Status(404), ServerError),
        (f.Status(407), ServerError),
        (f.Status(410), ServerError),
        (f.Status(451), ServerError),
        (f.Status(500), ServerError),
        (f.Status(501), ServerError),
        (f.Status(503), ServerError),
        (f.Status(204), ServerError),
        (f.Status(304), ServerError),
        (f.Status(600), ServerError),
        (f.Garbage(), ServerError),
        (f.EndlessHeaders(), ServerError),
        (f.HugeHeader(), ServerError),
        (f.Unsatisfiable(), ServerError),
        (f.EmptyReply(), NetworkError),
        (f.EmptyReply("reset"), NetworkError),
        (f.WrongTotal(f.HUGE), DiskError),
        (f.RedirectTo("/file.bin"), ServerError),
        (f.RedirectTo("file:///etc/passwd"), ServerError),
        (f.RedirectTo("ftp://127.0.0.1/x"), ServerError),
        (f.RedirectTo("http://[broken/"), ServerError),
        (f.RedirectTo(""), ServerError),
    ],
    ids=repr,
)
def test_no_whatever_is_asked(
    origin: Any, tmp_path: Path, fault: f.Fault, kind: type[SegdlError]
) -> None:
    served = origin(CONTENT, faults=f.always(fault))
    fetch(served.url, tmp_path).failed(kind, parts=False)
    assert len(served.requests) <= 5


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (f.Gzip(), IntegrityError),
        (f.Status(403), ServerError),
        (f.Status(404), ServerError),
        (f.Status(500), ServerError),
        (f.Status(503), ServerError),
        (f.Garbage(), ServerError),
        (f.EmptyReply(), NetworkError),
        (f.EmptyReply("reset"), NetworkError),
        (f.CutAfter(0), NetworkError),
        (f.LoginPage(), ServerError),
        (f.EndlessHeaders(), ServerError),
        (f.RedirectTo("/file.bin"), ServerError),
        (f.RedirectTo("file:///etc/passwd"), ServerError),
    ],
    ids=repr,
)
def test_no_from_the_second_answer_on(
    origin: Any, tmp_path: Path, fault: f.Fault, kind: type[SegdlError]
) -> None:
    def faults(_: Request, number: int) -> f.Fault | None:
        if not number:
            return None
        # What the first one brings is to be there, so that there is something to keep.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(part.stat().st_size for part in tmp_path.glob("*.segdl/*.part")):
                break
            time.sleep(0.005)
        return fault

    served = origin(CONTENT, faults=faults)
    fetch(served.url, tmp_path).failed(kind)
    assert len(served.requests) <= 50
    served.faults = None
    before = len(served.requests)
    fetched = fetch(served.url, tmp_path).is_whole(CONTENT)
    assert fetched.result is not None
    assert fetched.result.fetched < SIZE
    assert len(served.requests) - before <= 40


def test_a_login_page_on_the_second_run(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=lambda _, number: f.Status(500) if number else None)
    fetch(served.url, tmp_path).failed(ServerError)
    held = sum(part.stat().st_size for part in (tmp_path / f"{NAME}.segdl").glob("*.part"))
    served.faults = f.always(f.LoginPage())
    assert "web page" in str(fetch(served.url, tmp_path).failed(ServerError))
    assert held == sum(part.stat().st_size for part in (tmp_path / f"{NAME}.segdl").glob("*.part"))
    served.faults = None
    fetch(served.url, tmp_path).is_whole(CONTENT)


@pytest.mark.parametrize("pages", [1, 3])
def test_a_page_in_the_middle_of_a_file(origin: Any, tmp_path: Path, pages: int) -> None:
    served = origin(CONTENT, faults=f.on(*range(1, 1 + pages), fault=f.LoginPage()))
    fetch(served.url, tmp_path, connections=2).is_whole(CONTENT)


@pytest.mark.parametrize("looks", [0, 1])
def test_a_page_where_a_change_is_looked_into(origin: Any, tmp_path: Path, looks: int) -> None:
    answers = (f.CutAfter(100_000), f.FreshEtag(), *([None] * looks))
    served = origin(CONTENT, faults=lambda _, n: answers[n] if n < len(answers) else f.LoginPage())
    fetched = fetch(served.url, tmp_path, connections=1)
    assert "web page" in str(fetched.failed(ServerError))
    assert (tmp_path / f"{NAME}.segdl" / "0.part").read_bytes() == CONTENT[:100_000]
    served.faults = None
    fetch(served.url, tmp_path).is_whole(CONTENT)


@pytest.mark.parametrize(
    ("instead", "kind"),
    [
        (f.LoginPage(), ServerError),
        (f.Status(404), ServerError),
        (f.EmptyReply("reset"), NetworkError),
    ],
    ids=["page", "404", "reset"],
)
def test_parts_are_kept_where_there_is_no_one_piece_instead(
    origin: Any, tmp_path: Path, instead: f.Fault, kind: type[SegdlError]
) -> None:
    def faults(request: Request, number: int) -> f.Answer:
        if request.range is None:
            return instead
        return f.IgnoreRange() if number else f.CutAfter(100_000)

    served = origin(CONTENT, faults=faults)
    fetch(served.url, tmp_path, connections=1).failed(kind)
    assert served.requests[-1].range is None
    assert (tmp_path / f"{NAME}.segdl" / "0.part").read_bytes() == CONTENT[:100_000]
    served.faults = None
    fetch(served.url, tmp_path).is_whole(CONTENT)


@pytest.mark.parametrize("by", [-100_000, 100_000])
def test_a_length_that_always_lies(origin: Any, tmp_path: Path, by: int) -> None:
    # A range's length contradicts its Content-Range; the whole file's length may lie.
    served = origin(CONTENT, faults=f.always(f.WrongLength(by=by)))
    fetched = fetch(served.url, tmp_path)
    if fetched.error is None:
        assert by < 0
        fetched.is_whole(CONTENT[:by])
    else:
        assert isinstance(fetched.error, NetworkError | IntegrityError)
        assert not (tmp_path / NAME).exists()
    assert len(served.requests) < 40


def test_a_checksum_tells_where_a_length_lies(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.WrongLength(by=-100_000)))
    wanted = "md5=" + "0" * 32
    fetch(served.url, tmp_path, checksum=wanted).failed(ChecksumMismatchError)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_length_of_2_to_the_60(origin: Any, tmp_path: Path, ranges: bool) -> None:
    every = (f.WrongTotal(f.HUGE),) if ranges else (f.IgnoreRange(), f.WrongLength(exactly=f.HUGE))
    served = origin(CONTENT, faults=f.always(*every))
    assert "are free" in str(fetch(served.url, tmp_path).failed(DiskError, parts=False))
    assert len(served.requests) == 1


@pytest.mark.parametrize("length", [2**63, 2**64, 10**30])
def test_a_length_beyond_all_numbers(origin: Any, tmp_path: Path, length: int) -> None:
    served = origin(CONTENT, faults=f.always(f.IgnoreRange(), f.WrongLength(exactly=length)))
    fetched = fetch(served.url, tmp_path)
    assert isinstance(fetched.error, NetworkError | ServerError)
    assert not (tmp_path / NAME).exists()


def test_an_end_that_a_cut_would_look_like_is_told(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.Http10()))
    fetched = fetch(served.url, tmp_path).is_whole(CONTENT)
    assert any("cut would look the same" in note.text for note in fetched.told(Note))


def test_the_last_byte_may_not_be_the_last(origin: Any, tmp_path: Path) -> None:
    # Its bytes are not the file's, as its length tells in the end.
    served = origin(CONTENT, faults=f.on(0, fault=f.CutAfter(100_000)))

    def handle(request: Request, connection: Connection) -> bool:
        if len(served.requests) != 2:
            return bool(served.serve(request, connection))
        assert request.range is not None
        first = request.range[0]
        assert first is not None
        body = CONTENT[first : first + 10_000] + bytes(SIZE - first - 10_000)
        reply = Reply(206, (("ETag", '"v1"'),), span=(first, SIZE), total=SIZE, framing="chunked")
        connection.send(reply.head() + b"%x\r\n" % len(body) + body)
        connection.pause(0.5)
        connection.send(b"\r\n4\r\nmore\r\n0\r\n\r\n")
        return False

    served.routes[served.path] = handle
    fetch(served.url, tmp_path, connections=1).is_whole(CONTENT)


@pytest.mark.parametrize("later", [None, f.IgnoreRange(), (f.IgnoreRange(), f.Chunked())])
@pytest.mark.parametrize("size", [5000, 300_000])
def test_cut_where_no_length_was_told(
    origin: Any, tmp_path: Path, later: f.Answer, size: int
) -> None:
    content = CONTENT[:size]

    def faults(request: Request, number: int) -> f.Answer:
        return (f.IgnoreRange(), f.ChunkedCut(size // 2)) if number == 0 else later

    fetch(origin(content, faults=faults).url, tmp_path).is_whole(content)


# -- answers that no reply of the origin can have --


def raw(*answers: bytes, then: bytes = b"") -> Callable[[Request, Connection], bool]:
    """Write each answer in turn and close; `then` answers what comes after."""
    left = list(answers)

    def handler(request: Request, connection: Connection) -> bool:
        connection.send(left.pop(0) if left else then)
        return False

    return handler


OK = b"HTTP/1.1 200 OK\r\n"
HEAD = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\n"


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\n0123456789", True),
        (HEAD + b"Content-Length: 10, 10\r\n\r\n0123456789", True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", True),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", False),
        (HEAD + b"Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 10\r\n\r\n"
         + b"--x\r\nConte", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n0123456789abcdefghijk", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n0123456789", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 70000, False),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n0123456789", False),
        (HEAD + b"Content-Length: +10\r\n\r\n0123456789", False),
        (OK + b"Content-Length: +5\r\n\r\n0123456789", False),
        (OK + b"Content-Length: 1_0\r\n\r\n0123456789 and more", False),
        (OK + b"Content-Length: -10\r\n\r\n0123456789", False),
        (OK + b"Content-Length: abc\r\n\r\n0123456789", False),
        (OK + b"Content-Length: \r\n\r\n0123456789", False),
        (HEAD + b"Content-Length: 10\r\n\r\n0123456789 and much more of it", True),
        (HEAD + b"Content-Length: 10\r\nRetry-After: " + b"9" * 400 + b"\r\n\r\n0123456789", True),
        (OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
         + b"a\r\n0123456789\r\n0\r\n\r\n", True),
        (HEAD + b"Content-Range: bytes 0-8/9\r\n\r\n", False),
        (b"HTTP/1.1 206 X\r\nContent-Range: bytes 9-0/10\r\n\r\n0123456789", False),
        (b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-9/5\r\n\r\n0123456789", False),
        (b"HTTP/1.1 999 \xff\xfe\r\nX: \x1b[31m\r\n\r\n", False),
        (b"HTTP/2.0 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Ty", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.1 200\r\n\r\n0123456789", True),
        (OK + b"no colon here\r\nContent-Length: 10\r\n\r\n0123456789", False),
        (OK + b"no colon here\r\nContent-Length: 10\r\n\r\n012", False),
        (OK + b"X: 1\r\nContent-Length : 10\r\n\r\n012", False),
        (OK + b"X a: 1\r\nContent-Encoding: gzip\r\n\r\n0123456789", False),
        (OK + b"X: 1\rContent-Length: 3\r\n\r\n0123456789", False),
        (OK + b"Content-Length: 10\r\r\n\r\n012", False),
        (OK + b"Content-Length: 13\r\nX: 1\rTransfer-Encoding: chunked\r\n\r\n"
         + b"3\r\n012\r\n0\r\n\r\n", False),
        (OK + b" Content-Length: 10\r\n\r\n012", False),
        (OK + b"X: 1\r\n Content-Length: 10\r\n\r\n012", False),
        (OK + b"Content-Length:\r\n 10\r\n\r\n0123456789", False),
        (OK + b"X: 1\r\n 2\r\nContent-Length: 10\r\n\r\n0123456789", True),
        (OK + b" X: 1\r\nContent-Length: 10\r\n\r\n0123456789", True),
        (OK + b"X[1]: 1\r\nContent-Length: 10\r\n\r\n0123456789", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n" + OK + b"\r\n012", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 10\n\n0123456789", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 10\r\n\r\n0123456789", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + OK + b"Content-Length: 10\r\n\r\n0123456789",
         True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99 + OK + b"Content-Length: 10\r\n\r\n0123456789",
         False),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"Content-Length: 10\r\n\r\n0123456789",
         False),
        (b"\x00" * 100_000, False),
        (b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe\x00/\r\n\r\n", False),
        (b"HTTP/1.1 302 Found\r\nLocation: //\r\n\r\n", False),
    ],
)  # fmt: skip
def test_raw_answers(tmp_path: Path, answer: bytes, whole: bool) -> None:
    with ScriptedServer(raw(then=answer)) as server:
        fetched = fetch(server.url(), tmp_path, connections=2)
        assert len(server.requests) <= 6
    if whole:
        fetched.is_whole(b"0123456789")
    else:
        assert isinstance(fetched.error, ServerError | NetworkError)
        assert not (tmp_path / NAME).exists()
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in str(fetched.error))


@pytest.mark.parametrize("limit", [None, "10M"])
@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_a_length_below_a_line_that_is_no_field(
    authority: Any, tmp_path: Path, secure: bool, proxied: bool, limit: str | None
) -> None:
    answer = OK + b"no field\r\nContent-Length: 10\r\n\r\n012"
    context = authority.server_context() if secure else None
    with ScriptedServer(raw(then=answer), tls=context) as server, HttpProxy() as proxy:
        address = f"http://127.0.0.1:{proxy.port}" if proxied else ""
        network = {"cacert": authority.cacert, "proxy": address, "limit_rate": limit}
        fetched = fetch(server.url(), tmp_path, retries=1, network=network)
        assert bool(proxy.asked) == proxied
    assert "not HTTP as it should be" in str(fetched.failed(ServerError, parts=False))


def test_nobody_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    fetched = fetch(f"http://127.0.0.1:{port}/x", tmp_path)
    assert "refused" in str(fetched.failed(NetworkError, parts=False))
