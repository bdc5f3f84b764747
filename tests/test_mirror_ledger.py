"""The ledger: what is here survives everything, what is to be done survives nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from segdl.core.checksum import Checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Listed, Need, Stat
from segdl.errors import DiskError, NetworkError
from segdl.mirror.ledger import Ledger
from segdl.mirror.rows import Row, Wanted
from segdl.mirror.schema import VERSION
from support.filesystems import Kind, loop_filesystem
from support.require import require

if TYPE_CHECKING:
    from pathlib import Path

SUM = Checksum("sha256", "ab" * 32)
HAD = Had(Stat(5, 10**18 + 1), Version(size=5, etag='"e"', last_modified="then"), 7, SUM, "ab" * 32)


def wanted(path: str, host: str = "h", turn: int = 0, need: Need = Need.FETCH) -> Wanted:
    return Wanted(
        path=path,
        host=host,
        urls=(f"http://{host}/{path}",),
        listed=Listed(5, 6, SUM),
        turn=turn,
        late=False,
        need=need,
    )


def write(ledger: Ledger, *files: Wanted) -> int:
    listing = ledger.begin_listing()
    with ledger.transaction():
        ledger.write(listing, files)
    return listing


def get(ledger: Ledger, path: str) -> Row:
    return ledger.rows([path])[path]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    names = ["a", "d/b ü\u200b", os.fsdecode(b"latin-\xe9"), "quote'\"\\", "x" * 255]
    with Ledger(tmp_path / "l") as ledger:
        write(ledger, *map(wanted, names))
        with ledger.transaction():
            for name in names:
                ledger.succeeded(get(ledger, name), HAD)
    with Ledger(tmp_path / "l") as ledger:
        for name in names:
            row = get(ledger, name)
            assert (row.path, row.had, row.listed) == (name, HAD, Listed(5, 6, SUM))
        assert [row.path for rows in ledger.unlisted(99) for row in rows] == sorted(
            names, key=os.fsencode
        )
        assert ledger.rows(["unknown"]) == {}


def test_files_are_taken_once_and_in_turn(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        write(
            ledger,
            wanted("c", turn=3),
            wanted("a", turn=1),
            wanted("b", turn=2),
            wanted("other", "i"),
            wanted("kept", need=Need.NOTHING),
        )
        assert [row.path for row in ledger.take("h", 2, late=False)] == ["a", "b"]
        assert [row.path for row in ledger.take("h", 2, late=False)] == ["c"]
        assert ledger.take("h", 2, late=False) == []
        assert ledger.take("h", 2, late=True) == []
        assert ledger.give_up("i", NetworkError("away")) == (1, 5)
        assert ledger.status().errors == (("other", "away"),)


def test_what_waits_is_forgotten_and_what_is_here_is_not(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        write(ledger, wanted("a"), wanted("b"))
        with ledger.transaction():
            ledger.succeeded(get(ledger, "a"), HAD)
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.status().waiting == 1
        second = write(ledger, wanted("c"))
        assert [row.path for row in ledger.take("h", 9, late=False)] == ["c"]
        unlisted = {row.path: row.had for rows in ledger.unlisted(second) for row in rows}
        assert unlisted == {"a": HAD, "b": None}


def test_others_read_while_it_writes(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        listing = write(ledger, wanted("a"))
        with ledger.transaction():
            ledger.succeeded(get(ledger, "a"), HAD)
            with Ledger(tmp_path / "l", readonly=True) as reader:
                assert reader.status().here == 0
        with Ledger(tmp_path / "l", readonly=True) as reader:
            found = reader.status()
            assert (found.here, found.files, found.ended, found.complete) == (1, 1, None, False)
        ledger.end_listing(listing, (1, 5, 1, 1, 0, 0), complete=True)
        with Ledger(tmp_path / "l", readonly=True) as reader:
            assert reader.status().complete


def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Ledger(tmp_path / "l").__exit__(None, None, None)
    with sqlite3.connect(tmp_path / "l") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    for readonly in (False, True):
        with pytest.raises(DiskError, match="later version"):
            Ledger(tmp_path / "l", readonly=readonly)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_one_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "l").write_bytes(content)
    with pytest.raises(DiskError, match="ledger"):
        Ledger(tmp_path / "l")


@pytest.mark.parametrize("version", [0, VERSION])
def test_one_without_tables_can_be_moved_away(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / "l")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    reader = Ledger(tmp_path / "l", readonly=True)
    with reader, pytest.raises(DiskError, match="move it away"):
        reader.status()
    if version:
        with Ledger(tmp_path / "l") as ledger, pytest.raises(DiskError, match="move it away"):
            ledger.begin_listing()


_WRITER = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
import test_mirror_ledger as t
with t.Ledger(Path({ledger!r})) as ledger:
    t.write(ledger, *(t.wanted(str(n)) for n in range(5000)))
    for n in range(5000):
        row = t.get(ledger, str(n))
        with ledger.transaction():
            ledger.succeeded(row, t.HAD)
        print(n, flush=True)
"""


def test_killed_it_has_what_was_acknowledged(tmp_path: Path) -> None:
    script = _WRITER.format(path=sys.path, ledger=str(tmp_path / "l"))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= 300:
                break
        killer = threading.Timer(0.02, writer.kill)
        killer.start()
        said = [int(line) for line in writer.stdout if line.endswith(b"\n")]
        killer.join()
    last = max(said, default=300)
    with Ledger(tmp_path / "l") as ledger:
        assert all(get(ledger, str(n)).had == HAD for n in range(last + 1))


@pytest.mark.parametrize(
    ("kind", "mode"), [("ext4", "delete"), ("btrfs", "delete"), ("xfs", "wal")]
)
def test_the_log_is_where_a_full_disk_kills_nobody(tmp_path: Path, kind: Kind, mode: str) -> None:
    # ext4 has blocks of 1 KiB where it is as small as this.
    with loop_filesystem(kind, 8, tmp_path) as folder, Ledger(folder / "l"):
        with sqlite3.connect(folder / "l") as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == (mode,)
        db.close()


def test_who_may_only_read_can_look(tmp_path: Path) -> None:
    require("a read-only mount needs root", os.geteuid() == 0)
    with loop_filesystem("xfs", 300, tmp_path) as folder:
        with Ledger(folder / "l") as ledger:
            write(ledger, wanted("a"))
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        with Ledger(folder / "l", readonly=True) as ledger:
            assert ledger.status().files == 1


def test_whose_list_named_a_file_is_known(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        for name, source in (("a", "one"), ("b", "two"), ("c", "one")):
            listing = ledger.begin_listing(source)
            with ledger.transaction():
                ledger.write(listing, [wanted(name)])
        same = ledger.same_list(listing)
        (unlisted,) = ledger.unlisted(listing)
        assert {row.path for row in unlisted if row.listing in same} == {"a"}


def test_what_is_not_listed_can_be_forgotten_meanwhile(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        write(ledger, *(wanted(f"{number:04}") for number in range(2500)))
        seen = 0
        for rows in ledger.unlisted(99):
            ledger.forget(rows[::2])
            seen += len(rows)
        assert seen == 2500
        assert sum(map(len, ledger.unlisted(99))) == 1250


def test_what_was_taken_and_put_back_waits_no_more(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        write(ledger, wanted("a"))
        (row,) = ledger.take("h", 1, late=False)
        assert get(ledger, "a").open
        with ledger.transaction():
            ledger.put_back(row)
        assert not get(ledger, "a").open
        assert ledger.status().waiting == 0
