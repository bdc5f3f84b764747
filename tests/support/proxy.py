"""Tiny proxies: HTTP (absolute form and CONNECT) and SOCKS5, with a password where asked."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    proxy: HttpProxy


class HttpProxy:
    """Forwards to wherever it is asked to.

    Attributes:
        asked: request lines, or ``SOCKS HOST:PORT``.
        heads: whole heads of requests, in order.
        port: where it listens.

    Args:
        user: and password, with a colon, that it asks for.
        interim: goes out before its answer to a CONNECT.
    """

    def __init__(self, user: str | None = None, *, interim: bytes = b"") -> None:
        self.user = user
        self.interim = interim
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.proxy = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="scripted-proxy"
        )

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        return _Http

    def __enter__(self) -> HttpProxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class SocksProxy(HttpProxy):
    """The same for SOCKS5 (RFC 1928, 1929)."""

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        return _Socks


class _Http(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(65536)
            if not data:
                return
            head += data
        proxy = self.server.proxy
        line, _, fields = head.partition(b"\r\n")
        proxy.heads.append(head)
        proxy.asked.append(line.decode())
        if proxy.user is not None:
            wanted = b"Basic " + base64.b64encode(proxy.user.encode())
            if wanted not in fields:
                self.request.sendall(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                    b"Proxy-Authenticate: Basic\r\nConnection: close\r\n\r\n"
                )
                return
        method, target, version = line.split(b" ")
        if method == b"CONNECT":
            host, _, port = target.decode().rpartition(":")
            with socket.create_connection((host, int(port))) as upstream:
                self.request.sendall(proxy.interim + b"HTTP/1.1 200 OK\r\n\r\n")
                _relay(self.request, upstream)
            return
        parts = urlsplit(target.decode())
        assert parts.hostname
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        kept = [
            field
            for field in fields.split(b"\r\n")
            if not field.lower().startswith((b"proxy-", b"connection:"))
        ]
        with socket.create_connection((parts.hostname, parts.port or 80)) as upstream:
            upstream.sendall(b"%s %s %s\r\n" % (method, path.encode(), version))
            upstream.sendall(b"Connection: close\r\n" + b"\r\n".join(kept))
            _relay(self.request, upstream)


class _Socks(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        proxy, client = self.server.proxy, self.request
        _, methods = _exactly(client, 2)
        offered = _exactly(client, methods)
        if proxy.user is None:
            client.sendall(b"\x05\x00")
        else:
            if 2 not in offered:
                client.sendall(b"\x05\xff")
                return
            client.sendall(b"\x05\x02")
            name = _exactly(client, _exactly(client, 2)[1]).decode()
            password = _exactly(client, _exactly(client, 1)[0]).decode()
            right = f"{name}:{password}" == proxy.user
            client.sendall(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return
        kind = _exactly(client, 4)[3]
        if kind == 1:
            host = socket.inet_ntoa(_exactly(client, 4))
        else:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        port = int.from_bytes(_exactly(client, 2), "big")
        proxy.asked.append(f"SOCKS {host}:{port}")
        try:
            upstream = socket.create_connection((host, port))
        except ConnectionRefusedError:
            client.sendall(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
            return
        with upstream:
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            _relay(client, upstream)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _relay(one: socket.socket, other: socket.socket) -> None:
    try:
        while True:
            for source in select.select([one, other], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                (other if source is one else one).sendall(data)
    except OSError:
        return
