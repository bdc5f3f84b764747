"""The origin is correct where no fault is asked for."""

from __future__ import annotations

import http.client
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

import pytest

from support import data
from support.origin import MODIFIED, Origin
from support.reply import Framing, Reply, deliver, http_date
from support.request import Request
from support.require import require_program
from support.signed import expiring_signed

if TYPE_CHECKING:
    from pathlib import Path

    from support.connection import Connection
    from support.tls import Authority

SIZE = 300_000
CONTENT = data.content(SIZE)
DATE = http_date(MODIFIED)

Answer = tuple[int, dict[str, str], bytes]


def ask(origin: Origin, method: str = "GET", target: str = "/f", **headers: str) -> Answer:
    client = http.client.HTTPConnection("127.0.0.1", origin.server.port, timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, target, headers=named)
        response = client.getresponse()
        body = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, body
    finally:
        client.close()


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-", 206, 0, SIZE),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=5-99", 206, 5, 100),
        ("bytes=299999-", 206, SIZE - 1, SIZE),
        ("bytes=100-999999", 206, 100, SIZE),
        ("bytes=-10", 206, SIZE - 10, SIZE),
        ("bytes=-999999", 206, 0, SIZE),
        ("bytes=300000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-5", 200, 0, SIZE),
        ("bytes=-", 200, 0, SIZE),
        ("lines=1-2", 200, 0, SIZE),
        ("bytes=0-1,5-6", 200, 0, SIZE),
    ],
)
def test_ranges(origin: Any, asked: str, status: int, start: int, stop: int) -> None:
    got, headers, body = ask(origin(CONTENT), range=asked)
    assert (got, body) == (status, CONTENT[start:stop])
    if status == 206:
        assert headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    elif status == 416:
        assert headers["content-range"] == f"bytes */{SIZE}"
    else:
        assert "content-range" not in headers
    assert int(headers["content-length"]) == stop - start


def test_headers_of_a_correct_answer(origin: Any) -> None:
    _, headers, _ = ask(origin(CONTENT, name="a b.bin", headers=(("X-More", "1"),)))
    assert headers["etag"] == '"v1"'
    assert headers["last-modified"] == DATE
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == 'attachment; filename="a b.bin"'
    assert headers["x-more"] == "1"
    age = datetime.now(timezone.utc) - datetime.strptime(
        headers["date"], "%a, %d %b %Y %H:%M:%S GMT"
    ).replace(tzinfo=timezone.utc)
    assert abs(age) < timedelta(seconds=5)


def test_head_has_the_headers_only(origin: Any) -> None:
    status, headers, body = ask(origin(CONTENT), "HEAD", range="bytes=0-9")
    assert (status, body, headers["content-length"]) == (200, b"", str(SIZE))


@pytest.mark.parametrize("size", [0, 1])
def test_tiny_files(origin: Any, size: int) -> None:
    server = origin(CONTENT[:size])
    assert ask(server)[::2] == (200, CONTENT[:size])
    assert ask(server, range="bytes=0-")[0] == (206 if size else 416)


OLD = http_date(MODIFIED - timedelta(days=1))
NEW = http_date(MODIFIED + timedelta(days=1))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_range": '"v1"'}, 206),
        ({"if_range": '"v2"'}, 200),
        ({"if_range": 'W/"v1"'}, 200),
        ({"if_range": DATE}, 206),
        ({"if_range": OLD}, 200),
        ({"if_range": NEW}, 200),
        ({"if_match": '"v1"'}, 206),
        ({"if_match": '"v0", "v1"'}, 206),
        ({"if_match": "*"}, 206),
        ({"if_match": '"v2"'}, 412),
        ({"if_none_match": '"v1"'}, 304),
        ({"if_none_match": 'W/"v1"'}, 304),
        ({"if_none_match": '"v2"'}, 206),
        ({"if_unmodified_since": OLD}, 412),
        ({"if_unmodified_since": DATE}, 206),
        ({"if_modified_since": DATE}, 304),
        ({"if_modified_since": OLD}, 206),
    ],
)
def test_preconditions(origin: Any, headers: dict[str, str], status: int) -> None:
    assert ask(origin(CONTENT), range="bytes=1-2", **headers)[0] == status


def test_weak_etags_never_match_strongly(origin: Any) -> None:
    server = origin(CONTENT, etag='W/"v1"')
    assert ask(server, range="bytes=1-2", if_range='W/"v1"')[0] == 200
    assert ask(server, range="bytes=1-2", if_match='W/"v1"')[0] == 412


def test_replace(origin: Any) -> None:
    server: Origin = origin(CONTENT)
    server.replace_after(2, b"second", etag='"two"')
    assert [ask(server)[2] for _ in range(3)] == [CONTENT, CONTENT, b"second"]
    assert ask(server)[1]["etag"] == '"two"'
    server.replace(b"third", etag=None, last_modified=None)
    _, headers, body = ask(server)
    assert body == server.content == b"third"
    assert not {"etag", "last-modified"} & headers.keys()


def test_other_methods_are_refused(origin: Any) -> None:
    assert ask(origin(CONTENT), "DELETE")[0] == 405


def test_connections_are_kept(origin: Any) -> None:
    server: Origin = origin(CONTENT)
    client = http.client.HTTPConnection("127.0.0.1", server.server.port, timeout=5)
    for _ in range(3):
        client.request("GET", "/f", headers={"Range": "bytes=1-5"})
        assert client.getresponse().read() == CONTENT[1:6]
    client.close()
    assert server.server.accepted == 1


def test_limit_refuses_and_lets_in_again(origin: Any) -> None:
    server: Origin = origin(data.content(32 * 1024 * 1024), limit=1, refusal=503, retry_after=2)
    busy = http.client.HTTPConnection("127.0.0.1", server.server.port, timeout=5)
    busy.request("GET", "/f")
    response = busy.getresponse()
    status, headers, _ = ask(server)
    assert (status, headers["retry-after"]) == (503, "2")
    # As soon as a client has the last byte it may ask again: no refusal by a hair.
    assert len(response.read()) == 32 * 1024 * 1024
    assert ask(server, range="bytes=0-9")[0] == 206
    for _ in range(50):
        assert ask(server, range="bytes=0-9")[0] == 206
    busy.close()
    assert (server.refused, server.peak) == (1, 1)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_counted_off_before_the_last_bytes(framing: Framing) -> None:
    class Recorder:
        keep = True

        def send(self, data: bytes) -> None:
            sent.append(bytes(data))

    sent: list[bytes] = []
    before: list[int] = []
    reply = Reply(200, body=CONTENT[:250], framing=framing, chunk=100)
    request = Request("GET", "/f", "HTTP/1.1", (), {}, None, b"", 0.0, 0)
    deliver(reply, request, cast("Connection", Recorder()), lambda: before.append(len(sent)))
    # Head and two of three pieces were out by then.
    assert before == [3]
    assert len(sent) > 3


def test_many_clients_at_once(origin: Any) -> None:
    server: Origin = origin(CONTENT)
    results: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: results.append(ask(server, range="bytes=7-")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [body == CONTENT[7:] for _, _, body in results] == [True] * 16


def curl(tmp_path: Path, *arguments: str) -> bytes:
    (program,) = require_program("curl")
    target = tmp_path / "got"
    target.unlink(missing_ok=True)
    subprocess.run(
        [program, "-sS", "--fail", "-L", "--noproxy", "*", "-o", str(target), *arguments],
        check=True,
        timeout=20,
    )
    return target.read_bytes()


def test_curl_agrees(origin: Any, authority: Authority, tmp_path: Path) -> None:
    server: Origin = origin(CONTENT)
    assert curl(tmp_path, server.url) == CONTENT
    assert curl(tmp_path, server.other_url) == CONTENT
    assert curl(tmp_path, "-r", "100-199", server.url) == CONTENT[100:200]
    secure: Origin = origin(CONTENT, tls=authority.server_context())
    assert curl(tmp_path, "--cacert", str(authority.cacert), secure.url) == CONTENT


def test_client_certificates(origin: Any, authority: Authority, tmp_path: Path) -> None:
    server: Origin = origin(CONTENT, tls=authority.server_context(ask_client=True))
    trusted = ("--cacert", str(authority.cacert), server.url)
    assert curl(tmp_path, "--cert", str(authority.client_cert), *trusted) == CONTENT
    with pytest.raises(subprocess.CalledProcessError):
        curl(tmp_path, *trusted)


def test_signed_urls_expire(origin: Any, tmp_path: Path) -> None:
    server: Origin = origin(CONTENT)
    signed = expiring_signed(server, uses=2)
    assert signed.url.endswith("/file")
    assert curl(tmp_path, signed.url) == CONTENT
    status, headers, _ = ask(server, target="/file")
    assert status == 302
    target = headers["location"]
    assert target == f"/signed?token={signed.issued[-1]}"
    assert [ask(server, target=target)[0] for _ in range(3)] == [200, 200, 403]
    fresh = ask(server, target="/file")[1]["location"]
    signed.revoke()
    assert ask(server, target=fresh)[0] == 403
    assert ask(server, target="/signed")[0] == 403
    assert signed.denied == 3
