"""What of a list only memory may hold, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from segdl.core.pieces import Pieces
from segdl.mirror import apart as apart_module
from segdl.mirror.apart import Apart
from segdl.mirror.happenings import Done, Listed
from support.mirroring import entry, mirror

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.happenings import Happening

URL = "http://mirror.test/f?key=1"


def secret_url(start: StartNginx, folder: Path, name: str) -> str:
    """Return the URL of a file that a server has."""
    root = folder / "site"
    root.mkdir()
    (root / name).write_bytes(b"content")
    return start(root).url(name) + "?key=secret"


def test_it_has_what_it_was_given_until_that_ended() -> None:
    apart, kept = Apart(), entry(URL, "f")
    apart.keep("a", "f", kept)
    assert apart.get("a", "f") is kept
    assert apart.get("b", "f") is apart.get("a", "g") is None
    apart.forget("a", "f")
    apart.forget("a", "f")
    assert apart.get("a", "f") is None


def test_who_has_a_million_signed_urls_waits_before_they_take_much_memory() -> None:
    apart, most = Apart(), 0
    for number in range(1_000_000):
        if apart.full:
            break
        apart.keep("a", str(number), entry(f"{URL}{number:0300}", str(number)))
        most = number
    assert 10_000 < most < 100_000
    apart.forget("a", "0")
    assert not apart.full
    apart.keep("a", "0", entry(URL, "0", headers=(("X-Key", "1" * 1000),)))
    assert apart.full


def test_the_same_entry_again_takes_no_more() -> None:
    apart = Apart()
    for _ in range(10):
        apart.keep("a", "f", entry(URL, "f"))
    apart.forget("a", "f")
    assert (apart._bytes, apart._count) == (0, 0)


def test_digests_of_pieces_are_what_takes_most() -> None:
    apart, pieces = Apart(), Pieces("sha1", 1, ("0" * 40,) * 30_000)
    for number in range(32):
        # Files at once are not fewer for it.
        assert not apart.full
        apart.keep("a", f"{number}", entry(URL, f"{number}", pieces=pieces))
    assert apart.full


def test_a_host_that_is_given_up_keeps_what_is_at_work() -> None:
    apart = Apart()
    for host in "ab":
        for path in "fgh":
            apart.keep(host, path, entry(URL, path))
    apart.forget_waiting("a", {"g"})
    apart.forget_waiting("nowhere", {"g"})
    left = [(host, path) for host in "ab" for path in "fgh" if apart.get(host, path)]
    assert left == [("a", "g"), ("b", "f"), ("b", "g"), ("b", "h")]


def test_a_list_is_not_read_far_ahead_of_files_whose_urls_are_secret(
    nginx: StartNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart_module, "_MOST", 100_000)
    url = secret_url(nginx, tmp_path, "f")
    ahead: list[int] = []
    done = 0

    def note(happening: Happening) -> None:
        nonlocal done
        if isinstance(happening, Done):
            done += 1
        elif isinstance(happening, Listed):
            ahead.append(happening.files - done)

    ran = mirror(tmp_path / "m", [entry(url, str(number)) for number in range(3000)], on=note)
    assert (ran.result.failures.first, done) == ([], 3000)
    # Memory is for some two hundred; they are read in batches of five hundred.
    assert max(ahead) < 1500


def test_files_that_cannot_be_had_make_room(
    nginx: StartNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart_module, "_MOST", 1000)
    url = nginx(tmp_path).url("nowhere") + "?key=secret"
    ran = mirror(tmp_path / "m", [entry(url, str(number)) for number in range(1200)])
    intake = ran.result.rounds[0].intake
    assert (ran.result.failures.count, intake.files, intake.apart.full) == (1200, 1200, False)


def test_files_that_come_after_all_others_do_not_keep_the_list_from_its_end(
    nginx: StartNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart_module, "_MOST", 1000)
    url = secret_url(nginx, tmp_path, "SHA256SUMS")
    listed = [entry(url, f"{number}/SHA256SUMS") for number in range(1200)]
    ran = mirror(tmp_path / "m", listed)
    assert (ran.result.failures.first, len(ran.done)) == ([], 1200)
