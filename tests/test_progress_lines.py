"""The views that write lines, the factory, and the documentation of events."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from segdl.errors import UsageError
from segdl.progress import events
from segdl.progress.events import (
    Event,
    Failed,
    Finished,
    Joining,
    Note,
    Probing,
    Progress,
    Restarted,
    Retrying,
    SegmentState,
    Started,
    Verifying,
    Waiting,
)
from segdl.progress.view import View, make_view

URL = "https://h.example/big.iso"
GIB = 1024**3


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Pipe(io.StringIO):
    """A stream that breaks after some writes."""

    def __init__(self, good: int, error: type[Exception] = BrokenPipeError) -> None:
        super().__init__()
        self.good = good
        self.error = error

    def write(self, text: str, /) -> int:
        self.good -= 1
        if self.good < 0:
            raise self.error
        return super().write(text)


def progress(done: int, size: int | None = GIB, file: int = 1) -> Progress:
    return Progress(file, done, size, (SegmentState(0, size, done, active=True),))


def play(view: View, clock: Clock, script: list[tuple[float, Event]]) -> None:
    for seconds, event in script:
        clock.now = 100.0 + seconds
        view(event)


def plain(script: list[tuple[float, Event]]) -> list[str]:
    clock, stream = Clock(), io.StringIO()
    view = make_view("auto", stream, clock)
    play(view, clock, script)
    view.close()
    return stream.getvalue().splitlines()


def started(held: int = 0, size: int | None = GIB, connections: int = 4) -> Started:
    return Started(1, URL, "/d/big.iso", size, held, connections)


def test_plain_start_lines() -> None:
    assert plain([(0, Probing(1, URL)), (0, started())]) == [
        "big.iso: 1.0 GiB, up to 4 connections"
    ]
    assert plain([(0, started(held=GIB // 2, connections=1))]) == [
        "big.iso: 1.0 GiB, 512.0 MiB of it here already, 1 connection"
    ]
    assert plain([(0, started(size=None))]) == ["big.iso: size unknown, up to 4 connections"]


def test_plain_progress_comes_after_5_and_then_every_10_seconds() -> None:
    mib = 1024**2
    steps: list[tuple[float, Event]] = [(s, progress(s * 10 * mib)) for s in range(1, 27)]
    assert plain([(0, started()), *steps])[1:] == [
        "big.iso: 4% of 1.0 GiB, 10.0 MiB/s, 1:37 left",
        "big.iso: 14% of 1.0 GiB, 10.0 MiB/s, 1:27 left",
        "big.iso: 24% of 1.0 GiB, 10.0 MiB/s, 1:17 left",
    ]


def test_plain_unknown_size_and_phases() -> None:
    assert plain([(0, started(size=None)), (5, progress(5 * 1024**2, None))])[1:] == [
        "big.iso: 5.0 MiB, 1.0 MiB/s"
    ]
    assert plain([(0, started()), (6, Joining(1, GIB // 2, GIB)), (16, Verifying(1, 0, GIB))])[
        1:
    ] == ["big.iso: joining, 50% of 1.0 GiB", "big.iso: verifying, 0% of 1.0 GiB"]


def test_plain_says_what_goes_wrong_and_leaves_the_end_to_others() -> None:
    lines = plain(
        [
            (0, started()),
            (1, Waiting(1, 20, "server asks to wait")),
            (2, Restarted(1, "the remote file changed")),
            (3, Note(1, "settled at 2 connections")),
            (4, Failed(1, URL, 3, "NetworkError", "no", "")),
            (5, Note(9, "of the run")),
        ]
    )
    assert lines[1:] == [
        "big.iso: waiting 20 s: server asks to wait",
        "big.iso: starting over: the remote file changed",
        "big.iso: settled at 2 connections",
        "of the run",
    ]


def test_plain_limits_retries() -> None:
    retry = Retrying(1, 0, 2, 5, 1.5, "connection reset")
    script: list[tuple[float, Event]] = [(0, started()), (0, progress(1))]
    script += [(s / 10, retry) for s in range(1, 100)]
    script += [(11, retry)]
    assert plain(script)[1:] == [
        "big.iso: retrying #1 in 2 s: connection reset (2 of 5)",
        "big.iso: retrying #1 in 2 s: connection reset (2 of 5); 98 more since the last such line",
    ]


def test_plain_says_long_waits_in_minutes() -> None:
    assert plain([(0, started()), (0, Waiting(1, 125, "busy"))])[1:] == [
        "big.iso: waiting 2:05: busy"
    ]


def test_nothing_of_the_data_commands_the_terminal() -> None:
    hostile = "a\x1b[2J\r\n\x9b31m\u202eb"
    lines = plain(
        [
            (0, Started(1, URL, f"/d/{hostile}", GIB, 0, 1)),
            (1, Note(1, hostile)),
            (2, Waiting(1, 9, hostile)),
            (3, Restarted(1, hostile)),
            (4, Retrying(1, 0, 1, 5, 0, hostile)),
        ]
    )
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)


def json_lines(script: list[tuple[float, Event]]) -> list[dict[str, object]]:
    clock, stream = Clock(), io.StringIO()
    view = make_view("json", stream, clock)
    play(view, clock, script)
    view.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_thins_progress_but_keeps_the_last() -> None:
    script: list[tuple[float, Event]] = [(0, started())]
    script += [(i / 100, progress(i)) for i in range(201)]
    script += [(2.01, Joining(1, 0, GIB)), (2.02, Joining(1, GIB, GIB))]
    script += [(2.03, Finished(1, "p", URL, GIB, GIB, 2.0, "complete"))]
    lines = json_lines(script)
    dones = [line["done"] for line in lines if line["event"] == "progress"]
    assert dones == [0, 25, 50, 75, 100, 125, 150, 175, 200]
    assert [line["event"] for line in lines[-3:]] == ["joining", "joining", "finished"]
    assert lines[-2]["done"] == GIB


def test_json_last_progress_before_finished_and_before_the_end() -> None:
    end = Finished(1, "p", URL, 2, 2, 2.0, "complete")
    script: list[tuple[float, Event]] = [(0, progress(1)), (0.1, progress(2))]
    assert [line.get("done") for line in json_lines([*script, (0.1, end)])] == [1, 2, None]
    assert [line.get("done") for line in json_lines(script)] == [1, 2]


def test_json_thins_each_file_by_itself() -> None:
    assert len(json_lines([(0, progress(1)), (0, progress(1, file=2))])) == 2


def test_json_restart_makes_held_progress_untrue() -> None:
    lines = json_lines(
        [(0, progress(1)), (0.1, progress(9)), (0.1, Restarted(1, "changed")), (0.2, progress(0))]
    )
    assert [line.get("done") for line in lines] == [1, None, 0]


def test_json_is_flushed_and_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    make_view("json", stream)(Note(1, "größer \udcff"))
    assert json.loads(raw.getvalue())["text"] == "größer \udcff"


@pytest.mark.parametrize("kind", ["auto", "json", "tqdm"])
@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError])
@pytest.mark.parametrize("good", range(4))
def test_a_stream_that_is_gone_stops_nothing(kind: str, error: type[Exception], good: int) -> None:
    clock = Clock()
    view = make_view(kind, Pipe(good, error), clock)
    play(
        view,
        clock,
        [
            (0, started()),
            (6, progress(1)),
            (7, Note(1, "x")),
            (20, progress(2)),
            (30, Finished(1, "p", URL, GIB, GIB, 2.0, "complete")),
        ],
    )
    view.close()
    view.close()


def test_closed_stream() -> None:
    stream = io.StringIO()
    stream.close()
    view = make_view("auto", stream)
    view(started())
    view.close()


def test_what_the_encoding_lacks_is_replaced() -> None:
    raw = io.BytesIO()
    view = make_view("auto", io.TextIOWrapper(raw, encoding="ascii"))
    view(Note(1, "größer"))
    assert raw.getvalue().split() == [b"gr??er"]


@pytest.mark.parametrize("kind", ["none", "quiet"])
def test_none_writes_nothing(kind: str) -> None:
    stream = io.StringIO()
    view = make_view(kind, stream)
    view(started())
    view.close()
    assert stream.getvalue() == ""


def test_unknown_kind() -> None:
    with pytest.raises(UsageError, match="auto, rich, tqdm, json, none"):
        make_view("fancy", io.StringIO())


@pytest.mark.parametrize("kind", ["auto", "json", "none"])
def test_no_library_is_imported_that_the_view_does_not_need(kind: str) -> None:
    code = (
        "import sys; from segdl.progress.view import make_view\n"
        f"make_view({kind!r}, open(sys.argv[1], 'w')).close()\n"
        "assert not {'rich', 'tqdm', 'requests', 'asyncio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, "/dev/null"], check=True)


def test_every_event_and_field_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "events.md").read_text("utf-8")
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE))
    kinds = {kind.__name__.lower(): kind for kind in get_args(Event)}
    assert sections.keys() == kinds.keys()
    for name, kind in kinds.items():
        documented = re.findall(r"^\| `(\w+)`", sections[name], re.MULTILINE)
        fields = [name for name in kind._fields if name != "file"]
        if kind is Progress:
            fields += list(SegmentState._fields)
        assert documented == fields, name
    assert f"now `{events.SCHEMA_VERSION}`" in text


def test_documented_example_is_true() -> None:
    text = (Path(__file__).parent.parent / "docs" / "events.md").read_text("utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    kinds = {kind.__name__.lower(): kind for kind in get_args(Event)}
    for line in block.splitlines():
        fields = json.loads(line)
        names = set(kinds[fields["event"]]._fields)
        assert fields.keys() == names | {"v", "event"}
