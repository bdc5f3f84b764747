"""A list is read again where only that tells that it did not change while its files came."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from segdl.errors import CancelledError
from segdl.mirror import documents
from segdl.mirror.fetcher import Fetcher
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.relist import Listing
from support.program import run_segdl
from support.tree import STALL, Cut, Tree, answer, moved, page
from support.walking import a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.engine.run import Run
    from support.tree import Answer


@pytest.fixture
def run() -> Iterator[Run]:
    with a_run() as run:
        yield run


def listing(run: Run, folder: Path, source: str, base_url: str | None = None) -> Listing:
    wanted = ListingOptions(source=source, robots=False, base_url=base_url)
    return Listing(run, MirrorOptions(directory=folder / "m", listing=wanted), lambda _: None)


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("http://127.0.0.1/b\n")


def edit_in_place(path: Path) -> None:
    path.write_text(path.read_text().replace("/a", "/c"))


def put_an_equal_one_there(path: Path) -> None:
    copied = path.with_suffix(".new")
    shutil.copy2(path, copied)
    copied.replace(path)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda _: None, False),
        (grow, True),
        (edit_in_place, True),
        (put_an_equal_one_there, True),
        (os.unlink, True),
    ],
)
def test_a_file(run: Run, tmp_path: Path, change: Callable[[Path], None], again: bool) -> None:
    path = tmp_path / "list.txt"
    path.write_text("http://127.0.0.1/a\n")
    os.utime(path, (1e9, 1e9))
    of = listing(run, tmp_path, str(path))
    assert of.has_to_be_read_again()
    assert len(list(of.read())) == 1
    change(path)
    assert of.has_to_be_read_again() is again


def test_what_comes_by_a_pipe_is_read_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not listing(run, tmp_path, str(tmp_path / "pipe")).has_to_be_read_again()
    assert not listing(run, tmp_path, "-").has_to_be_read_again()


def site(folders: int = 30) -> dict[str, Answer]:
    """Pages, one below the other's folder each, and one that moves."""
    pages = {"/pub/": page("a", *(f"{number}/" for number in range(folders)), "moved/")}
    pages |= {f"/pub/{number}/": page("file") for number in range(folders)}
    return pages | {"/pub/moved/": moved("/pub/there/"), "/pub/there/": page("file")}


def test_what_comes_from_servers_as_it_did_before_need_not_be_read_again(
    run: Run, tmp_path: Path
) -> None:
    with Tree(site()) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert of.has_to_be_read_again()
        assert not tree.requests
        assert len(list(of.read())) == 32
        before = tree.asked
        assert not of.has_to_be_read_again()
        # Each document was asked for once more.
        assert tree.asked == before + before
        assert len(tree.asked) == 33


@pytest.mark.parametrize(
    ("path", "now"),
    [
        ("/pub/", page("a", "0/")),
        ("/pub/0/", page("file", "new")),
        ("/pub/29/", page("elif")),
        ("/pub/29/", answer(500)),
        ("/pub/29/", answer(404)),
        ("/pub/5/", moved("/pub/6/")),
        ("/pub/moved/", moved("/pub/6/")),
        ("/pub/there/", Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<html>")),
    ],
)
def test_what_does_not_come_from_servers_as_before_has_to_be_read_again(
    run: Run, tmp_path: Path, path: str, now: Answer
) -> None:
    pages = site()
    with Tree(pages) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 32
        pages[path] = now
        assert of.has_to_be_read_again()
        pages |= site()
        # All is as it was again.
        assert not of.has_to_be_read_again()


def test_a_server_in_trouble_is_asked_once_before_all_is_read_again(
    run: Run, tmp_path: Path
) -> None:
    pages = site(0)
    with Tree(pages) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 2
        pages["/pub/"] = answer(500)
        assert of.has_to_be_read_again()
        assert tree.asked["/pub/"] == 2


def test_a_reading_that_did_not_end_says_nothing(run: Run, tmp_path: Path) -> None:
    with Tree(site()) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        with closing(of.read()) as found:
            next(found)
        asked = len(tree.requests)
        assert of.has_to_be_read_again()
        assert len(tree.requests) == asked


def test_where_many_documents_are_they_are_read_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_MOST", 31)
    with Tree(site()) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 32
        assert of.has_to_be_read_again()


def test_where_folders_lead_back_they_are_read_again(run: Run, tmp_path: Path) -> None:
    with Tree(lambda path: page("a", "loop/") if path.startswith("/pub/") else None) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 1
        assert of.has_to_be_read_again()


def test_whoever_ends_the_run_need_not_wait_for_servers(run: Run, tmp_path: Path) -> None:
    pages = site()
    with Tree(pages) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 32
        pages["/pub/3/"] = STALL
        ended = threading.Timer(0.3, run.cancel.set)
        ended.start()
        with pytest.raises(CancelledError):
            of.has_to_be_read_again()
        ended.join()


def test_the_wish_of_a_server_for_time_between_requests_is_heeded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []
    monkeypatch.setattr(Fetcher, "heed", lambda _, delay: waits.append(delay))
    robots = answer(200, b"User-agent: *\nCrawl-delay: 2\n")
    with Tree(site(2), robots=robots) as tree:
        wanted = ListingOptions(source=tree.url("/pub/"))
        options = MirrorOptions(directory=tmp_path / "m", listing=wanted)
        said: list[str] = []
        of = Listing(run, options, said.append)
        assert len(list(of.read())) == 4
        assert not of.has_to_be_read_again()
        assert said[-1] == "4 pages are looked at again, one every 2 s"
        assert waits == [2.0, 2.0]
        assert tree.asked["/robots.txt"] == 1


def test_a_file_that_leads_to_others(run: Run, tmp_path: Path) -> None:
    _, _, saved = page("a", "b/").partition(b"\r\n\r\n")
    (tmp_path / "index.html").write_bytes(saved)
    pages = {"/pub/b/": page("c")}
    with Tree(pages) as tree:
        of = listing(run, tmp_path, str(tmp_path / "index.html"), base_url=tree.url("/pub/"))
        assert len(list(of.read())) == 2
        assert not of.has_to_be_read_again()
        assert tree.asked["/pub/b/"] == 2
        pages["/pub/b/"] = page("c", "d")
        assert of.has_to_be_read_again()


def test_a_list_by_a_pipe(nginx: StartNginx, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a").write_bytes(b"content")
    server = nginx(tmp_path / "site")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=(tmp_path / "pipe").write_text, args=[server.url("a") + "\n"], daemon=True
    )
    writer.start()
    done = run_segdl("mirror", "-q", tmp_path / "pipe", tmp_path / "m")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "m" / "a").read_bytes() == b"content"
