"""`segdl mirror --dry-run` says what a run would do, and does nothing of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from segdl.engine.surroundings import open_run
from segdl.errors import IntegrityError
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.place import Folder
from segdl.mirror.rehearsal import Planned, Rehearsal, copied
from segdl.options import TransferOptions
from support.mirroring import QUICK, entry
from support.program import Finished, run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.listing import Found


class Site:
    """Files on an nginx, and a list of them with sizes and digests."""

    def __init__(self, start: StartNginx, folder: Path) -> None:
        self.root = folder / "site"
        self.root.mkdir()
        self.list = folder / "list.jsonl"
        self.mirrored = folder / "mirrored"
        self.server = start(self.root)
        self.files: dict[str, bytes] = {}
        self.write({f"d/{n}.bin": b"%d" % n * 1000 for n in range(9)})

    def write(self, files: dict[str, bytes], *more: str) -> None:
        """Serve these files, and list them; more are lines of the list."""
        self.files = files
        for path, content in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            os.utime(place, (1_700_000_000, 1_700_000_000))
        lines = [json.dumps(self._entry(path, content)) for path, content in files.items()]
        self.list.write_text("".join(f"{line}\n" for line in [*lines, *more]))

    def _entry(self, path: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        url = self.server.url(path)
        return {"url": url, "dest": path, "size": len(content), "sha256": digest}

    def run(self, *options: str) -> Finished:
        return run_segdl("mirror", *options, self.list, self.mirrored)


@pytest.fixture
def site(nginx: StartNginx, tmp_path: Path) -> Site:
    return Site(nginx, tmp_path)


def deeds(ran: Finished) -> dict[str, str]:
    """Return what is to be done about each file that it names."""
    lines = [line.split() for line in ran.out.splitlines()[:-1]]
    return {words[-1]: words[0] for words in lines}


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all that is in a folder."""
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_nothing_is_made_and_no_file_asked_for(site: Site) -> None:
    ran = site.run("--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert deeds(ran) == dict.fromkeys(site.files, "fetch")
    assert ran.out.splitlines()[-1].endswith("9 files listed, 8.8 KiB: 9 to fetch (8.8 KiB)")
    assert not site.mirrored.exists()
    assert site.server.log() == []


def change(site: Site) -> None:
    """Have one of each: a file that is new, changed, renamed, gone, and overwritten here."""
    files = dict(site.files)
    files["d/new.bin"] = b"new"
    files["d/1.bin"] = b"changed"
    files["d/renamed.bin"] = files.pop("d/2.bin")
    del files["d/3.bin"]
    (site.mirrored / "d/4.bin").write_bytes(b"4" * 1000)
    site.write(files)


def test_what_it_says_is_what_a_run_does(site: Site) -> None:
    assert site.run("-q").code == 0
    assert site.run("--dry-run").out.endswith("9 files listed, 8.8 KiB: nothing to be done\n")
    change(site)
    options = ("--delete", "--max-delete", "50%")
    before = state(site.mirrored)
    said = site.run("--dry-run", *options)
    assert (said.code, said.err) == (0, "")
    assert deeds(said) == {
        "d/new.bin": "fetch",
        "d/1.bin": "replace",
        "d/renamed.bin": "link",
        "d/4.bin": "read",
        "d/2.bin": "delete",
        "d/3.bin": "delete",
    }
    assert state(site.mirrored) == before
    told = json.loads(site.run("--dry-run", "--json", *options).out)
    assert {name: told[name]["files"] for name in ("fetch", "replace", "link", "read")} == {
        "fetch": 1,
        "replace": 1,
        "link": 1,
        "read": 1,
    }
    done = json.loads(site.run("--json", *options).out)
    # What is linked and what was only read count as done, not as fetched from the server.
    assert (done["removed"], done["files"]) == (told["delete"]["files"], told["files"])
    asked = [each.target for each in site.server.log()[9:]]
    assert set(asked) == {"/d/1.bin", "/d/new.bin"}
    assert deeds(site.run("--dry-run", *options)) == {}


def test_files_of_which_the_list_tells_nothing_are_asked_about(site: Site, tmp_path: Path) -> None:
    urls = tmp_path / "urls"
    urls.write_text("".join(f"{site.server.url(path)}\n" for path in site.files))
    where = tmp_path / "m"
    assert run_segdl("mirror", "-q", urls, where).code == 0
    said = run_segdl("mirror", "--dry-run", urls, where)
    assert set(deeds(said).values()) == {"ask"}
    assert len(site.server.log()) == len(site.files)


@pytest.mark.parametrize(
    ("options", "line", "code", "said"),
    [
        ((), "", 5, "no longer has 2 of 9 files"),
        (("--max-delete", "50%"), '{"url": "ftp://a.test/b"}', 2, "line 8 of the list"),
    ],
)
def test_what_a_run_would_not_delete_is_not_said_to_go(
    site: Site, options: tuple[str, ...], line: str, code: int, said: str
) -> None:
    assert site.run("-q").code == 0
    files = dict(list(site.files.items())[2:])
    site.write(files, *filter(None, [line]))
    ran = site.run("--dry-run", "--delete", *options)
    assert (ran.code, deeds(ran)) == (code, {})
    assert said in ran.err


@pytest.mark.parametrize(("most", "code", "deleted"), [("20%", 5, 0), ("23%", 0, 2)])
def test_how_much_goes_is_a_share_of_what_was_there(
    site: Site, most: str, code: int, deleted: int
) -> None:
    assert site.run("-q").code == 0
    files = dict(list(site.files.items())[2:]) | {f"new/{n}": b"%d" % n for n in range(11)}
    site.write(files)
    options = ("--delete", "--max-delete", most)
    said = site.run("--dry-run", *options)
    assert (said.code, list(deeds(said).values()).count("delete")) == (code, deleted)
    assert site.run("-q", *options).code == code


@pytest.mark.parametrize(("before", "after"), [("d/1", "d"), ("d", "d/1")])
def test_what_is_in_the_way_is_said_to_be_cleared(site: Site, before: str, after: str) -> None:
    def have(path: str) -> None:
        shutil.rmtree(site.root)
        site.root.mkdir()
        site.write({path: path.encode(), "other": b"other"})

    have(before)
    assert site.run("-q").code == 0
    have(after)
    said = site.run("--dry-run", "--delete", "--max-delete", "0")
    assert (said.code, deeds(said)[before]) == (0, "clear")
    assert site.run("-q", "--delete", "--max-delete", "0").code == 0
    (trashed,) = (site.mirrored / ".segdl" / "trash").glob(f"*/{before}")
    assert trashed.read_text() == before


def test_what_is_in_the_way_and_somebody_elses_is_told(site: Site) -> None:
    site.mirrored.mkdir()
    (site.mirrored / "d").write_text("mine")
    said = site.run("--dry-run")
    assert (said.code, "not of the mirror" in said.err) == (6, True)
    assert site.run("-q").code == 6


def test_what_is_linked_must_be_here(site: Site) -> None:
    assert site.run("-q").code == 0
    (site.mirrored / "d/1.bin").unlink()
    site.write({**site.files, "d/same.bin": site.files["d/1.bin"]})
    assert deeds(site.run("--dry-run")) == {"d/1.bin": "fetch", "d/same.bin": "fetch"}


def test_a_folder_that_cannot_be_one_is_an_error(site: Site) -> None:
    site.mirrored.write_text("a file")
    assert site.run("--dry-run").code == 6


def test_messages_name_the_ledger_of_the_mirror(site: Site) -> None:
    assert site.run("-q").code == 0
    with closing(sqlite3.connect(site.mirrored / ".segdl" / "ledger.sqlite")) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    ran = site.run("--dry-run")
    assert (ran.code, f"{site.mirrored}/.segdl/ledger.sqlite" in ran.err) == (6, True)


def test_a_list_that_cannot_be_had_is_an_error(site: Site) -> None:
    ran = run_segdl("mirror", "--dry-run", "--json", site.server.url("gone"), site.mirrored)
    told = json.loads(ran.out)
    assert (ran.code, told["exit_code"], told["kind"]) == (4, 4, "ServerError")
    assert "404" in ran.err


@pytest.mark.parametrize("named", [0, 3])
def test_what_there_is_of_a_list_that_was_cut_is_told(tmp_path: Path, named: int) -> None:
    def read() -> Generator[Found, None, None]:
        yield from (entry(f"http://a.test/{n}", f"{n}", size=n) for n in range(named))
        raise IntegrityError("the list was cut")

    options = MirrorOptions(directory=tmp_path / "m", listing=ListingOptions(source="-"))
    run = open_run(QUICK, TransferOptions(), lambda _: None, threading.Event(), max_files=1)
    with run as around, copied(tmp_path / "none") as ledger:
        place = Folder(options, lambda _: None)
        rehearsal = Rehearsal(around, options, ledger, place, lambda _: None)
        if not named:
            with pytest.raises(IntegrityError):
                list(rehearsal.plan(read))
            return
        planned = list(rehearsal.plan(read))
    assert planned == [Planned("fetch", f"{n}", n) for n in range(named)]
    assert [str(each) for each in rehearsal.failures.first] == ["the list was cut"]


def test_it_looks_beside_a_run_that_is_at_work(site: Site, tmp_path: Path) -> None:
    with start_segdl("mirror", "-q", "--limit-rate", "1K", site.list, site.mirrored) as running:
        deadline = time.monotonic() + 20.0
        while not (site.mirrored / ".segdl" / "ledger.sqlite").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        ran = site.run("--dry-run")
        assert running.poll() is None
    assert ran.code == 0, ran.err
    assert set(deeds(ran).values()) <= {"fetch"}


def test_names_are_safe_to_show(site: Site) -> None:
    site.write({"d/a.bin": b"a"}, json.dumps({"url": site.server.url("x"), "dest": "d/\x1b[2J"}))
    ran = site.run("--dry-run")
    assert "\x1b" not in ran.out + ran.err


def test_mirrors_of_a_file_are_gone_through_one_by_one(site: Site, tmp_path: Path) -> None:
    config = tmp_path / "mirrors.toml"
    tables = [
        f'[mirror.{name}]\nsource = "{site.list}"\ndir = "{tmp_path / name}"\n' for name in "ab"
    ]
    config.write_text("".join(tables))
    ran = run_segdl("mirror", "--config", config, "--dry-run", "--json")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [(each["name"], each["fetch"]["files"]) for each in told] == [("a", 9), ("b", 9)]
    config.write_text(tables[0] + "dry-run = true\n")
    ran = run_segdl("mirror", "--config", config)
    assert (ran.code, "dry-run" in ran.err) == (2, True)
