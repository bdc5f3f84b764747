"""`segdl mirror` as its users run it: killed, stopped, watched, served by real nginx."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from segdl.version import __version__
from support import data
from support.filesystems import loop_filesystem
from support.meta4 import Listed, meta4
from support.program import Program, environment, run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import StartNginx
    from support.nginx import Nginx
    from support.origin import Origin

MIB = 1024 * 1024
DOCS = Path(__file__).parents[1] / "docs" / "mirror.md"


class Archive:
    """Files behind a server, and their SHA256SUMS."""

    def __init__(self, server: Nginx, sizes: list[int]) -> None:
        self.server = server
        self.files = {f"d{n % 4}/f{n}.bin": data.content(size, n) for n, size in enumerate(sizes)}
        for path, content in self.files.items():
            (server.root / path).parent.mkdir(exist_ok=True)
            (server.root / path).write_bytes(content)
        self.sums = "".join(
            f"{hashlib.sha256(content).hexdigest()}  {path}\n"
            for path, content in self.files.items()
        )
        (server.root / "SHA256SUMS").write_text(self.sums)
        self.list = server.url("SHA256SUMS")
        self.bytes = sum(sizes)

    def is_whole(self, directory: Path) -> bool:
        return found(directory) == self.files


def found(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and not any(part.endswith(".segdl") for part in path.parts)
    }


@pytest.fixture
def archive(nginx: StartNginx, tmp_path: Path) -> Archive:
    root = tmp_path / "site"
    root.mkdir()
    chance = random.Random(4)
    sizes = [chance.randrange(1000, 100_000) for _ in range(60)]
    return Archive(nginx(root, server=["limit_rate 8m;"]), [*sizes, 20 * MIB, 12 * MIB, 0])


def test_killed_at_many_moments_little_is_fetched_again(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    chance = random.Random(7)
    kills = 0
    for _ in range(40):
        with start_segdl("mirror", "-q", archive.list, mirrored) as running:
            time.sleep(chance.uniform(0.15, 0.9))
            if running.poll() is not None:
                break
            running.signal_all(signal.SIGKILL)
            running.wait()
            kills += 1
        whole = found(mirrored)
        assert all(archive.files[path] == content for path, content in whole.items())
    assert kills >= 3
    last = run_segdl("mirror", "-q", archive.list, mirrored)
    assert (last.code, last.err) == (0, "")
    assert archive.is_whole(mirrored)
    files = [each for each in archive.server.log() if each.target != "/SHA256SUMS"]
    # What was on its way through each kill, and what the kernel held for it.
    assert sum(each.sent for each in files) < archive.bytes + kills * 6 * MIB


def test_a_second_run_asks_for_the_list_alone(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    first = run_segdl("mirror", archive.list, mirrored)
    assert first.code == 0, first.err
    assert f"{len(archive.files)} files" in first.out
    before = len(archive.server.log())
    again = run_segdl("mirror", "--json", archive.list, mirrored)
    told = json.loads(again.out)
    assert (again.code, told["fetched"], told["kept"]) == (0, 0, len(archive.files))
    assert [each.target for each in archive.server.log()[before:]] == ["/SHA256SUMS"]


def test_the_figures_of_a_run_are_those_of_its_report(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    names = sorted(archive.files)
    for fetched, kept in ((names, []), (names[:2], names[2:])):
        for name in fetched:
            (mirrored / name).unlink(missing_ok=True)
        # It is read twice, where something was fetched.
        ran = run_segdl("mirror", "--json", "-q", archive.list, mirrored)
        told = json.loads(ran.out)
        report = json.loads((mirrored / ".segdl/report.json").read_text("utf-8"))
        assert (ran.code, told["fetched"], told["kept"]) == (0, len(fetched), len(kept)), ran.err
        assert (report["files"]["fetched"], report["files"]["kept"]) == (len(fetched), len(kept))


def test_ctrl_c_ends_it_and_the_next_run_goes_on(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    with start_segdl("mirror", archive.list, mirrored) as running:
        wait_for(running, lambda: has_parts(mirrored))
        running.send_signal(signal.SIGINT)
        ended = running.finish(timeout=10.0)
    assert ended.code == 130
    assert "interrupted" in ended.err
    assert "Traceback" not in ended.err
    assert run_segdl("mirror", "-q", archive.list, mirrored).code == 0
    assert archive.is_whole(mirrored)


def test_who_hears_of_errors_only_hears_of_what_rotted(archive: Archive, tmp_path: Path) -> None:
    """That it was repaired is no reason not to look at the disk."""
    mirrored = tmp_path / "mirrored"
    assert run_segdl("mirror", "-q", archive.list, mirrored).err == ""
    place = mirrored / "d1" / "f1.bin"
    when, size = place.stat().st_mtime_ns, place.stat().st_size
    place.write_bytes(b"x" * size)
    os.utime(place, ns=(when, when))
    ran = run_segdl("mirror", "-q", "--verify", archive.list, mirrored)
    assert (ran.code, ran.out) == (0, "")
    assert "files here that were not what they had been, and are repaired: 1" in ran.err
    (mirrored / "d1" / "f1.bin.corrupt").unlink()
    assert archive.is_whole(mirrored)


def has_parts(mirrored: Path) -> bool:
    try:
        return any(mirrored.glob("d*/*.segdl/*.part"))
    except FileNotFoundError:
        # A file was whole while its folder was looked at.
        return False


def wait_for(running: Program, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert running.poll() is None, "it ended before"
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.01)


def test_status_and_a_second_run_beside_the_first(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    with start_segdl("mirror", "--limit-rate", "500K", archive.list, mirrored) as running:
        wait_for(running, lambda: has_parts(mirrored))
        status = run_segdl("mirror", "--status", mirrored)
        assert status.code == 1
        assert "at work, or killed" in status.out
        second = run_segdl("mirror", archive.list, mirrored)
        assert second.code == 6
        assert "process" in second.err
        running.signal_all(signal.SIGKILL)
    assert run_segdl("mirror", "-q", archive.list, mirrored).code == 0
    status = run_segdl("mirror", "--status", "--json", mirrored)
    told = json.loads(status.out)
    assert status.code == 0
    assert (told["complete"], told["here"], told["waiting"]) == (True, len(archive.files), 0)


def test_a_lost_file_is_a_failure_and_the_others_come(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    (archive.server.root / "d1" / "f1.bin").unlink()
    ended = run_segdl("mirror", archive.list, mirrored)
    assert ended.code == 4
    assert "404" in ended.err
    del archive.files["d1/f1.bin"]
    assert archive.is_whole(mirrored)


def test_no_list_is_a_clear_error(archive: Archive, tmp_path: Path) -> None:
    ended = run_segdl("mirror", archive.server.url("nowhere"), tmp_path / "mirrored")
    assert ended.code == 4
    assert "404" in ended.err
    ended = run_segdl("mirror", tmp_path / "nowhere", tmp_path / "mirrored")
    assert ended.code == 6


def test_servers_are_told_who_comes(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(b"content")
    (tmp_path / "list").write_text(server.url + "\n")
    contact = "https://example.org/mirror.html"
    run_segdl("mirror", "--contact", contact, tmp_path / "list", tmp_path / "mirrored")
    assert {each.fields["user-agent"] for each in server.requests} == {
        f"segdl/{__version__} (+{contact})"
    }


def test_many_connections_are_warned_of(archive: Archive, tmp_path: Path) -> None:
    ended = run_segdl("mirror", "-x", "11", archive.list, tmp_path / "mirrored")
    assert ended.code == 0
    assert "more than 10 connections" in ended.err


def test_a_list_of_standard_input(archive: Archive, tmp_path: Path) -> None:
    base = archive.server.url("")
    ended = run_segdl(
        "mirror", "-q", "--base-url", base, "-", tmp_path / "m", stdin=archive.sums.encode()
    )
    assert ended.code == 0, ended.err
    assert archive.is_whole(tmp_path / "m")


def test_reports_go_where_they_are_wanted_and_are_merged_from_there(
    archive: Archive, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        ended = run_segdl(
            "mirror", "-q", "--report-to", name, archive.list, f"m-{name}", cwd=tmp_path
        )
        assert ended.code == 0, ended.err
        assert sorted(each.name for each in (tmp_path / name).iterdir()) == [
            "report.html",
            "report.json",
        ]
    merged = run_segdl("mirror", "--report", "--report-to", "both", "one", "two", cwd=tmp_path)
    assert merged.code == 0, merged.err
    assert "2 reports, 126 files, 126 fetched, 0 kept" in merged.out
    assert (tmp_path / "both" / "report.html").exists()
    lacking = run_segdl("mirror", "--report", "m-one", "two", cwd=tmp_path)
    assert (lacking.code, lacking.out) == (6, "")
    assert "m-one has no report.json; it is written when a run ends" in lacking.err


def test_a_report_that_cannot_be_written_is_an_error_of_a_mirror_that_is_whole(
    archive: Archive, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    ended = run_segdl(
        "mirror", "-q", "--json", "--report-to", "taken", archive.list, "m", cwd=tmp_path
    )
    assert archive.is_whole(tmp_path / "m")
    assert (ended.code, json.loads(ended.out)["exit_code"]) == (6, 6)
    assert "taken" in ended.err


def test_a_full_disk_is_a_clear_error_on_every_run(archive: Archive, tmp_path: Path) -> None:
    with loop_filesystem("ext4", 8, tmp_path) as disk:
        (disk / "others").write_bytes(b"x" * (shutil.disk_usage(disk).free - MIB))
        for _ in range(3):
            ended = run_segdl("mirror", "-q", archive.list, disk / "m")
            assert ended.code == 6, ended
            assert re.search("no space left|are free|is full", ended.err)
            assert all(archive.files[path] == held for path, held in found(disk / "m").items())


def test_programs_that_do_not_end_are_ended(archive: Archive, tmp_path: Path) -> None:
    script = tmp_path / "stubborn"
    script.write_text("#!/bin/sh\ntrap '' TERM\ntouch \"$0.began\"\nsleep 1000\n")
    script.chmod(0o755)
    mirrored = tmp_path / "mirrored"
    with start_segdl("mirror", "--exec", str(script), archive.list, mirrored) as running:
        wait_for(running, (tmp_path / "stubborn.began").exists)
        running.send_signal(signal.SIGINT)
        # What it started holds the pipe that is read to its end here.
        ended = running.finish(timeout=20.0)
    assert ended.code == 130, ended.err
    assert run_segdl("mirror", "-q", archive.list, mirrored).code == 0


@pytest.mark.parametrize("several", [False, True])
def test_advice_names_no_option_that_mirror_lacks(
    archive: Archive, tmp_path: Path, several: bool
) -> None:
    (tmp_path / "taken").write_text("mine")
    arguments: list[str | Path] = [archive.list, tmp_path / "taken" / "m"]
    if several:
        arguments = ["--config", tmp_path / "mirrors.toml"]
        (tmp_path / "mirrors.toml").write_text(
            "".join(
                f"[mirror.m{number}]\nsource = '{archive.list}'\n"
                f"dir = '{tmp_path / 'taken' / str(number)}'\n"
                for number in range(2)
            )
        )
    ran = run_segdl("mirror", "-q", *arguments)
    assert ran.code == 6
    assert "move it away, or choose another folder\n" in ran.err
    assert "--dir" not in ran.err


def test_patterns_that_match_nothing_are_told_of(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    ran = run_segdl("mirror", "--include", "*.iso", "--exclude", "x", archive.list, mirrored)
    assert ran.code == 0
    assert "no file of the list is left by --include and --exclude" in ran.err
    assert "nothing" not in run_segdl("mirror", "--include", "f1.bin", archive.list, mirrored).err
    (tmp_path / "list").write_text("# nothing yet\n")
    ran = run_segdl("mirror", "--format", "urls", tmp_path / "list", tmp_path / "other")
    assert (ran.code, "the list names no file" in ran.err) == (0, True)


def test_status_counts_what_is_not_listed_apart(archive: Archive, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    assert run_segdl("mirror", "-q", archive.list, mirrored).code == 0
    shorter = tmp_path / "SHA256SUMS"
    shorter.write_text("".join(archive.sums.splitlines(keepends=True)[1:]))
    base = archive.server.url("")
    assert run_segdl("mirror", "-q", "--base-url", base, shorter, mirrored).code == 0
    left = len(archive.files) - 1
    status = run_segdl("mirror", "--status", mirrored)
    assert f": {left} of {left} files, " in status.out
    assert "1 file more that the list does not name" in status.out
    told = json.loads(run_segdl("mirror", "--status", "--json", mirrored).out)
    assert (told["files"], told["here"], told["unlisted"]) == (left, left + 1, 1)


def test_status_of_several_and_of_a_file(archive: Archive, tmp_path: Path) -> None:
    config = tmp_path / "mirrors.toml"
    config.write_text(
        f"[mirror.one]\nsource = '{archive.list}'\ndir = '{tmp_path / 'one'}'\n"
        f"[mirror.two]\nsource = '{archive.list}'\ndir = '{tmp_path / 'two'}'\nuser = 'me'\n"
        # Nobody is asked for anything: no secret is missed.
        "[host.h]\nbearer-env = 'NO_SUCH_VARIABLE'\n"
    )
    assert run_segdl("mirror", "-q", archive.list, tmp_path / "two").code == 0
    status = run_segdl("mirror", "--status", "--config", config, "two")
    assert (status.code, status.out.count("complete, after")) == (0, 1)
    for arguments in (("--config", config), (tmp_path / "one", tmp_path / "two")):
        status = run_segdl("mirror", "--status", "--json", *arguments)
        assert status.code == 6
        assert "one is no mirror" in status.err
        assert [json.loads(line)["complete"] for line in status.out.splitlines()] == [True]


def test_status_counts_the_list_before_one_that_could_not_be_read(
    archive: Archive, tmp_path: Path
) -> None:
    mirrored, count = tmp_path / "mirrored", len(archive.files)
    assert run_segdl("mirror", "-q", archive.list, mirrored).code == 0
    assert run_segdl("mirror", "-q", archive.server.url("gone.sums"), mirrored).code == 4
    status = run_segdl("mirror", "--status", mirrored)
    assert status.code == 1
    assert f": {count} of {count} files, " in status.out
    assert "its list could not be read, or named nothing: counted is an earlier one" in status.out
    assert "does not name" not in status.out
    told = json.loads(run_segdl("mirror", "--status", "--json", mirrored).out)
    assert (told["earlier"], told["complete"], told["unlisted"]) == (True, False, 0)


def test_results_as_documented(archive: Archive, tmp_path: Path) -> None:
    text = (DOCS.parent / "cli.md").read_text("utf-8")
    section = text.partition("### Results of `mirror`")[2].partition("### Results of `info`")[0]
    run, status = section.split("`segdl mirror --status --json`")
    run, dry_run = run.split("`segdl mirror --dry-run --json`")
    rows = re.findall(r"^\| (`.*?`) \| (always|read|not read) \|", run, re.MULTILINE)
    of_run = {kind: set[str]() for _, kind in rows}
    for names, kind in rows:
        of_run[kind] |= set(re.findall(r"`(\w+)`", names))
    of_status, of_dry_run = (
        {
            name
            for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)
        }
        for table in (status, dry_run)
    )
    log, mirrored = tmp_path / "log.jsonl", tmp_path / "mirrored"
    options = ("--json", "--log-json", log)
    whole = run_segdl("mirror", *options, archive.list, mirrored)
    assert set(json.loads(whole.out)) == of_run["always"] | of_run["read"]
    failed = run_segdl("mirror", *options, archive.server.url("gone"), mirrored)
    told = json.loads(failed.out)
    assert set(told) == of_run["always"] | of_run["not read"]
    assert (told["name"], told["exit_code"], failed.code) == ("mirrored", 4, 4)
    assert set(json.loads(run_segdl("mirror", "--status", "--json", mirrored).out)) == of_status
    planned = run_segdl("mirror", "--dry-run", "--json", archive.list, mirrored)
    assert set(json.loads(planned.out)) == of_dry_run
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["mirror"] for line in lines} == {"mirrored"}
    ended = [line for line in lines if line["event"] == "ended"]
    assert [(line["level"], line["exit_code"]) for line in ended] == [("INFO", 0), ("ERROR", 4)]
    assert "the server answered 404" in ended[1]["message"]


def test_why_a_mirror_failed_is_told_where_its_result_cannot_be_written(
    archive: Archive, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "segdl", "mirror", "--json", "-q", archive.server.url("gone")]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*command, tmp_path / "m"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    assert ended.returncode == 4
    assert b"the server answered 404" in ended.stderr
    assert b"cannot write to standard output" in ended.stderr


def test_the_trash_is_emptied_by_when_files_came_there(archive: Archive, tmp_path: Path) -> None:
    mirrored, listed = tmp_path / "mirrored", tmp_path / "SHA256SUMS"
    listed.write_text(archive.sums)
    for path in archive.files:
        os.utime(archive.server.root / path, (1e9, 1e9))
    wanted = ("--base-url", archive.server.url(""), listed, mirrored)
    assert run_segdl("mirror", "-q", *wanted).code == 0
    gone, *rest = archive.sums.splitlines(keepends=True)
    listed.write_text("".join(rest))
    assert run_segdl("mirror", "-q", "--delete", *wanted).code == 0
    (trashed,) = (mirrored / ".segdl/trash").iterdir()
    (command,) = re.findall(r"^    (find .*trash .*)$", DOCS.read_text("utf-8"), re.MULTILINE)
    words = [mirrored / ".segdl/trash" if "trash" in each else each for each in command.split()]
    subprocess.run(words, check=True)
    assert (trashed / gone.split()[1]).stat().st_mtime == 1e9
    month = time.time() - 32 * 86400
    os.utime(trashed, (month, month))
    subprocess.run(words, check=True)
    assert not trashed.exists()


def test_status_says_what_was_refused(archive: Archive, tmp_path: Path) -> None:
    mirrored, listed = tmp_path / "mirrored", tmp_path / "SHA256SUMS"
    listed.write_text(f"{archive.sums}{'0' * 64}  ../out\n")
    arguments = ("-q", "--base-url", archive.server.url(""), listed, mirrored)
    assert run_segdl("mirror", *arguments).code == 2
    status = run_segdl("mirror", "--status", mirrored)
    assert status.code == 1
    assert "not complete" in status.out
    assert "the list names '../out': it leads out of the mirror" in status.out
    told = json.loads(run_segdl("mirror", "--status", "--json", mirrored).out)
    assert len(told["said"]) == 1
    # What an earlier run said is not said of the last one.
    report = mirrored / ".segdl/report.json"
    told = json.loads(report.read_text())
    report.write_text(json.dumps({**told, "ended": told["began"].replace("20", "19", 1)}))
    assert "../out" not in run_segdl("mirror", "--status", mirrored).out
    # Nor is anything where all is well.
    listed.write_text(archive.sums)
    assert run_segdl("mirror", *arguments).code == 0
    assert json.loads(run_segdl("mirror", "--status", "--json", mirrored).out)["said"] == []


def test_a_run_without_a_list_has_ended(archive: Archive, tmp_path: Path) -> None:
    mirrored, log = tmp_path / "mirrored", tmp_path / "log.jsonl"
    for _ in range(2):
        (archive.server.root / "SHA256SUMS").rename(archive.server.root / "away")
        assert run_segdl("mirror", "--log-json", log, archive.list, mirrored).code == 4
        told = json.loads((mirrored / ".segdl" / "report.json").read_text())
        assert any("404" in line for line in told["notes"]["lines"])
        assert "404" in json.loads(log.read_text().splitlines()[-1])["message"]
        status = run_segdl("mirror", "--status", mirrored)
        assert (status.code, "not complete" in status.out) == (1, True)
        (archive.server.root / "away").rename(archive.server.root / "SHA256SUMS")
        assert run_segdl("mirror", archive.list, mirrored).code == 0


BLANK_NAMES = [
    *("a", "a ", " a", "d /x", "d/x", "\u00a0nb", "nb", "nb\u00a0", "\u3000", "\u2003a", ".hid/x")
]


def listed_as(form: str, names: list[str], base: str) -> str:
    pairs = [(base + quote(name), name) for name in names]
    if form == "l.jsonl":
        return "".join(json.dumps({"url": url, "dest": name}) + "\n" for url, name in pairs)
    if form == "l.csv":
        return "url,dest\n" + "".join(f"{url},{name}\n" for url, name in pairs)
    if form == "l.meta4":
        return meta4(
            *(Listed(content=name.encode(), urls=(url,), name=name) for url, name in pairs)
        )
    if form == "l.txt":
        return "".join(f"{url}\n out={name}\n" for url, name in pairs)
    return "".join(f"{name}\n" for name in names)


@pytest.mark.parametrize("form", ["l.jsonl", "l.csv", "l.meta4", "l.txt", "l.paths"])
def test_names_with_blanks_at_their_ends_are_those_of_the_list(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    root, mirrored = tmp_path / "site", tmp_path / "mirrored"
    for name in BLANK_NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, "utf-8")
    # aria2 takes blanks around its values for nothing.
    names = [name for name in BLANK_NAMES if form != "l.txt" or name == name.strip(" ")]
    server = nginx(root)
    (tmp_path / form).write_text(listed_as(form, names, server.url()), "utf-8")
    ran = run_segdl("mirror", "-q", "--base-url", server.url(), tmp_path / form, mirrored)
    assert ran.code == 0, ran.err
    assert found(mirrored) == {name: name.encode() for name in names}


def test_a_metalink_name_that_leads_out_is_a_line_that_fails(
    archive: Archive, tmp_path: Path
) -> None:
    """As in any other list: the others go on."""
    mirrored, listed = tmp_path / "mirrored", tmp_path / "l.meta4"
    path, content = next(iter(archive.files.items()))
    names = ["../out", "/out", "a/../../out", "a.segdl/x", "b\u202e", path]
    urls = (archive.server.url(path),)
    listed.write_text(meta4(*(Listed(content=content, urls=urls, name=name) for name in names)))
    ran = run_segdl("mirror", listed, mirrored)
    assert ran.code == 2
    assert found(mirrored) == {path: content}
    assert ran.err.count("the list names") == len(names) - 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["html", "json"])
def test_names_that_are_not_utf_8_are_those_of_the_server(
    nginx: StartNginx, tmp_path: Path, form: str
) -> None:
    """`sha256sum -c` finds what the server's own list names; and so does every report."""
    root, mirrored = tmp_path / "site", tmp_path / "mirrored"
    names = [b"bad\xff", "bad\u00ff".encode(), b"d\xe9/f\x85.bin"]
    for name in names:
        place = root / os.fsdecode(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(name)
    sums = b"".join(b"%s  %s\n" % (hashlib.sha256(n).hexdigest().encode(), n) for n in names)
    server = nginx(root, server=[f"autoindex on; autoindex_format {form};"])
    log = tmp_path / "log.jsonl"
    ran = run_segdl("mirror", "--no-robots", "--log-json", log, server.url(), mirrored)
    assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err
    (tmp_path / "sums").write_bytes(sums)
    checked = subprocess.run(["sha256sum", "-c", tmp_path / "sums"], cwd=mirrored, check=False)
    assert checked.returncode == 0
    # The list of digests names the same files, and takes them for what they are.
    options = ("--base-url", server.url(), "--json", "-q")
    again = run_segdl("mirror", *options, tmp_path / "sums", mirrored)
    told = json.loads(again.out)
    assert (again.code, told["files"], told["fetched"], told["kept"]) == (0, 3, 0, 3), again.err
    log.read_text("utf-8")
    (mirrored / ".segdl/report.html").read_text("utf-8")
    json.loads((mirrored / ".segdl/report.json").read_text("utf-8"))
    # One that cannot be had is told of likewise.
    (root / os.fsdecode(names[2])).unlink()
    (mirrored / os.fsdecode(names[2])).unlink()
    lost = run_segdl("mirror", "--log-json", log, *options[:2], tmp_path / "sums", mirrored)
    assert (lost.code, "Traceback" in lost.err) == (4, False), lost.err
    report = json.loads((mirrored / ".segdl/report.json").read_text("utf-8"))
    assert report["failures"]["count"] == 1
    status = run_segdl("mirror", "--status", mirrored)
    assert "d?/f?.bin" in status.out
