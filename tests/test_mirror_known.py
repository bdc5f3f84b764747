"""What a mirror takes for known, and what it must not: nothing of it is about another file."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.checksum import Checksum
from segdl.errors import IntegrityError, UsageError
from segdl.mirror.deleting import list_name
from segdl.mirror.happenings import Listed, Taken
from segdl.mirror.options import EngineOptions
from segdl.mirror.session import ledger_path
from support.mirroring import Ran, entry, mirror
from support.program import run_segdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.happenings import Happening
    from segdl.mirror.listing import Entry
    from support.nginx import Nginx
    from support.origin import Origin

WHEN = 1_600_000_000


def sha256(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


@pytest.fixture
def server(nginx: StartNginx, tmp_path: Path) -> Nginx:
    (tmp_path / "root").mkdir()
    return nginx(tmp_path / "root")


def put(server: Nginx, path: str, data: bytes) -> str:
    """Serve a file of the same time as all others, and return its URL."""
    place = server.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    os.utime(place, (WHEN, WHEN))
    return server.url(path)


# -- of another URL --


@pytest.mark.parametrize("engine", [None, EngineOptions(kind="processes")])
def test_what_one_url_said_is_not_taken_for_what_another_says(
    server: Nginx, tmp_path: Path, engine: EngineOptions | None
) -> None:
    """nginx makes an ETag of time and size: these two have the same."""
    mirrored = tmp_path / "mirrored"
    first, second = put(server, "v1/f", b"AAAA"), put(server, "v2/f", b"BBBB")
    assert mirror(mirrored, [entry(first, "f")], engine=engine).done == {"f": "fetched"}
    assert mirror(mirrored, [entry(first, "f")], engine=engine).done == {"f": "unchanged"}
    assert mirror(mirrored, [entry(second, "f")], engine=engine).done == {"f": "fetched"}
    assert (mirrored / "f").read_bytes() == b"BBBB"
    assert mirror(mirrored, [entry(second, "f")], engine=engine).done == {"f": "unchanged"}


def test_a_run_that_was_cut_short_does_not_make_it_known(server: Nginx, tmp_path: Path) -> None:
    mirrored, cancel = tmp_path / "mirrored", threading.Event()
    first, second = put(server, "v1/f", b"AAAA"), put(server, "v2/f", b"BBBB")
    mirror(mirrored, [entry(first, "f")])

    def end(happening: Happening) -> None:
        if isinstance(happening, Listed):
            cancel.set()

    with pytest.raises(Exception, match="interrupted"):
        mirror(mirrored, [entry(second, "f")], cancel=cancel, on=end)
    mirror(mirrored, [entry(second, "f")])
    assert (mirrored / "f").read_bytes() == b"BBBB"


@pytest.mark.parametrize(
    ("then", "conditional"),
    [
        *(("?id=1", True), ("?id=2", False), ("", False), ("?id=1&X-Amz-Signature=2", True)),
        *(("?id=1&md5=a&expires=2", True), ("?id=1&st=a&e=5", True), ("?id=1&md5=a", False)),
        *(("?id=1&st=CA", False), ("?id=1&hash=a", False)),
    ],
)
def test_a_query_names_another_file_but_for_what_signs_it(
    origin: Callable[..., Origin], tmp_path: Path, then: str, conditional: bool
) -> None:
    served = origin(b"content")
    for query in ("?id=1", then):
        url = served.server.url(f"/get{query}")
        assert mirror(tmp_path / "m", [entry(url, "f")]).result.failures.first == []
    assert ("if-none-match" in served.requests[-1].fields) == conditional


def test_a_ledger_of_before_knows_no_query_and_trusts_it(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    served = origin(b"content")
    listed = [entry(served.server.url("/get?id=1"), "f")]
    mirror(tmp_path / "m", listed)
    with closing(sqlite3.connect(ledger_path(tmp_path / "m"))) as ledger:
        ledger.execute("UPDATE file SET query = NULL")
        ledger.commit()
    assert mirror(tmp_path / "m", listed).done == {"f": "unchanged"}


# -- of no ledger --


def test_what_another_tool_left_by_half_is_not_taken_for_whole(
    server: Nginx, tmp_path: Path
) -> None:
    """It has the server's time already: nobody is to be asked on that condition alone."""
    mirrored = tmp_path / "mirrored"
    mirrored.mkdir()
    listed = []
    for name, here in (("whole", b"AAAA"), ("half", b"AA")):
        listed.append(entry(put(server, name, b"AAAA"), name))
        (mirrored / name).write_bytes(here)
        os.utime(mirrored / name, (WHEN, WHEN))
    assert mirror(mirrored, listed).done == {"whole": "unchanged", "half": "fetched"}
    assert (mirrored / "half").read_bytes() == b"AAAA"


def test_what_a_killed_run_put_there_is_not_what_the_ledger_says(
    server: Nginx, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored"

    def listed(data: bytes) -> list[Entry]:
        return [entry(put(server, "f", data), "f", size=4, checksum=sha256(data))]

    mirror(mirrored, listed(b"AAAA"))
    with closing(sqlite3.connect(ledger_path(mirrored))) as ledger:
        # As a run leaves it that is killed before it wrote down what it had put there.
        ledger.execute("UPDATE file SET open = 1")
        ledger.commit()
    (mirrored / "f").write_bytes(b"BBBB")
    os.utime(mirrored / "f", (WHEN, WHEN))
    mirror(mirrored, listed(b"AAAA"))
    assert (mirrored / "f").read_bytes() == b"AAAA"


# -- what comes while a run is at work --


@pytest.mark.parametrize("engine", [None, EngineOptions(kind="processes")])
def test_what_is_put_there_while_others_are_fetched_is_set_aside(
    server: Nginx, tmp_path: Path, engine: EngineOptions | None
) -> None:
    mirrored = tmp_path / "mirrored"
    data = {name: name.encode() * 5 for name in "ab"}
    listed = [
        entry(put(server, name, each), name, size=5, checksum=sha256(each))
        for name, each in data.items()
    ]

    def write(happening: Happening) -> None:
        if isinstance(happening, Taken) and happening.path == "a":
            (mirrored / "b").write_bytes(b"PRECIOUS")

    ran = mirror(mirrored, listed, on=write, order="list", max_files=1, per_host=1, engine=engine)
    assert ran.result.failures.first == []
    assert (mirrored / "b").read_bytes() == data["b"]
    assert (mirrored / "b.corrupt").read_bytes() == b"PRECIOUS"


# -- what a list says twice --


def twice(tmp_path: Path, first: Entry, second: Entry, between: int = 0) -> Ran:
    filled = [entry(f"http://127.0.0.1:9/{n}", f"x/{n}") for n in range(between)]
    return mirror(tmp_path / "m", [first, *filled, second], retries=1, patience=0.1)


@pytest.mark.parametrize("between", [0, 1100])
@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        ({}, {}, True),
        ({}, {"size": 5}, True),
        ({"size": 5}, {"size": 6}, False),
        ({}, {"checksum": sha256(b"right")}, False),
        ({"checksum": sha256(b"right")}, {}, True),
        ({"checksum": sha256(b"wrong")}, {"checksum": sha256(b"right")}, False),
        ({"checksum": sha256(b"right")}, {"checksum": Checksum("md5", "0" * 32)}, True),
    ],
)
def test_a_name_that_is_listed_twice(
    server: Nginx,
    tmp_path: Path,
    first: dict[str, Any],
    second: dict[str, Any],
    right: bool,
    between: int,
) -> None:
    url = put(server, "a", b"right")
    ran = twice(tmp_path, entry(url, "a", **first), entry(url, "a", **second), between)
    refused = [each for each in ran.result.failures.first if isinstance(each, UsageError)]
    said = ["the list names a twice, and says different things of it"]
    assert [each.message for each in refused] == ([] if right else said)


@pytest.mark.parametrize("between", [0, 1100])
def test_a_name_that_is_listed_for_two_queries(
    origin: Callable[..., Origin], tmp_path: Path, between: int
) -> None:
    served = origin(b"content")
    one, two = (entry(served.server.url(f"/get?id={n}"), "f") for n in (1, 2))
    ran = twice(tmp_path, one, two, between)
    assert "twice" in ran.result.failures.first[0].message


# -- what is deleted --


def test_a_list_of_another_query_is_another_list(server: Nginx, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    for part in "ab":
        names = [f"{part}{n}" for n in range(10)]
        listed = [entry(put(server, name, b"x"), name) for name in names]
        source = server.url(f"list?part={part}")
        ran = mirror(mirrored, listed, source=source, delete="now", max_delete=1.0)
        assert ran.result.removed == 0
    assert len(list(mirrored.glob("[ab]*"))) == 20


@pytest.mark.parametrize("formerly", [(), ("http://old.example/list?part=a",)])
def test_a_list_that_moved_is_the_same_where_the_user_says_so(
    server: Nginx, tmp_path: Path, formerly: tuple[str, ...]
) -> None:
    mirrored = tmp_path / "mirrored"
    listed = [entry(put(server, f"f{n}", b"x"), f"f{n}") for n in range(12)]
    mirror(mirrored, listed, source="http://old.example/list?part=a")
    new = "http://new.example/list"
    ran = mirror(mirrored, listed[1:], source=new, delete="trash", formerly=formerly)
    assert ran.result.removed == len(formerly)
    # What it names now is its own.
    ran = mirror(mirrored, listed[2:], source=new, delete="trash")
    assert ran.result.removed == 1


def test_a_list_that_is_signed_anew_is_the_same_list() -> None:
    one, two = (f"https://example.org/list?part=a&X-Amz-Signature={n}" for n in (1, 2))
    assert list_name(one) == list_name(two) != list_name("https://example.org/list?part=b")


@pytest.mark.parametrize("how", [{}, {"include": ("a*",)}])
def test_files_of_others_do_not_make_room_to_delete(
    server: Nginx, tmp_path: Path, how: dict[str, Any]
) -> None:
    """`--max-delete` is a share of what this run may delete from, or a cut list goes through."""
    mirrored = tmp_path / "mirrored"
    few = [entry(put(server, f"a{n}", b"x"), f"a{n}") for n in range(25)]
    many = [entry(put(server, f"b{n}", b"x"), f"b{n}") for n in range(300)]
    if how:
        mirror(mirrored, [*few, *many], source="one")
    else:
        mirror(mirrored, few, source="one")
        mirror(mirrored, many, source="two")
    ran = mirror(mirrored, few[:1], source="one", delete="trash", **how)
    (failure,) = ran.result.failures.first
    assert isinstance(failure, IntegrityError)
    assert "24 of 25 files" in failure.message
    assert len(list(mirrored.glob("a*"))) == 25


def test_a_list_that_was_being_written_deletes_nothing(server: Nginx, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    listed = [entry(put(server, f"f{n}", b"x"), f"f{n}") for n in range(30)]
    mirror(mirrored, listed)
    read = iter((listed[:28], listed))

    def half_at_first() -> Iterator[Entry]:
        return iter(next(read))

    ran = mirror(mirrored, half_at_first, delete="now")
    assert (ran.result.failures.first, ran.result.removed) == ([], 0)
    assert len(list(mirrored.glob("f*"))) == 30


def test_what_has_just_come_does_not_make_room_to_delete(server: Nginx, tmp_path: Path) -> None:
    """The list of something else, and longer, is the mistake that `--max-delete` is for."""
    mirrored = tmp_path / "mirrored"
    old = [entry(put(server, f"a{n}", b"x"), f"a{n}") for n in range(20)]
    new = [entry(put(server, f"b{n}", b"x"), f"b{n}") for n in range(250)]
    mirror(mirrored, old)
    for _ in range(3):
        # Nor what came with a run that was told so.
        ran = mirror(mirrored, new, delete="trash")
        assert "20 of 20 files" in ran.result.failures.first[0].message
    assert len(list(mirrored.glob("a*"))) == 20
    assert mirror(mirrored, new, delete="trash", max_delete=1.0).result.removed == 20
    assert mirror(mirrored, new[10:], delete="trash").result.removed == 10


def test_a_file_that_stays_is_no_reason_to_read_a_list_twice(server: Nginx, tmp_path: Path) -> None:
    mirrored, read = tmp_path / "mirrored", []
    listed = [entry(put(server, f"f{n}", b"x"), f"f{n}", size=1) for n in range(30)]
    mirror(mirrored, listed)
    (mirrored / "f0").write_bytes(b"of the user")

    def again() -> Iterator[Entry]:
        read.append(True)
        return iter(listed[1:])

    for _ in range(2):
        read.clear()
        assert mirror(mirrored, again, delete="trash").result.removed == 0
        assert len(read) == 1


# -- what is here --


def test_sums_are_of_files_that_are_here(server: Nginx, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored"
    urls = {name: put(server, name, name.encode()) for name in "abc"}
    listed = [entry(url, name) for name, url in urls.items()]
    mirror(mirrored, listed, sums=True)
    (mirrored / "a").unlink()
    (mirrored / "b").write_bytes(b"rot")
    for name in "ab":
        (server.root / name).unlink()
    assert mirror(mirrored, listed, sums=True).result.failures.first
    assert [line.split()[1] for line in (mirrored / "SHA256SUMS").read_text().splitlines()] == ["c"]


def test_the_program_says_so(server: Nginx, tmp_path: Path) -> None:
    """From the list on the disk to the files beside it."""
    first, second = put(server, "v1/f", b"AAAA"), put(server, "v2/f", b"BBBB")
    listed = tmp_path / "list"
    for url in (first, second):
        listed.write_text(f"{url}\n")
        assert run_segdl("mirror", "-q", listed, tmp_path / "m").code == 0
    assert (tmp_path / "m" / "f").read_bytes() == b"BBBB"
