"""All who are told what happens in a mirror run, from one function."""

from __future__ import annotations

import io
import json
import logging
import threading
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import pytest

from segdl.errors import DiskError, UsageError
from segdl.mirror.happenings import Done, Kept, Listed, Said, Taken
from segdl.mirror.seen.audience import SeenOptions, audience
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.log import LOGGER
from segdl.mirror.seen.report import About
from segdl.progress.events import Progress, Retrying, Started

TOLD = (
    Listed(2, 200, True),
    Kept(1, 100),
    Taken(1, "d/a.iso", "h.example", 100),
    Started(1, "u", "a", 100, 0, 1),
    Progress(1, 50, 100, ()),
    Retrying(1, 50, 1, 5, 1.0, "reset", "closed"),
    Done(1, "d/a.iso", "h.example", 100, 100, 2.0, "fetched", "sha256", 1),
    Said("all is well"),
)


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("segdl")}


def test_everybody_is_told(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    stream = io.StringIO()
    now = 0.0
    options = SeenOptions(progress="plain", log=tmp_path / "log", metrics="127.0.0.1:0")
    ports: list[int] = []
    with audience(
        options, stream, "isos", board=Board(lambda: now), listening=ports.append
    ) as told:
        for happening in TOLD:
            now += 1
            told(happening)
        (port,) = ports
        with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as answer:
            assert b'segdl_mirror_bytes_total{host="h.example"} 100.0' in answer.read()
        began = datetime(2026, 11, 5, tzinfo=timezone.utc)
        report = told.report(About(name="isos", source="x", began=began, exit_code=0))
        assert told.summary() == (
            "2 of 2 files, 100 B fetched in 0:08, 12 B/s, 1 were here already"
        )
    assert report.outcome == "equal"
    assert (report.files.kept, report.files.fetched, report.seconds) == (1, 1, 8.0)
    assert stream.getvalue() == "all is well\n"
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["listed", "retrying", "done", "said"]
    assert lines[1]["path"] == "d/a.iso"
    assert not threads()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (SeenOptions(progress="fancy"), UsageError),
        (SeenOptions(metrics="nowhere"), UsageError),
        (SeenOptions(log=Path("/dev/null/log")), DiskError),
        (SeenOptions(log=Path("log"), metrics="nowhere"), UsageError),
    ],
)
def test_nothing_is_left_where_it_cannot_begin(
    options: SeenOptions,
    kind: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind), audience(options, io.StringIO(), "isos"):
        pass
    assert not threads()
    assert not logging.getLogger(LOGGER).handlers


def test_a_log_that_cannot_be_written_is_told_to_whoever_watches() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    stream = io.StringIO()
    with audience(SeenOptions(progress="plain", log=full), stream, "isos") as told:
        for _ in range(3):
            told(Said("x"))
        began = datetime.now(timezone.utc)
        report = told.report(About(name="isos", source="x", began=began, exit_code=0))
    (line,) = [line for line in stream.getvalue().splitlines() if line != "x"]
    assert line == "the log /dev/full cannot be written (No space left on device): going on"
    assert line in report.notes.lines
