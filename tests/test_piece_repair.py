"""Piece hashes of a list: what is wrong is fetched again, and nothing else."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.errors import ChecksumMismatchError
from segdl.progress.events import Note, Verifying
from support import data
from support.faults import CutAfter, Drip, IgnoreRange, LongerBody, StallAfter, Status, always
from support.meta4 import MIB, Listed, meta4, metalink3
from support.program import run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import StartNginx
    from support.faults import Fault
    from support.origin import Origin
    from support.request import Request

LENGTH = 256 * 1024
SIZE = 3 * MIB + 77
CONTENT = data.content(SIZE)
# In pieces 1, 9 and the last.
PLACES = (LENGTH + 5, 9 * LENGTH, SIZE - 1)


def broken(*places: int) -> bytes:
    """Return the content with some bytes that are others."""
    wrong = bytearray(CONTENT)
    for place in places:
        wrong[place] ^= 1
    return bytes(wrong)


def listed(*urls: str, **how: Any) -> Listed:
    return Listed(content=CONTENT, urls=urls, pieces="sha-256", length=LENGTH, **how)


def only_repairs(mirror: Origin, *faults: Fault) -> Callable[[], None]:
    """Have a mirror answer nothing until what is returned says that all has come.

    How soon a mirror is tried depends on how fast the machine is.
    """
    whole = threading.Event()

    def plan(request: Request, index: int) -> Sequence[Fault]:
        assert whole.wait(60)
        return faults

    mirror.faults = plan
    return whole.set


class Fetched:
    """How a download of a document ended."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        when_whole: Callable[[], None] = lambda: None,
        network: segdl.NetworkOptions | None = None,
        **transfer: Any,
    ) -> None:
        self.notes: list[str] = []
        self.verified: list[int] = []
        self._when_whole = when_whole
        (request,) = segdl.read_metalink(text.encode(), folder)
        options = segdl.TransferOptions(**transfer)
        (self.outcome,) = segdl.download_many(
            [request], on_event=self._listen, network=network, transfer=options
        )

    def _listen(self, event: segdl.events.Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, Verifying):
            if not self.verified:
                self._when_whole()
            self.verified.append(event.done)

    @property
    def result(self) -> segdl.DownloadResult:
        assert isinstance(self.outcome, segdl.DownloadResult), self.outcome
        assert self.outcome.path is not None
        assert self.outcome.path.read_bytes() == CONTENT
        return self.outcome

    @property
    def error(self) -> segdl.SegdlError:
        assert isinstance(self.outcome, segdl.Failure)
        return self.outcome.error


def spans(origin: Origin, since: int = 0) -> list[tuple[int, int]]:
    """Return the ranges that were asked for, half-open."""
    found = []
    for request in origin.requests[since:]:
        assert request.range is not None
        first, last = request.range
        found.append((first or 0, SIZE if last is None else last + 1))
    return found


def pieces_at(*places: int) -> list[tuple[int, int]]:
    starts = sorted({place // LENGTH * LENGTH for place in places})
    return [(start, min(start + LENGTH, SIZE)) for start in starts]


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("checksum", ["sha-256", None])
def test_only_what_is_wrong_is_fetched_again(
    origin: Callable[..., Origin], tmp_path: Path, layout: str, checksum: str | None
) -> None:
    bad, good = origin(broken(*PLACES)), origin(CONTENT)
    text = meta4(listed(bad.url, good.url, checksum=checksum))
    fetched = Fetched(tmp_path, text, when_whole=only_repairs(good), layout=layout)
    assert fetched.result.fetched == SIZE + sum(stop - start for start, stop in pieces_at(*PLACES))
    assert [span for span in spans(good) if span in pieces_at(*PLACES)] == pieces_at(*PLACES)
    assert not any(span in pieces_at(*PLACES) for span in spans(bad))
    assert fetched.notes == [
        "3 of 13 pieces were wrong: fetched again from 127.0.0.1",
        "127.0.0.1 sent 3 pieces that were wrong",
    ]
    assert fetched.verified[-1] == SIZE
    assert os.listdir(tmp_path) == ["f.bin"]
    assert fetched.result.checksum == (f"sha256={listed().digest('sha256')}" if checksum else None)


def test_a_real_server_and_metalink_3(nginx: StartNginx, tmp_path: Path) -> None:
    root, here = tmp_path / "site", tmp_path / "here"
    root.mkdir()
    here.mkdir()
    server = nginx(root)
    (root / "f.bin").write_bytes(broken(PLACES[0]))
    (root / "good.bin").write_bytes(CONTENT)
    urls = (server.url("f.bin"), server.url("good.bin"))
    file = Listed(content=CONTENT, urls=urls, pieces="sha1", length=LENGTH)
    (here / "x.metalink").write_text(metalink3(file))
    # With one connection no mirror is tried before something is wrong.
    ended = run_segdl("--json", "-j", "1", "x.metalink", cwd=here)
    assert ended.code == 0, ended.err
    assert "1 of 13 pieces was wrong: fetched again from 127.0.0.1" in ended.err
    assert "127.0.0.1 sent 1 piece that was wrong" in ended.err
    assert (here / "f.bin").read_bytes() == CONTENT
    told = json.loads(ended.out)
    assert told["checksum"].startswith("sha1=")
    asked = [(record.target, record.range) for record in server.log(told["requests"])]
    ((start, stop),) = pieces_at(PLACES[0])
    assert asked.count(("/good.bin", f"bytes={start}-{stop - 1}")) == 1


def test_nothing_is_asked_twice_where_all_is_right(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, other = origin(CONTENT), origin(CONTENT)
    fetched = Fetched(tmp_path, meta4(listed(one.url, other.url, checksum=None)))
    assert (fetched.result.fetched, fetched.notes) == (SIZE, [])


def test_one_server_that_sends_it_right_the_second_time(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(broken(PLACES[1]))
    text = meta4(listed(one.url))
    fetched = Fetched(tmp_path, text, when_whole=lambda: one.replace(CONTENT))
    assert fetched.notes == ["1 of 13 pieces was wrong: fetched again from 127.0.0.1"]
    assert fetched.result.size == SIZE
    assert spans(one)[-1] == pieces_at(PLACES[1])[0]


def test_a_piece_that_nobody_has_right(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one, other = origin(broken(*PLACES[:2])), origin(broken(PLACES[1]), etag='"b"')
    fetched = Fetched(tmp_path, meta4(listed(one.url, other.url)))
    start, stop = pieces_at(PLACES[1])[0]
    assert type(fetched.error) is ChecksumMismatchError
    assert f"f.bin: bytes {start}-{stop - 1}: its sha256 is" in fetched.error.message
    assert "as the Metalink document says" in fetched.error.message
    assert "kept in" in fetched.error.hint
    assert os.listdir(tmp_path) == ["f.bin.segdl"]
    # What was mended stays so: the next run needs the other piece only.
    other.replace(CONTENT, '"c"')
    before = len(other.requests)
    again = Fetched(tmp_path, meta4(listed(one.url, other.url)))
    assert again.result.fetched == stop - start
    assert (start, stop) in spans(other, before)
    assert again.notes == ["1 of 13 pieces was wrong: fetched again from 127.0.0.1"]


def test_a_digest_of_the_whole_that_contradicts_the_pieces(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT)
    right = listed(one.url).digest("sha256")
    text = meta4(listed(one.url)).replace(f'"sha-256">{right}', f'"sha-256">{"0" * 64}', 1)
    fetched = Fetched(tmp_path, text)
    assert type(fetched.error) is ChecksumMismatchError
    assert f"its sha256 is {right}, not {'0' * 64}" in fetched.error.message
    assert fetched.notes == []


@pytest.mark.parametrize("fault", [Status(404), Status(503), IgnoreRange()], ids=repr)
def test_mirrors_that_cannot_help(
    origin: Callable[..., Origin], tmp_path: Path, fault: Any
) -> None:
    bad, useless, good = origin(broken(*PLACES)), origin(CONTENT), origin(CONTENT)
    useless.faults = always(fault)
    text, whole = meta4(listed(bad.url, useless.url, good.url)), only_repairs(good)
    fetched = Fetched(tmp_path, text, when_whole=whole, retries=2)
    assert fetched.result.size == SIZE
    # It is asked once, and for no other piece.
    assert len([span for span in spans(useless) if span in pieces_at(*PLACES)]) == 1


def test_a_mirror_that_drips_a_piece(origin: Callable[..., Origin], tmp_path: Path) -> None:
    bad, good = origin(broken(PLACES[0])), origin(CONTENT)
    whole = only_repairs(good, Drip(1, 0.1))
    network = segdl.NetworkOptions(stall_timeout=1)
    fetched = Fetched(tmp_path, meta4(listed(bad.url, good.url)), when_whole=whole, network=network)
    assert isinstance(fetched.error, segdl.ChecksumMismatchError)


def test_nobody_can_be_asked(origin: Callable[..., Origin], tmp_path: Path) -> None:
    def repairs(request: Request, index: int) -> Any:
        at = request.range[0] if request.range else 0
        return Status(410) if (at, (request.range or (0, 0))[1]) == wanted else None

    start, stop = pieces_at(PLACES[1])[0]
    wanted = (start, stop - 1)
    one = origin(broken(PLACES[1]), faults=repairs)
    fetched = Fetched(tmp_path, meta4(listed(one.url)))
    assert isinstance(fetched.error, segdl.ServerError)
    assert os.listdir(tmp_path) == ["f.bin.segdl"]


def test_connections_that_break_in_a_piece(origin: Callable[..., Origin], tmp_path: Path) -> None:
    bad, good = origin(broken(*PLACES)), origin(CONTENT)
    whole = only_repairs(good, CutAfter(100_000, "reset"))
    fetched = Fetched(tmp_path, meta4(listed(bad.url, good.url)), when_whole=whole)
    assert fetched.result.size == SIZE
    starts = [start for start, stop in spans(good) if stop == pieces_at(PLACES[0])[0][1]]
    assert starts[0] == LENGTH
    assert len(starts) > 2


def test_a_mirror_of_another_size_is_no_help(origin: Callable[..., Origin], tmp_path: Path) -> None:
    bad, other = origin(broken(PLACES[0])), origin(CONTENT + b"x")
    fetched = Fetched(tmp_path, meta4(listed(bad.url, other.url)))
    assert type(fetched.error) is ChecksumMismatchError


def test_a_range_is_not_repaired(origin: Callable[..., Origin], tmp_path: Path) -> None:
    wrong = broken(5)
    one = origin(wrong)
    (request,) = segdl.read_metalink(meta4(listed(one.url, checksum=None)).encode(), tmp_path)
    options = segdl.TransferOptions(range=segdl.parse_range("0-99"))
    (outcome,) = segdl.download_many([request], transfer=options)
    assert isinstance(outcome, segdl.DownloadResult)
    assert (tmp_path / "f.bin").read_bytes() == wrong[:100]


def test_a_stream_is_checked_by_its_pieces(origin: Callable[..., Origin], tmp_path: Path) -> None:
    one = origin(broken(PLACES[1]))
    (tmp_path / "x.meta4").write_text(meta4(listed(one.url, checksum=None)))
    ended = run_segdl("-o", "-", "x.meta4", cwd=tmp_path)
    start, stop = pieces_at(PLACES[1])[0]
    assert ended.code == 5
    assert f"standard output: bytes {start}-{stop - 1}: its sha256 is" in ended.err
    one.replace(CONTENT)
    ended = run_segdl("-o", "-", "x.meta4", cwd=tmp_path)
    assert (ended.code, ended.stdout) == (0, CONTENT)


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_killed_in_a_repair(origin: Callable[..., Origin], tmp_path: Path, layout: str) -> None:
    bad, good = origin(broken(*PLACES)), origin(CONTENT)
    (tmp_path / "x.meta4").write_text(meta4(listed(bad.url, good.url)))
    command = ("-q", "--layout", layout, "-j", "1", "-d", "to", "x.meta4")
    # All but the last piece are longer than what comes of it.
    for piece in (place // LENGTH for place in PLACES[:-1]):
        stalled = threading.Event()

        def stall(request: Request, _: int, piece: int = piece, at: Any = stalled) -> Fault | None:
            first, last = request.range or (0, None)
            if first is None or last is None or last // LENGTH != piece or last - first > LENGTH:
                return None
            at.set()
            return StallAfter(16 * 1024)

        good.faults = stall
        with start_segdl(*command, cwd=tmp_path) as program:
            while not stalled.wait(0.05):
                assert program.poll() is None
            program.kill()
            program.wait()
        assert os.listdir(tmp_path / "to") == ["f.bin.segdl"]
    good.faults = None
    ended = run_segdl("--json", *command[1:], cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT
    assert json.loads(ended.out)["fetched"] <= 3 * LENGTH
    assert os.listdir(tmp_path / "to") == ["f.bin"]


def test_a_server_that_sends_more_than_the_piece(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    bad, good = origin(broken(PLACES[0])), origin(CONTENT)
    text, whole = meta4(listed(bad.url, good.url)), only_repairs(good, LongerBody(100_000))
    assert Fetched(tmp_path, text, when_whole=whole).result.size == SIZE
