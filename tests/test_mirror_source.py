"""Documents of a list are there whole and of one version, or there is an error."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from segdl.core.url import parse_url
from segdl.engine.whole import receive
from segdl.errors import (
    CancelledError,
    DiskError,
    IntegrityError,
    NetworkError,
    RemoteChangedError,
    SegdlError,
    ServerError,
    UsageError,
)
from segdl.mirror.source import HEAD, fetch, open_local
from segdl.net.credentials import Credentials
from segdl.net.source import Source
from segdl.options import Request
from support import faults as wrong
from support.data import content
from support.faults import always, on, sequence
from support.origin import Origin
from support.tree import Cut, Tree, answer
from support.walking import a_run, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segdl.mirror.source import Opened

MIB = 2**20
LINES = b"".join(b"http://127.0.0.1:9/%d\n" % number for number in range(200_000))


def source_of(run: Any, url: str) -> Source:
    place = parse_url(url)
    return Source(run.transport, place, Credentials(run.network, Request(url=url), place))


@contextmanager
def opened(url: str, **how: Any) -> Iterator[Opened]:
    with a_run(**how) as run:
        document = fetch(run, source_of(run, url), None, run.check_cancelled)
        with closing(document):
            yield document


def got(url: str, **how: Any) -> bytes:
    """Return the whole document at `url`."""
    with opened(url, **how) as document, document.stream() as stream:
        return stream.read()


def local(path: Path | str, base: str | None = None) -> bytes:
    with a_run() as run, closing(open_local(run, str(path), base)) as document:
        document.head()
        with document.stream() as stream:
            return stream.read()


# -- local files --


@pytest.mark.parametrize("size", [0, 1, 2, HEAD - 1, HEAD, HEAD + 1, 3 * MIB])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file(tmp_path: Path, size: int, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "list.txt.gz"
    path.write_bytes(pack(LINES[:size]))
    assert local(path) == LINES[:size]
    with a_run() as run, closing(open_local(run, str(path), "http://h/")) as document:
        assert document.head() == LINES[: min(size, HEAD)]
        assert (document.document.name, document.document.url) == ("list.txt", None)
        assert document.document.base == "http://h/"
        # It can be read again.
        for _ in range(2):
            with document.stream() as stream:
                assert stream.readline() == LINES[:size].partition(b"\n")[0] + b"\n" * (size > 99)


def test_gzip_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(gzip.compress(b"one"))
    (tmp_path / "list.gz").write_bytes(b"two")
    assert (local(tmp_path / "list"), local(tmp_path / "list.gz")) == (b"one", b"two")


def test_a_file_that_was_cut_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "list.gz").write_bytes(gzip.compress(LINES)[:-100])
    with pytest.raises(IntegrityError, match=r"list\.gz: the gzip data end too early"):
        local(tmp_path / "list.gz")
    found = walked(str(tmp_path / "list.gz"))
    assert isinstance(found.error, IntegrityError)
    assert 0 < len(found.entries) < 200_000


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [("none", DiskError, "No such file"), ("folder", UsageError, "folder is a folder")],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, kind: type[SegdlError], text: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(kind, match=text):
        local(tmp_path / name)


# -- pipes --


@contextmanager
def standard_input(reader: int) -> Iterator[None]:
    before = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(pack: Callable[[bytes], bytes]) -> None:
    reader, writer = os.pipe()

    def write() -> None:
        with open(writer, "wb") as file:
            file.write(pack(LINES))

    thread = threading.Thread(target=write)
    thread.start()
    with standard_input(reader):
        assert local("-") == LINES
    thread.join()


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    thread = threading.Thread(target=lambda: path.write_bytes(LINES))
    thread.start()
    assert local(path) == LINES
    thread.join()


def test_a_pipe_that_nobody_writes_to_can_be_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    found = walked(str(path), cancel=cancel)
    assert isinstance(found.error, CancelledError)
    # Whoever waits in there wakes, and goes.
    path.write_bytes(b"")


def test_what_comes_by_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    first_read = threading.Event()

    def write() -> None:
        with open(path, "wb", buffering=0) as file:
            file.write(LINES[:HEAD])
            assert first_read.wait(10)
            file.write(LINES[HEAD:])

    thread = threading.Thread(target=write)
    thread.start()
    with (
        a_run() as run,
        closing(open_local(run, str(path), None)) as document,
        document.stream() as stream,
    ):
        assert stream.readline() == b"http://127.0.0.1:9/0\n"
        first_read.set()
        rest = stream.read()
    thread.join()
    assert len(rest) == len(LINES) - 21


# -- servers --


@pytest.mark.parametrize("size", [0, 1, 1000, MIB, 3 * MIB])
@pytest.mark.parametrize("fault", [None, wrong.Chunked()])
def test_a_url(origin: Callable[..., Origin], size: int, fault: wrong.Fault | None) -> None:
    server = origin(LINES[:size], faults=always(fault) if fault else None)
    assert got(server.url) == LINES[:size]
    (request,) = server.requests
    assert request.range is None


def test_what_is_known_of_it(origin: Callable[..., Origin]) -> None:
    server = origin(
        gzip.compress(b"text"), path="/d/a%20list.CSV.gz", content_type="Text/CSV; charset=utf-8"
    )
    with opened(server.url + "?token=secret") as document:
        known = document.document
        assert document.head() == b"text"
        assert (known.name, known.media_type) == ("a list.CSV", "text/csv")
        assert known.url == known.base == server.url + "?token=secret"
        assert document.where == server.url
        assert "secret" not in repr(known)


def test_it_is_where_redirects_lead_to() -> None:
    pages = {"/there/list": answer(200, b"text"), "/d/": answer(302, b"", "Location: /there/list")}
    with Tree(pages) as tree, opened(tree.url("/d/")) as document:
        assert (document.document.name, document.document.url) == (
            "list",
            tree.url("/there/list"),
        )


def patience(fault: wrong.Fault) -> dict[str, float]:
    """Return how long to wait where nothing else tells that a connection is dead."""
    return {"stall_timeout": 1.0} if isinstance(fault, wrong.StallAfter) else {}


CUTS = [
    wrong.CutAfter(MIB),
    wrong.CutAfter(MIB, "reset"),
    wrong.ChunkedCut(MIB),
    wrong.StallAfter(MIB),
]


@pytest.mark.parametrize("fault", CUTS, ids=repr)
def test_a_body_that_was_cut_is_fetched_again_from_there(
    origin: Callable[..., Origin], fault: wrong.Fault
) -> None:
    server = origin(LINES, faults=on(0, 1, fault=fault))
    assert got(server.url, network=patience(fault)) == LINES
    # The last may be one more look at what came slowly.
    begins = [request.range for request in server.requests if request.range != (0, 0)]
    assert begins[0] is None
    # Those that brought something are not asked for it again.
    assert len(begins) >= 3
    assert all(asked is not None and (asked[0] or 0) >= MIB for asked in begins[1:])


def test_less_than_was_announced_is_not_the_whole(origin: Callable[..., Origin]) -> None:
    assert got(origin(LINES, faults=on(0, 1, fault=wrong.WrongLength(by=10))).url) == LINES
    with pytest.raises(SegdlError):
        got(origin(LINES, faults=always(wrong.WrongLength(by=10))).url)


@pytest.mark.parametrize("fault", CUTS, ids=repr)
@pytest.mark.parametrize("validators", [wrong.NoValidators(), wrong.WeakEtag()], ids=repr)
def test_without_proof_of_its_version_it_is_fetched_anew(
    origin: Callable[..., Origin], fault: wrong.Fault, validators: wrong.Fault
) -> None:
    server = origin(LINES, faults=on(0, fault=(validators, fault)))
    assert got(server.url, network=patience(fault)) == LINES
    assert [request.range for request in server.requests][:2] == [None, None]


@pytest.mark.parametrize("fault", CUTS, ids=repr)
@pytest.mark.parametrize("validators", [wrong.NoValidators(), wrong.WeakEtag()], ids=repr)
def test_what_is_always_cut_is_an_error(
    origin: Callable[..., Origin], fault: wrong.Fault, validators: wrong.Fault
) -> None:
    server = origin(LINES, faults=always(validators, fault))
    with pytest.raises(NetworkError):
        got(server.url, retries=3, network=patience(fault))
    assert len(server.requests) <= 3


def test_bytes_that_need_not_come_again_are_progress(origin: Callable[..., Origin]) -> None:
    server = origin(LINES, faults=always(wrong.CutAfter(MIB)))
    # Twice as many cuts as tries.
    assert got(server.url, retries=2) == LINES
    assert len(server.requests) > 4


def test_a_server_that_never_answers_is_asked_as_often_as_was_wanted(
    origin: Callable[..., Origin],
) -> None:
    """Tries to be answered and tries to have it whole are not multiplied."""
    server = origin(LINES, faults=always(wrong.EmptyReply()))
    with pytest.raises(NetworkError):
        got(server.url, retries=3)
    assert len(server.requests) == 3


def test_a_rest_that_is_not_all_of_it(origin: Callable[..., Origin]) -> None:
    faults = sequence(wrong.CutAfter(MIB), wrong.ShorterRange(MIB))
    server = origin(LINES, faults=faults)
    assert got(server.url) == LINES
    assert len(server.requests) >= 3


def test_another_version_is_fetched_anew(origin: Callable[..., Origin]) -> None:
    server = origin(LINES, faults=on(0, fault=wrong.CutAfter(MIB)))
    other = content(len(LINES))
    server.replace_after(1, other)
    assert got(server.url) == other


def test_another_version_with_the_size_and_tag_of_the_first(origin: Callable[..., Origin]) -> None:
    server = origin(LINES, faults=on(0, fault=wrong.CutAfter(MIB)))
    server.replace_after(1, content(len(LINES)), last_modified=None, etag='"v2"')
    assert got(server.url) == content(len(LINES))


def test_one_that_keeps_changing_is_an_error(origin: Callable[..., Origin]) -> None:
    server = origin(content(3 * MIB), faults=always(wrong.CutAfter(MIB)))
    for number in range(1, 40):
        server.replace_after(number, content(3 * MIB, seed=number), etag=f'"{number}"')
    with pytest.raises((RemoteChangedError, NetworkError)):
        got(server.url)


def test_one_that_is_overwritten_while_it_comes(
    origin: Callable[..., Origin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segdl.engine.whole._MOMENT", 0.0)
    server = origin(LINES)
    # The answer announces the first, and only whoever asks again learns of the second.
    server.replace_after(1, LINES[: 2 * MIB])
    assert got(server.url) == LINES[: 2 * MIB]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (wrong.Status(500), ServerError),
        (wrong.Status(404), ServerError),
        (wrong.Status(206), ServerError),
        (wrong.Gzip(), IntegrityError),
        (wrong.Garbage(), ServerError),
        (wrong.EmptyReply(), NetworkError),
    ],
    ids=repr,
)
def test_what_cannot_be_had(
    origin: Callable[..., Origin], fault: wrong.Fault, kind: type[SegdlError]
) -> None:
    with pytest.raises(kind) as raised:
        got(origin(LINES, faults=always(fault)).url + "?token=secret", retries=2)
    assert "secret" not in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_passing_error(origin: Callable[..., Origin]) -> None:
    faults = sequence(wrong.Status(503, retry_after=0), wrong.EmptyReply(), wrong.Status(500))
    assert got(origin(LINES, faults=faults).url, retries=4) == LINES


def test_more_than_any_list_has(origin: Callable[..., Origin]) -> None:
    server = origin(LINES)
    with a_run() as run, pytest.raises(ServerError, match="more than 1000 bytes"):
        receive(run, source_of(run, server.url), 0, io.BytesIO(), 1000)


def test_a_drip_is_not_waited_for(origin: Callable[..., Origin]) -> None:
    server = origin(LINES[:1000], faults=on(0, fault=wrong.Drip(1, 0.1)))
    assert got(server.url, network={"stall_timeout": 0.5}) == LINES[:1000]
    # It went on from what had come.
    asked = server.requests[1].range
    assert asked is not None
    assert 0 < (asked[0] or 0) < 1000


def test_a_drip_that_never_ends(origin: Callable[..., Origin]) -> None:
    server = origin(LINES[:1000], faults=always(wrong.Drip(1, 0.1)))
    with pytest.raises(NetworkError, match="hardly anything comes"):
        got(server.url, network={"stall_timeout": 0.5}, retries=2)
    assert len(server.requests) <= 3


def test_an_answer_that_tells_of_an_empty_file_is_none_of_its_bytes() -> None:
    first = Cut(answer(200, LINES[:1000], 'ETag: "a"')[:-500])
    empty = answer(416, b"<html>no such range</html>", "Content-Range: bytes */0")
    answers = iter([first, empty])
    with Tree(lambda path: next(answers, answer(200))) as tree:
        assert got(tree.url()) == b""
        assert len(tree.requests) == 2


@pytest.mark.parametrize("fault", [wrong.NoLength(), wrong.Http10()], ids=repr)
@pytest.mark.parametrize(
    ("body", "sure"),
    [
        (b"http://h/a\nhttp://h/b\n", False),
        (gzip.compress(b"http://h/a\nhttp://h/b\n", mtime=0), True),
        (b'<pre><a href="../">../</a></pre></body>\r\n</html>\r\n', True),
        (b'<pre><a href="../">../</a>\n', False),
        (b'[{"name":"a", "type":"file"}]\n', True),
        (b'[{"name":"a", "type":"file"},', False),
        (b"<?xml version='1.0'?><metalink></metalink>", True),
        (b"http://[::1]", False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_whose_end_nobody_tells(
    origin: Callable[..., Origin], fault: wrong.Fault, body: bytes, sure: bool
) -> None:
    url = origin(body, faults=always(fault)).url
    if sure:
        assert got(url)
    else:
        with pytest.raises(IntegrityError, match="does not tell where it ends"):
            got(url)


def test_a_list_that_may_have_been_cut_is_an_error_at_its_end(
    origin: Callable[..., Origin],
) -> None:
    found = walked(origin(LINES, faults=always(wrong.NoLength())).url)
    assert len(found.entries) > 190_000
    assert isinstance(found.error, IntegrityError)


def test_a_full_disk_is_told_of(
    origin: Callable[..., Origin], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda size: Full())
    with pytest.raises(DiskError, match="no space left on the disk"):
        got(origin(LINES).url)


def test_large_ones_are_not_kept_in_memory(origin: Callable[..., Origin]) -> None:
    with opened(origin(LINES).url) as document:
        file = cast("tempfile.SpooledTemporaryFile[bytes]", _held(document))
        assert file._rolled  # type: ignore[attr-defined]
    with opened(origin(LINES[:1000]).url) as document:
        file = cast("tempfile.SpooledTemporaryFile[bytes]", _held(document))
        assert not file._rolled  # type: ignore[attr-defined]


def _held(document: Opened) -> object:
    return cast(Any, document._close).__self__


def test_a_run_that_ends_ends_the_reading_too(origin: Callable[..., Origin]) -> None:
    cancel = threading.Event()
    with opened(origin(LINES).url, cancel=cancel) as document, document.stream() as stream:
        stream.readline()
        cancel.set()
        with pytest.raises(CancelledError):
            stream.read()
