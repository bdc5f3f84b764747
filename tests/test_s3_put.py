"""A PUT: what it says where nobody takes the bytes, and how proxies are asked."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from segdl.core.url import parse_url
from segdl.net.failures import TransferError
from segdl.net.put import Put
from segdl.net.tls import SharedContext
from segdl.options import NetworkOptions
from support.proxy import HttpProxy
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from support.connection import Connection
    from support.request import Request
    from support.tls import Authority


def put(url: str, *, proxy: str | None = None) -> Put:
    return Put(parse_url(url), 0, SharedContext(NetworkOptions()), proxy, 5.0, 5.0)


def take(request: Request, connection: Connection) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    return False


def test_a_store_that_refuses_the_connection_is_named_for_it() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(TransferError) as caught:
            put(f"http://127.0.0.1:{held.getsockname()[1]}/bucket/key")
    assert "connection refused" in caught.value.error.message
    assert (caught.value.refused, caught.value.fatal) == (True, False)


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(authority: Authority) -> None:
    with (
        ScriptedServer(take, tls=authority.server_context()) as server,
        pytest.raises(TransferError) as caught,
    ):
        put(server.url("/bucket/key"))
    assert "certificate is not trusted" in caught.value.error.message
    assert caught.value.fatal


@pytest.mark.parametrize("user", ["me:p@ss:77", "me:"])
def test_a_proxy_gets_the_user_and_the_password_that_its_url_encodes(user: str) -> None:
    encoded = user.replace("@", "%40").removesuffix(":")
    with ScriptedServer(take) as server, HttpProxy(user=user) as proxy:
        sending = put(server.url("/bucket/key"), proxy=f"http://{encoded}@127.0.0.1:{proxy.port}")
        assert sending.finish().status == 200


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_said_no_to(proxy: str) -> None:
    with pytest.raises(TransferError) as caught:
        put("http://127.0.0.1:1/bucket/key", proxy=proxy)
    assert caught.value.fatal
    assert "prox" in caught.value.error.message


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nX: 1\r\nno field\r\nETag: 1\r\n\r\n", "not HTTP as it should be"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n", "closed without an answer|connection reset"),
    ],
)
def test_an_answer_of_which_a_part_may_be_missing_is_none(head: bytes, why: str) -> None:
    def answer(request: Request, connection: Connection) -> bool:
        connection.send(head)
        return False

    with ScriptedServer(answer) as server:
        sending = put(server.url("/bucket/key"))
        with pytest.raises(TransferError, match=why):
            sending.finish()
