"""A folder is made equal to a list, and asked for no more than is needed for that."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.checksum import Checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Listed, Need
from segdl.core.names import name_beside
from segdl.core.pieces import Pieces
from segdl.errors import CancelledError, DiskError, ServerError
from segdl.mirror.deleting import is_asked_for
from segdl.mirror.happenings import Done, GaveUp, Kept, Lost, Said, Taken
from segdl.mirror.ledger import Ledger
from segdl.mirror.listing import Entry, Found, Unlisted, Unusable
from segdl.mirror.options import EngineOptions, HostProfile, ListingOptions
from segdl.mirror.rows import Wanted
from segdl.mirror.session import ledger_path
from segdl.options import NetworkOptions
from segdl.progress.events import Progress
from segdl.store.record import write_record
from support.faults import CutAfter, RedirectTo, Status
from support.mirroring import QUICK, Ran, entry, mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import StartNginx
    from segdl.mirror.happenings import Happening
    from support.nginx import Nginx
    from support.origin import Origin


def sha256(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


MIB = 1024 * 1024


class Site:
    """A folder of files on a server, and lists of it."""

    def __init__(self, server: Nginx, files: dict[str, bytes]) -> None:
        self.server = server
        self.files: dict[str, bytes] = {}
        self._seen = 0
        for path, data in files.items():
            self.put(path, data)

    def put(self, path: str, data: bytes, modified: int = 1_700_000_000) -> None:
        place = self.server.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        os.utime(place, (modified, modified))
        self.files[path] = data

    def drop(self, path: str) -> None:
        (self.server.root / path).unlink()
        del self.files[path]

    def entries(self, *, digests: bool = False, times: bool = False) -> list[Entry]:
        return [
            entry(
                self.server.url(path),
                path,
                size=len(data) if digests or times else None,
                checksum=sha256(data) if digests else None,
                modified=int((self.server.root / path).stat().st_mtime) if times else None,
            )
            for path, data in self.files.items()
        ]

    def requests(self, count: int) -> int:
        """Return how many requests came since the last look, of which `count` are awaited."""
        log = self.server.log(self._seen + count)
        new, self._seen = len(log) - self._seen, len(log)
        return new


@pytest.fixture
def site(nginx: StartNginx, tmp_path: Path, content: Callable[..., bytes]) -> Site:
    root = tmp_path / "site"
    root.mkdir()
    files = {f"d{n % 3}/f{n}.bin": content(1000 * n, seed=n) for n in range(10)}
    return Site(nginx(root), {**files, "large.iso": content(12_000_000)})


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".segdl" not in path.parts
    }


def same(ran: Ran, directory: Path, site: Site) -> None:
    assert ran.result.failures.first == []
    assert tree(directory) == site.files


@pytest.mark.parametrize(
    ("digests", "times", "each"), [(True, False, 0), (False, True, 0), (False, False, 1)]
)
def test_a_second_run_asks_no_more_than_it_must(
    site: Site, tmp_path: Path, digests: bool, times: bool, each: int
) -> None:
    mirrored = tmp_path / "mirrored"
    how = {"digests": digests, "times": times}
    same(mirror(mirrored, site.entries(**how)), mirrored, site)
    site.requests(len(site.files))
    again = mirror(mirrored, site.entries(**how))
    same(again, mirrored, site)
    assert site.requests(each * len(site.files)) == each * len(site.files)
    assert set(again.done.values()) <= {"unchanged"}


@pytest.mark.parametrize(("digests", "times"), [(True, False), (False, True), (False, False)])
def test_what_changed_is_fetched_and_nothing_else(
    site: Site, tmp_path: Path, content: Callable[..., bytes], digests: bool, times: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    how = {"digests": digests, "times": times}
    mirror(mirrored, site.entries(**how))
    site.put("d1/f1.bin", content(1000, seed=77), modified=1_700_000_100)
    site.put("d4/new.bin", content(5000, seed=78))
    ran = mirror(mirrored, site.entries(**how))
    same(ran, mirrored, site)
    changed = {path for path, how in ran.done.items() if how == "fetched"}
    assert changed == {"d1/f1.bin", "d4/new.bin"}


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("engine", [None, EngineOptions(kind="processes")])
def test_what_is_replaced_within_the_second_it_was_fetched_in_is_fetched_again(
    site: Site, tmp_path: Path, times: bool, engine: EngineOptions | None
) -> None:
    mirrored = tmp_path / "mirrored"
    # As that second is short: one that is not over for a while.
    now = int(time.time()) + 600
    site.put("d1/f1.bin", b"before", modified=now)
    mirror(mirrored, site.entries(times=times), engine=engine)
    site.put("d1/f1.bin", b"after.", modified=now)
    ran = mirror(mirrored, site.entries(times=times), engine=engine)
    same(ran, mirrored, site)
    assert [path for path, how in ran.done.items() if how == "fetched"] == ["d1/f1.bin"]
    # What came then may be replaced, too; it is known once that is over.
    site.put("d1/f1.bin", b"after.", modified=now - 7200)
    mirror(mirrored, site.entries(times=times), engine=engine)
    ran = mirror(mirrored, site.entries(times=times), engine=engine)
    assert set(ran.done.values()) == (set() if times else {"unchanged"})


def test_files_have_the_times_of_the_server(site: Site, tmp_path: Path) -> None:
    mirror(tmp_path / "mirrored", site.entries())
    assert {int(os.stat(tmp_path / "mirrored" / path).st_mtime) for path in site.files} == {
        1_700_000_000
    }


def test_a_folder_that_another_tool_filled_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries())
    for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
        (mirrored / ".segdl" / name).unlink(missing_ok=True)
    site.requests(0)
    ran = mirror(mirrored, site.entries())
    assert set(ran.done.values()) == {"unchanged"}
    assert ran.requests == len(site.files)


@pytest.mark.parametrize("twin", [False, True])
def test_a_fifo_in_a_files_place_stays(site: Site, tmp_path: Path, twin: bool) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    site.put("pipe", site.files["large.iso"] if twin else b"new")
    os.mkfifo(mirrored / "pipe")
    (failure,) = mirror(mirrored, site.entries(digests=True)).result.failures.first
    assert failure.exit_code == 6
    assert "is a FIFO, not a file; leave it out with --exclude" in str(failure)
    assert (mirrored / "pipe").is_fifo()


def test_what_was_renamed_is_linked(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    site.put("moved/large.iso", site.files["large.iso"])
    site.drop("large.iso")
    site.requests(0)
    ran = mirror(mirrored, site.entries(digests=True), delete="trash")
    same(ran, mirrored, site)
    assert ran.done == {"moved/large.iso": "linked"}
    assert ran.result.removed == 1
    assert len(list((mirrored / ".segdl" / "trash").rglob("large.iso"))) == 1


def test_a_corrupt_answer_is_set_aside_and_never_published(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    entries = site.entries(digests=True)
    (site.server.root / "d1/f1.bin").write_bytes(b"x" * 1000)
    ran = mirror(mirrored, entries)
    assert [error.exit_code for error in ran.result.failures.first] == [5]
    (why,) = ran.of(Lost)
    assert why.hint == "what came is kept as f1.bin.corrupt, and the next run fetches it anew"
    assert (mirrored / "d1/f1.bin.corrupt").read_bytes() == b"x" * 1000
    assert not (mirrored / "d1/f1.bin").exists()
    assert not (mirrored / "d1/f1.bin.segdl").exists()
    site.put("d1/f1.bin", site.files["d1/f1.bin"])
    assert mirror(mirrored, entries).result.failures.first == []
    assert (mirrored / "d1/f1.bin").read_bytes() == site.files["d1/f1.bin"]


def flip(path: Path, at: int) -> None:
    """Change a byte and leave no other trace, as a failing disk does."""
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("digests", [True, False])
def test_verify_finds_what_rotted_and_mends_it(site: Site, tmp_path: Path, digests: bool) -> None:
    mirrored = tmp_path / "mirrored"
    entries = site.entries(digests=digests)
    # Without digests of the list the first --verify notes what there is.
    mirror(mirrored, entries, verify=True)
    mirror(mirrored, entries, verify=True)
    flip(mirrored / "d2/f2.bin", 1234)
    assert mirror(mirrored, entries).done.get("d2/f2.bin") in {None, "unchanged"}
    ran = mirror(mirrored, entries, verify=True)
    assert ran.result.failures.first == []
    assert ran.done["d2/f2.bin"] == "repaired"
    assert (mirrored / "d2/f2.bin").read_bytes() == site.files["d2/f2.bin"]
    assert (mirrored / "d2/f2.bin.corrupt").exists()
    assert {how for path, how in ran.done.items() if path != "d2/f2.bin"} == {"unchanged"}


@pytest.mark.parametrize("name", ["漢" * 83, "a" * 248, "b" * 255])
def test_files_of_the_longest_names_are_set_aside_and_repaired(
    site: Site, tmp_path: Path, name: str
) -> None:
    path, right = f"d/{name}", b"right" * 20
    aside = tmp_path / "mirrored" / "d" / name_beside(name, ".corrupt")
    site.put(path, right)
    listed = [each for each in site.entries(digests=True) if each.path == path]
    # First what comes is wrong, then what is here.
    (site.server.root / path).write_bytes(b"w" * len(right))
    ran = mirror(tmp_path / "mirrored", listed)
    assert [error.exit_code for error in ran.result.failures.first] == [5]
    assert aside.read_bytes() == b"w" * len(right)
    site.put(path, right)
    assert mirror(tmp_path / "mirrored", listed).result.failures.first == []
    flip(tmp_path / "mirrored" / path, 7)
    ran = mirror(tmp_path / "mirrored", listed, verify=True)
    assert (ran.result.failures.first, ran.done) == ([], {path: "repaired"})
    assert (tmp_path / "mirrored" / path).read_bytes() == right
    assert aside.read_bytes().count(b"right") == 19


@pytest.mark.parametrize("verify", [True, False])
def test_what_somebody_wrote_into_a_file_is_set_aside(
    site: Site, tmp_path: Path, verify: bool
) -> None:
    """It is not what the list says, nor what was fetched: it may be all that there is of it."""
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    written = b"w" * len(site.files["d2/f2.bin"])
    (mirrored / "d2/f2.bin").write_bytes(written)
    ran = mirror(mirrored, site.entries(digests=True), verify=verify)
    assert ran.result.failures.first == []
    assert ran.done["d2/f2.bin"] == "repaired"
    assert (mirrored / "d2/f2.bin").read_bytes() == site.files["d2/f2.bin"]
    assert (mirrored / "d2/f2.bin.corrupt").read_bytes() == written


@pytest.mark.parametrize("written", [b"mine", b"m" * 2000])
@pytest.mark.parametrize("known", ["nothing", "the ledger is gone", "of the ledger"])
@pytest.mark.parametrize("sizes", [True, False])
def test_what_is_not_of_the_mirror_is_set_aside_where_the_list_has_its_digest(
    site: Site, tmp_path: Path, written: bytes, known: str, sizes: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    listed = site.entries(digests=True)
    if not sizes:
        listed = [replace(each, size=None) for each in listed]
    if known == "nothing":
        (mirrored / "d2").mkdir(parents=True)
    else:
        mirror(mirrored, listed)
    if known == "the ledger is gone":
        shutil.rmtree(mirrored / ".segdl")
    (mirrored / "d2/f2.bin").write_bytes(written)
    ran = mirror(mirrored, listed)
    assert ran.result.failures.first == []
    assert ran.done["d2/f2.bin"] == ("repaired" if known == "of the ledger" else "fetched")
    assert tree(mirrored) == {**site.files, "d2/f2.bin.corrupt": written}


@pytest.mark.parametrize("sizes", [True, False])
def test_what_was_fetched_before_the_ledger_was_lost_is_replaced_by_what_is_new(
    site: Site, tmp_path: Path, sizes: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    if "user.segdl" not in os.listxattr(mirrored / "d2/f2.bin"):
        pytest.skip("files here cannot say where they are from")
    shutil.rmtree(mirrored / ".segdl")
    site.put("d2/f2.bin", b"new" if sizes else b"n" * 2000, modified=1_700_000_100)
    same(mirror(mirrored, site.entries(digests=True)), mirrored, site)


def test_what_a_killed_run_did_not_write_down_is_not_set_aside(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    site.put("d2/f2.bin", b"n" * len(site.files["d2/f2.bin"]))
    (mirrored / "d2/f2.bin").write_bytes(site.files["d2/f2.bin"])
    ran = mirror(mirrored, site.entries(digests=True))
    assert ran.result.failures.first == []
    assert ran.done["d2/f2.bin"] == "unchanged"
    assert not (mirrored / "d2/f2.bin.corrupt").exists()


def test_only_broken_pieces_are_fetched_again(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    data = site.files["large.iso"]
    step = 1_000_000
    pieces = Pieces(
        "sha1",
        step,
        tuple(hashlib.sha1(data[at : at + step]).hexdigest() for at in range(0, len(data), step)),
    )
    listed = [
        entry(
            site.server.url("large.iso"),
            "large.iso",
            size=len(data),
            checksum=sha256(data),
            pieces=pieces,
        )
    ]
    mirror(mirrored, listed)
    flip(mirrored / "large.iso", 5_500_000)
    flip(mirrored / "large.iso", 9_000_000)
    ran = mirror(mirrored, listed, verify=True)
    assert ran.result.failures.first == []
    (done,) = ran.of(Done)
    assert (done.how, done.path) == ("repaired", "large.iso")
    assert done.fetched <= 3 * step
    assert (mirrored / "large.iso").read_bytes() == data


def test_sums_are_what_sha256sum_checks(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    site.put("odd \\ name\n.bin", b"odd")
    entries = [each for each in site.entries() if "\n" not in each.path]
    assert mirror(mirrored, entries, sums=True).result.failures.first == []
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=mirrored, check=False
    )
    assert checked.returncode == 0
    listed = {
        line.split("  ", 1)[1] for line in (mirrored / "SHA256SUMS").read_text().split("\n")[:-1]
    }
    assert listed == {each.path for each in entries}


def test_sums_of_the_list_are_the_only_ones(site: Site, tmp_path: Path) -> None:
    site.put("SHA256SUMS", b"the list's own")
    ran = mirror(tmp_path / "m", site.entries(), sums=True)
    same(ran, tmp_path / "m", site)
    said = [each.text for each in ran.of(Said)]
    assert "SHA256SUMS is a file of the list: no other one is written" in said


@pytest.mark.parametrize("what", ["file", "link", "edited"])
def test_sums_take_the_place_of_nothing_else(site: Site, tmp_path: Path, what: str) -> None:
    mirrored = tmp_path / "mirrored"
    sums, kept = mirrored / "SHA256SUMS", tmp_path / "kept"
    mirror(mirrored, site.entries(), sums=what == "edited")
    if what == "link":
        kept.write_text("my notes")
        sums.symlink_to(kept)
    else:
        with open(sums, "a", encoding="utf-8") as file:
            file.write("my notes")
    before = sums.read_text()
    for _ in range(2):
        ran = mirror(mirrored, site.entries(), sums=True)
        (error,) = ran.result.failures.first
        assert (error.exit_code, error.hint) == (6, "move it away, or go without --sums")
        assert (sums.read_text(), sums.is_symlink()) == (before, what == "link")
    sums.unlink()
    assert mirror(mirrored, site.entries(), sums=True).result.failures.first == []


@pytest.mark.parametrize("forgets", ["nothing", "attribute", "notes", "both"])
def test_sums_are_known_for_what_they_are(site: Site, tmp_path: Path, forgets: str) -> None:
    mirrored = tmp_path / "mirrored"
    sums = mirrored / "SHA256SUMS"
    mirror(mirrored, site.entries(), sums=True)
    if forgets in {"attribute", "both"}:
        with suppress(OSError):
            os.removexattr(sums, "user.segdl")
    if forgets in {"notes", "both"}:
        shutil.rmtree(mirrored / ".segdl")
    if forgets != "both":
        site.put("new", b"new")
    assert mirror(mirrored, site.entries(), sums=True).result.failures.first == []
    assert len(sums.read_text().splitlines()) == len(site.files)


class TestDeleting:
    def test_what_the_list_no_longer_has_goes_to_the_trash(
        self, site: Site, tmp_path: Path
    ) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        site.drop("d1/f1.bin")
        kept = mirror(mirrored, site.entries())
        assert kept.result.removed == 0
        assert (mirrored / "d1/f1.bin").exists()
        ran = mirror(mirrored, site.entries(), delete="trash")
        same(ran, mirrored, site)
        (found,) = (mirrored / ".segdl" / "trash").rglob("f1.bin")
        assert found.parent.name == "d1"

    def test_for_good(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        site.drop("d1/f1.bin")
        same(mirror(mirrored, site.entries(), delete="now"), mirrored, site)
        assert not list((mirrored / ".segdl").rglob("f1.bin"))

    def test_a_trash_that_is_no_folder(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        site.drop("d1/f1.bin")
        trash = mirrored / ".segdl" / "trash"
        trash.write_text("mine")
        (failure,) = mirror(mirrored, site.entries(), delete="trash").result.failures.first
        where = mirrored / "d1/f1.bin"
        assert str(failure) == (
            f"{where} is not deleted: {trash} is not a folder; move it away, or use --delete=now"
        )
        trash.unlink()
        assert mirror(mirrored, site.entries(), delete="trash").result.removed == 1

    def test_a_trash_on_another_file_system(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        site.drop("d1/f1.bin")
        if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(mirrored).st_dev:
            pytest.skip("needs another file system at /dev/shm")
        trash = mirrored / ".segdl" / "trash"
        with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
            trash.symlink_to(elsewhere)
            (failure,) = mirror(mirrored, site.entries(), delete="trash").result.failures.first
        assert failure.exit_code == 6
        assert f"{trash} is on another file system" in failure.message
        assert failure.hint == "have it on that of the file, or use --delete=now"
        assert (mirrored / "d1/f1.bin").exists()
        trash.unlink()
        assert mirror(mirrored, site.entries(), delete="trash").result.removed == 1

    def test_nothing_after_a_failure(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        gone = site.entries()[1]
        listed = [each for each in site.entries() if each != gone]
        failing = entry(site.server.url("nowhere.bin"), "nowhere.bin")
        ran = mirror(mirrored, [*listed, failing], delete="now")
        assert [error.exit_code for error in ran.result.failures.first] == [4]
        assert (mirrored / gone.path).exists()

    @pytest.mark.parametrize(
        "trouble",
        [
            Unlisted(where="http://h/d/", error=ServerError("http://h/d/: 500")),
            Unusable(line=3, why="no name"),
        ],
    )
    def test_nothing_where_not_all_of_the_list_is_known(
        self, site: Site, tmp_path: Path, trouble: Unlisted | Unusable
    ) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        ran = mirror(mirrored, [*site.entries()[2:], trouble], delete="now", max_delete=1.0)
        assert len(ran.result.failures.first) == 1
        assert tree(mirrored) == site.files

    def test_nothing_where_it_would_be_too_much(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        ran = mirror(mirrored, site.entries()[2:], delete="now")
        assert [error.exit_code for error in ran.result.failures.first] == [5]
        assert tree(mirrored) == site.files

    def test_nothing_of_others(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        (mirrored / "d1/mine.txt").write_text("mine")
        (mirrored / "d1/f1.bin").write_bytes(b"changed by hand")
        site.drop("d1/f1.bin")
        mirror(mirrored, site.entries(), delete="now")
        assert (mirrored / "d1/mine.txt").read_text() == "mine"
        assert (mirrored / "d1/f1.bin").read_bytes() == b"changed by hand"

    @pytest.mark.parametrize(
        "left_out", [{"include": ("d1/",)}, {"exclude": ("d2/",)}, {"depth": 0}, {"source": "b"}]
    )
    def test_nothing_that_was_not_asked_for(
        self, site: Site, tmp_path: Path, left_out: dict[str, Any]
    ) -> None:
        mirrored = tmp_path / "mirrored"
        how: dict[str, Any] = {"delete": "now", "max_delete": 1.0}
        mirror(mirrored, site.entries(), **how)
        asked = ListingOptions(**{"source": "-", **left_out})
        listed = [
            each for each in site.entries() if "include" in left_out or "d2/" not in each.path
        ]
        listed = [each for each in listed if is_asked_for(each.path, asked)][1:]
        ran = mirror(mirrored, listed, **how, **left_out)
        others = left_out.get("source") == "b"
        assert ran.result.removed == (0 if others else 1)
        assert len(tree(mirrored)) == len(site.files) - ran.result.removed
        assert any("not deleted" in each.text for each in ran.of(Said))

    def test_what_is_gone_already_counts_for_nothing(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        for path in ("d1/f1.bin", "d1/f4.bin"):
            site.drop(path)
            (mirrored / path).unlink()
        site.drop("d1/f7.bin")
        same(mirror(mirrored, site.entries(), delete="now"), mirrored, site)

    @pytest.mark.parametrize("before", [False, True])
    def test_what_a_killed_run_published_and_did_not_write_down(
        self, site: Site, tmp_path: Path, before: bool
    ) -> None:
        mirrored, first = self.begun(site, tmp_path, before=before)
        (mirrored / first[0].path).parent.mkdir(exist_ok=True)
        published = mirrored / first[0].path
        published.write_bytes(b"published")
        with open(published, "rb") as file:
            write_record(file.fileno(), Version(size=9, etag='"1"'), None, "http://h.example/f")
        site.drop(first[0].path)
        same(mirror(mirrored, site.entries(digests=True), delete="now"), mirrored, site)

    @pytest.mark.parametrize("before", [False, True])
    @pytest.mark.parametrize("edited", [False, True])
    def test_what_somebody_else_made_after_a_run_was_killed_stays(
        self, site: Site, tmp_path: Path, before: bool, edited: bool
    ) -> None:
        mirrored, first = self.begun(site, tmp_path, before=before)
        own = mirrored / first[0].path
        own.parent.mkdir(exist_ok=True)
        if edited:
            own.write_bytes(b"published")
            with open(own, "rb") as file:
                write_record(file.fileno(), Version(size=9, etag='"1"'), None, "http://h.example/f")
        with open(own, "ab") as file:
            file.write(b"my notes")
        kept = own.read_bytes()
        site.drop(first[0].path)
        ran = mirror(mirrored, site.entries(digests=True), delete="now")
        assert own.read_bytes() == kept
        assert [each.text for each in ran.of(Said)] == [
            f"{first[0].path} is not deleted: it is not what was fetched"
        ]

    def begun(self, site: Site, tmp_path: Path, *, before: bool) -> tuple[Path, list[Entry]]:
        """Leave a mirror as a run that is killed does: a file was taken, and nothing more."""
        mirrored = tmp_path / "mirrored"
        first = site.entries(digests=True)
        mirror(mirrored, first if before else first[1:])
        if before:
            site.put(first[0].path, b"another", modified=1_700_000_500)
        with Ledger(mirrored / ".segdl" / "ledger.sqlite") as ledger:
            listing = ledger.begin_listing("-")
            wanted = Wanted(
                path=first[0].path,
                host="h",
                urls=first[0].urls,
                listed=Listed(),
                turn=0,
                late=False,
                need=Need.FETCH,
            )
            with ledger.transaction():
                ledger.write(listing, [wanted])
            ledger.take("h", 1, late=False)
        return mirrored, first

    def test_never_through_a_link(self, site: Site, tmp_path: Path) -> None:
        mirrored, elsewhere = tmp_path / "mirrored", tmp_path / "elsewhere"
        mirror(mirrored, site.entries())
        (mirrored / "d1").rename(elsewhere)
        (mirrored / "d1").symlink_to(elsewhere)
        before = tree(elsewhere)
        for path in [path for path in site.files if path.startswith("d1/")]:
            site.drop(path)
        ran = mirror(mirrored, site.entries(), delete="now", max_delete=1.0)
        assert [error.exit_code for error in ran.result.failures.first] == [6]
        assert tree(elsewhere) == before


def test_a_folder_becomes_a_file_and_a_file_a_folder(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    site.put("dir/sub/one", b"one")
    site.put("dir/two", b"two")
    site.put("file", b"file")
    site.put("file.d", b"it sorts between file and file/")
    mirror(mirrored, site.entries())
    for path in ("dir/sub/one", "dir/two", "file"):
        site.drop(path)
    shutil.rmtree(site.server.root / "dir")
    site.put("dir", b"a file now")
    site.put("file/inside", b"a folder now")
    same(mirror(mirrored, site.entries()), mirrored, site)
    trash = mirrored / ".segdl" / "trash"
    assert {path.name for path in trash.rglob("*") if path.is_file()} == {"one", "two", "file"}


@pytest.fixture
def torn(origin: Callable[..., Origin]) -> Entry:
    """A file of a folder that never comes whole: its parts stay."""
    server = origin(
        b"x" * 5 * MIB, faults=lambda request, number: Status(500) if number else CutAfter(2 * MIB)
    )
    return entry(server.url, "dir/sub/torn")


@pytest.mark.parametrize("vanishes", [True, False])
@pytest.mark.parametrize("killed", [True, False])
def test_a_folder_of_parts_becomes_a_file(
    site: Site, torn: Entry, tmp_path: Path, vanishes: bool, killed: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, [torn, *site.entries()], retries=0)
    assert any((mirrored / "dir/sub/torn.segdl").glob("*.part"))
    if killed:
        with closing(sqlite3.connect(mirrored / ".segdl/ledger.sqlite")) as db, db:
            db.execute("UPDATE file SET open = 1, need = -3 WHERE path = ?", (torn.path,))
    if vanishes:
        same(mirror(mirrored, site.entries()), mirrored, site)
        assert not (mirrored / "dir").exists()
    site.put("dir", b"a file now")
    same(mirror(mirrored, site.entries()), mirrored, site)


@pytest.mark.parametrize("delete", ["trash", "now", "no"])
@pytest.mark.parametrize("vanishes", [True, False])
def test_a_folder_with_a_file_that_was_set_aside_becomes_a_file(
    site: Site, tmp_path: Path, delete: str, vanishes: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    site.put("dir/sub/one", b"one")
    mirror(mirrored, site.entries(digests=True))
    (mirrored / "dir/sub/one").write_bytes(b"bad")
    mirror(mirrored, site.entries(digests=True))
    site.drop("dir/sub/one")
    shutil.rmtree(site.server.root / "dir")
    if vanishes:
        assert mirror(mirrored, site.entries(), delete=delete).result.failures.first == []
    site.put("dir", b"a file now")
    same(mirror(mirrored, site.entries(), delete=delete), mirrored, site)
    (aside,) = (mirrored / ".segdl/trash").rglob("one.corrupt")
    assert aside.read_bytes() == b"bad"


@pytest.mark.parametrize("what", ["aside", "parts", "link", "empty"])
def test_nothing_else_goes_with_a_folder_that_becomes_a_file(
    site: Site, torn: Entry, tmp_path: Path, what: str
) -> None:
    mirrored, elsewhere = tmp_path / "mirrored", tmp_path / "elsewhere"
    mirror(mirrored, [torn, *site.entries()], retries=0)
    parts = mirrored / "dir/sub/torn.segdl"
    if what == "link":
        (mirrored / "dir/sub").rename(elsewhere)
        (mirrored / "dir/sub").symlink_to(elsewhere)
    elif what == "empty":
        (mirrored / "dir/mine").mkdir()
    else:
        mine = {"aside": parts.with_name("torn.corrupt"), "parts": parts / "notes"}[what]
        mine.write_bytes(b"mine")
    site.put("dir", b"a file now")
    ran = mirror(mirrored, site.entries())
    assert [error.exit_code for error in ran.result.failures.first] == [6]
    if what == "link":
        assert any((elsewhere / "torn.segdl").glob("*.part"))
    elif what == "empty":
        assert os.listdir(mirrored / "dir") == ["mine"]
    else:
        assert mine.read_bytes() == b"mine"


def test_what_is_of_others_stays_in_the_way(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries())
    (mirrored / "name").mkdir()
    (mirrored / "name" / "mine").write_text("mine")
    (mirrored / "other").write_text("mine")
    site.put("name", b"a file")
    site.put("other/inside", b"a file")
    ran = mirror(mirrored, site.entries())
    assert [error.exit_code for error in ran.result.failures.first] == [6, 6]
    hints = sorted(error.hint for error in ran.result.failures.first)
    assert hints == [
        "move it away, or choose another folder for the mirror",
        "move it away, or leave it out with --exclude",
    ]
    assert (mirrored / "name" / "mine").read_text() == "mine"
    assert (mirrored / "other").read_text() == "mine"


class TestRounds:
    def test_a_list_that_changed_meanwhile_is_carried_out_too(
        self, site: Site, tmp_path: Path
    ) -> None:
        mirrored = tmp_path / "mirrored"
        readings: list[None] = []

        def read() -> list[Entry]:
            readings.append(None)
            if len(readings) == 2:
                site.put("late.bin", b"late")
            return site.entries(digests=True)

        ran = mirror(mirrored, read)
        same(ran, mirrored, site)
        assert len(readings) == 2
        assert any("changed during the run" in each.text for each in ran.of(Said))

    def test_a_second_round_asks_for_nothing_again(self, site: Site, tmp_path: Path) -> None:
        ran = mirror(tmp_path / "mirrored", site.entries)
        assert len(ran.result.rounds) == 2
        assert len(ran.of(Done)) == len(site.files)

    def test_nothing_fetched_is_one_round(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries(digests=True))
        assert len(mirror(mirrored, lambda: site.entries(digests=True)).result.rounds) == 1


class TestOrder:
    def test_lists_come_last(self, site: Site, tmp_path: Path) -> None:
        site.put("SHA256SUMS", b"0" * 5_000_000)
        site.put("d1/index.html", b"<p>" * 2_000_000)
        ran = mirror(tmp_path / "mirrored", site.entries(times=True))
        ended = [each.path for each in ran.of(Done)]
        assert set(ended[-2:]) == {"SHA256SUMS", "d1/index.html"}

    def test_an_older_list_stays_where_files_failed(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        site.put("SHA256SUMS", b"old")
        mirror(mirrored, site.entries())
        site.put("SHA256SUMS", b"new", modified=1_700_000_200)
        failing = entry(site.server.url("nowhere.bin"), "nowhere.bin")
        ran = mirror(mirrored, [*site.entries(), failing])
        assert (mirrored / "SHA256SUMS").read_bytes() == b"old"
        assert ran.result.rounds[0].held_back == 1
        mirror(mirrored, site.entries())
        assert (mirrored / "SHA256SUMS").read_bytes() == b"new"

    def test_small_files_go_beside_large_ones(self, site: Site, tmp_path: Path) -> None:
        for number in range(4):
            site.put(f"large{number}", b"L" * (9_000_000 + number))
        ran = mirror(tmp_path / "m", site.entries(times=True), max_files=3, per_host=3)
        same(ran, tmp_path / "m", site)
        first = [each.path for each in ran.of(Taken)][:3]
        assert first[0] == "large.iso"
        assert all(name.startswith("d") for name in first[1:])

    def test_files_that_are_called_like_large_ones_are_taken_for_large(
        self, site: Site, tmp_path: Path
    ) -> None:
        """Where the list tells no sizes."""
        for number in range(6):
            site.put(f"0{number}.iso", b"L" * 9_000_000)
        listed = sorted(site.entries(), key=lambda entry: entry.path)
        ran = mirror(tmp_path / "m", listed, max_files=3, per_host=3)
        same(ran, tmp_path / "m", site)
        waiting, at_work, is_known = set(site.files), set[str](), False
        paths, is_ending = dict[int, str](), set[str]()
        for each in ran.happened:
            if isinstance(each, Taken):
                if is_known and each.path.endswith(".iso") and any("d" in path for path in waiting):
                    # But for one that the next one is to follow without a break.
                    large = {path for path in at_work if path.endswith(".iso")}
                    assert large <= is_ending
                    assert len(large) <= 1
                waiting.discard(each.path)
                at_work.add(each.path)
                paths[each.file] = each.path
            elif isinstance(each, Progress):
                if each.size is not None and each.size - each.done <= each.size / 8:
                    is_ending.add(paths[each.file])
            elif isinstance(each, Done):
                at_work.discard(each.path)
                is_known = is_known or each.path.endswith(".iso")
        assert is_known

    @pytest.mark.parametrize("order", ["largest", "list"])
    def test_of_files(self, site: Site, tmp_path: Path, order: str) -> None:
        entries = site.entries(times=True)
        ran = mirror(tmp_path / "mirrored", entries, order=order, max_files=1)
        taken = [each.path for each in ran.of(Taken)]
        by_size = sorted(entries, key=lambda each: -(each.size or 0))
        wanted = by_size if order == "largest" else entries
        assert taken == [each.path for each in wanted]

    @pytest.mark.parametrize("order", ["largest", "list"])
    def test_of_files_of_which_the_list_tells_no_sizes(
        self, site: Site, tmp_path: Path, order: str
    ) -> None:
        """One of each kind goes ahead, for it shows how large the others are."""
        entries = site.entries()
        assert entries[-1].path == "large.iso"
        ran = mirror(tmp_path / "mirrored", entries, order=order, max_files=1)
        taken = [each.path for each in ran.of(Taken)]
        listed = [each.path for each in entries]
        ahead = [listed[0], listed[-1]] if order == "largest" else []
        assert taken == [*ahead, *(path for path in listed if path not in ahead)]


@pytest.mark.parametrize("last", [(), ("SHA256SUMS",)], ids=["files", "and a list"])
def test_the_last_large_file_gets_the_connections_that_are_free(
    nginx: StartNginx, tmp_path: Path, content: Callable[..., bytes], last: tuple[str, ...]
) -> None:
    """Lists that wait until all else is here do not wait for a connection."""
    root = tmp_path / "slow"
    root.mkdir()
    files = {f"{n}.bin": content(4_000_000, seed=n) for n in range(8)}
    files |= dict.fromkeys(last, b"sums")
    # A connection is slow, several are faster: what segments are for.
    site = Site(nginx(root, server=["limit_rate 2m;"]), {**files, "large": content(40_000_000)})
    ran = mirror(tmp_path / "m", site.entries(times=True), per_host=4, max_files=4)
    same(ran, tmp_path / "m", site)
    (large,) = (each for each in ran.of(Done) if each.path == "large")
    assert large.requests >= 3
    others = [each for each in ran.of(Done) if each.path != "large"]
    # One each, and one look at whether it changed meanwhile.
    assert all(each.requests <= 2 for each in others)


def test_names_that_lead_out_are_refused(site: Site, tmp_path: Path) -> None:
    bad = ["../out.bin", "/etc/out.bin", "a/../../out.bin", "", "a\x1b[2J", "x.segdl/y", "a\0b"]
    url = site.server.url("d1/f1.bin")
    ran = mirror(tmp_path / "a" / "mirrored", [entry(url, path) for path in bad])
    assert [error.exit_code for error in ran.result.failures.first] == [2] * len(bad)
    assert tree(tmp_path / "a") == {}
    assert not any("\x1b" in str(error) for error in ran.result.failures.first)


def test_a_path_that_is_named_twice(site: Site, tmp_path: Path) -> None:
    one, other = site.server.url("d1/f1.bin"), site.server.url("d2/f2.bin")
    ran = mirror(
        tmp_path / "m", [entry(one, "a"), entry(one, "./a"), entry(one, "b"), entry(other, "b")]
    )
    assert [error.exit_code for error in ran.result.failures.first] == [2]
    assert set(tree(tmp_path / "m")) == {"a", "b"}


def test_a_hook_gets_each_file_that_was_fetched(site: Site, tmp_path: Path) -> None:
    mirrored, seen = tmp_path / "mirrored", tmp_path / "seen"
    hook = ("/bin/sh", "-c", f'printf "%s\\n" "$1" >> "{seen}"', "hook")
    mirror(mirrored, site.entries(digests=True), exec=hook)
    assert set(seen.read_text().split()) == {str(mirrored / path) for path in site.files}
    seen.unlink()
    mirror(mirrored, site.entries(digests=True), exec=hook)
    assert not seen.exists()
    site.put("d1/f1.bin", b"new")
    ran = mirror(mirrored, site.entries(digests=True), exec=("/bin/false",))
    assert [error.exit_code for error in ran.result.failures.first] == [1]


@pytest.mark.parametrize("digests", [True, False])
def test_a_hook_that_failed_is_run_again_until_it_does_not(
    site: Site, tmp_path: Path, digests: bool
) -> None:
    mirrored, seen = tmp_path / "mirrored", tmp_path / "seen"
    mirror(mirrored, site.entries(digests=digests, times=True), exec=("/bin/false",))
    ran = mirror(mirrored, site.entries(digests=digests, times=True), exec=("/bin/false",))
    assert ran.result.failures.count == len(site.files)
    # Who goes without it is not told of it, and leaves it as it is.
    ran = mirror(mirrored, site.entries(digests=digests, times=True))
    assert (ran.done, ran.result.failures.count) == ({}, 0)
    ran = mirror(mirrored, site.entries(digests=digests, times=True), verify=True)
    assert ran.result.failures.count == 0
    hook = ("/bin/sh", "-c", f'printf "%s\n" "$1" >> "{seen}"', "hook")
    for _ in range(2):
        ran = mirror(mirrored, site.entries(digests=digests, times=True), exec=hook)
        assert (ran.result.failures.first, ran.result.rounds[0].fetched) == ([], 0)
        paths = sorted(str(mirrored / path) for path in site.files)
        assert sorted(seen.read_text().splitlines()) == paths


def test_what_comes_with_a_run_that_verifies_is_compared_by_the_next(
    site: Site, tmp_path: Path
) -> None:
    """The list has no digests: what is noted later may be of what rotted meanwhile."""
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(), verify=True)
    place = mirrored / "d1/f1.bin"
    when = place.stat().st_mtime_ns
    place.write_bytes(b"x" * 1000)
    os.utime(place, ns=(when, when))
    ran = mirror(mirrored, site.entries(), verify=True)
    assert ran.result.failures.first == []
    assert place.read_bytes() == site.files["d1/f1.bin"]
    assert ran.done["d1/f1.bin"] == "repaired"


def test_a_hook_that_was_ended_with_its_run_gets_its_files_in_the_next(
    site: Site, tmp_path: Path
) -> None:
    mirrored, seen = tmp_path / "mirrored", tmp_path / "seen"
    cancel = threading.Event()
    started = tmp_path / "started"
    endless = ("/bin/sh", "-c", f'echo "$1" >> "{started}"; exec sleep 1000', "hook")

    def begun() -> None:
        while not started.exists():
            time.sleep(0.02)
        cancel.set()

    watcher = threading.Thread(target=begun)
    watcher.start()
    with pytest.raises(CancelledError):
        mirror(mirrored, site.entries(), exec=endless, cancel=cancel)
    watcher.join()
    hook = ("/bin/sh", "-c", f'printf "%s\n" "$1" >> "{seen}"', "hook")
    mirror(mirrored, site.entries(), exec=hook)
    assert sorted(seen.read_text().split()) == sorted(str(mirrored / path) for path in site.files)
    seen.unlink()
    mirror(mirrored, site.entries(), exec=hook)
    assert not seen.exists()


def test_fail_fast_and_max_failures(site: Site, tmp_path: Path) -> None:
    url = site.server.url("nowhere.bin")
    bad = [entry(url, f"bad{n}") for n in range(50)]
    ran = mirror(tmp_path / "a", bad, fail_fast=True, max_files=2)
    assert 1 <= len(ran.result.failures.first) <= 3
    ran = mirror(tmp_path / "b", bad, max_failures=10, max_files=2)
    assert 10 <= len(ran.result.failures.first) <= 12


def test_files_are_fetched_while_the_list_is_read(site: Site, tmp_path: Path) -> None:
    came = threading.Event()

    def read() -> Iterator[Entry]:
        yield site.entries()[0]
        assert came.wait(20.0), "the first file was not fetched before the list went on"
        yield from site.entries()[1:]

    def note(happening: Happening) -> None:
        if isinstance(happening, Done):
            came.set()

    same(mirror(tmp_path / "m", read, on=note, rounds=1), tmp_path / "m", site)


def test_a_list_that_is_read_quickly_does_not_keep_files_waiting(
    site: Site, tmp_path: Path
) -> None:
    url = site.server.url("nowhere.bin")
    read = (entry(url, f"{number}") for number in range(200_000))
    ran = mirror(tmp_path / "m", lambda: read, fail_fast=True)
    assert ran.result.rounds[0].intake.files < 200_000


def test_a_host_that_is_away_holds_nobody_up_and_is_given_up(site: Site, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}/f"
        bad = [entry(away, f"away/{n}", size=10**9) for n in range(40)]
        ran = mirror(tmp_path / "m", [*bad, *site.entries()], patience=0.1, retries=1)
    assert tree(tmp_path / "m") == site.files
    assert {error.exit_code for error in ran.result.failures.first} == {3}
    lost = len(ran.of(Lost)) + sum(each.files for each in ran.of(GaveUp))
    assert lost == 40
    assert ran.result.rounds[0].failed == 40


def test_credentials_are_for_the_servers_of_the_list_alone(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    own, other = origin(b"own"), origin(b"other")
    network = NetworkOptions(headers=(("X-Api-Key", "k"),), user=("me", "secret"))
    profile = HostProfile(host=f"127.0.0.1:{other.server.port}", headers=(("X-Other", "o"),))
    for hosts in ((), (profile,)):
        mirror(
            tmp_path / f"m{len(hosts)}",
            [entry(own.url, "own"), entry(other.url, "other")],
            network=network,
            source=own.server.url("/list"),
            hosts=hosts,
        )
        assert own.requests[-1].fields["x-api-key"] == "k"
        assert "authorization" in own.requests[-1].fields
        assert "x-api-key" not in other.requests[-1].fields
        assert "authorization" not in other.requests[-1].fields
        assert ("x-other" in other.requests[-1].fields) == bool(hosts)
        assert "x-other" not in own.requests[-1].fields


@pytest.mark.parametrize(
    ("source", "host", "given"),
    [
        ("http://127.0.0.1:{port}/list", "localhost", False),
        ("http://127.0.0.1:{port}/list", "localhost:{port}", True),
        ("http://localhost:{port}/list", "localhost", True),
        ("-", "localhost", True),
    ],
)
def test_a_remote_list_has_no_secrets_of_a_host_sent_unencrypted(
    origin: Callable[..., Origin], tmp_path: Path, source: str, host: str, given: bool
) -> None:
    there = origin(b"there")
    port = there.server.port
    profile = HostProfile(host=host.format(port=port), headers=(("X-Key", "k"),))
    listed = [entry(there.server.url(f"/f{n}", host="localhost"), f"f{n}") for n in range(3)]
    ran = mirror(tmp_path / "m", listed, source=source.format(port=port), hosts=(profile,))
    assert sorted(ran.done) == ["f0", "f1", "f2"]
    assert {request.fields.get("x-key") for request in there.requests} == {"k" if given else None}
    told = [said.text for said in ran.of(Said) if f'[host."localhost:{port}"]' in said.text]
    assert len(told) == (0 if given else 1)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("how", ["header", "mirror"])
def test_a_remote_list_has_no_say_in_whom_netrc_is_for(
    origin: Callable[..., Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    remote: bool,
) -> None:
    """What a list says of a URL, or beside which it names it, is no word of the user's."""
    (tmp_path / "netrc").write_text(
        "machine localhost login me password pw\ndefault login any password pw2\n"
    )
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    away = origin(b"", faults=lambda *_: Status(404))
    default, machine = origin(b"default"), origin(b"machine")
    urls = [default.url, machine.server.url("/f", host="localhost")]
    if how == "header":
        listed = [entry(url, f"f{n}", headers=(("X-A", "1"),)) for n, url in enumerate(urls)]
    else:
        listed = [Entry(path=f"f{n}", urls=(away.url, url)) for n, url in enumerate(urls)]
    ran = mirror(
        tmp_path / "m",
        listed,
        network=replace(QUICK, netrc=True),
        source=away.server.url("/list") if remote else "-",
    )
    assert ran.result.failures.first == []
    for server in (default, machine):
        assert server.requests
        # A list of the user's own is the user's word, and both are at unusual ports.
        told = {"authorization" in request.fields for request in server.requests}
        assert told == {not remote}
        assert {request.fields.get("x-a") for request in server.requests} == {
            "1" if how == "header" else None
        }
    if how == "mirror":
        assert {"authorization" in request.fields for request in away.requests} == {True}


def test_a_stop_is_gone_on_from(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Done):
            cancel.set()

    with pytest.raises(CancelledError):
        mirror(mirrored, site.entries(digests=True), cancel=cancel, on=stop, max_files=1)
    assert 1 <= len(tree(mirrored)) < len(site.files)
    with Ledger(ledger_path(mirrored), readonly=True) as ledger:
        assert not ledger.status().complete
    ran = mirror(mirrored, site.entries(digests=True))
    same(ran, mirrored, site)
    assert len(ran.done) < len(site.files)


@pytest.mark.parametrize("digests", [True, False])
def test_a_file_that_is_replaced_takes_one_request(
    site: Site, tmp_path: Path, digests: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=digests))
    site.put("d1/f1.bin", b"another", modified=1_710_000_000)
    site.requests(0)
    ran = mirror(mirrored, site.entries(digests=digests))
    same(ran, mirrored, site)
    # Without digests each is asked about.
    expected = 1 if digests else len(site.files)
    assert site.requests(expected) == expected


def test_what_is_known_to_be_corrupt_is_mended_by_the_next_run(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    for path in ("data", "twin"):
        site.put(path, b"content" * 100)
    listed = {each.path: each for each in site.entries(digests=True)}
    mirror(mirrored, [listed["data"]])
    flip(mirrored / "data", 7)
    missing = entry(site.server.url("nowhere"), "missing")
    named = [listed["data"], listed["twin"], missing]
    # Ended before it came to that.
    mirror(mirrored, named, fail_fast=True, max_files=1, order="list")
    ran = mirror(mirrored, [listed["data"], listed["twin"]])
    assert ran.result.failures.first == []
    assert (mirrored / "data").read_bytes() == b"content" * 100
    assert (
        mirrored / "data.corrupt"
    ).read_bytes() == b"content" + b"b" + b"ontent" + b"content" * 98
    assert mirror(mirrored, [listed["data"], listed["twin"]]).done == {}


def test_lists_are_fetched_beside_each_other(nginx: StartNginx, tmp_path: Path) -> None:
    at_work = most = 0

    def note(happening: Happening) -> None:
        nonlocal at_work, most
        at_work += isinstance(happening, Taken) - isinstance(happening, Done)
        most = max(most, at_work)

    root = tmp_path / "site"
    root.mkdir()
    (root / "f").write_bytes(b"c" * 15_000)
    url = nginx(root, server=["limit_rate 10k;"]).url("f")
    ran = mirror(tmp_path / "m", [entry(url, f"{n}.sha256") for n in range(4)], on=note)
    assert (len(ran.done), most > 1) == (4, True)


def test_enough_is_enough_though_the_list_is_open_still(tmp_path: Path) -> None:
    more = threading.Event()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}/f"

        def read() -> Iterator[Entry]:
            yield from (entry(away, f"{n}") for n in range(1200))
            more.wait(20.0)

        began = time.monotonic()
        ran = mirror(tmp_path / "m", read, fail_fast=True, patience=0.1, retries=0)
    took = time.monotonic() - began
    more.set()
    assert (ran.result.failures.count > 0, took < 15.0) == (True, True)


def test_a_host_is_given_up_once_however_late_the_list_names_it(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}/f"
        given_up = threading.Event()

        def read() -> Iterator[Entry]:
            yield from (entry(away, f"{n}") for n in range(20))
            assert given_up.wait(20.0)
            yield from (entry(away, f"late/{n}") for n in range(20))

        def note(happening: Happening) -> None:
            if isinstance(happening, GaveUp):
                given_up.set()

        ran = mirror(tmp_path / "m", read, on=note, rounds=1, patience=0.1, retries=0)
    told = [str(each) for each in ran.result.failures.first if "given up" in str(each)]
    assert (len(told), len(ran.of(GaveUp)) > 1) == (1, True)
    assert len(ran.of(Lost)) + sum(each.files for each in ran.of(GaveUp)) == 40


def test_what_rotted_is_mended_while_lists_wait(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    content = b"content" * 100
    for path in ("data", "n0/index.html", "n1/index.html"):
        site.put(path, content if path != "n1/index.html" else b"other")
    listed = {each.path: each for each in site.entries(digests=True)}
    mirror(mirrored, [listed["data"]])
    flip(mirrored / "data", 7)
    # The first of these would be linked to it, which shows that it is corrupt.
    named = ["data", "n0/index.html", "n1/index.html"]
    ran = mirror(mirrored, [listed[path] for path in named])
    assert ran.result.failures.first == []
    found = {path: (mirrored / path).read_bytes() for path in named}
    assert found == {path: site.files[path] for path in named}


def test_no_secret_is_written_down(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    url = site.server.url("d1/f1.bin")
    secret = url.replace("http://", "http://me:passw0rd@") + "?token=s3cret"
    ran = mirror(mirrored, [entry(secret, "a"), entry(url + "x?token=s3cret", "b")])
    assert len(ran.result.failures.first) == 1
    for path in (mirrored / ".segdl").rglob("*"):
        if path.is_file():
            assert not {b"passw0rd", b"s3cret"} & set(
                re.findall(rb"passw0rd|s3cret", path.read_bytes())
            )
    assert not re.search("passw0rd|s3cret", repr(ran.happened) + str(ran.result.failures.first))


@pytest.mark.parametrize("year", [1900, 1970, 2040, 2300, 9999])
def test_any_time_that_a_server_tells_is_taken(
    origin: Callable[..., Origin], tmp_path: Path, year: int
) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    server = origin(b"content", last_modified=moment)
    for how in ("fetched", "unchanged"):
        ran = mirror(tmp_path / "m", [entry(server.url, "a")])
        assert (ran.result.failures.first, ran.done) == ([], {"a": how})


def test_numbers_that_no_file_has_are_refused(site: Site, tmp_path: Path) -> None:
    url = site.server.url("d1/f1.bin")
    bad = [entry(url, "a", size=1 << 63), entry(url, "b", modified=1 << 63)]
    ran = mirror(tmp_path / "m", [*bad, entry(url, "c")])
    assert [error.exit_code for error in ran.result.failures.first] == [2, 2]
    assert set(tree(tmp_path / "m")) == {"c"}
    # Each of these could be, but not all of them.
    ran = mirror(tmp_path / "m", [entry(url, str(n), size=(1 << 63) - 1) for n in range(3)])
    assert [error.exit_code for error in ran.result.failures.first] == [5, 5, 5]
    with Ledger(ledger_path(tmp_path / "m"), readonly=True) as ledger:
        assert ledger.status().failed == 3


@contextmanager
def plain_server(root: Path) -> Iterator[str]:
    """Serve a folder as Python does: its 304 does not tell which version it means."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, name="plain-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_not_modified_is_no_answer_where_nobody_knows_since_what(tmp_path: Path) -> None:
    root, mirrored = tmp_path / "root", tmp_path / "mirrored"
    for folder in (root, mirrored):
        folder.mkdir()
    (root / "a").write_bytes(b"all of the file")
    os.utime(root / "a", (1_700_000_000, 1_700_000_000))
    # Another program was here, and did not get far.
    (mirrored / "a").write_bytes(b"all of")
    with plain_server(root) as url:
        listed = [entry(f"{url}/a", "a")]
        assert mirror(mirrored, listed).done == {"a": "fetched"}
        assert mirror(mirrored, listed).done == {"a": "unchanged"}
        (root / "a").write_bytes(b"an older version")
        os.utime(root / "a", (1_600_000_000, 1_600_000_000))
        assert mirror(mirrored, listed).done == {"a": "fetched"}
    assert (mirrored / "a").read_bytes() == b"an older version"


def test_a_host_that_asks_to_wait_for_a_day_is_left_to_the_next_run(
    origin: Callable[..., Origin], site: Site, tmp_path: Path
) -> None:
    server = origin(b"never", faults=lambda request, number: Status(503, retry_after=86400))
    asked = [entry(server.server.url(f"/{n}"), f"later/{n}") for n in range(40)]
    ran = mirror(tmp_path / "m", [*asked, *site.entries()])
    assert tree(tmp_path / "m") == site.files
    assert {error.exit_code for error in ran.result.failures.first} == {4}
    assert ran.result.rounds[0].failed == 40
    assert len(server.requests) <= 16


def test_a_host_that_leads_to_one_that_asks_to_wait_is_not_left_alone(
    origin: Callable[..., Origin], site: Site, tmp_path: Path
) -> None:
    busy = origin(b"never", faults=lambda request, number: Status(503, retry_after=86400))
    leads = origin(
        b"own",
        faults=lambda request, number: (
            RedirectTo(busy.server.url(request.path)) if "far" in request.path else ()
        ),
    )
    asked = [entry(leads.server.url(f"/{n}.far"), f"far/{n}") for n in range(40)]
    served = [entry(leads.server.url(f"/{n}.own"), f"own/{n}") for n in range(40)]
    ran = mirror(tmp_path / "m", [*asked, *served, *site.entries()])
    assert tree(tmp_path / "m") == {**site.files, **{f"own/{n}": b"own" for n in range(40)}}
    assert ran.result.rounds[0].failed == 40
    assert {error.exit_code for error in ran.result.failures.first} == {4}
    # Those that were under way when the first was answered.
    assert len(busy.requests) <= 16


def test_what_ends_a_run_does_not_wait_for_the_rest_of_its_list(site: Site, tmp_path: Path) -> None:
    over = threading.Event()
    read_to_its_end: list[bool] = []

    def listed() -> Iterator[Found]:
        yield from site.entries()
        over.wait(60)
        read_to_its_end.append(True)

    def on(happening: Happening) -> None:
        if isinstance(happening, Kept):
            raise DiskError("nothing more can be written")

    try:
        with pytest.raises(DiskError):
            mirror(tmp_path / "m", listed, on=on)
        assert not read_to_its_end
    finally:
        over.set()


def test_a_program_never_gets_a_name_that_it_takes_for_an_option(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path / "m")
    hook = ("/bin/sh", "-c", f'printf %s "$1" > "{seen}"', "hook")
    mirror(Path("."), [entry(site.server.url("d1/f1.bin"), "-rf")], exec=hook)
    assert seen.read_text() == str(tmp_path / "m" / "-rf")


def test_a_twin_that_is_replaced_meanwhile_is_not_linked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored, newer = tmp_path / "mirrored", tmp_path / "newer"
    mirror(mirrored, site.entries(digests=True))
    site.put("moved.iso", site.files["large.iso"])
    newer.write_bytes(b"another run of the server")
    link = os.link

    def late(source: Path, target: Path) -> None:
        shutil.copy2(newer, source)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    ran = mirror(mirrored, site.entries(digests=True))
    assert (mirrored / "moved.iso").read_bytes() == site.files["moved.iso"]
    assert ran.done["moved.iso"] == "fetched"


def test_a_twin_that_rotted_is_repaired_in_the_run_that_sees_it(site: Site, tmp_path: Path) -> None:
    """Nothing but the link would have had it read: its size and time are as they were."""
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    flip(mirrored / "large.iso", 5_000_000)
    for name in ("copy.iso", "0/another.iso", "third.iso"):
        site.put(name, site.files["large.iso"])
    ran = mirror(mirrored, site.entries(digests=True))
    assert ran.result.failures.first == []
    whole = {path: data for path, data in tree(mirrored).items() if not path.endswith(".corrupt")}
    assert whole == site.files
    assert (mirrored / "large.iso.corrupt").stat().st_size == len(site.files["large.iso"])
    said = [each.text for each in ran.of(Said)]
    assert sum(line == "large.iso is corrupt: nothing is linked to it" for line in said) == 1
    assert sum("it is kept as large.iso.corrupt" in line for line in said) == 1
    # Each file is counted once: those that were here, and those that were at work.
    assert ran.of(Kept)[-1].files + len(ran.of(Done)) == len(site.files)
    assert set(ran.done) == {"large.iso", "copy.iso", "0/another.iso", "third.iso"}
    assert mirror(mirrored, site.entries(digests=True)).done == {}


@pytest.mark.parametrize("delete", ["no", "trash"])
def test_a_twin_that_rotted_and_is_not_listed_any_more_is_told_of(
    site: Site, tmp_path: Path, delete: str
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    flip(mirrored / "large.iso", 5_000_000)
    site.put("moved.iso", site.files["large.iso"])
    site.drop("large.iso")
    ran = mirror(mirrored, site.entries(digests=True), delete=delete)
    assert (ran.result.failures.first, ran.done) == ([], {"moved.iso": "fetched"})
    assert (mirrored / "moved.iso").read_bytes() == site.files["moved.iso"]
    said = [each.text for each in ran.of(Said)]
    assert said.count("large.iso is not repaired: the list does not name it") == 1
    assert (mirrored / "large.iso").exists() == (delete == "no")


@pytest.mark.parametrize("path", ["a", "a.iso", "notes.txt"])
def test_a_login_page_never_takes_the_place_of_a_file(
    origin: Callable[..., Origin], tmp_path: Path, path: str
) -> None:
    good = origin(b"what the archive is for")
    login = origin(b"<!DOCTYPE html>Please log in", content_type="text/html", etag='"login"')
    mirror(tmp_path / "m", [entry(good.url, path)])
    ran = mirror(tmp_path / "m", [entry(login.url, path)])
    assert [error.exit_code for error in ran.result.failures.first] == [4]
    assert (tmp_path / "m" / path).read_bytes() == b"what the archive is for"


@pytest.mark.parametrize(("path", "comes"), [("a.iso", False), ("a.html", True), ("a", True)])
def test_web_pages_are_files_where_they_may_be(
    origin: Callable[..., Origin], tmp_path: Path, path: str, comes: bool
) -> None:
    for body in (b"<!DOCTYPE html>one", b"<!DOCTYPE html>two"):
        page = origin(body, content_type="text/html", etag=None, last_modified=None)
        ran = mirror(tmp_path / "m", [entry(page.url, path)])
        assert (ran.result.failures.first == []) == comes
        assert tree(tmp_path / "m") == ({path: body} if comes else {})


def test_what_was_fetched_of_a_file_that_is_gone_does_not_stay(
    origin: Callable[..., Origin], site: Site, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored"
    server = origin(
        b"x" * 5 * MIB, faults=lambda request, number: Status(500) if number else CutAfter(2 * MIB)
    )
    mirror(mirrored, [entry(server.url, "torn"), *site.entries()], retries=0)
    assert any((mirrored / "torn.segdl").glob("*.part"))
    mirror(mirrored, site.entries(), source="another list")
    assert any((mirrored / "torn.segdl").glob("*.part"))
    same(mirror(mirrored, site.entries()), mirrored, site)
    assert not (mirrored / "torn.segdl").exists()


def test_sums_are_of_all_files_however_they_came(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    shutil.copytree(site.server.root, mirrored)
    entries = site.entries()
    assert set(mirror(mirrored, entries, sums=True).done.values()) == {"unchanged"}
    site.put("twin.bin", site.files["d1/f1.bin"])
    weak = [
        replace(each, checksum=Checksum("md5", hashlib.md5(site.files[each.path]).hexdigest()))
        for each in site.entries()
    ]
    mirror(mirrored, weak)
    site.put("another.bin", site.files["d2/f2.bin"])
    for listed in (entries, weak):
        mirror(mirrored, listed, sums=True)
        lines = (mirrored / "SHA256SUMS").read_text().splitlines()
        assert len(lines) == len(listed)


def test_sums_are_of_what_is_here_where_another_file_cannot_be_had(
    site: Site, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(), sums=True)
    site.put("d1/f1.bin", b"another one")
    bad = entry(site.server.url("nowhere.bin"), "bad")
    assert mirror(mirrored, [*site.entries(), bad], sums=True).result.failures.first
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=mirrored, check=False
    )
    assert checked.returncode == 0
    assert len((mirrored / "SHA256SUMS").read_text().splitlines()) == len(site.files)


def test_a_mirror_that_was_not_let_delete_is_not_complete(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries())
    for delete, complete in (("no", True), ("now", False)):
        mirror(mirrored, site.entries()[1:], delete=delete, max_delete=0.0)
        with Ledger(mirrored / ".segdl" / "ledger.sqlite", readonly=True) as ledger:
            assert ledger.status().complete is complete


def test_twins_that_rotted_together_mend_nothing(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    for n in range(3):
        site.put(f"twins/{n}.bin", site.files["large.iso"])
    assert set(mirror(mirrored, site.entries(digests=True)).done.values()) == {"linked"}
    flip(mirrored / "twins/1.bin", 5)
    ran = mirror(mirrored, site.entries(digests=True), verify=True)
    assert ran.result.failures.first == []
    whole = {path: data for path, data in tree(mirrored).items() if not path.endswith(".corrupt")}
    assert whole == site.files


def test_verify_reads_every_file_once(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=True))
    site.put("d1/f1.bin", b"changed")
    ran = mirror(mirrored, lambda: site.entries(digests=True), verify=True)
    same(ran, mirrored, site)
    assert sorted(each.path for each in ran.of(Done)) == sorted(site.files)


@pytest.mark.parametrize("digests", [True, False])
def test_nothing_is_left_beside_a_file_that_a_killed_run_named(
    site: Site, tmp_path: Path, digests: bool
) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries(digests=digests))
    shutil.rmtree(mirrored / ".segdl")
    (mirrored / "large.iso.segdl").mkdir()
    (mirrored / "large.iso.segdl" / "lock").touch()
    same(mirror(mirrored, site.entries(digests=digests)), mirrored, site)
    assert not (mirrored / "large.iso.segdl").exists()


@pytest.mark.parametrize("digests", [True, False])
def test_a_list_may_name_other_urls_for_what_was_begun(
    origin: Callable[..., Origin], tmp_path: Path, digests: bool
) -> None:
    before, after = b"a" * 5 * MIB, b"b" * 6 * MIB
    first = origin(
        before, faults=lambda request, number: Status(500) if number else CutAfter(2 * MIB)
    )
    second = origin(after, etag='"second"')
    listed = [
        [entry(server.url, "x", checksum=sha256(data) if digests else None)]
        for server, data in ((first, before), (second, after))
    ]
    mirror(tmp_path / "m", listed[0], retries=0)
    assert any((tmp_path / "m" / "x.segdl").glob("*.part"))
    assert mirror(tmp_path / "m", listed[1]).done == {"x": "fetched"}
    assert tree(tmp_path / "m") == {"x": after}


def test_what_is_set_aside_takes_the_place_of_nothing_else(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    site.put("d2/f2.bin.1.corrupt", b"a file of the list")
    mirror(mirrored, site.entries(digests=True))
    beside = mirrored / "d2"
    (beside / "f2.bin.corrupt").write_bytes(b"a file of the user")
    aside = {"f2.bin.corrupt": b"a file of the user", "f2.bin.1.corrupt": b"a file of the list"}
    for number, written in enumerate((b"w" * 2000, b"v" * 2000), start=2):
        (beside / "f2.bin").write_bytes(written)
        ran = mirror(mirrored, site.entries(digests=True))
        assert (ran.result.failures.first, ran.done["d2/f2.bin"]) == ([], "repaired")
        aside[f"f2.bin.{number}.corrupt"] = written
        # What somebody wrote is there once: nothing may take its place.
        assert {each.name: each.read_bytes() for each in beside.glob("f2.bin.*corrupt")} == aside
    for wrong in (b"x" * 2000, b"y" * 2000):
        (site.server.root / "d2/f2.bin").write_bytes(wrong)
        (beside / "f2.bin").unlink(missing_ok=True)
        assert mirror(mirrored, site.entries(digests=True)).result.failures.first
        aside["f2.bin.4.corrupt"] = wrong
        # What a server sent can be had again.
        assert {each.name: each.read_bytes() for each in beside.glob("f2.bin.*corrupt")} == aside
    (beside / "f2.bin.4.corrupt").write_bytes(b"mended by hand")
    (site.server.root / "d2/f2.bin").write_bytes(b"x" * 2000)
    assert mirror(mirrored, site.entries(digests=True)).result.failures.first
    assert (beside / "f2.bin.4.corrupt").read_bytes() == b"mended by hand"
    assert (beside / "f2.bin.5.corrupt").read_bytes() == b"x" * 2000
