"""`--metrics HOST:PORT`: the figures of a run for Prometheus, by host, never by URL."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from segdl.errors import UsageError
from segdl.mirror.seen.board import Board
from segdl.version import __version__

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from segdl.mirror.seen.hosts import HostTally
    from segdl.mirror.seen.tally import Tally

_LOOPBACK = "127.0.0.1"
# Bounds of the histogram of seconds a file took.
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
# Seconds that somebody who asks may take to do so.
_PATIENCE = 10.0


def parse_address(text: str) -> tuple[str, int]:
    """Read where to listen: ``HOST:PORT``, or ``PORT`` alone, which means loopback.

    Raises:
        UsageError: it is none.

    Example:
        >>> parse_address("9123"), parse_address("[::1]:9123")
        (('127.0.0.1', 9123), ('::1', 9123))
    """
    found = re.fullmatch(r"(?:(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]*):)?([0-9]{1,5})", text.strip())
    if found is None or int(found[2]) > 65535:
        raise UsageError(
            f"not a host and port: {text!r}", hint="write 127.0.0.1:9123, or 9123 alone"
        )
    return (found[1] or "").strip("[]") or _LOOPBACK, int(found[2])


@contextmanager
def metrics_at(address: str, board: Board, name: str) -> Iterator[int]:
    """Answer Prometheus at an address; yield the port, which is another than 0.

    Args:
        address: as `parse_address` reads it.
        board: has the figures.
        name: of the mirror.

    Raises:
        UsageError: prometheus_client is missing, or nobody can listen there.
    """
    host, port = parse_address(address)
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app
    except ImportError:
        raise UsageError(
            "metrics need prometheus_client", hint="pip install 'segdl[metrics]'"
        ) from None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(board, name))
    try:
        server = _server(host, port)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {address}: {error.strerror or error}", hint="choose another port"
        ) from error
    with server:
        server.set_app(make_wsgi_app(registry))
        thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name="segdl-metrics", daemon=True
        )
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class Figures:
    """Makes metrics of a board each time that somebody asks."""

    def __init__(self, board: Board, name: str) -> None:
        self._board = board
        self._name = name

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        with self._board.read() as (tally, now):
            metrics = [*_of_run(tally, self._name), *_of_hosts(tally.hosts.all(now))]
        yield from metrics


def _of_run(tally: Tally, name: str) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

    yield InfoMetricFamily(
        "segdl_mirror", "Which mirror this is.", {"name": name, "version": __version__}
    )
    for what, told, value in (
        ("listed_files", "Files that the list names, as far as it was read.", tally.listed.files),
        ("listed_bytes", "Their bytes, as far as the list tells.", tally.listed.bytes),
        ("kept_files", "Files that were here already.", tally.kept.files),
        ("kept_bytes", "Their bytes.", tally.kept.bytes),
        ("left_files", "Files that are still to be done.", tally.files_left()),
        ("list_complete", "1 once the list was read to its end.", int(tally.complete)),
        ("round", "How often the list was read.", tally.round),
    ):
        yield GaugeMetricFamily(f"segdl_mirror_{what}", told, value)
    done = CounterMetricFamily(
        "segdl_mirror_done_files", "Files as the list has them, by what it took.", labels=["how"]
    )
    for how, count in tally.done.items():
        done.add_metric([how], count)
    yield done
    verified = CounterMetricFamily(
        "segdl_mirror_verified_files", "Files by algorithm of their digest.", labels=["algorithm"]
    )
    for algorithm, count in tally.verified.items():
        verified.add_metric([algorithm or "none"], count)
    yield verified
    for what, told, value in (
        ("done_bytes", "Bytes of files that are done.", tally.done_bytes),
        ("removed_files", "Files that the list no longer has.", tally.removed.files),
        ("restarts", "How often what was fetched could not be used.", tally.restarts),
    ):
        yield CounterMetricFamily(f"segdl_mirror_{what}", told, value)


def _of_hosts(hosts: list[HostTally]) -> Iterator[Metric]:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    def counter(what: str, told: str, *labels: str) -> CounterMetricFamily:
        return CounterMetricFamily(f"segdl_mirror_{what}", told, labels=["host", *labels])

    received = counter("bytes", "Bytes that came over the network.")
    files = counter("files", "Files by what became of them.", "result")
    requests = counter("requests", "Requests sent for files that are done.")
    retries = counter("retries", "Requests made again, by cause.", "cause")
    refusals = counter("refusals", "Answers that asked to come back later.", "status")
    paused = counter("paused_seconds", "Seconds when the host was asked nothing.")
    at_work = GaugeMetricFamily(
        "segdl_mirror_files_at_work", "Files being fetched now.", labels=["host"]
    )
    took = HistogramMetricFamily(
        "segdl_mirror_file_duration_seconds", "Seconds a file took.", labels=["host"]
    )
    for host in hosts:
        received.add_metric([host.name], host.fetched)
        for result, count in (
            ("done", host.done),
            ("failed", host.failed),
            ("put_off", host.put_off),
        ):
            files.add_metric([host.name, result], count)
        requests.add_metric([host.name], host.requests)
        for cause, count in host.retries.items():
            retries.add_metric([host.name, cause], count)
        for status, count in host.refusals.items():
            refusals.add_metric([host.name, str(status)], count)
        paused.add_metric([host.name], host.paused)
        at_work.add_metric([host.name], host.at_work)
        took.add_metric([host.name], _histogram(host), host.seconds.total)
    yield from (received, files, requests, retries, refusals, paused, at_work, took)


def _histogram(host: HostTally) -> list[tuple[str, float]]:
    counts = host.seconds.up_to(_SECONDS)
    bounds = [(str(bound), float(count)) for bound, count in zip(_SECONDS, counts, strict=True)]
    return [*bounds, ("+Inf", float(host.seconds.count))]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own, which ends with the program."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without a look at the name service, which may take its time."""
        socketserver.TCPServer.server_bind(self)
        host, self.server_port, *_ = self.socket.getsockname()
        self.server_name = str(host)
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever asked is gone."""


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing."""


def _server(host: str, port: int) -> _Server:
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    kind = type("Server", (_Server,), {"address_family": family})
    server = kind(address[:2], _Handler)
    assert isinstance(server, _Server)
    return server
