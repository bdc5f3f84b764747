"""A list is read again where only that tells that it did not change while its files came."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.relist import Listing
from support.program import run_segdl
from support.tree import Tree, page
from support.walking import a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.engine.run import Run


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


def test_what_comes_over_the_network_is_read_again(run: Run, tmp_path: Path) -> None:
    with Tree({"/pub/": page("a")}) as tree:
        of = listing(run, tmp_path, tree.url("/pub/"))
        assert len(list(of.read())) == 1
        assert of.has_to_be_read_again()


def test_a_file_that_leads_to_others_is_read_again(run: Run, tmp_path: Path) -> None:
    _, _, saved = page("a", "b/").partition(b"\r\n\r\n")
    (tmp_path / "index.html").write_bytes(saved)
    with Tree({"/pub/b/": page("c")}) as tree:
        of = listing(run, tmp_path, str(tmp_path / "index.html"), base_url=tree.url("/pub/"))
        assert len(list(of.read())) == 2
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
