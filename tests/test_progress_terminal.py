"""The views that draw, on a pseudo-terminal, as a terminal shows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

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
from segdl.progress.view import make_view

if sys.platform == "win32":
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from support.picture import Picture, open_terminal, pyte, read_all

URL = "https://h.example/big.iso"
MIB = 1024**2
SIZE = 64 * MIB


class Terminal:
    """A view on a pseudo-terminal, and the screen as it is after each event."""

    def __init__(self, kind: str, columns: int, lines: int, *, ticking: bool = False) -> None:
        self.picture = Picture(columns, lines)
        self.master, self.slave = self.picture.master, self.picture.slave
        self.screen, self.stream = self.picture.screen, self.picture.stream
        self.rows = self.picture.rows
        self.now = 1000.0
        self.view = make_view(kind, self.stream, lambda: self.now, ticking=ticking)

    def send(self, *events: Event) -> list[str]:
        rows: list[str] = []
        for event in events:
            self.now += 1
            self.view(event)
            rows = self.rows()  # each time, for the terminal's buffer is small
        return rows

    def close(self) -> list[str]:
        self.view.close()
        rows = self.rows()
        self.picture.close()
        return rows


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    opened: list[Terminal] = []

    def make(kind: str, columns: int = 100, lines: int = 30, *, ticking: bool = False) -> Terminal:
        # The standard streams of the test are no terminal that rich could ask.
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(lines))
        monkeypatch.setenv("TERM", "xterm-256color")
        opened.append(Terminal(kind, columns, lines, ticking=ticking))
        return opened[-1]

    yield make
    for each in opened:
        if not each.stream.closed:
            each.close()


def started(file: int = 1, size: int | None = SIZE, name: str = "big.iso") -> Started:
    return Started(file, URL, f"/d/{name}", size, 0, 4)


def segments(*parts: tuple[int, bool]) -> tuple[SegmentState, ...]:
    each = SIZE // len(parts)
    return tuple(
        SegmentState(i * each, (i + 1) * each, done, active)
        for i, (done, active) in enumerate(parts)
    )


def progress(*parts: tuple[int, bool], file: int = 1) -> Progress:
    return Progress(file, sum(done for done, _ in parts), SIZE, segments(*parts))


def row(rows: list[str], label: str) -> str:
    (found,) = [r for r in rows if r.strip().startswith(f"{label} ")]
    return found


FOUR = progress((16 * MIB, False), (8 * MIB, True), (0, False), (4 * MIB, True))


def test_rich_shows_the_whole_and_each_segment(terminal: Any) -> None:
    rows = terminal("auto").send(started(), FOUR)
    total = row(rows, "big.iso")
    assert "━" in total
    assert re.search(r" 43% +28\.0 MiB/64\.0 MiB +28\.0 MiB/s +0:01 left$", total)
    assert re.search(r"━─* +100% .*done$", row(rows, "#1"))
    assert re.search(r"━╸?─+ +50% +8\.0 MiB/16\.0 MiB$", row(rows, "#2"))
    assert re.search(r" ─+ +0% .*waiting$", row(rows, "#3"))
    assert " 25% " in row(rows, "#4")


def test_rich_counts_a_wait_down(terminal: Any) -> None:
    screen = terminal("rich")
    rows = screen.send(started(), FOUR, Waiting(1, 20, "server asks to wait"))
    assert "  waiting 20 s: server asks to wait" in rows
    rows = screen.send(FOUR, FOUR, FOUR)
    assert "  waiting 17 s: server asks to wait" in rows
    screen.now += 17
    assert not [r for r in screen.send(FOUR) if "waiting 1" in r or "asks to" in r]


def test_rich_shows_a_retry_until_the_segment_goes_on(terminal: Any) -> None:
    screen = terminal("rich")
    retry = Retrying(1, SIZE // 2, 2, 5, 4.0, "connection reset [by peer]")
    rows = screen.send(started(), FOUR, retry)
    assert "  retrying #3 in 4 s: connection reset [by peer] (2 of 5)" in rows
    assert row(rows, "#3").endswith("retrying")
    screen.now += 5
    assert "  retrying #3: connection reset [by peer] (2 of 5)" in screen.send(FOUR)
    rows = screen.send(progress((16 * MIB, False), (8 * MIB, True), (1, True), (4 * MIB, True)))
    assert not [r for r in rows if "retrying" in r]


def test_rich_keeps_the_numbers_of_segments_when_one_is_split(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started(), progress((0, True), (0, True)))
    split = (
        SegmentState(0, SIZE // 4, MIB, active=True),
        SegmentState(SIZE // 4, SIZE // 2, 0, active=True),
        SegmentState(SIZE // 2, SIZE, 0, active=True),
    )
    rows = screen.send(Progress(1, MIB, SIZE, split))
    assert [r.split()[0] for r in rows[1:]] == ["#1", "#3", "#2"]


def test_rich_takes_no_markup_and_no_escapes_from_data(terminal: Any) -> None:
    screen = terminal("rich")
    rows = screen.send(
        Started(1, URL, "/d/[red]x[bold]\x1b[2J\x07.iso", SIZE, 0, 1),
        Note(1, "[bold]a[/bold] :smile: \x1b[31m[/nonsense]"),
    )
    assert rows[0] == "[red]x[bold]?[2J?.iso: [bold]a[/bold] :smile: ?[31m[/nonsense]"
    assert rows[1].startswith("[red]x[bold]?[2J?.")


def test_rich_never_goes_back_nor_past_the_end_but_after_a_restart(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started())
    seen = []
    for done in (10, 60, 50, 64, 90):
        rows = screen.send(Progress(1, done * MIB, SIZE, ()))
        seen += [int(p) for p in re.findall(r"(\d+)%", row(rows, "big.iso"))]
    assert seen == [15, 93, 93, 100, 100]
    rows = screen.send(Restarted(1, "the remote file changed"), Progress(1, 0, SIZE, ()))
    assert rows[0] == "big.iso: starting over: the remote file changed"
    assert " 0% " in row(rows[1:], "big.iso")


def test_rich_says_joining_and_verifying(terminal: Any) -> None:
    screen = terminal("rich")
    rows = screen.send(started(), FOUR, Joining(1, SIZE // 4, SIZE))
    assert len(rows) == 1
    assert re.search(r" 25% .*joining$", rows[0])
    assert re.search(r" 50% .*verifying$", screen.send(Verifying(1, SIZE // 2, SIZE))[0])


def test_rich_unknown_size(terminal: Any) -> None:
    screen = terminal("rich")
    part = (SegmentState(0, None, MIB, active=True),)
    rows = screen.send(started(size=None), Progress(1, MIB, None, part))
    assert re.search(r"─━+─* +1\.0 MiB +1\.0 MiB/s$|^big.iso +━+─+ +1", rows[0])
    moved = screen.send(Progress(1, MIB, None, part))
    assert moved[0].index("━") != rows[0].index("━")


def test_rich_many_segments_keep_to_the_terminal(terminal: Any) -> None:
    for lines, expected in ((12, 11), (60, 20)):
        screen = terminal("rich", lines=lines)
        parts = [(SIZE // 64, False)] * 50 + [(0, False)] * 10 + [(5, True)] * 4
        rows = screen.send(started(), progress(*parts))
        assert len(rows) == expected
        # Those at work come first; the rest is told in numbers.
        assert {"#61", "#62", "#63", "#64"} <= {r.split()[0] for r in rows}
        assert re.search(r"\d+ more segments: \d+ done", rows[-1])


def test_rich_many_files_keep_to_the_terminal(terminal: Any) -> None:
    screen = terminal("rich", lines=40)
    rows = screen.send(*[started(n, name=f"f{n}") for n in range(1, 31)])
    assert len(rows) == 20
    assert rows[-1] == "and 11 more files"
    rows = screen.send(*[Failed(n, URL, 3, "NetworkError", "", "") for n in range(3, 31)])
    assert [r.split()[0] for r in rows] == ["f1", "f2"]


@pytest.mark.parametrize("columns", [10, 25, 40, 60, 80, 99, 100, 200])
def test_rich_every_width(terminal: Any, columns: int) -> None:
    screen = terminal("rich", columns=columns)
    name = "a-rather-long-name-文件名-of-a-file.iso"
    unknown = Progress(2, MIB, None, (SegmentState(0, None, MIB, active=True),))
    rows = screen.send(
        started(name=name), started(2, None, "b"), FOUR, unknown, Waiting(1, 20, "busy " * 9)
    )
    # One row each: nothing wraps. A wide character takes two columns of the screen.
    assert len([r for r in rows if r.strip()]) == 7
    if columns >= 40:
        assert " 43%" in rows[0]
        assert [r.split()[0] for r in rows[1:5]] == ["#1", "#2", "#3", "#4"]
        assert "waiting 20 s: busy" in rows[5]
        assert "1.0 MiB" in rows[6]


def test_rich_leaves_room_for_lines_of_others(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started(), started(2, name="other"), FOUR)
    screen.now += 1
    screen.view.line("/d/x.iso 1 GiB", screen.stream)
    rows = screen.rows()
    assert rows[0] == "/d/x.iso 1 GiB"
    assert len(rows) == 7


def test_rich_leaves_nothing_behind(terminal: Any) -> None:
    screen = terminal("rich")
    end = Finished(1, "/d/big.iso", URL, SIZE, SIZE, 3.0, "complete")
    assert screen.send(Probing(1, URL))[0].endswith("connecting")
    assert screen.send(started(), FOUR, end) == []
    screen.send(started(2), Note(2, "stays"))
    assert screen.close() == ["big.iso: stays"]
    assert not screen.screen.cursor.hidden


def test_rich_draws_at_most_8_pictures_a_second(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started(), FOUR)
    before = screen.rows()
    screen.now += 0.1
    screen.view(progress((17, True)))
    assert screen.rows() == before
    screen.now += 0.03
    screen.view(progress((17, True)))
    assert screen.rows() != before


def test_rich_is_cheap(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started(), FOUR)
    parts = progress(*[(i, True) for i in range(16)])
    spent = 0.0
    for _ in range(40):
        screen.now += 1
        begin = time.process_time()
        screen.view(parts)
        spent += time.process_time() - begin
        screen.rows()
    # 40 pictures are 5 seconds' worth, and take 0.05 s of processor time, pyte's part aside.
    assert spent < 0.5


def test_rich_on_a_terminal_that_is_gone(terminal: Any) -> None:
    screen = terminal("rich")
    screen.send(started())
    screen.stream.close()
    for event in (FOUR, Note(1, "x"), Restarted(1, "y")):
        screen.now += 1
        screen.view(event)
    with pytest.raises(ValueError, match="closed"):
        screen.view.line("x", screen.stream)
    screen.view.close()
    os.close(screen.master)


@pytest.mark.parametrize("kind", ["rich", "tqdm"])
class TestPace:
    """What comes too soon after a picture waits for the next one."""

    def test_lines_are_shown_with_the_next_picture_in_their_order(
        self, terminal: Any, kind: str
    ) -> None:
        screen = terminal(kind)
        before = screen.send(started(), FOUR)
        for number in range(3):
            screen.view.line(f"/d/{number}", screen.stream)
        assert screen.rows() == before
        screen.now += 1
        screen.view.line("/d/3", screen.stream)
        rows = screen.rows()
        assert rows[:4] == [f"/d/{number}" for number in range(4)]
        assert len(rows) == 4 + len(before)
        screen.view.line("/d/4", screen.stream)
        screen.view(Note(1, "a note"))
        screen.view.line("/d/5", screen.stream)
        assert screen.rows() == rows
        assert screen.send(FOUR)[4:7] == ["/d/4", "big.iso: a note", "/d/5"]

    def test_nothing_waits_for_another_event(self, terminal: Any, kind: str) -> None:
        screen = terminal(kind, ticking=True)
        screen.send(started(), FOUR)
        screen.view.line("/d/0", screen.stream)
        screen.view(Waiting(1, 20, "busy"))
        deadline = time.monotonic() + 10
        # What is drawn is erased first, and may be looked at just then.
        while (rows := screen.rows())[:1] != ["/d/0"] or "busy" not in "".join(rows):
            assert time.monotonic() < deadline, rows
            time.sleep(0.01)

    def test_a_terminal_that_takes_nothing_keeps_nobody(self, terminal: Any, kind: str) -> None:
        screen = terminal(kind, ticking=True)
        done, rows = threading.Event(), progress(*[(MIB, True)] * 16)

        def bring_news() -> None:
            # Far more than a terminal keeps for who does not read.
            for number in range(300):
                screen.view(rows)
                screen.view.line(f"/d/{number} {'x' * 1000}", screen.stream)
                time.sleep(0.005)
            done.set()

        news = threading.Thread(target=bring_news)
        news.start()
        assert done.wait(30), "it waits for the terminal"
        news.join()
        seen = read_all(screen.master, screen.view.close)
        # What it had to wait for is there all the same, in its order.
        numbers = [int(number) for number in re.findall(rb"/d/(\d+) x", seen)]
        assert numbers == list(range(300))

    def test_lines_that_wait_are_written_at_the_end(self, terminal: Any, kind: str) -> None:
        screen = terminal(kind)
        screen.send(started())
        screen.view.line("/d/0", screen.stream)
        assert screen.close()[0] == "/d/0"

    def test_after_the_end_lines_come_at_once_and_nothing_is_drawn(
        self, terminal: Any, kind: str
    ) -> None:
        screen = terminal(kind, ticking=True)
        screen.send(started(), FOUR)
        screen.view.close()
        before = screen.rows()
        screen.view(FOUR)
        screen.view.line("/d/0", screen.stream)
        assert screen.rows() == [*before, "/d/0"]
        assert "segdl-ticker" not in {thread.name for thread in threading.enumerate()}

    def test_without_a_thread_it_is_drawn_all_the_same(
        self, terminal: Any, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        screen = terminal(kind, ticking=True)
        assert any("43%" in row or "44%" in row for row in screen.send(started(), FOUR))
        screen.view.line("/d/0", screen.stream)
        assert screen.send(FOUR)[0] == "/d/0"

    def test_a_line_that_goes_elsewhere_goes_at_once(
        self, terminal: Any, kind: str, tmp_path: Any
    ) -> None:
        screen = terminal(kind)
        before = screen.send(started(), FOUR)
        with (tmp_path / "log").open("w") as log:
            screen.view.line("/d/0", log)
            assert (tmp_path / "log").read_text() == "/d/0\n"
        assert screen.rows() == before
        with pytest.raises(ValueError, match="closed"):
            screen.view.line("/d/0", log)

    def test_a_terminal_that_is_gone_keeps_nobody(self, terminal: Any, kind: str) -> None:
        screen = terminal(kind)
        screen.send(started())
        screen.view.line("/d/0", screen.stream)
        screen.stream.close()
        screen.now += 1
        screen.view(FOUR)
        screen.view.close()
        os.close(screen.master)

    def test_small_files_by_the_thousand_are_cheap(self, terminal: Any, kind: str) -> None:
        screen = terminal(kind)
        begin = time.process_time()
        for number in range(3000):
            screen.view(started(number, size=10))
            screen.view(Finished(number, f"/d/{number}", URL, 10, 10, 0.0, "complete"))
            screen.view.line(f"/d/{number}", screen.stream)
            if number % 100 == 99:
                screen.now += 1
                screen.view(Probing(number, URL))
                screen.rows()
        # 30 pictures take a tenth of a second; to draw for each event took five.
        assert time.process_time() - begin < 2.5


def test_tqdm_knows_the_whole_where_all_sizes_are_known(terminal: Any) -> None:
    screen = terminal("tqdm")
    assert "/" in screen.send(started())[0].partition("[")[0]
    assert "/" not in screen.send(started(2, size=None))[0].partition("[")[0]
    rows = screen.send(Progress(2, MIB, 2 * MIB, ()), Progress(1, MIB, SIZE, ()))
    assert "2.00M/66.0M" in rows[0]


def test_a_dumb_terminal_gets_lines(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal("none")
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal("auto", 80, 24)
    assert screen.send(started()) == ["big.iso: 64.0 MiB, up to 4 connections"]
    screen.close()


def test_no_color_is_respected(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        screen = terminal("rich")
        screen.send(started(), FOUR)
        cells = [cell for line in screen.screen.buffer.values() for cell in line.values()]
        assert any(cell.fg != "default" for cell in cells) is expected
        screen.close()


def test_tqdm_one_bar_for_all_files(terminal: Any) -> None:
    screen = terminal("tqdm")
    screen.send(started(), started(2))
    rows = screen.send(FOUR)
    assert len(rows) == 1
    assert re.search(r"^2 files:  22%\|.*28\.0M/128M", rows[0])
    end = Finished(1, "/d/big.iso", URL, SIZE, SIZE, 3.0, "complete")
    rows = screen.send(end, Failed(2, URL, 3, "NetworkError", "", ""))
    # What failed stays in the sum: the run did not come to its end.
    assert re.search(r"50%.*64\.0M/128M", rows[0])
    assert "50%" in screen.close()[0]


def test_tqdm_notes_waits_and_restarts(terminal: Any) -> None:
    screen = terminal("tqdm")
    rows = screen.send(started(name="[red].iso"), FOUR, Note(1, "hello"), Waiting(1, 9, "busy"))
    assert rows[0] == "[red].iso: hello"
    assert "waiting 9 s: busy" in rows[1]
    screen.send(Restarted(1, "changed"))
    rows = screen.send(progress((MIB, True)))
    assert rows[1] == "[red].iso: starting over: changed"
    assert re.search(r"  2%\|.*1\.00M/64\.0M", rows[2])
    assert "joining [red].iso" in screen.send(Joining(1, 1, SIZE))[2]


def test_tqdm_never_past_the_end(terminal: Any) -> None:
    screen = terminal("tqdm")
    seen = []
    screen.send(started())
    for done in (10, 60, 50, 62, 64, 90):
        seen += re.findall(r"(\d+)%", screen.send(Progress(1, done * MIB, SIZE, ()))[0])
    assert seen == ["16", "94", "94", "97", "100", "100"]


def test_tqdm_held_bytes_are_no_speed(terminal: Any) -> None:
    screen = terminal("tqdm")
    screen.send(Started(1, URL, "/d/a", SIZE, SIZE - MIB, 1))
    time.sleep(0.2)
    (shown,) = screen.send(Progress(1, SIZE - MIB + 1000, SIZE, ()))
    rate = re.search(r"([\d.]+)([kM]?)B/s\]?", shown)
    assert rate, shown
    assert rate[2] != "M"


def test_tqdm_unknown_size_and_hidden(terminal: Any) -> None:
    screen = terminal("tqdm", columns=40)
    rows = screen.send(started(size=None), Progress(1, MIB, None, ()))
    assert len(rows) == 1
    assert "%" not in rows[0]
    screen.view.line("/d/other", screen.stream)
    screen.now += 1
    assert screen.send(Progress(1, 2 * MIB, None, ()))[0] == "/d/other"


SCRIPT = """
import sys, time
from segdl.progress.events import *
from segdl.progress.view import make_view
view = make_view(sys.argv[1], sys.stderr)
view(Started(1, "https://h/x", "/d/x.iso", 100, 0, 2))
for done in range(0, 101, 5):
    half = done // 2
    parts = (SegmentState(0, 50, half, True), SegmentState(50, 100, done - half, True))
    view(Progress(1, done, 100, parts))
    time.sleep(0.02)
view(Note(1, "stays"))
view(Finished(1, "/d/x.iso", "https://h/x", 100, 100, 1.0, "complete"))
view.close()
print("/d/x.iso")
"""


@pytest.mark.parametrize("kind", ["auto", "tqdm"])
def test_a_whole_process_with_warnings_as_errors(kind: str) -> None:
    master, slave = open_terminal(80, 24)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, kind]
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    environment.pop("LINES", None)
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        data = b""
        try:
            while chunk := os.read(master, 65536):
                data += chunk
        except OSError:
            pass  # Linux' way to say that the other side is closed
        assert process.stdout
        assert process.stdout.read() == b"/d/x.iso\n"
    os.close(master)
    assert process.returncode == 0, data
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(data)
    rows = [line.rstrip() for line in screen.display if line.strip()]
    assert rows[0] == "x.iso: stays"
    assert len(rows) == (1 if kind == "auto" else 2)
    percents = [int(p) for p in re.findall(rb"(\d+)%", data)]
    assert max(percents) <= 100
    assert b"#1" in data or kind == "tqdm"
