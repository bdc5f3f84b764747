"""What is left of a mirror run: report.json, report.html, failures.txt."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from segdl.cli.inputfile import parse_list
from segdl.core.causes import CAUSES
from segdl.errors import ChecksumMismatchError, DiskError
from segdl.mirror.happenings import (
    Done,
    GaveUp,
    Happening,
    Kept,
    Listed,
    Lost,
    Paused,
    Removed,
    Round,
    Said,
    Taken,
    lost,
)
from segdl.mirror.seen.failures_list import failures_list
from segdl.mirror.seen.hosts import MOST_HOSTS
from segdl.mirror.seen.report import About, Report, report_of, to_json
from segdl.mirror.seen.report_files import write_report
from segdl.mirror.seen.report_page import finding, page
from segdl.mirror.seen.tally import MOST_FAILURES, MOST_NOTES, Tally
from segdl.options import Request
from segdl.progress.events import Busy
from segdl.store.whole import write_whole
from support.mirrorrun import happenings
from support.pages import Page

DOCS = Path(__file__).parent.parent / "docs"
BEGAN = datetime(2026, 11, 5, 2, 0, tzinfo=timezone(timedelta(hours=1)))
ABOUT = About(name="isos", source="https://h.example/SHA256SUMS", began=BEGAN, exit_code=4)
EQUAL = replace(ABOUT, exit_code=0)
HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[2J\u202e&amp;"


def reported(*all_: Happening, seconds: float = 1.0, about: About = ABOUT) -> Report:
    tally = Tally()
    now = 0.0
    for happening in all_:
        tally.apply(happening, now)
        now += seconds
    return report_of(tally, now, about)


def whole_run(files: int = 400, about: About = ABOUT) -> Report:
    tally, now = Tally(), 0.0
    for now, happening in happenings(files=files, seed=5):
        tally.apply(happening, now)
    return report_of(tally, now, about)


def failure(number: int = 1, **fields: Any) -> Lost:
    taken = Taken(number, f"d/{number}.iso", "h.example", 9)
    error = ChecksumMismatchError("it has another sha256", hint="ask them")
    return replace(lost(taken, f"https://h.example/{number}.iso", error), **fields)


def fetched(number: int, size: int, seconds: float) -> Done:
    path = f"d/{number}.iso"
    return Done(number, path, "h.example", size, size, seconds, "fetched", "sha256", 1)


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((DOCS / "mirror-report.schema.json").read_text("utf-8"))


# -- report.json --


FULL: list[Happening] = [
    Listed(9, 99, True),
    *(failure(number) for number in range(MOST_FAILURES + 3)),
    *(Said("x") for _ in range(MOST_NOTES + 4)),
    *(Paused(f"h{number}", 5.0, "away") for number in range(MOST_HOSTS + 3)),
]


@pytest.mark.parametrize(
    "report",
    [
        reported(),
        whole_run(),
        reported(*FULL, seconds=3.0),
        reported(failure(path=HOSTILE, host=HOSTILE, message=HOSTILE, url=HOSTILE)),
        reported(failure(path="d/\udcff"), about=replace(ABOUT, exit_code=130)),
    ],
    ids=["nothing", "a run", "too much of everything", "hostile", "not UTF-8"],
)
def test_every_report_is_as_its_schema_says(report: Report, schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(_closed(schema), format_checker=_formats())
    checker.validate(json.loads(json.dumps(to_json(report))))


def _closed(schema: Any) -> Any:
    """Return the schema with no field in any object that it does not tell of."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if "properties" in schema:
        closed["additionalProperties"] = False
    return closed


def _formats() -> jsonschema.FormatChecker:
    def is_time(text: object) -> bool:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ") is not None  # noqa: DTZ007

    formats = jsonschema.FormatChecker()
    formats.checks("date-time", ValueError)(is_time)
    return formats


def test_every_field_is_described_and_needed(schema: Any) -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["required"] == list(part["properties"])
            for name, each in part.get("properties", {}).items():
                assert "$ref" in each or "const" in each or each["description"], name
            for each in part.values():
                walk(each)

    walk(schema)
    assert set(schema["$defs"]["causes"]["propertyNames"]["enum"]) == set(CAUSES)


def test_the_figures() -> None:
    report = reported(
        Round(1),
        Listed(5, 3000, True),
        Kept(1, 500),
        Taken(2, "d/2.iso", "h.example", 1000),
        Busy(2, 503, 2.0),
        fetched(1, 1000, 2.0),
        fetched(2, 1000, 4.0),
        failure(3),
        GaveUp("other.example", 1, 0, "does not answer"),
    )
    assert (report.began, report.ended) == ("2026-11-05T01:00:00Z", "2026-11-05T01:00:09Z")
    assert report.files.listed == 5
    assert (report.files.kept, report.files.fetched) == (1, 2)
    assert (report.files.failed, report.files.put_off) == (1, 1)
    assert report.bytes.fetched == 2000
    assert report.bytes_per_second == 222
    assert report.verified == {"sha256": 2}
    (host, other) = report.hosts
    assert (host.host, host.fetched, host.answers_503, host.paused_seconds) == (
        "h.example",
        2000,
        1,
        2.0,
    )
    assert host.speed is not None
    assert host.speed.count == 2
    assert host.speed.p50 == pytest.approx(250, rel=0.01)
    assert host.speed.p95 == pytest.approx(500, rel=0.01)
    assert host.seconds is not None
    assert host.seconds.p95 == pytest.approx(4, rel=0.01)
    assert other.speed is None
    assert other.put_off == 1
    assert sum(report.throughput.bytes) == 2000
    assert report.throughput.files == (0, 0, 0, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("happened", "code", "outcome", "words"),
    [
        ([], 0, "equal", "The list names no files."),
        ([Listed(1200, 9, True), Kept(1200, 9)], 0, "equal", "All 1,200 files are as the list"),
        ([Listed(2, 9, True), Kept(1, 9), failure()], 5, "unequal", "1 of 2 files are as the"),
        ([Listed(2, 9, True), Kept(2, 9)], 6, "unequal", "2 of 2 .*, but not all went well"),
        ([Listed(2, 9, True), Kept(1, 9)], 130, "interrupted", "Interrupted: 1 of 2 .* goes on"),
        (
            [Listed(2, 9, True), Kept(1, 9), GaveUp("h", 1, 9, "m")],
            3,
            "unequal",
            "; 1 waits for the",
        ),
    ],
)
def test_the_outcome(happened: list[Happening], code: int, outcome: str, words: str) -> None:
    report = reported(*happened, about=replace(ABOUT, exit_code=code))
    assert report.outcome == outcome
    assert re.search(words, finding(report))
    assert finding(report) in " ".join(Page(page(report)).text)


def test_what_is_too_much_is_counted_and_said() -> None:
    report = reported(*FULL)
    assert report.failures.count == MOST_FAILURES + 3
    assert report.failures.left_out == 3
    assert report.notes.left_out == 4
    text = page(report)
    assert f"And {MOST_FAILURES + 3 - 200:,} more." in text
    assert "and 4 lines more" in text
    assert "# 3 of them are not in this list.\n" in list(failures_list(report))
    # It is to be opened by a browser.
    assert len(text) < 2_000_000


# -- report.html --


def test_the_page_shows_everything() -> None:
    reader = Page(page(whole_run()))
    text = " ".join(reader.text)
    for words in ("isos", "https://h.example/SHA256SUMS", "ftp.example.org", "sha512", "p95"):
        assert words in text
    pictures = {
        value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")
    }
    assert pictures == {
        "Bytes a second over time",
        "Files a second over time",
        "Speed of a file by host: p50 and p95",
        "When hosts were paused",
    }


def test_a_run_that_had_nothing_to_do_shows_no_empty_pictures() -> None:
    reader = Page(page(reported(Listed(9, 9, True), Kept(9, 9))))
    assert "svg" not in reader.tags
    assert "table" not in reader.tags


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    text = page(whole_run())
    reader = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "a", "use"} & set(reader.tags)
    names = {name for _, name, _ in reader.attributes}
    assert not {"src", "href", "srcset", "xlink:href", "action", "background"} & names
    assert not any(name.startswith("on") for name in names)
    assert not re.search(r"url\(|@import", text)
    policy = next(value for _, name, value in reader.attributes if "default-src" in value)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_hostile_names_are_only_names() -> None:
    def made(name: str) -> Page:
        host = Done(2, name, name, 9, 9, 1.0, "fetched", "md5", 1)
        wrong = failure(path=name, host=name, url=name, kind=name, message=name, hint=name)
        about = replace(ABOUT, name=name, source=name)
        pause = Paused(name, 5.0, name)
        return Page(page(reported(host, wrong, pause, Said(name), seconds=2, about=about)))

    assert made(HOSTILE).tags == made("plain").tags
    shown = HOSTILE.replace("\x1b", "?").replace("\u202e", "?")
    assert made(HOSTILE).text.count(shown) >= 5


@pytest.mark.parametrize(
    "report",
    [
        reported(),
        reported(fetched(1, 0, 0.0)),
        reported(fetched(1, 5, 0.001), seconds=0.0),
        reported(Paused("h", 1e9, "x"), seconds=3.0),
        reported(*[fetched(n, 10**12, 9.0) for n in range(50)], seconds=9000.0),
        reported(*[Done(n, "p", f"h{n}", 9, 9, 1, "fetched", None, 1) for n in range(99)]),
    ],
)
def test_sparse_and_long_runs(report: Report) -> None:
    text = page(report)
    Page(text)
    assert "nan" not in text.lower().replace("finan", "")
    # All that is drawn is inside the picture.
    for width, height, inside in re.findall(
        r'viewBox="0 0 ([\d.]+) ([\d.]+)" (.*?)</svg>', text, re.DOTALL
    ):
        places = re.findall(r'\bc?x="([\d.-]+)" c?y="([\d.-]+)"', inside)
        if "Bytes a second" in inside:
            ticks = re.findall(r'text-anchor="end">([^<]*)<', inside)
            assert len(ticks) == len(set(ticks))
        for path in re.findall(r' d="M([^"Z]*)', inside):
            places += [point.split() for point in path.split(" L")]
        assert places
        for x, y in places:
            assert 0 <= float(x) <= float(width)
            assert 0 <= float(y) <= float(height)


# -- failures.txt --


def requests(report: Report) -> list[Request]:
    read = list(parse_list(failures_list(report), Path("/m")))
    assert all(isinstance(each, Request) for each in read), read
    return [each for each in read if isinstance(each, Request)]


def test_the_list_is_read_by_get() -> None:
    report = reported(failure(1, checksum="sha256=" + 64 * "a"), failure(2))
    one, two = requests(report)
    assert (one.url, one.name) == ("https://h.example/1.iso", "d/1.iso")
    assert str(one.checksum) == "sha256=" + 64 * "a"
    assert (two.url, two.name, two.checksum) == ("https://h.example/2.iso", "d/2.iso", None)


def test_what_would_fetch_something_else_is_a_comment() -> None:
    names = ["d/a\nb", " d/a", "d/\x1b", "d/\u202ea", ""]
    odd = [failure(n, path=name) for n, name in enumerate(names, start=2)]
    report = reported(failure(1, cut=True), *odd, failure(9))
    assert [each.url for each in requests(report)] == ["https://h.example/9.iso"]
    text = "".join(failures_list(report))
    assert text.count("# its name cannot be written here:") == len(names)
    assert "# the query is left out:\n#https://h.example/1.iso\n#  out=d/1.iso\n" in text
    assert "Add the query and take the # away" in text
    assert text.replace("\n", "").isprintable()


def test_secrets_are_left_out() -> None:
    taken = Taken(1, "a.iso", "h.example", None)
    wrong = lost(taken, "https://me:pw@h.example/a.iso?sig=SECRET", ChecksumMismatchError("no"))
    report = reported(wrong)
    for text in (page(report), json.dumps(to_json(report)), "".join(failures_list(report))):
        assert not re.search("SECRET|pw@|//me", text)
    assert "#https://h.example/a.iso\n" in "".join(failures_list(report))


# -- the files --


def test_the_three_files(tmp_path: Path) -> None:
    write_report(tmp_path, whole_run(1500))
    assert sorted(os.listdir(tmp_path)) == ["failures.txt", "report.html", "report.json"]
    told = json.loads((tmp_path / "report.json").read_bytes())
    assert told["failures"]["count"] == len(told["failures"]["files"]) > 0
    # The next run has no failures.
    write_report(tmp_path, reported())
    assert sorted(os.listdir(tmp_path)) == ["report.html", "report.json"]
    assert json.loads((tmp_path / "report.json").read_bytes())["failures"]["count"] == 0


def test_names_that_are_not_utf_8_are_written(tmp_path: Path) -> None:
    write_report(tmp_path, reported(failure(path="d/\udcff.iso", url="https://h.example/%FF.iso")))
    assert b"\xff" not in (tmp_path / "report.html").read_bytes()


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def breaks() -> Any:
        yield "new"
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskError, match="no space left"):
        write_whole(path, breaks())
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "x.new").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskError):
        write_whole(tmp_path / "x", ["new"])
    assert not (tmp_path / "victim").exists()


def test_one_is_one() -> None:
    report = reported(Removed("r", 5), failure(), about=ABOUT)
    assert next(iter(failures_list(report))).startswith("# 1 file of isos failed")
    assert "1 file that the list no longer has was removed." in " ".join(Page(page(report)).text)
    assert "The one file is" in finding(reported(Listed(1, 9, True), Kept(1, 9), about=EQUAL))
