"""A real nginx for one run, with the configuration of its scenario."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.programs import LabError, run
from lab.scenario import Server

PORT = 8080
REFUSED = {429, 503}
_START = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of the access log; `sent` are bytes of the body, `wire` those with the headers."""

    status: int
    method: str
    sent: int
    wire: int
    path: str


def configuration(server: Server, root: Path, folder: Path) -> str:
    """Return nginx's configuration: it serves `root`, and keeps its own files in `folder`."""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name}; "
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    tls = f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
    return f"""user root;
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  {temporary.strip()}
  log_format lab '$status $request_method $body_bytes_sent $bytes_sent $uri';
  access_log {folder}/access.log lab;
  sendfile on; tcp_nopush on; keepalive_requests 100000;
  {server.http}
  server {{
    listen {PORT}{" ssl" if server.tls else ""} backlog=1024; root {root};
    {tls if server.tls else ""}
    {server.server}
  }}
}}
"""


def answers(log: str) -> list[Answer]:
    r"""Read an access log.

    Example:
        >>> answers("206 GET 100 350 /a b\n")
        [Answer(status=206, method='GET', sent=100, wire=350, path='/a b')]
    """
    return [_answer(*line.split(" ", 4)) for line in log.splitlines()]


def _answer(status: str, method: str, sent: str, wire: str, path: str) -> Answer:
    return Answer(int(status), method, int(sent), int(wire), path)


def make_certificate(folder: Path) -> Path:
    """Make a key and a certificate for 127.0.0.1 that stands for itself; return the latter."""
    cert = folder / "cert.pem"
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    usage = "keyUsage=critical,digitalSignature,keyCertSign"
    run(
        *request.split(),
        *("-subj", "/CN=segdl-lab", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", usage),
        *("-keyout", str(folder / "key.pem"), "-out", str(cert)),
    )
    return cert


@contextmanager
def nginx(server: Server, root: Path, folder: Path, prefix: Sequence[str]) -> Iterator[None]:
    """Run nginx, by a command that begins with `prefix`; the log is in `folder` afterwards."""
    config, errors = folder / "nginx.conf", folder / "error.log"
    config.write_text(configuration(server, root, folder))
    (folder / "access.log").unlink(missing_ok=True)
    words = [*prefix, "nginx", "-p", str(folder), "-c", str(config), "-e", str(errors)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        _wait_for(process, errors)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], errors: Path) -> None:
    # Not by connecting: nginx counts connections, and a scenario may go by their numbers.
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        if _listens(Path(f"/proc/{process.pid}/net/tcp").read_text()):
            return
        time.sleep(0.005)
    said = errors.read_text() if errors.exists() else ""
    raise LabError(f"nginx did not start: {said.strip()}")


def _listens(table: str) -> bool:
    rows = [line.split() for line in table.splitlines()[1:]]
    return any(row[1].endswith(f":{PORT:04X}") and row[3] == "0A" for row in rows)
