"""`--metrics`: what Prometheus reads, and that nobody listens any more at the end."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.errors import UsageError
from segdl.mirror.happenings import Done, Listed, Paused, Taken
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.hosts import MOST_HOSTS
from segdl.mirror.seen.metrics import metrics_at, parse_address
from segdl.progress.events import Busy, Progress, Retrying, Started
from support.mirrorrun import happenings

if TYPE_CHECKING:
    from prometheus_client import Metric

parser = pytest.importorskip("prometheus_client.parser")
DOCS = Path(__file__).parent.parent / "docs" / "mirror-report.md"


def asked(port: int) -> dict[str, Metric]:
    """Ask as Prometheus does; return the metrics by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {metric.name: metric for metric in parser.text_string_to_metric_families(text)}


def value(metrics: dict[str, Metric], name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for metric in metrics.values()
        for sample in metric.samples
        if sample.name == name and sample.labels == labels
    ]
    return float(found)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9123", ("127.0.0.1", 9123)),
        (":9123", ("127.0.0.1", 9123)),
        ("127.0.0.1:9123", ("127.0.0.1", 9123)),
        ("0.0.0.0:9123", ("0.0.0.0", 9123)),
        ("h.example:1", ("h.example", 1)),
        ("[::1]:9123", ("::1", 9123)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "h.example", "h:", "h:x", "h:65536", "h:-1", "::1", "h:²"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="not a host and port"):
        parse_address(text)


def test_the_figures_of_a_run_while_it_goes_on() -> None:
    now = 100.0
    board = Board(lambda: now)
    with metrics_at("127.0.0.1:0", board, "isos") as port:
        board.take(Listed(9, 900, True))
        board.take(Taken(1, "a", "h.example", 100))
        board.take(Started(1, "u", "a", 100, 0, 1))
        board.take(Progress(1, 60, 100, ()))
        board.take(Retrying(1, 60, 1, 5, 1.0, "reset", "closed"))
        metrics = asked(port)
        assert value(metrics, "segdl_mirror_bytes_total", host="h.example") == 60
        assert value(metrics, "segdl_mirror_files_at_work", host="h.example") == 1
        assert value(metrics, "segdl_mirror_left_files") == 9
        board.take(Busy(1, 503, 10.0))
        board.take(Done(1, "a", "h.example", 100, 100, 2.0, "fetched", "sha256", 3))
        now += 4
        metrics = asked(port)
    assert value(metrics, "segdl_mirror_bytes_total", host="h.example") == 100
    assert value(metrics, "segdl_mirror_files_total", host="h.example", result="done") == 1
    assert value(metrics, "segdl_mirror_files_total", host="h.example", result="failed") == 0
    assert value(metrics, "segdl_mirror_requests_total", host="h.example") == 3
    assert value(metrics, "segdl_mirror_retries_total", host="h.example", cause="closed") == 1
    assert value(metrics, "segdl_mirror_refusals_total", host="h.example", status="503") == 1
    assert value(metrics, "segdl_mirror_paused_seconds_total", host="h.example") == 4
    assert value(metrics, "segdl_mirror_verified_files_total", algorithm="sha256") == 1
    assert value(metrics, "segdl_mirror_done_files_total", how="fetched") == 1
    assert value(metrics, "segdl_mirror_done_bytes_total") == 100
    assert value(metrics, "segdl_mirror_listed_files") == 9
    assert value(metrics, "segdl_mirror_list_complete") == 1
    name = "segdl_mirror_file_duration_seconds"
    assert value(metrics, f"{name}_bucket", host="h.example", le="1.0") == 0
    assert value(metrics, f"{name}_bucket", host="h.example", le="2.5") == 1
    assert value(metrics, f"{name}_bucket", host="h.example", le="+Inf") == 1
    assert value(metrics, f"{name}_sum", host="h.example") == 2


def test_labels_are_few_and_never_urls() -> None:
    board = Board()
    for _, happening in happenings(files=200, hosts=6):
        board.take(happening)
    for number in range(2 * MOST_HOSTS):
        board.take(Paused(f'h{number}.example"\n', 1.0, "x"))
    with metrics_at("0", board, "m") as port:
        metrics = asked(port)
    labels = {
        (name, found)
        for metric in metrics.values()
        for sample in metric.samples
        for name, found in sample.labels.items()
    }
    assert {name for name, _ in labels} == {
        *("host", "result", "cause", "status", "le", "how", "algorithm", "name", "version"),
    }
    assert len([found for name, found in labels if name == "host"]) == MOST_HOSTS + 1
    assert not [found for _, found in labels if "/" in found]


def test_every_metric_is_documented() -> None:
    rows = re.findall(
        r"^\| `(segdl_mirror_\w+)` \| (\w+) \|([^|]*)\|", DOCS.read_text("utf-8"), re.MULTILINE
    )
    board = Board()
    for _, happening in happenings(files=300, hosts=6):
        board.take(happening)
    with metrics_at("0", board, "m") as port:
        metrics = asked(port)
    told = set()
    for metric in metrics.values():
        names = {name for sample in metric.samples for name in sample.labels} - {"le"}
        # The text format knows no info: it is a gauge there.
        kind = "info" if metric.name == "segdl_mirror_info" else metric.type
        end = "_total" if kind == "counter" else ""
        told.add((f"{metric.name}{end}", kind, frozenset(names)))
    documented = {
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows
    }
    assert told == documented


def test_nobody_listens_any_more_at_the_end() -> None:
    ports = []

    def fails() -> None:
        with metrics_at("0", Board(), "m") as port:
            asked(port)
            ports.append(port)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    (port,) = ports
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
    assert not [thread for thread in threading.enumerate() if thread.name == "segdl-metrics"]


def test_somebody_who_asks_for_nothing_holds_nobody_up() -> None:
    with metrics_at("0", Board(), "m") as port:
        silent = socket.create_connection(("127.0.0.1", port), 5)
        try:
            silent.sendall(b"GET /met")
            assert "segdl_mirror_round" in asked(port)
        finally:
            silent.close()


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(UsageError, match=f"cannot listen on {address}"),
            metrics_at(address, Board(), "m"),
        ):
            pass


def test_without_prometheus_client() -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from segdl.errors import UsageError\n"
        "from segdl.mirror.seen.board import Board\n"
        "from segdl.mirror.seen.metrics import metrics_at\n"
        "try:\n"
        "    with metrics_at('0', Board(), 'm'): pass\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said == "metrics need prometheus_client; pip install 'segdl[metrics]'\n"
