"""A bucket of a test's own, what goes into it, and a store in front that misbehaves as told."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import re
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from segdl.core.s3url import parse_prefix
from segdl.engine.surroundings import open_run
from segdl.options import NetworkOptions, Request, S3Options, TransferOptions
from segdl.s3.store import Store
from segdl.s3.upload import Uploader
from support.juicefs import KEY, SECRET, JuiceFS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from segdl.progress.events import Event
    from segdl.results import DownloadResult

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
# The gateway takes smaller parts than Amazon does.
PART = 1024 * 1024
_numbers = itertools.count(1)


@dataclass
class Bucket:
    """A bucket that nothing else uses; boto3's own client looks at it."""

    server: JuiceFS
    name: str = field(default_factory=lambda: f"bucket-{next(_numbers)}")
    endpoint: str = ""
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client: Any = self.server.client
        self.client.create_bucket(Bucket=self.name)
        self.endpoint = self.endpoint or self.server.endpoint

    def close(self) -> None:
        self.client.close()

    def url(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def listed(self) -> list[str]:
        told = self.client.list_objects_v2(Bucket=self.name)
        return [each["Key"] for each in told.get("Contents", [])]

    def read(self, key: str) -> bytes:
        with self.client.get_object(Bucket=self.name, Key=key)["Body"] as body:
            data: bytes = body.read()
            return data

    def digest(self, key: str) -> str:
        return hashlib.sha256(self.read(key)).hexdigest()

    def etag(self, key: str) -> str:
        told: str = self.client.head_object(Bucket=self.name, Key=key)["ETag"]
        return told.strip('"')

    def uploads(self, key: str) -> list[str]:
        told = self.client.list_multipart_uploads(Bucket=self.name, Prefix=key)
        return [each["UploadId"] for each in told.get("Uploads") or []]

    def parts(self, key: str) -> dict[int, str]:
        """Return the parts of the one upload of a key."""
        (upload,) = self.uploads(key)
        told = self.client.list_parts(Bucket=self.name, Key=key, UploadId=upload)
        return {each["PartNumber"]: each["ETag"] for each in told.get("Parts") or []}

    def network(self, **how: Any) -> NetworkOptions:
        times = {"connect_timeout": 5.0, "stall_timeout": 5.0, **how}
        return NetworkOptions(s3=S3Options(endpoint_url=self.endpoint), **times)

    def send(
        self,
        url: str,
        prefix: str = "",
        *,
        on: Callable[[Event], None] = lambda _: None,
        cancel: threading.Event | None = None,
        network: dict[str, Any] | None = None,
        connections: int | str = 4,
        retries: int = 3,
        if_exists: Any = "auto",
        fresh: bool = False,
        **wanted: Any,
    ) -> DownloadResult:
        """Send what a URL has below a prefix."""

        def emit(event: Event) -> None:
            self.events.append(event)
            on(event)

        transfer = TransferOptions(
            connections=connections, retries=retries, if_exists=if_exists, fresh=fresh
        )
        cancel = cancel or threading.Event()
        options = self.network(**(network or {}))
        with open_run(options, transfer, emit, cancel, max_files=1) as opened:
            run = opened._replace(backoff=lambda tries: 0.02 * tries)
            uploader = Uploader(Store(run), parse_prefix(self.url(prefix)), least=PART)
            return uploader(run, Request(url=url, **wanted))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the store: `part` is its number where it sends one."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def part(self) -> int | None:
        return int(self.query["partNumber"]) if "partNumber" in self.query else None

    @property
    def completes(self) -> bool:
        return self.method == "POST" and "uploadId" in self.query


@dataclass(frozen=True, slots=True)
class Told:
    """An answer in the place of the store's."""

    status: int
    code: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    early: bool = False
    """Before the body was read."""
    after: bool = False
    """When the store has done what it was asked for."""
    etag: str | None = None
    """In the store's own answer, in its fields and where it completes an upload."""
    body: bytes | None = None
    """In the place of one that tells `code`."""
    cut: int = 0
    """Bytes of the body that never come."""


class Front:
    """Stands in front of a store, and answers in its place where `faults` says so."""

    def __init__(self, server: JuiceFS, faults: Callable[[Asked], Told | None]) -> None:
        self.asked: list[Asked] = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: each[0] for name, each in parse_qs(parts.query, True).items()}
                asked = Asked(self.command, parts.path, query)
                front.asked.append(asked)
                told = faults(asked)
                if told is not None and told.early:
                    self.close_connection = True
                    self._tell(told)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if told is not None and not (told.after or told.etag is not None):
                    self._tell(told)
                    return
                with closing(
                    http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
                ) as there:
                    self._pass_on(there, asked, body, told)

            def _pass_on(
                self,
                there: http.client.HTTPConnection,
                asked: Asked,
                body: bytes,
                told: Told | None,
            ) -> None:
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                data = answer.read()
                if told is not None and told.after:
                    self._tell(told)
                else:
                    fields = dict(answer.getheaders())
                    if told is not None and told.etag is not None:
                        element = f"<ETag>{told.etag}</ETag>".encode()
                        data = re.sub(rb"<ETag>.*?</ETag>", element, data)
                        fields = {n: v for n, v in fields.items() if n.lower() != "etag"}
                        fields |= {"ETag": told.etag}
                        if asked.method != "HEAD":
                            fields |= {"Content-Length": str(len(data))}
                    self.send_response(answer.status)
                    for name, value in fields.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data if self.command != "HEAD" else b"")

            def _tell(self, told: Told) -> None:
                data = f"<Error><Code>{told.code}</Code></Error>".encode()
                if told.body is not None:
                    data = told.body
                if told.status == 0:
                    self.close_connection = True
                    return
                self.send_response(told.status)
                for name, value in (*told.fields, ("Content-Length", str(len(data)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data[: len(data) - told.cut] if self.command != "HEAD" else b"")
                self.close_connection = self.close_connection or told.cut > 0

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Front:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def behind(bucket: Bucket, faults: Callable[[Asked], Told | None]) -> Iterator[Bucket]:
    """Yield another bucket of the same store, which is asked by way of a `Front`."""
    with Front(bucket.server, faults) as front:
        made = Bucket(bucket.server, endpoint=front.endpoint)
        try:
            yield made
        finally:
            made.close()
