"""What `segdl mirror` advises names no option that it lacks."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING, get_args

import pytest

from segdl.cli.mirrorparser import read_arguments
from segdl.core.checksum import Checksum
from segdl.core.pieces import Pieces
from segdl.errors import DiskError, Instead, SegdlError
from segdl.mirror.advice import OF_A_FILE, OF_THE_RUN
from segdl.mirror.happenings import Lost
from segdl.progress.events import Note
from segdl.store.faults import disk_errors
from support.faults import CutAfter, Status
from support.folders import fill
from support.mirroring import entry, mirror
from support.program import run_segdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.faults import Fault
    from support.origin import Origin

ALL: tuple[Instead, ...] = get_args(Instead)


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def is_known(option: str) -> bool:
    """Tell whether `segdl mirror` has an option, by its parser."""
    try:
        read_arguments([option, "1", "SOURCE", "DIR"])
    except SegdlError as error:
        return f"unknown option {option}" not in str(error)
    return True


@pytest.mark.parametrize("words", [OF_A_FILE, OF_THE_RUN], ids=["a file", "the run"])
@pytest.mark.parametrize("instead", ALL)
def test_what_may_be_chosen_otherwise(words: dict[Instead, str], instead: Instead) -> None:
    error = DiskError("x", hint="mend it", instead=instead)
    assert not all(map(is_known, options_of(error.hint))), "it says nothing of get's own"
    error.advise(words)
    assert all(map(is_known, options_of(error.hint))), error.hint


def test_a_hint_that_was_settled_is_not_overwritten() -> None:
    error = DiskError("x", hint="mend it", instead="fresh")
    error.resolve("what came is kept")
    error.advise(OF_A_FILE)
    assert error.hint == "what came is kept"


def test_a_server_that_refuses(origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(b"never", faults=lambda request, number: Status(503))
    ran = mirror(tmp_path / "m", [entry(server.url, "a")], retries=0)
    (lost,) = ran.of(Lost)
    assert lost.hint == "try again later, or with fewer connections (-x)"


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_pieces_that_nobody_has_right(nginx: StartNginx, tmp_path: Path, layout: str) -> None:
    root = tmp_path / "site"
    root.mkdir()
    files = fill(root, {"large.iso": 3_000_000})
    pieces = Pieces("sha1", 1_000_000, ("0" * 40,) * 3)
    size = len(files["large.iso"])
    listed = [entry(nginx(root).url("large.iso"), "large.iso", size=size, pieces=pieces)]
    ran = mirror(tmp_path / "m", listed, layout=layout)
    (lost,) = ran.of(Lost)
    assert lost.exit_code == 5
    assert lost.hint == "what came is kept as large.iso.corrupt, and the next run fetches it anew"


def test_a_report_that_cannot_be_written(nginx: StartNginx, tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    fill(root, {"a": 1000})
    (tmp_path / "list").write_text(f"{nginx(root).url('a')}\n")
    (tmp_path / "m" / ".segdl" / "report.json").mkdir(parents=True)
    ran = run_segdl("mirror", "-q", tmp_path / "list", tmp_path / "m")
    assert ran.code == 6
    assert "report.json: it is a folder; choose another one\n" in ran.err


def test_a_file_that_was_begun_otherwise(origin: Callable[..., Origin], tmp_path: Path) -> None:
    works = threading.Event()

    def fault(_: object, number: int) -> Fault | None:
        if works.is_set():
            return None
        return Status(500) if number else CutAfter(2_000_000)

    server = origin(b"x" * 5_000_000, faults=fault)
    listed = [entry(server.url, "a.bin")]
    assert mirror(tmp_path / "m", listed, retries=0).result.failures.first
    works.set()
    ran = mirror(tmp_path / "m", listed, layout="inplace")
    assert ran.result.failures.first == []
    (note,) = [each.text for each in ran.of(Note) if "--layout" in each.text]
    assert options_of(note) == {"--layout"}


def test_sums_that_cannot_be_written(nginx: StartNginx, tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    data = fill(root, {"a": 1000})["a"]
    wanted = Checksum("md5", hashlib.md5(data).hexdigest())
    (tmp_path / "m" / "SHA256SUMS").mkdir(parents=True)
    listed = [entry(nginx(root).url("a"), "a", checksum=wanted)]
    (failure,) = mirror(tmp_path / "m", listed, sums=True).result.failures.first
    assert failure.hint == "move it away, or go without --sums"


def test_a_file_system_that_takes_utf_8_alone() -> None:
    with pytest.raises(DiskError) as failed, disk_errors("bad\udcff", "write"):
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ))
    failed.value.advise(OF_A_FILE)
    assert str(failed.value) == (
        "cannot write bad?: the file system takes no name with these bytes; "
        "leave it out with --exclude"
    )
