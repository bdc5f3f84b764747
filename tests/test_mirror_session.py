"""A folder is made equal to a list, and asked for no more than is needed for that."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from segdl.core.checksum import Checksum
from segdl.core.pieces import Pieces
from segdl.errors import CancelledError, ServerError
from segdl.mirror.happenings import Done, GaveUp, Lost, Said, Taken
from segdl.mirror.listing import Entry, Unlisted, Unusable
from segdl.mirror.options import HostProfile
from segdl.options import NetworkOptions
from support.mirroring import Ran, entry, mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.happenings import Happening
    from support.nginx import Nginx
    from support.origin import Origin


def sha256(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


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
    assert ran.result.failures == []
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
    assert [error.exit_code for error in ran.result.failures] == [5]
    assert (mirrored / "d1/f1.bin.corrupt").read_bytes() == b"x" * 1000
    assert not (mirrored / "d1/f1.bin").exists()
    assert not (mirrored / "d1/f1.bin.segdl").exists()
    site.put("d1/f1.bin", site.files["d1/f1.bin"])
    assert mirror(mirrored, entries).result.failures == []
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
    assert ran.result.failures == []
    assert ran.done["d2/f2.bin"] == "repaired"
    assert (mirrored / "d2/f2.bin").read_bytes() == site.files["d2/f2.bin"]
    assert (mirrored / "d2/f2.bin.corrupt").exists()
    assert {how for path, how in ran.done.items() if path != "d2/f2.bin"} == {"unchanged"}


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
    assert ran.result.failures == []
    (done,) = ran.of(Done)
    assert (done.how, done.path) == ("repaired", "large.iso")
    assert done.fetched <= 3 * step
    assert (mirrored / "large.iso").read_bytes() == data


def test_sums_are_what_sha256sum_checks(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    site.put("odd \\ name\n.bin", b"odd")
    entries = [each for each in site.entries() if "\n" not in each.path]
    assert mirror(mirrored, entries, sums=True).result.failures == []
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=mirrored, check=False
    )
    assert checked.returncode == 0
    listed = {
        line.split("  ", 1)[1] for line in (mirrored / "SHA256SUMS").read_text().split("\n")[:-1]
    }
    assert listed == {each.path for each in entries}


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

    def test_nothing_after_a_failure(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        gone = site.entries()[1]
        listed = [each for each in site.entries() if each != gone]
        failing = entry(site.server.url("nowhere.bin"), "nowhere.bin")
        ran = mirror(mirrored, [*listed, failing], delete="now")
        assert [error.exit_code for error in ran.result.failures] == [4]
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
        assert len(ran.result.failures) == 1
        assert tree(mirrored) == site.files

    def test_nothing_where_it_would_be_too_much(self, site: Site, tmp_path: Path) -> None:
        mirrored = tmp_path / "mirrored"
        mirror(mirrored, site.entries())
        ran = mirror(mirrored, site.entries()[2:], delete="now")
        assert [error.exit_code for error in ran.result.failures] == [5]
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

    def test_never_through_a_link(self, site: Site, tmp_path: Path) -> None:
        mirrored, elsewhere = tmp_path / "mirrored", tmp_path / "elsewhere"
        mirror(mirrored, site.entries())
        (mirrored / "d1").rename(elsewhere)
        (mirrored / "d1").symlink_to(elsewhere)
        before = tree(elsewhere)
        for path in [path for path in site.files if path.startswith("d1/")]:
            site.drop(path)
        ran = mirror(mirrored, site.entries(), delete="now", max_delete=1.0)
        assert [error.exit_code for error in ran.result.failures] == [6]
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


def test_what_is_of_others_stays_in_the_way(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    mirror(mirrored, site.entries())
    (mirrored / "name").mkdir()
    (mirrored / "name" / "mine").write_text("mine")
    (mirrored / "other").write_text("mine")
    site.put("name", b"a file")
    site.put("other/inside", b"a file")
    ran = mirror(mirrored, site.entries())
    assert [error.exit_code for error in ran.result.failures] == [6, 6]
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

    @pytest.mark.parametrize("order", ["largest", "list"])
    def test_of_files(self, site: Site, tmp_path: Path, order: str) -> None:
        entries = site.entries(times=True)
        ran = mirror(tmp_path / "mirrored", entries, order=order, max_files=1)
        taken = [each.path for each in ran.of(Taken)]
        by_size = sorted(entries, key=lambda each: -(each.size or 0))
        wanted = by_size if order == "largest" else entries
        assert taken == [each.path for each in wanted]


def test_the_last_large_file_gets_the_connections_that_are_free(
    nginx: StartNginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    root = tmp_path / "slow"
    root.mkdir()
    files = {f"{n}.bin": content(4_000_000, seed=n) for n in range(8)}
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
    assert [error.exit_code for error in ran.result.failures] == [2] * len(bad)
    assert tree(tmp_path / "a") == {}
    assert not any("\x1b" in str(error) for error in ran.result.failures)


def test_a_path_that_is_named_twice(site: Site, tmp_path: Path) -> None:
    one, other = site.server.url("d1/f1.bin"), site.server.url("d2/f2.bin")
    ran = mirror(
        tmp_path / "m", [entry(one, "a"), entry(one, "./a"), entry(one, "b"), entry(other, "b")]
    )
    assert [error.exit_code for error in ran.result.failures] == [2]
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
    assert [error.exit_code for error in ran.result.failures] == [1]


def test_fail_fast_and_max_failures(site: Site, tmp_path: Path) -> None:
    url = site.server.url("nowhere.bin")
    bad = [entry(url, f"bad{n}") for n in range(50)]
    ran = mirror(tmp_path / "a", bad, fail_fast=True, max_files=2)
    assert 1 <= len(ran.result.failures) <= 3
    ran = mirror(tmp_path / "b", bad, max_failures=10, max_files=2)
    assert 10 <= len(ran.result.failures) <= 12


def test_a_host_that_is_away_holds_nobody_up_and_is_given_up(site: Site, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}/f"
        bad = [entry(away, f"away/{n}", size=10**9) for n in range(40)]
        ran = mirror(tmp_path / "m", [*bad, *site.entries()], patience=0.1, retries=1)
    assert tree(tmp_path / "m") == site.files
    assert {error.exit_code for error in ran.result.failures} == {3}
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


def test_a_stop_is_gone_on_from(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Done):
            cancel.set()

    with pytest.raises(CancelledError):
        mirror(mirrored, site.entries(digests=True), cancel=cancel, on=stop, max_files=1)
    assert 1 <= len(tree(mirrored)) < len(site.files)
    ran = mirror(mirrored, site.entries(digests=True))
    same(ran, mirrored, site)
    assert len(ran.done) < len(site.files)


def test_no_secret_is_written_down(site: Site, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    url = site.server.url("d1/f1.bin")
    secret = url.replace("http://", "http://me:passw0rd@") + "?token=s3cret"
    ran = mirror(mirrored, [entry(secret, "a"), entry(url + "x?token=s3cret", "b")])
    assert len(ran.result.failures) == 1
    for path in (mirrored / ".segdl").rglob("*"):
        if path.is_file():
            assert not {b"passw0rd", b"s3cret"} & set(
                re.findall(rb"passw0rd|s3cret", path.read_bytes())
            )
    assert not re.search("passw0rd|s3cret", repr(ran.happened) + str(ran.result.failures))
