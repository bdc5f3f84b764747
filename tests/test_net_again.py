"""Connections that documents came over are used again: by nobody who would read what is left."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.url import parse_url
from segdl.engine.small import read_small
from segdl.engine.whole import receive
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.options import Request
from support.scripted import ScriptedServer
from support.tree import answer, page
from support.walking import a_run, walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from segdl.engine.run import Run
    from support.connection import Connection
    from support.request import Request as Asked
    from support.tls import Authority

# Without a library, and by one.
WAYS: list[dict[str, Any]] = [{}, {"limit_rate": "100M"}]
WRONG = page("WRONG")
FOLDERS = [f"{letter}/" for letter in "bcdefgh"]
RIGHT = [f"{folder}right" for folder in FOLDERS[1:]]


def source_of(run: Run, url: str) -> Source:
    place = parse_url(url)
    return Source(run.transport, place, Credentials(run.network, Request(url=url), place))


def received(run: Run, url: str) -> bytes:
    out = io.BytesIO()
    receive(run, source_of(run, url), 0, out, 10**6)
    return out.getvalue()


def pages(first: Callable[[Connection], None]) -> Callable[[Asked, Connection], bool | None]:
    """Serve folders, the first of them by `first`, and the others a moment later."""

    def serve(request: Asked, connection: Connection) -> bool | None:
        if request.target == "/robots.txt":
            connection.send(answer(404))
        elif request.target == "/pub/":
            connection.send(page(*FOLDERS))
        elif request.target == "/pub/b/":
            first(connection)
        else:
            connection.pause(0.05)
            connection.send(page("right"))
        return None

    return serve


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("excess", [WRONG, b"\n"])
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("tls", [True, False])
def test_what_comes_behind_an_answer_is_none(
    authority: Authority, way: dict[str, Any], excess: bytes, *, chunked: bool, tls: bool
) -> None:
    def first(connection: Connection) -> None:
        head, _, body = page("right").partition(b"\r\n\r\n")
        if chunked:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        connection.send(head + b"\r\n\r\n")
        connection.pause(0.05)
        # Over TLS it is one record: once its beginning was read the kernel has nothing left.
        connection.send(body + excess)

    network = {**way, **({"cacert": authority.cacert} if tls else {})}
    with ScriptedServer(pages(first), tls=authority.server_context() if tls else None) as server:
        found = walked(server.url("/pub/"), network=network).whole
        assert found.paths == ["b/right", *RIGHT]
        # Nothing was asked for twice.
        assert len(server.requests) == 2 + len(FOLDERS)


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_nobody_reads_is_no_answer_to_the_next(way: dict[str, Any]) -> None:
    def first(connection: Connection) -> None:
        # RFC 9110, 15.5.17: no range of an empty file. Its page comes a moment later.
        head = f"HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\nContent-Length: {len(WRONG)}"
        connection.send(f"{head}\r\n\r\n".encode())
        connection.pause(0.2)
        connection.send(WRONG)

    with ScriptedServer(pages(first)) as server:
        found = walked(server.url("/pub/"), network=way)
        assert found.paths == RIGHT
        assert [each.where for each in found.unlisted] == [server.url("/pub/b/")]


def test_a_body_that_nobody_reads_is_no_answer_of_another_server_by_the_same_proxy() -> None:
    wrong = answer(200, b"of the first, taken for the second's")

    def proxy(request: Asked, connection: Connection) -> bool | None:
        if "//a.test/" in request.target:
            head = f"HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\nContent-Length: {len(wrong)}"
            connection.send(f"{head}\r\n\r\n".encode())
            connection.pause(0.2)
            connection.send(wrong)
        else:
            connection.pause(0.1)
            connection.send(answer(200, b"the second's"))
        return None

    with ScriptedServer(proxy) as server, a_run(network={"proxy": server.url("")}) as run:
        assert received(run, "http://a.test/x") == b""
        assert received(run, "http://b.test/y") == b"the second's"
        assert server.accepted == 2


@pytest.mark.parametrize("way", WAYS)
def test_documents_come_over_one_connection(way: dict[str, Any]) -> None:
    def serve(request: Asked, connection: Connection) -> bool | None:
        if request.target.startswith("/chunked"):
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.send(head + b"4\r\nbody\r\n0\r\n\r\n")
        else:
            connection.send(answer(200, b"body"))
        return None

    with ScriptedServer(serve) as server, a_run(network=way) as run:
        for kind in ("sized", "chunked"):
            for number in range(3):
                url = server.url(f"/{kind}{number}")
                assert received(run, url) == b"body"
                assert read_small(run, source_of(run, url), 0, 100)[1] == b"body"
        assert len(server.requests) == 12
        assert server.accepted == 1


def test_what_is_closed_is_used_no_more() -> None:
    def serve(request: Asked, connection: Connection) -> bool | None:
        if request.target == "/closing":
            connection.send(answer(200, b"body", "Connection: close"))
        else:
            connection.send(b"HTTP/1.0 200 OK\r\n\r\nbody")
            return False
        return None

    with ScriptedServer(serve) as server, a_run() as run:
        for _ in range(2):
            assert received(run, server.url("/closing")) == b"body"
            assert received(run, server.url("/unframed")) == b"body"
        assert server.accepted == 4
