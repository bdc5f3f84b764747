"""The views of a mirror run: on a terminal, as lines, as JSON."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from segdl.errors import ServerError, UsageError
from segdl.mirror.happenings import (
    Done,
    GaveUp,
    Happening,
    Kept,
    Listed,
    Lost,
    Paused,
    Round,
    Said,
    Taken,
    lost,
)
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.lines import LEFT_OUT
from segdl.mirror.seen.rich_frame import frame
from segdl.mirror.seen.view import make_mirror_view
from segdl.progress.events import Busy, Event, Failed, Note, Progress, Retrying, Started, Verifying
from support.mirrorrun import happenings

if TYPE_CHECKING:
    from segdl.mirror.seen.view import MirrorView

MIB = 1024**2
HOST = "h.example"
HOSTILE = "d/\x1b[2J\u202e[red]x\n.iso"
DOCS = Path(__file__).parent.parent / "docs" / "mirror-report.md"


class Watched:
    """A board and a view of it, with a clock that stands still."""

    def __init__(self, kind: str, stream: Any) -> None:
        self.now = 1000.0
        self.board = Board(lambda: self.now)
        self.view: MirrorView = make_mirror_view(kind, stream, self.board, ticking=False)

    def tell(self, *happenings: Happening, step: float = 0.0) -> None:
        for happening in happenings:
            self.now += step
            self.board.take(happening)
            self.view(happening)


def taken(file: int, size: int | None = 64 * MIB, host: str = HOST) -> Taken:
    return Taken(file, f"d/f{file:02}.iso", host, size)


def at_work(file: int, done: int, size: int = 64 * MIB, host: str = HOST) -> list[Happening]:
    return [
        taken(file, size, host),
        Started(file, "u", "/srv/x.iso", size, 0, 1),
        Progress(file, done, size, ()),
    ]


def done(file: int, size: int = MIB, host: str = HOST) -> Done:
    return Done(file, f"d/f{file:02}.iso", host, size, size, 2.0, "fetched", "sha256", 1)


def gone(file: int) -> Lost:
    url = f"https://{HOST}/d/f{file:02}.iso"
    return lost(taken(file), url, ServerError(f"{url}: the server answered 404", status=404))


# -- on a terminal --

if sys.platform != "win32":
    from support.picture import Picture, open_terminal, pyte, read_all, set_size

    class Terminal(Watched):
        def __init__(self, columns: int, lines: int, kind: str = "auto") -> None:
            self.picture = Picture(columns, lines)
            super().__init__(kind, self.picture.stream)

        def draw(self, *happenings: Happening, step: float = 1.0) -> list[str]:
            """Tell what happens, a second after the other; return what is to be seen then."""
            for happening in happenings:
                self.tell(happening, step=step)
                self.picture.rows()  # each time, for the terminal's buffer is small
            self.view.refresh()
            return self.picture.rows()

        def close(self) -> list[str]:
            self.view.close()
            rows = self.picture.rows()
            self.picture.close()
            return rows


unix = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def make(columns: int = 120, lines: int = 50, kind: str = "auto") -> Terminal:
        # The standard streams of the test are no terminal that rich could ask.
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(lines))
        monkeypatch.setenv("TERM", "xterm-256color")
        opened.append(Terminal(columns, lines, kind))
        return opened[-1]

    yield make
    for each in opened:
        each.view.close()
        each.picture.close()


@unix
def test_files_hosts_and_totals(terminal: Callable[..., Terminal]) -> None:
    rows = terminal().draw(
        Round(1),
        Listed(5000, 256 * MIB, True),
        Kept(4900, 32 * MIB),
        *at_work(1, 16 * MIB),
        *at_work(2, 8 * MIB, host="other.example"),
        done(3, 32 * MIB),
        gone(4),
    )
    assert rows[0] == f"failed: https://{HOST}/d/f04.iso: the server answered 404"
    assert re.search(r"^d/f01.iso +━+╸?─+ +25% +16\.0 MiB/64\.0 MiB .*[KM]iB/s .* left$", rows[1])
    assert re.search(r"^d/f02.iso +━+╸?─+ +12% +8\.0 MiB/64\.0 MiB", rows[2])
    assert rows[3].split() == ["host", "at", "work", "files", "failed", "bytes", "speed"]
    assert re.search(r"^h\.example +1 +1 +1 +48\.0 MiB +\d+\.\d MiB/s$", rows[4])
    assert re.search(r"^other\.example +1 +0 +8\.0 MiB", rows[5])
    # 32 were here, 32 are done, 24 came of two more, and 64 will never come.
    assert re.search(r"^4,902 of 5,000 files .* 59% +152\.0 MiB/256\.0 MiB", rows[6])
    assert rows[7] == "1 failed, 2 at work, 4,900 were here already"
    assert len(rows) == 8


@unix
def test_at_most_20_files_and_10_hosts(terminal: Callable[..., Terminal]) -> None:
    works = [
        each
        for file in range(1, 65)
        for each in at_work(file, 1000 * file, 1_000_000, f"h{file:02}.example")
    ]
    rows = terminal(lines=80).draw(Listed(99, 99_000_000, True), *works)
    assert len([row for row in rows if row.startswith("d/f")]) == 20
    assert len([row for row in rows if re.match(r"h\d\d\.example", row)]) == 10
    (rest,) = [row for row in rows if row.startswith("54 more")]
    assert rest.split()[:4] == ["54", "more", "54", "0"]
    assert rows[-1] == "64 at work"
    assert len(rows) == 20 + 1 + 10 + 1 + 2


@unix
def test_trouble_and_large_files_are_shown_first(terminal: Callable[..., Terminal]) -> None:
    small = [each for file in range(1, 40) for each in at_work(file, 10, 1000 + file)]
    screen = terminal(lines=12)
    retry = Retrying(7, 0, 1, 5, 60.0, "connection reset", "closed")
    rows = screen.draw(*small, *at_work(50, 5, 9 * MIB), *at_work(51, 5, 8 * MIB), retry, step=2)
    files = [row.split()[0] for row in rows if row.startswith("d/f")]
    # In the order in which they began: rows do not jump about.
    assert files == sorted(files)
    assert {"d/f07.iso", "d/f50.iso", "d/f51.iso"} <= set(files)
    assert len(files) < 10
    (trouble,) = [row for row in rows if row.startswith("d/f07.iso")]
    assert trouble.endswith(" retrying")


@unix
def test_a_pause_is_counted_down_though_nothing_happens(terminal: Callable[..., Terminal]) -> None:
    screen = terminal()
    rows = screen.draw(*at_work(1, 5), Busy(1, 429, 75.0))
    (row,) = [row for row in rows if row.startswith(HOST)]
    assert row.endswith("paused 1:15  the server answered 429")
    screen.now += 70
    (row,) = [row for row in screen.draw() if row.startswith(HOST)]
    assert "paused 0:05" in row
    screen.now += 6
    (row,) = [row for row in screen.draw() if row.startswith(HOST)]
    assert "paused" not in row


@unix
def test_a_file_is_shown_by_what_is_done_with_it(terminal: Callable[..., Terminal]) -> None:
    screen = terminal()
    rows = screen.draw(taken(1))
    assert "connecting" in rows[0]
    rows = screen.draw(*at_work(1, 64 * MIB), Verifying(1, 16 * MIB, 64 * MIB))
    assert " 25% " in rows[0]
    assert "verifying" in rows[0]
    rows = screen.draw(Failed(1, "u", 3, "NetworkError", "no", ""))
    assert not [row for row in rows if row.startswith("d/f")]


@unix
def test_while_the_list_is_read_there_is_no_percentage(terminal: Callable[..., Terminal]) -> None:
    screen = terminal()
    rows = screen.draw(Listed(10, 64 * MIB, False), *at_work(1, 32 * MIB))
    assert "%" not in rows[-2]
    assert "left" not in rows[-2]
    assert rows[-1].endswith("the list is being read")
    rows = screen.draw(Listed(10, 64 * MIB, True))
    assert " 50% " in rows[-2]


@unix
@pytest.mark.parametrize("columns", [8, 20, 44, 60, 80, 99, 100, 130, 250])
@pytest.mark.parametrize("lines", [2, 4, 6, 10, 24, 50])
def test_every_size(terminal: Callable[..., Terminal], columns: int, lines: int) -> None:
    screen = terminal(columns, lines)
    for now, happening in happenings(files=300, hosts=14, at_once=30):
        if now > 20:
            break
        # No lines that stay: they would scroll, and are counted elsewhere.
        screen.board.take(happening)
    screen.now += 20
    with screen.board.read() as (tally, now):
        drawn = frame(tally, max(1, columns - 3), lines, now)
    for _ in range(2):
        rows = screen.draw()
        # None wraps, and the first is still to be seen.
        assert len(rows) == len([row for row in drawn if row.plain.strip()])
        assert len(drawn) <= max(1, lines - 1)
    assert screen.close() == []


@unix
def test_hostile_names_steer_nothing(terminal: Callable[..., Terminal]) -> None:
    screen = terminal(160)
    work = taken(1)._replace(path=HOSTILE, host="evil\x1b[31m")
    failure = replace(gone(2), path=HOSTILE, message="no\x1b]0;x\x07")
    rows = screen.draw(work, failure, Said("a\x1b[2Jb"), GaveUp("x\x1b", 3, 0, "y\x1b"))
    text = "\n".join(rows)
    assert "failed: d/?[2J?[red]x?.iso: no?]0;x?" in text
    assert "a?[2Jb" in text
    assert [row for row in rows if row.startswith("d/?[2J?[red]x?.iso ")]
    assert [row for row in rows if row.startswith("evil?[31m ")]


@unix
def test_failures_by_the_thousand_do_not_flood(terminal: Callable[..., Terminal]) -> None:
    screen = terminal(lines=60)
    rows = screen.draw(*(gone(number) for number in range(500)), step=0.001)
    assert len([row for row in rows if row.startswith("failed")]) == 20
    assert LEFT_OUT in rows
    assert any(row.startswith("500 failed") for row in rows)


@unix
def test_lines_of_others_come_with_the_next_picture(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    screen = terminal()
    screen.draw(*at_work(1, 5))
    stream = screen.picture.stream
    screen.view.line("one", stream)
    # Without a ticker that does not wait.
    assert screen.picture.rows() == ["one"]
    rows = screen.draw()
    assert (rows[0], len(rows) > 1) == ("one", True)
    screen.view.line("two", stream)
    with (tmp_path / "log").open("w") as log:
        screen.view.line("elsewhere", log)
        assert (tmp_path / "log").read_text() == "elsewhere\n"
    # They stay in their order.
    screen.tell(Said("three"))
    assert screen.picture.rows()[:3] == ["one", "two", "three"]
    screen.view.line("four", stream)
    screen.view.close()
    screen.view.line("five", stream)
    assert screen.picture.rows() == ["one", "two", "three", "four", "five"]


@unix
def test_a_terminal_that_takes_nothing_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    picture, board = Picture(80, 24), Board(lambda: 0.0)
    view = make_mirror_view("rich", picture.stream, board)
    told = threading.Event()

    def tell() -> None:
        # More than a terminal keeps for who does not read.
        for number in range(300):
            view.line(f"{number} {'x' * 1000}", picture.stream)
            view(Said(f"said {number}"))
            time.sleep(0.003)
        told.set()

    telling = threading.Thread(target=tell)
    telling.start()
    assert told.wait(30), "it waits for the terminal"
    telling.join()
    seen = read_all(picture.master, view.close)
    assert [int(n) for n in re.findall(rb"(\d+) x", seen)] == list(range(300))
    picture.close()


@unix
def test_without_a_thread_lines_come_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setenv("TERM", "xterm")
    picture, board = Picture(80, 24), Board(lambda: 0.0)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    view = make_mirror_view("rich", picture.stream, board)
    view.line("one", picture.stream)
    assert picture.rows() == ["one"]
    view.close()
    picture.close()


@unix
def test_it_leaves_nothing_behind(terminal: Callable[..., Terminal]) -> None:
    screen = terminal()
    screen.draw(*at_work(1, 5), Said("stays"))
    assert len(screen.draw()) > 1
    screen.view.close()
    screen.tell(Said("too late"))
    screen.view.refresh()
    assert screen.picture.rows() == ["stays"]
    assert not screen.picture.screen.cursor.hidden


@unix
def test_a_terminal_that_is_gone(terminal: Callable[..., Terminal]) -> None:
    screen = terminal()
    screen.draw(*at_work(1, 5))
    screen.picture.stream.close()
    screen.tell(Said("x"), gone(2))
    screen.view.refresh()
    with pytest.raises(ValueError, match="closed"):
        screen.view.line("x", screen.picture.stream)
    screen.view.close()
    os.close(screen.picture.master)


@unix
def test_a_dumb_terminal_gets_lines(
    terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal()
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal(80, 24)
    assert screen.draw(*at_work(1, 5), Said("a line")) == ["a line"]
    screen.close()


SCRIPT = """
import sys, time
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.view import make_mirror_view
from support.mirrorrun import happenings
board = Board()
view = make_mirror_view("auto", sys.stderr, board)
for now, happening in happenings(files=300, hosts=5):
    if now > 8:
        break
    board.take(happening)
    view(happening)
sys.stdin.readline()
view.close()
print("closed", flush=True)
"""


@unix
def test_a_whole_process_draws_by_itself_and_fits_a_new_size() -> None:
    """Nothing happens any more when it is looked at: the view's own thread draws."""
    ours, theirs = open_terminal(100, 40)
    folder = Path(__file__).parent
    environment = {
        **os.environ,
        "TERM": "xterm",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder.parent / "src")]),
    }
    environment.pop("COLUMNS", None)
    environment.pop("LINES", None)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while _widest_row(ours, 100, 40) <= 60:
                assert time.monotonic() < deadline
            set_size(theirs, 60, 20)
            while not 0 < _widest_row(ours, 60, 20) < 60:
                assert time.monotonic() < deadline
            assert process.stdin
            process.stdin.write(b"\n")
            process.stdin.close()
            assert process.stdout
            assert process.stdout.read() == b"closed\n"
            assert process.wait() == 0
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)


def _widest_row(ours: int, columns: int, lines: int) -> int:
    """Return how wide the next picture is; 0 where none came."""
    screen = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    # What came until now is of a picture before.
    while select.select([ours], [], [], 0.05)[0]:
        os.read(ours, 65536)
    while select.select([ours], [], [], 0.5)[0]:
        stream.feed(os.read(ours, 65536))
        if " at work" in screen.display[screen.cursor.y]:
            break
    return max(len(row.rstrip()) for row in screen.display)


# -- lines --


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_lines_tell_how_far_it_is_ever_more_seldom() -> None:
    stream = io.StringIO()
    watched = Watched("auto", stream)
    when = []
    for second in range(1, 401):
        watched.now += 1
        before = len(lines(stream))
        watched.view.refresh()
        if len(lines(stream)) > before:
            when.append(second)
    gaps = [after - before for before, after in itertools.pairwise(when)]
    assert when[0] == 10
    assert gaps == sorted(gaps)
    assert gaps[0] == 15
    assert gaps[-1] == 60


def test_a_line_tells_what_matters() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(Listed(5000, 256 * MIB, True), Kept(1000, 16 * MIB))
    watched.tell(*at_work(1, 8 * MIB), done(2, 8 * MIB), gone(3), step=2)
    watched.tell(taken(4, host="busy.example"), Busy(4, 503, 90.0))
    watched.now += 2
    watched.view.refresh()
    assert lines(stream)[:-1] == [
        f"failed: https://{HOST}/d/f03.iso: the server answered 404",
        "busy.example is paused for 90 s: the server answered 503",
    ]
    last = lines(stream)[-1]
    assert last.startswith("37% done, 1,002 of 5,000 files, 96.0 MiB of 256.0 MiB, ")
    assert re.search(r"\d\.\d MiB/s", last)
    assert "1 failed, 2 at work, 1,000 were here already" in last
    assert last.endswith("paused: busy.example")


def test_a_pause_gets_one_line_however_many_answers_prolong_it() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(taken(1), *(Busy(1, 429, 10.0) for _ in range(9)), step=1)
    watched.tell(Paused("away.example", 5.0, "it does not answer"), Busy(1, 503, 0.2))
    watched.now += 20
    watched.tell(Busy(1, 503, 10.0))
    assert lines(stream) == [
        f"{HOST} is paused for 10 s: the server answered 429",
        "away.example is paused for 5 s: it does not answer",
        f"{HOST} is paused for 10 s: the server answered 503",
    ]


def test_sizes_that_are_guessed_are_said_to_be() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(Listed(4, 0, True, unsized=4), taken(1, None), done(1))
    watched.now += 10
    watched.view.refresh()
    assert lines(stream)[0].startswith("25% done, 1 of 4 files, 1.0 MiB of ~4.0 MiB, ")


def test_lines_do_not_flood_either() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(*(gone(number) for number in range(500)))
    watched.tell(*(Note(0, "of a list") for _ in range(500)))
    written = lines(stream)
    assert len(written) == 2 * 21
    assert written.count(LEFT_OUT) == 2
    # In time there is room for more.
    watched.now += 60
    watched.tell(*(gone(number) for number in range(500, 600)))
    assert len(lines(stream)) == 2 * 21 + 10


def test_what_is_said_and_notes_are_written() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(Round(1), Said("one"), *at_work(1, 5), Note(1, "two"), Round(2))
    watched.tell(GaveUp("h.example", 1200, 0, "https://h.example/a: refused"))
    assert lines(stream) == [
        "one",
        "d/f01.iso: two",
        "round 2: the list is read again",
        "h.example is given up: 1,200 files wait for the next run: https://h.example/a: refused",
    ]


def test_one_file_that_waits_is_one() -> None:
    stream = io.StringIO()
    Watched("plain", stream).tell(GaveUp("h.example", 1, 0, "refused"))
    assert lines(stream) == ["h.example is given up: 1 file waits for the next run: refused"]


def test_a_line_has_no_control_characters() -> None:
    stream = io.StringIO()
    watched = Watched("plain", stream)
    watched.tell(replace(gone(1), path=HOSTILE), Said("a\nb\x1b"), Paused("e\x1b", 5, "w\x07"))
    watched.now += 10
    watched.view.refresh()
    assert stream.getvalue().replace("\n", "").isprintable()
    assert len(lines(stream)) == 4


# -- JSON --


def test_json_lines() -> None:
    stream = io.StringIO()
    watched = Watched("json", stream)
    for now, happening in happenings(files=500, hosts=5):
        watched.now = 1000 + now
        watched.tell(happening)
    watched.view.close()
    written = [json.loads(line) for line in lines(stream)]
    events = {line["event"] for line in written}
    assert {"round", "listed", "kept", "taken", "done", "busy", "progress"} <= events
    assert all(line["v"] == 1 for line in written)
    assert stream.getvalue().isascii()


def test_json_lines_of_progress_are_thinned_out() -> None:
    stream = io.StringIO()
    watched = Watched("json", stream)
    watched.tell(*at_work(1, 1))
    watched.tell(*(Progress(1, count, 64 * MIB, ()) for count in range(2, 500)), step=0.001)
    watched.view.close()
    told = [line for line in map(json.loads, lines(stream)) if line["event"] == "progress"]
    assert (told[0]["done"], told[-1]["done"]) == (1, 499)
    assert len(told) < 6


def test_every_happening_and_field_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    found = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    kinds = {
        kind.__name__.lower(): kind for kind in set(get_args(Happening)) - set(get_args(Event))
    }
    assert dict(found).keys() == kinds.keys()
    for name, section in found:
        documented = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
        kind = kinds[name]
        fields = getattr(kind, "_fields", None) or [
            field.name for field in dataclasses.fields(kind)
        ]
        assert documented == list(fields), name


# -- which view --


def test_no_view_shows_nothing() -> None:
    stream = io.StringIO()
    watched = Watched("none", stream)
    watched.tell(Said("x"), gone(1))
    watched.view.refresh()
    watched.view.close()
    assert stream.getvalue() == ""


def test_unknown_view() -> None:
    with pytest.raises(UsageError, match="auto, rich, plain, json, none"):
        make_mirror_view("fancy", io.StringIO(), Board())


@pytest.mark.parametrize("kind", ["auto", "json", "none"])
def test_no_library_is_imported_that_the_view_does_not_need(kind: str) -> None:
    code = (
        "import sys; from segdl.mirror.seen.audience import SeenOptions, audience\n"
        f"with audience(SeenOptions(progress={kind!r}), open(sys.argv[1], 'w'), 'm'): pass\n"
        "unwanted = {'rich', 'tqdm', 'requests', 'asyncio', 'prometheus_client', 'http.server'}\n"
        "assert not unwanted & set(sys.modules), unwanted & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, "/dev/null"], check=True)
