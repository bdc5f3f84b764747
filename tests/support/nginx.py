"""A real nginx, in a folder of its own, gone when the test is."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.accesslog import logged
from support.ports import answers, free_ports
from support.require import require_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from support.tls import Authority

_START = 10.0
_LOG = (
    """log_format records escape=json '{"status":$status,"method":"$request_method","""
    """"target":"$request_uri","range":"$http_range","sent":$body_bytes_sent,"""
    """"connection":$connection,"request":"$request","seconds":$request_time}';"""
)
_MIME = "types { text/html html; text/plain txt; } default_type application/octet-stream;"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the access log: `range` as sent, ``""`` without; `sent` counts body bytes."""

    status: int
    method: str
    target: str
    range: str
    sent: int
    connection: int
    request: str
    seconds: float


class Nginx:
    """Serves the folder `root` on 127.0.0.1, by HTTP and with `authority` by HTTPS too.

    Args:
        root: files; may change while it runs.
        server: lines for the server block: ``"limit_rate 64k;"``, ``"limit_conn each 2;"``.
        http: lines for the http block: ``"limit_conn_zone $server_port zone=each:1m;"``.
        authority: signs its certificate.
    """

    def __init__(
        self,
        root: Path,
        *,
        server: Sequence[str] = (),
        http: Sequence[str] = (),
        authority: Authority | None = None,
    ) -> None:
        (self._program,) = require_program("nginx")
        self.root = root
        self._server = server
        self._http = http
        self._authority = authority
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix: Path | None = None
        self.port = 0
        self.tls_port = 0

    def url(self, path: str = "/", *, tls: bool = False, host: str = "127.0.0.1") -> str:
        """Return the URL of a file below `root`."""
        assert not tls or self._authority, "this nginx was started without an authority"
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return f"{scheme}://{host}:{port}/{path.lstrip('/')}"

    def log(self, at_least: int = 0, timeout: float = 5.0) -> list[LogRecord]:
        """Return the requests so far; wait for `at_least` so many."""
        assert self._prefix is not None, "not running"
        lines = logged(self._prefix / "access.log", at_least, timeout)
        return [LogRecord(**json.loads(line)) for line in lines]

    def __enter__(self) -> Nginx:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return once it answers connections."""
        self._prefix = Path(tempfile.mkdtemp(prefix="segdl-nginx-"))
        # A port that was free may be taken by the time nginx asks for it: try again then.
        for attempt in range(5):
            self.port, self.tls_port = free_ports(2)
            (self._prefix / "nginx.conf").write_text(self._configuration())
            atexit.register(self.stop)
            if answers(self._launch(), self.port, _START):
                return
            said = (self._prefix / "error.log").read_text()
            if attempt == 4 or "Address already in use" not in said:
                self.stop()
                raise AssertionError(f"nginx did not start: {said}")
            self._end_process()

    def restart(self, pause: float) -> None:
        """End it, and start it again on the same ports after `pause` seconds."""
        self._end_process()
        time.sleep(pause)
        self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [self._program, "-p", str(self._prefix), "-c", "nginx.conf", "-e", "error.log"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for pytest alone
        )
        return self._process

    def stop(self) -> None:
        """Stop it and remove its folder; may be called again."""
        atexit.unregister(self.stop)
        self._end_process()
        if self._prefix is not None:
            shutil.rmtree(self._prefix, ignore_errors=True)
            self._prefix = None

    def _end_process(self) -> None:
        if self._process is None:
            return
        # One process without workers (see the configuration): nothing is left behind,
        # and there is nothing it could lose.
        self._process.kill()
        self._process.wait()
        self._process = None

    def _configuration(self) -> str:
        temporary = "".join(
            f"{name}_temp_path {name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        tls = ""
        if self._authority is not None:
            tls = (
                f"listen 127.0.0.1:{self.tls_port} ssl;"
                f'ssl_certificate "{self._authority.cert}";'
                f'ssl_certificate_key "{self._authority.key}";'
            )
        lines = [
            "user root;" if os.geteuid() == 0 else "",
            "daemon off; master_process off; pid nginx.pid;",
            "events { worker_connections 512; }",
            "http {",
            f"{temporary} {_MIME} {_LOG}",
            "access_log access.log records; sendfile on; tcp_nodelay on;",
            *self._http,
            f'server {{ listen 127.0.0.1:{self.port}; {tls} root "{self.root}";',
            *self._server,
            "} }",
        ]
        return "\n".join(lines) + "\n"
