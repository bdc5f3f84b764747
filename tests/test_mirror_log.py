"""`--log-json`: a JSON object a line, whatever the disk does."""

from __future__ import annotations

import json
import logging
import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from segdl.errors import ChecksumMismatchError, DiskError
from segdl.mirror.happenings import (
    Done,
    Ended,
    GaveUp,
    Happening,
    Kept,
    Listed,
    Paused,
    Said,
    Taken,
    lost,
)
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.log import LOGGER, logging_to
from segdl.progress.events import (
    Busy,
    Failed,
    Finished,
    Note,
    Probing,
    Progress,
    Restarted,
    Retrying,
    Started,
    Waiting,
)
from support.filesystems import tiny_tmpfs
from support.mirrorrun import happenings

if TYPE_CHECKING:
    from collections.abc import Iterable

TAKEN = Taken(1, "d/a.iso", "h.example", 100)
URL = "https://me:pw@h.example/a.iso?sig=SECRET"


def logged(path: Path, happened: Iterable[Happening]) -> list[dict[str, Any]]:
    board = Board()
    told: list[str] = []
    with logging_to(path, board, "isos", told.append) as log:
        for happening in happened:
            board.take(happening)
            log(happening)
    assert told == []
    return read(path)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_line_has_time_level_event_and_fields(tmp_path: Path) -> None:
    before = datetime.now(timezone.utc)
    (line,) = logged(tmp_path / "log", [TAKEN, Busy(1, 429, 5.0)])
    when = datetime.strptime(line.pop("time"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs((when - before).total_seconds()) < 100
    assert line == {
        "level": "WARNING",
        "mirror": "isos",
        "v": 1,
        "event": "busy",
        "file": 1,
        "status": 429,
        "seconds": 5.0,
        "path": "d/a.iso",
        "host": "h.example",
    }


@pytest.mark.parametrize(
    ("happening", "level"),
    [
        (Said("x"), "INFO"),
        (Ended(0), "INFO"),
        (Ended(4, "x"), "ERROR"),
        (Done(1, "p", "h", 1, 1, 1.0, "fetched", None, 1), "INFO"),
        (Listed(1, 1, True), "INFO"),
        (Listed(1, 1, False, broken=True), "INFO"),
        (Note(0, "x"), "INFO"),
        (Retrying(1, 0, 1, 5, 1.0, "x"), "WARNING"),
        (Waiting(1, 1.0, "x"), "WARNING"),
        (Paused("h", 1.0, "x"), "WARNING"),
        (Restarted(1, "x"), "WARNING"),
        (GaveUp("h", 1, 9, "x"), "ERROR"),
        (lost(TAKEN, URL, ChecksumMismatchError("x")), "ERROR"),
    ],
)
def test_levels(tmp_path: Path, happening: Happening, level: str) -> None:
    (line,) = logged(tmp_path / "log", [happening])
    assert line["level"] == level
    assert line["event"] == type(happening).__name__.lower()


@pytest.mark.parametrize(
    "happening",
    [
        TAKEN,
        Kept(1, 1),
        Listed(1, 1, False),
        Probing(1, "u"),
        Started(1, "u", "p", 1, 0, 1),
        Progress(1, 1, 1, ()),
        Finished(1, "p", "u", 1, 1, 1.0, "complete"),
        Failed(1, "u", 1, "k", "m", "h"),
    ],
)
def test_what_is_not_logged(tmp_path: Path, happening: Happening) -> None:
    assert logged(tmp_path / "log", [happening]) == []


def test_files_have_their_path_and_not_only_a_number(tmp_path: Path) -> None:
    (line,) = logged(tmp_path / "log", [TAKEN, Retrying(1, 0, 1, 5, 1.0, "reset", "closed")])
    assert (line["path"], line["host"], line["cause"]) == ("d/a.iso", "h.example", "closed")


def test_no_secrets_and_no_control_characters(tmp_path: Path) -> None:
    error = ChecksumMismatchError("no\x1b[2J\n{}")
    logged(tmp_path / "log", [lost(TAKEN, URL, error), Said("\u202e\udcff")])
    text = (tmp_path / "log").read_text("ascii")
    assert not re.search("SECRET|pw@", text)
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 2


def test_a_whole_run_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"event": "before"}\n')
    run = [happening for _, happening in happenings(files=300, hosts=5)]
    lines = logged(path, run)
    assert lines[0] == {"event": "before"}
    done = [happening for happening in run if isinstance(happening, Done)]
    assert [line["path"] for line in lines if line["event"] == "done"] == [
        each.path for each in done
    ]


def test_every_line_is_there_at_once(tmp_path: Path) -> None:
    board = Board()
    with logging_to(tmp_path / "log", board, "isos", print) as log:
        for number in range(1, 4):
            log(Said("x"))
            assert len(read(tmp_path / "log")) == number


def test_the_logger_is_left_as_it_was(tmp_path: Path) -> None:
    logger = logging.getLogger(LOGGER)
    before = (logger.level, logger.propagate, list(logger.handlers))
    with logging_to(tmp_path / "log", Board(), "isos", print):
        # Whatever else is told to this logger is a line as well.
        logger.warning("by %s", "hand")
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    (line,) = read(tmp_path / "log")
    assert (line["level"], line["event"], line["text"]) == ("WARNING", "log", "by hand")


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskError, match=r"cannot write the log to .*none"),
        logging_to(tmp_path / "none" / "log", Board(), "isos", print),
    ):
        pass
    assert not logging.getLogger(LOGGER).handlers


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
def test_a_log_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path, old = tmp_path / "log", tmp_path / "log.1"
    with logging_to(path, Board(), "isos", print) as log:
        log(Said("one"))
        path.rename(old)
        log(Said("two"))
        path.unlink()
        log(Said("three"))
    assert [line["text"] for line in read(old)] == ["one"]
    assert [line["text"] for line in read(path)] == ["three"]


def test_a_full_disk_is_told_once_and_the_log_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    with tiny_tmpfs(1024 * 1024, tmp_path) as folder:
        path, filler = folder / "log", folder / "filler"
        with logging_to(path, Board(), "isos", told.append) as log:
            log(Said("before"))
            _fill(filler)
            for _ in range(5):
                # More than is left in the last block of the log.
                log(Said(5000 * "x"))
            assert len(told) == 1
            assert re.search("log .* cannot be written .*No space.*: going on", told[0])
            filler.unlink()
            log(Said("after"))
            log(Said("and more"))
        lines = path.read_text("ascii").splitlines()
    assert len(told) == 1
    assert json.loads(lines[0])["text"] == "before"
    # What was written of the first that did not fit is a line of its own, and none is mixed.
    gap, after, more = map(json.loads, lines[-3:])
    assert (gap["event"], gap["lines"]) == ("gap", 5)
    assert (after["text"], more["text"]) == ("after", "and more")
    assert len(lines) == 5
    assert not lines[1].endswith("}")


def _fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
