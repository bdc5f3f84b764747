"""A folder is made equal to a list, and asked for no more than is needed for that."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from segdl.core.checksum import Checksum
from segdl.mirror.listing import Entry
from support.mirroring import Ran, entry, mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.nginx import Nginx


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
