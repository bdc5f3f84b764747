"""Wrong bytes of a mirror that no sample shows: a digest of the whole does, and they are mended."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.progress.events import Note, Verifying
from support.data import content
from support.faults import Drip, Status, always
from support.meta4 import Listed, meta4

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.origin import Origin

MIB = 1024 * 1024
SIZE = 12 * MIB + 77
CONTENT = content(SIZE)
SLOW = always(Drip(64 * 1024, 0.1))
# Where answers meet, at multiples of a MiB, the last 4 KiB are compared.
TOUCHED = bytearray(CONTENT)
TOUCHED[MIB // 2 :: MIB] = bytes(byte ^ 1 for byte in CONTENT[MIB // 2 :: MIB])


def digest(data: bytes) -> str:
    return "sha256=" + hashlib.sha256(data).hexdigest()


RIGHT, NOBODYS = digest(CONTENT), digest(b"")


class Listener:
    """Keeps notes, and calls a function once all bytes have come."""

    def __init__(self, when_whole: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self._when_whole = when_whole

    def __call__(self, event: segdl.events.Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, Verifying):
            self._when_whole()


def liar_of(origin: Callable[..., Origin]) -> Origin:
    """Return a mirror that shows that it has the file, and has another from then on."""
    liar = origin(CONTENT, faults=SLOW)
    liar.replace_after(1, bytes(TOUCHED), '"v1"')
    return liar


def fetch(folder: Path, *urls: str, listen: Any = None, **how: Any) -> segdl.DownloadResult:
    how = {"connections": 4, **how}
    return segdl.download(urls[0], folder / "f", mirrors=urls[1:], on_event=listen, **how)


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_what_it_brought_is_had_from_the_url(
    origin: Callable[..., Origin], tmp_path: Path, layout: Any
) -> None:
    one, liar, listen = origin(CONTENT, faults=SLOW), liar_of(origin), Listener()
    transfer = segdl.TransferOptions(layout=layout)
    got = fetch(tmp_path, one.url, liar.url, listen=listen, checksum=RIGHT, transfer=transfer)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert got.checksum == RIGHT
    assert got.fetched > SIZE
    assert listen.notes == [
        "the digest is not right: what 127.0.0.1 brought is fetched again from 127.0.0.1",
        "127.0.0.1 sent other bytes than the file's: fetched again from 127.0.0.1",
    ]
    assert os.listdir(tmp_path) == ["f"]


def test_the_local_file_may_be_pieces_of_the_remote_one(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, liar = origin(CONTENT, faults=SLOW), liar_of(origin)
    span = segdl.parse_range(f"{8 * MIB}-,0-{8 * MIB - 1}")
    wanted = CONTENT[8 * MIB :] + CONTENT[: 8 * MIB]
    transfer = segdl.TransferOptions(range=span)
    fetch(tmp_path, one.url, liar.url, checksum=digest(wanted), transfer=transfer)
    assert (tmp_path / "f").read_bytes() == wanted


def test_a_list_with_a_digest_of_the_whole_alone(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, liar = origin(CONTENT, faults=SLOW), liar_of(origin)
    text = meta4(Listed(content=CONTENT, urls=(one.url, liar.url), checksum="sha-256"))
    requests = segdl.read_metalink(text.encode(), tmp_path)
    (outcome,) = segdl.download_many(requests, connections=4)
    assert isinstance(outcome, segdl.DownloadResult), outcome
    assert outcome.path is not None
    assert outcome.path.read_bytes() == CONTENT


def test_the_first_of_a_list_is_named_as_the_others_are(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    liar, one = origin(bytes(TOUCHED)), origin(CONTENT, faults=always(Status(404)))
    text = meta4(Listed(content=CONTENT, urls=(liar.url, one.url), checksum="sha-256"))
    requests = segdl.read_metalink(text.encode(), tmp_path)
    (outcome,) = segdl.download_many(requests, connections=1)
    assert isinstance(outcome, segdl.Failure)
    assert outcome.error.message.endswith(": 127.0.0.1 brought bytes of it")
    assert outcome.error.hint.endswith("start again with --fresh and without the mirrors")


def test_a_digest_that_is_wrong_is_no_fault_of_a_mirror(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    with pytest.raises(segdl.ChecksumMismatchError) as failed:
        fetch(tmp_path, one.url, other.url, checksum=NOBODYS)
    assert failed.value.message == f"{tmp_path / 'f'}: its sha256 is {RIGHT[7:]}, not {NOBODYS[7:]}"
    assert failed.value.hint.startswith("check the digest (the bytes are kept in ")
    assert failed.value.hint.endswith("), or start again with --fresh")


def test_a_url_that_is_dead_by_then(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one, liar = origin(CONTENT, faults=SLOW), liar_of(origin)

    def die() -> None:
        one.faults = always(Status(404))

    with pytest.raises(segdl.ChecksumMismatchError) as failed:
        fetch(tmp_path, one.url, liar.url, listen=Listener(die), checksum=RIGHT)
    message = failed.value.message
    assert ": 127.0.0.1 brought bytes of it, and 127.0.0.1 does not send them: " in message
    assert "404" in message
    assert failed.value.hint.endswith("start again with --fresh and without the mirrors")


def test_a_url_that_was_never_there(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one, liar = origin(CONTENT, faults=always(Status(404))), origin(bytes(TOUCHED))
    with pytest.raises(segdl.ChecksumMismatchError) as failed:
        fetch(tmp_path, one.url, liar.url, checksum=RIGHT)
    assert failed.value.message.endswith(": 127.0.0.1 brought bytes of it")
    assert failed.value.hint.endswith("start again with --fresh and without the mirrors")


def test_what_an_earlier_run_left_may_be_a_mirrors(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, other = origin(CONTENT), origin(CONTENT)
    for urls, hint in (
        ([one.url], "start again with --fresh"),
        ([one.url, other.url], "start again with --fresh and without the mirrors"),
    ):
        with pytest.raises(segdl.ChecksumMismatchError) as failed:
            fetch(tmp_path, *urls, checksum=NOBODYS)
        assert failed.value.hint.endswith(f"), or {hint}")
