"""The page and the table of a benchmark: whole, harmless, and of the figures they show."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.bench.contenders import LeftOut
from segdl.bench.page import page
from segdl.bench.report import Report
from segdl.bench.table import render
from segdl.charts.svg import dot, picture, speed_ticks, text, ticks
from support.benching import MIB, WRONG, contender, failed, report, run, stretches
from support.pages import Page

HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[2J\u202e&amp;"


def sample(**fields: str) -> Report:
    contenders = [
        contender(connections=1),
        contender(connections=8),
        contender(connections=None),
        contender("aria2c", 8),
        contender("curl", 1),
        contender("wget", 1),
    ]
    runs = []
    for number in (1, 2):
        runs += [
            run(0, number, 32.0 + number, speeds=stretches(*[2.0 * MIB] * 32)),
            run(1, number, 4.5, speeds=stretches(*[16.0 * MIB] * 4, connections=8)),
            run(2, number, 4.6, speeds=stretches(*[16.0 * MIB] * 4, connections=7)),
            run(3, number, 5.0, cpu=None, memory=None),
            failed(4, number, 7, error="exit code 7: <b>no</b>"),
            run(5, number, 5.0, digest=WRONG),
        ]
    left_out = (LeftOut("axel", "it is not <i>installed</i>"),)
    return report(contenders, runs, rounds=2, left_out=left_out, **fields)


def test_the_page_is_whole_and_says_what_was_found() -> None:
    made = sample()
    reader = Page(page(made))
    text = " ".join(reader.text)
    for words in (
        made.finding.text,
        "segdl -j 8",
        "14.2 MiB/s",
        "exit code 7: <b>no</b>",
        "it is not <i>installed</i>",
        "wget -j 1 made a file that is not like the others.",
        "8 of 12",
        "A machine",
        "2024-02-29T12:00:00+00:00",
        "aria2c 1.0",
    ):
        assert words in text
    # One by connections, and one over time for each of segdl's own.
    assert reader.tags.count("svg") == 4
    panels = {
        value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")
    }
    assert "segdl -j 8: speed over time by connection" in panels


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    text = page(sample())
    reader = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "a", "use"} & set(reader.tags)
    names = {name for _, name, _ in reader.attributes}
    assert not {"src", "href", "srcset", "xlink:href", "action", "background"} & names
    assert not any(name.startswith("on") for name in names)
    assert not re.search(r"url\(|@import", text)
    policy = next(value for _, name, value in reader.attributes if "default-src" in value)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_hostile_names_are_only_names() -> None:
    plain = Page(page(sample()))
    reader = Page(page(sample(name=HOSTILE, url=f"https://h.example/{HOSTILE}")))
    assert reader.tags == plain.tags
    shown = HOSTILE.replace("\x1b", "?").replace("\u202e", "?")
    assert shown in reader.text
    assert f"{shown} - segdl bench" in reader.text


def test_words_in_pictures_are_only_words() -> None:
    shapes = [text(1, 2, HOSTILE), dot(1, 2, 3, "run", HOSTILE)]
    reader = Page(picture(1, 2, HOSTILE, shapes))
    assert reader.tags == ["svg", "text", "circle", "title"]
    assert reader.text.count(HOSTILE) == 2
    assert ("svg", "aria-label", HOSTILE) in reader.attributes


@pytest.mark.parametrize(
    "made",
    [
        report([contender()], []),
        report([contender()], [run(0, 1, 0.001)]),
        report([contender()], [failed(0, 1, 3)]),
        report([contender()], [run(0, 1, 1.0, speeds=stretches(0.0, 0.0))]),
        report(
            [contender(connections=256)], [run(0, 1, 9.0, speeds=stretches(9.0, connections=256))]
        ),
        report([contender("curl")], [run(0, 1, 1.0)]),
    ],
)
def test_sparse_reports(made: Report) -> None:
    Page(page(made))
    assert made.finding.text in render(made, io.StringIO())


def test_the_bands_add_up() -> None:
    text = page(report([contender()], [run(0, 1, 4.0, speeds=stretches(8 * MIB, connections=4))]))
    bands = re.findall(r'<path d="M([^"]*) Z" class="band', text)
    assert len(bands) == 4
    edges = [[float(point.split()[1]) for point in band.split(" L")] for band in bands]
    # The upper edge of each is the lower one of the next; the last is at 8 of 8 MiB/s.
    for below, above in pairwise(edges):
        assert below[0] == above[-1]
    assert edges[0][-1] == 190 - 28
    assert edges[-1][0] == 30


@given(st.floats(1e-6, 1e15))
def test_ticks_reach_as_far_as_the_figures(most: float) -> None:
    for marks in (ticks(most, 4), speed_ticks(most)):
        assert marks[0] == 0
        assert marks[-1] >= most * 0.999
        assert 2 <= len(marks) <= 12
        assert marks == sorted(set(marks))


def test_the_table() -> None:
    lines = render(sample(), io.StringIO()).splitlines()
    assert lines[0] == "https://h.example/a.iso: 64.0 MiB, 2 rounds"
    rows = {line[:14].strip(): line for line in lines[2:10]}
    assert re.split(r" {2,}", rows["segdl -j 1"]) == [
        *("segdl -j 1", "███", "1.9 MiB/s", "1.9 MiB to 1.9 MiB", "34.00 s", "0.25 s", "20.0 MiB")
    ]
    assert rows["curl -j 1"].split() == ["curl", "-j", "1", "failed"]
    assert "curl -j 1: exit code 7: <b>no</b>" in lines
    assert "wget -j 1 made a file that is not like the others." in lines
    assert "axel is left out: it is not <i>installed</i>." in lines
    assert "segdl -j 8" in lines
    widest = max(map(len, lines[2:9]))
    assert widest <= 110


def test_the_table_in_ascii_and_on_narrow_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert "###" in render(sample(), raw)
    assert "█" not in render(sample(), raw)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for columns in (40, 60, 80, 100, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = re.sub(r"\x1b\[[\d;]*m", "", render(sample(), Terminal()))
        table = text.splitlines()[2:9]
        assert max(map(len, table)) <= max(columns, 47)
        assert ("memory" in table[0]) == (columns >= 100)
