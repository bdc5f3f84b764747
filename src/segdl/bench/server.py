"""An embedded server that throttles every connection: what a demo and a benchmark need.

It stands for the servers that most downloads come from, which give each connection a
share. It serves one file, on loopback, with ranges (RFC 9110, 14).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from segdl.core.selection import parse_range, select
from segdl.core.spans import Span
from segdl.errors import SegdlError

_CHUNK = 64 * 1024


def make_file(file: Path, size: int) -> str:
    """Write bytes that any reader can make again, whole MiB, and return their SHA-256."""
    block = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(32768))
    file.write_bytes(block * (size // len(block)))
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def throttled_server(file: Path, rate: int, total: int | None = None) -> Iterator[str]:
    """Serve `file` on loopback, `rate` bytes a second for each connection; yield its URL.

    All connections together get `total` bytes a second, where that is given: a link.
    """

    class Handler(_Handler):
        path_served = file
        bytes_per_second = rate
        link = None if total is None else _Link(total)

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="segdl-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{file.name}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Link:
    """What all connections share. `_lock` owns `_free`, the time from which on it is idle."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = 0.0

    def take(self, count: int) -> float:
        """Return when `count` bytes will have passed, in seconds of the monotonic clock."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + count / self._rate
            return self._free


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that close early are what a server lives with."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    path_served: Path
    bytes_per_second: int
    link: _Link | None = None

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with open(self.path_served, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            asked = self.headers.get("Range")
            span = Span(0, size)
            if asked:
                try:
                    span = select(parse_range(asked), size).pieces[0]
                except SegdlError:
                    self.send_error(416)
                    return
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {span.start}-{span.stop - 1}/{size}")
            self.send_header("Content-Length", str(len(span)))
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", f'"{size:x}-{os.fstat(file.fileno()).st_mtime_ns:x}"')
            modified = formatdate(os.fstat(file.fileno()).st_mtime, usegmt=True)
            self.send_header("Last-Modified", modified)
            self.end_headers()
            if self.command == "GET":
                self._send(file, span)

    def _send(self, file: BinaryIO, span: Span) -> None:
        file.seek(span.start)
        began, sent = time.monotonic(), 0
        while sent < len(span):
            data = file.read(min(_CHUNK, len(span) - sent))
            self.wfile.write(data)
            sent += len(data)
            due = began + sent / self.bytes_per_second
            if self.link is not None:
                due = max(due, self.link.take(len(data)))
            time.sleep(max(0.0, due - time.monotonic()))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
