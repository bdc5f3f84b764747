"""Several mirrors of one file: faster together, never a mix, and no word of one to another."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.core.spans import Span
from segdl.engine import proof
from segdl.engine.crew import Crew
from segdl.net import connector, race
from segdl.progress.events import Note
from support.data import content
from support.faults import Drip, StallAfter, Status, always
from support.program import run_segdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.origin import Origin

MIB = 1024 * 1024
SIZE = 12 * MIB + 77
CONTENT = content(SIZE)
SLOW = always(Drip(64 * 1024, 0.1))
StartOrigin = "Callable[..., Origin]"


def flipped(at: int) -> bytes:
    """Return the content with one byte that is another."""
    return CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :]


def fetch(tmp_path: Path, *urls: str, **how: Any) -> list[str]:
    """Download with mirrors into the right bytes; return the notes."""
    notes: list[str] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    how = {"connections": 4, **how}
    segdl.download(urls[0], tmp_path / "f", mirrors=urls[1:], on_event=listen, **how)
    assert (tmp_path / "f").read_bytes() == CONTENT
    return notes


def brought(origin: Origin) -> list[Any]:
    """Return the requests for more than samples."""
    spans = [request.range for request in origin.requests]
    return [s for s in spans if s and (s[1] or SIZE) - (s[0] or 0) > 8192]


def test_both_bring_bytes(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    assert fetch(tmp_path, one.url, other.url) == []
    assert brought(one)
    assert brought(other)


def test_each_mirror_is_worth_a_connection_where_one_host_is_worth_no_more(
    origin: Callable[..., Origin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crew, "wanted", property(lambda crew: 1))
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    fetch(tmp_path, one.url, other.url, connections="auto")
    assert brought(other)


def test_validators_may_differ_from_mirror_to_mirror(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT, faults=SLOW, etag='"a"')
    other = origin(CONTENT, faults=SLOW, etag='"b"', last_modified=None)
    assert fetch(tmp_path, one.url, other.url) == []
    assert brought(other)


@pytest.mark.parametrize(
    ("served", "why"),
    [
        (CONTENT[:-1], f"it has {SIZE - 1} bytes, not {SIZE}"),
        (content(SIZE, seed=2), "it does not hold the same file: its bytes at"),
    ],
)
def test_another_file_is_not_used(
    origin: Callable[..., Origin], tmp_path: Path, served: bytes, why: str
) -> None:
    one, other = origin(CONTENT, faults=SLOW), origin(served, etag='"x"', last_modified=None)
    (note,) = fetch(tmp_path, one.url, other.url)
    assert note.startswith("127.0.0.1 is not asked any more: ")
    assert why in note
    assert not brought(other)


@pytest.mark.parametrize("at", [3 * MIB, 6 * MIB + 5, SIZE - 10])
def test_one_byte_that_is_another_is_found_where_bytes_meet_or_by_the_checksum(
    origin: Callable[..., Origin], tmp_path: Path, at: int
) -> None:
    import hashlib

    # It has the origin's validators: a sample or two do not tell.
    one, liar = origin(CONTENT, faults=SLOW), origin(flipped(at), faults=SLOW)
    checksum = "sha256=" + hashlib.sha256(CONTENT).hexdigest()
    try:
        fetch(tmp_path, one.url, liar.url, checksum=checksum)
    except segdl.IntegrityError:
        assert not (tmp_path / "f").exists()


def test_a_mirror_that_sends_other_bytes_later_is_expelled_with_what_it_brought(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, liar = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    # It proves itself, and has other bytes from then on.
    liar.replace_after(1, content(SIZE, seed=3), '"v1"')
    (note,) = fetch(tmp_path, one.url, liar.url)
    assert "it sent other bytes than the file's" in note


@pytest.mark.parametrize("fault", [Status(503), Status(403)])
def test_a_mirror_is_not_lost_where_the_origin_takes_no_request_more(
    origin: Callable[..., Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Status,
) -> None:
    # A place that is on disk already would not be asked for.
    monkeypatch.setattr(proof, "_places", lambda size: iter([Span(size - proof.SAMPLE, size)]))
    slow = Drip(64 * 1024, 0.1)

    def only_segments(request: Any, number: int) -> Any:
        first, last = request.range
        is_sample = last is not None and last - first == proof.SAMPLE - 1
        return fault if is_sample else slow

    one, other = origin(CONTENT, faults=only_segments), origin(CONTENT, faults=SLOW)
    (note,) = fetch(tmp_path, one.url, other.url)
    assert note.startswith("127.0.0.1 cannot be held against the file yet: ")
    assert f"the server answered {fault.status}" in note


@pytest.mark.parametrize("fault", [Status(404), Status(500), Status(403)])
def test_a_dead_mirror_is_dropped(
    origin: Callable[..., Origin], tmp_path: Path, fault: Status
) -> None:
    one, dead = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=always(fault))
    notes = fetch(tmp_path, one.url, dead.url)
    assert notes
    assert all(str(fault.status) in note for note in notes)
    assert len(dead.requests) <= 5


def test_a_mirror_that_nobody_is_at_is_told_of(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    notes = fetch(tmp_path, origin(CONTENT, faults=SLOW).url, f"http://127.0.0.1:{port}/f")
    assert notes[0] == "127.0.0.1 is left alone for a while: connection refused"


def test_a_mirror_that_stalls_holds_nothing_up(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT, faults=SLOW)
    stalls = origin(CONTENT, faults=lambda request, index: StallAfter(100_000) if index else None)
    network = segdl.NetworkOptions(stall_timeout=600.0)
    fetch(tmp_path, one.url, stalls.url, network=network)


@pytest.mark.parametrize("fault", [Status(404), Status(503)])
def test_the_url_itself_may_be_the_dead_one(
    origin: Callable[..., Origin], tmp_path: Path, fault: Status
) -> None:
    dead, other = origin(CONTENT, faults=always(fault)), origin(CONTENT)
    (note,) = fetch(tmp_path, dead.url, other.url)
    assert str(fault.status) in note


def test_the_url_may_die_in_the_middle(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one = origin(
        CONTENT, faults=lambda request, index: Drip(64 * 1024, 0.1) if index < 6 else Status(410)
    )
    other = origin(CONTENT, faults=SLOW)
    fetch(tmp_path, one.url, other.url)


def test_all_dead_is_the_last_ones_error(origin: Callable[..., Origin], tmp_path: Path) -> None:
    dead, gone = origin(CONTENT, faults=always(Status(404))), origin(CONTENT)
    gone.faults = always(Status(410))
    with pytest.raises(segdl.ServerError, match="410"):
        segdl.download(dead.url, tmp_path / "f", mirrors=[gone.url])
    assert list(tmp_path.iterdir()) == []


def test_secrets_go_to_the_url_and_not_to_mirrors(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    network = segdl.NetworkOptions(
        user=("me", "secret"), headers=(("X-Api-Key", "key"),), location_trusted=True
    )
    fetch(tmp_path, one.url, other.url, network=network, headers={"Cookie": "a=b"})
    for request in one.requests:
        assert {"authorization", "x-api-key", "cookie"} <= set(request.fields)
    assert other.requests
    for request in other.requests:
        assert not {"authorization", "x-api-key", "cookie"} & set(request.fields)


def test_a_list_with_mirrors_and_the_option(origin: Callable[..., Origin], tmp_path: Path) -> None:
    dead, other = origin(CONTENT, faults=always(Status(404))), origin(CONTENT)
    (tmp_path / "list").write_text(f"{dead.url}\t{other.url}\n  out=a\n")
    ended = run_segdl("-q", "-i", "list", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    ended = run_segdl("-q", "--mirror", other.url, "-o", "b", dead.url, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT


def test_a_mirrored_download_goes_on_without_its_first_url(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    import threading

    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    cancel = threading.Event()

    def stop(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Progress) and event.done > 3 * MIB:
            cancel.set()

    with pytest.raises(segdl.CancelledError):
        segdl.download(one.url, tmp_path / "f", mirrors=[other.url], cancel=cancel, on_event=stop)
    one.faults = always(Status(404))
    result = segdl.download(one.url, tmp_path / "f", mirrors=[other.url])
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert result.fetched < SIZE - 2 * MIB


@pytest.mark.parametrize(("opened", "connections"), [(1, 2), (1, 6), (2, 6), (5, 6)])
def test_no_mirror_is_blamed_where_this_machine_opens_no_more_sockets(
    origin: Callable[..., Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opened: int,
    connections: int,
) -> None:
    connect, asked = race.connect, 0

    def limited(*address: Any, **how: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > opened:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return connect(*address, **how)

    monkeypatch.setattr(connector, "connect", limited)
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    notes: list[str] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    with pytest.raises(segdl.DiskError, match="too many open files"):
        segdl.download(
            one.url, tmp_path / "f", mirrors=[other.url], connections=connections, on_event=listen
        )
    assert notes == []
