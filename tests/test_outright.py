"""Small files that go straight to their final name, and what sends them the long way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.engine import outright
from segdl.errors import ChecksumMismatchError, NetworkError
from segdl.progress.events import Event, Finished, Started
from segdl.store import unnamed, workplace
from segdl.store.target import Target
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.partial import sizes
from support.program import run_segdl, start_segdl
from support.reply import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

KIB = 1024
CONTENT = data.content(700 * KIB + 123)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _supported(tmp_path: Path) -> None:
    descriptor = unnamed.open_unnamed(tmp_path)
    if descriptor is None:
        pytest.skip("no files without a name here")
    os.close(descriptor)


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a folder of parts was made")

    monkeypatch.setattr(workplace.Workplace, "__enter__", refuse)


def fetch_one(url: str, folder: Path, **how: Any) -> Any:
    return fetch(url, folder, connections=1, **how)


@pytest.mark.usefixtures("no_folder")
@pytest.mark.parametrize("size", [1, 4096, 65537, len(CONTENT)])
@pytest.mark.parametrize("fault", [(), (f.IgnoreRange(),), (f.NoValidators(),)])
def test_one_request_and_no_folder(origin: Any, tmp_path: Path, size: int, fault: Any) -> None:
    served = origin(CONTENT[:size], faults=f.always(*fault))
    fetched = fetch_one(served.url, tmp_path).is_whole(CONTENT[:size])
    assert len(served.requests) == 1
    assert fetched.result.fetched == fetched.result.size == size
    (started,), (finished,) = fetched.told(Started), fetched.told(Finished)
    assert (started.size, started.held, started.connections) == (size, 0, 1)
    assert finished.size == size


@pytest.mark.usefixtures("no_folder")
def test_over_tls(origin: Any, authority: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, tls=authority.server_context())
    network = {"cacert": authority.cacert}
    fetch_one(served.url, tmp_path, network=network).is_whole(CONTENT)


def test_it_is_like_any_other_file(origin: Any, tmp_path: Path) -> None:
    """Mode, time, and what the next run knows of it."""
    served = origin(CONTENT)
    os.umask(before := os.umask(0o022))
    fetch_one(served.url, tmp_path, remote_time=True).is_whole(CONTENT)
    status = os.stat(tmp_path / NAME)
    assert stat.S_IMODE(status.st_mode) == 0o666 & ~before
    assert status.st_nlink == 1
    assert status.st_mtime < time.time() - 3600
    again = fetch_one(served.url, tmp_path).is_whole(CONTENT)
    assert again.result.status == "skipped"


@pytest.mark.usefixtures("no_folder")
def test_into_a_folder_that_is_not_there(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    fetch_one(served.url, tmp_path / "a" / "b").is_whole(CONTENT)


@pytest.mark.usefixtures("no_folder")
def test_digests_that_hold(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT)
    fetched = fetch_one(served.url, tmp_path, checksum=f"sha256={DIGEST}").is_whole(CONTENT)
    assert fetched.result.checksum == f"sha256={DIGEST}"


@pytest.mark.parametrize("layout", ["parts", "inplace"])
def test_a_wrong_digest_keeps_the_bytes(origin: Any, tmp_path: Path, layout: str) -> None:
    served = origin(CONTENT)
    fetched = fetch_one(served.url, tmp_path, checksum="sha256=" + "0" * 64, layout=layout)
    error = fetched.failed(ChecksumMismatchError)
    assert DIGEST in str(error)
    assert sum(sizes(tmp_path / f"{NAME}.segdl").values()) >= len(CONTENT)
    assert len(fetched.told(Started)) == 1
    # They are what the next run goes on from.
    again = fetch_one(served.url, tmp_path, checksum=f"sha256={DIGEST}").is_whole(CONTENT)
    assert again.result.fetched == 0


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("how", ["reset", "close"])
def test_what_came_of_a_body_that_breaks_off(
    origin: Any, tmp_path: Path, layout: str, how: Any
) -> None:
    served = origin(CONTENT, faults=f.on(0, fault=f.CutAfter(300_000, how)))
    fetched = fetch_one(served.url, tmp_path, layout=layout).is_whole(CONTENT)
    first, second, *_ = served.requests
    assert first.range[0] == 0
    begins = second.range[0]
    assert 0 < begins <= 300_000
    assert fetched.result.fetched == len(CONTENT)
    assert len(fetched.told(Started)) == 1


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("fault", [(), (f.IgnoreRange(),)])
def test_a_slow_body_goes_on_in_the_long_way(
    origin: Any, tmp_path: Path, layout: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outright, "MOMENT", 0.1)
    served = origin(CONTENT, faults=f.always(*fault, f.Drip(32 * KIB, 0.02)))
    fetched = fetch_one(served.url, tmp_path, layout=layout).is_whole(CONTENT)
    # The same answer: nothing is asked for twice. The last request is the look at the end.
    assert [request.range for request in served.requests][1:] in ([], [(0, 0)])
    assert fetched.result.fetched == len(CONTENT)


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("fault", [(), (f.IgnoreRange(),)])
def test_fresh_keeps_what_just_came(
    origin: Any, tmp_path: Path, layout: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outright, "MOMENT", 0.1)
    served = origin(CONTENT, faults=f.always(*fault, f.Drip(32 * KIB, 0.02)))
    fetched = fetch_one(served.url, tmp_path, layout=layout, fresh=True).is_whole(CONTENT)
    assert [request.range for request in served.requests][1:] in ([], [(0, 0)])
    assert fetched.result.fetched == len(CONTENT)


@pytest.mark.parametrize("fault", [(), (f.IgnoreRange(),)])
def test_what_came_is_somebody_elses_beginning(
    origin: Any, tmp_path: Path, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run left a little, since the names were looked at: an answer's middle fits not."""
    monkeypatch.setattr(outright, "MOMENT", 0.1)
    served = origin(CONTENT, faults=f.always(*fault, f.Drip(32 * KIB, 0.02)))
    real = outright.Outright.hand_over

    def late(self: Any, place: Any) -> int:
        place.begin_with(CONTENT[:1000])
        return real(self, place)

    monkeypatch.setattr(outright.Outright, "hand_over", late)
    fetch_one(served.url, tmp_path).is_whole(CONTENT)


def test_overwritten_in_place_while_a_slow_answer_comes(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer brings half of each version: the look at the end tells."""
    new, half = CONTENT[::-1], len(CONTENT) // 2
    served = origin(new, etag='"v2"')
    gave_up = threading.Event()

    def handle(request: Request, connection: Connection) -> bool:
        if gave_up.is_set():
            return bool(served.serve(request, connection))
        told = Reply(206, (("ETag", '"v1"'),), CONTENT, (0, len(CONTENT)), len(CONTENT))
        connection.send(told.head() + CONTENT[:half])
        gave_up.wait(20)
        connection.send(new[half:])
        return False

    served.routes[served.path] = handle
    real = outright.Outright.hand_over

    def hand_over(self: Any, place: Any) -> int:
        came = real(self, place)
        gave_up.set()
        return came

    monkeypatch.setattr(outright.Outright, "hand_over", hand_over)
    fetch_one(served.url, tmp_path).is_whole(new)


def test_a_body_that_comes_late_is_confirmed(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, but long after its head: the file may be another by then."""
    monkeypatch.setattr(outright, "MOMENT", 0.05)
    served = origin(CONTENT, etag='"v1"')

    def handle(request: Request, connection: Connection) -> bool:
        if len(served.requests) > 1:
            return bool(served.serve(request, connection))
        told = Reply(206, (("ETag", '"v1"'),), CONTENT, (0, len(CONTENT)), len(CONTENT))
        connection.send(told.head())
        time.sleep(0.1)
        connection.send(CONTENT)
        return True

    served.routes[served.path] = handle
    fetch_one(served.url, tmp_path).is_whole(CONTENT)
    assert [request.range for request in served.requests[1:]] == [(0, 0)]


@pytest.mark.parametrize("slow", [False, True])
def test_many_of_one_name(origin: Any, tmp_path: Path, slow: bool) -> None:
    """Each finds the name free, and all but one find it taken when they are whole."""
    contents = [CONTENT[: 100 * KIB + number] for number in range(4)]
    fault = (f.Drip(16 * KIB, 0.1),) if slow else (f.Drip(16 * KIB, 0.01),)
    urls = [origin(content, faults=f.always(*fault)).url for content in contents]
    transfer = segdl.TransferOptions(if_exists="rename")
    wanted = [segdl.Request(url=url, directory=tmp_path) for url in urls]
    for outcome in segdl.download_many(wanted, connections=1, transfer=transfer):
        assert isinstance(outcome, segdl.DownloadResult), outcome
    got = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(got) == ["file.1.bin", "file.2.bin", "file.3.bin", "file.bin"]
    assert sorted(got.values(), key=len) == contents


def test_a_slow_body_outlives_a_kill(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(f.Drip(16 * KIB, 0.05)))
    work = tmp_path / f"{NAME}.segdl"
    with start_segdl("-q", served.url, cwd=tmp_path) as program:
        deadline = time.monotonic() + 20
        while sum(sizes(work).values()) < 300 * KIB:
            assert time.monotonic() < deadline
            assert program.poll() is None
            time.sleep(0.01)
        program.kill()
        program.wait()
    held = sum(size for name, size in sizes(work).items() if name.endswith(".part"))
    assert held >= 250 * KIB
    served.faults = f.always()
    before = len(served.requests)
    ended = run_segdl("-q", "--json", served.url, cwd=tmp_path)
    assert ended.code == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert not work.exists()
    assert any(r.range and r.range[0] >= held - 4096 for r in served.requests[before:])


def test_what_a_kill_left_half_way_is_swept(origin: Any, tmp_path: Path) -> None:
    """Between getting a name in the folder of parts and becoming one of them."""
    work = tmp_path / f"{NAME}.segdl"
    work.mkdir()
    (work / "first").write_bytes(b"x" * 5000)
    fetch_one(origin(CONTENT).url, tmp_path).is_whole(CONTENT)


def test_what_cannot_be_swept_is_an_error_that_names_it(origin: Any, tmp_path: Path) -> None:
    first = tmp_path / f"{NAME}.segdl" / "first"
    first.mkdir(parents=True)
    fetched = fetch_one(origin(CONTENT).url, tmp_path)
    assert isinstance(fetched.error, segdl.DiskError)
    assert "first" in fetched.error.message


def test_a_name_that_is_taken_meanwhile(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = unnamed.give_name

    def taken(descriptor: int, path: Path) -> None:
        if path.name == NAME:
            path.write_bytes(b"somebody else's")
        real(descriptor, path)

    monkeypatch.setattr(outright, "give_name", taken)
    fetched = fetch_one(origin(CONTENT).url, tmp_path)
    assert isinstance(fetched.error, segdl.TargetExistsError)
    assert (tmp_path / NAME).read_bytes() == b"somebody else's"


@pytest.mark.parametrize("policy", ["skip", "overwrite", "rename"])
def test_a_name_that_another_run_sets_to_work_on_meanwhile(
    origin: Any, tmp_path: Path, policy: Any
) -> None:
    served, begun = origin(CONTENT), threading.Event()

    def handle(request: Request, connection: Connection) -> bool:
        if len(served.requests) > 1:
            return bool(served.serve(request, connection))
        told = Reply(206, (("ETag", '"v1"'),), CONTENT, (0, len(CONTENT)), len(CONTENT))
        connection.send(told.head())
        assert begun.wait(60)
        connection.send(CONTENT)
        return True

    def listen(event: Event) -> None:
        if isinstance(event, Started) and not begun.is_set():
            at_work.enter_context(workplace.Workplace(Target(tmp_path / NAME)))
            begun.set()

    served.routes[served.path] = handle
    wanted = segdl.Request(url=served.url, directory=tmp_path, name=NAME)
    transfer = segdl.TransferOptions(if_exists=policy)
    with contextlib.ExitStack() as at_work:
        (outcome,) = segdl.download_many(
            [wanted], connections=1, on_event=listen, transfer=transfer
        )
        assert not (tmp_path / NAME).exists()
    if policy == "rename":
        assert isinstance(outcome, segdl.DownloadResult), outcome
        assert outcome.path == tmp_path / "file.1.bin"
        assert outcome.path.read_bytes() == CONTENT
    else:
        assert isinstance(outcome, segdl.Failure)
        assert isinstance(outcome.error, segdl.TargetLockedError)


def test_where_a_file_cannot_be_given_a_name_later(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(outright, "give_name", refuse)
    served = origin(CONTENT)
    fetch_one(served.url, tmp_path).is_whole(CONTENT)
    assert len(served.requests) == 1


def test_where_files_need_names(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outright, "open_unnamed", lambda folder: None)
    fetch_one(origin(CONTENT).url, tmp_path).is_whole(CONTENT)


def test_chunks_that_bring_too_many_bytes(origin: Any, tmp_path: Path) -> None:
    """An answer that is longer than it says is not believed."""
    served = origin(CONTENT, faults=f.on(0, fault=(f.LongerBody(100), f.Chunked())))
    fetch_one(served.url, tmp_path).is_whole(CONTENT)
    assert len(served.requests) > 1


def test_a_server_that_falls_silent(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first byte of the body, and after some of it."""
    # What is given up here, and not in the long way, would not count as a try.
    monkeypatch.setattr(outright, "MOMENT", 0.1)
    for after in (0, 300_000):
        served = origin(CONTENT, faults=f.always(f.StallAfter(after)))
        network = {"stall_timeout": 0.5, "connect_timeout": 0.5}
        fetched = fetch_one(served.url, tmp_path, network=network, retries=2)
        fetched.failed(NetworkError, parts=after > 0)
        assert fetched.seconds < 10
        served.faults = f.always()
        fetch_one(served.url, tmp_path).is_whole(CONTENT)
        os.unlink(tmp_path / NAME)


@pytest.mark.parametrize("after", [0, 300_000])
@pytest.mark.parametrize("many", [False, True])
def test_cancelled_in_the_middle(origin: Any, tmp_path: Path, after: int, many: bool) -> None:
    served = origin(CONTENT, faults=f.always(f.StallAfter(after)))
    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    began = time.monotonic()
    requests = [segdl.Request(url=served.url, directory=tmp_path / name) for name in "abc"]
    with pytest.raises(segdl.CancelledError):
        list(segdl.download_many(requests if many else requests[:1], cancel=cancel))
    with pytest.raises(segdl.CancelledError):
        segdl.download(served.url, tmp_path / "x", cancel=cancel)
    assert time.monotonic() - began < 3
    timer.join()


def test_a_name_that_is_looked_up_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wakes such a thread: it is left behind, and says nothing any more."""
    looked_up, go_on = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> object:
        looked_up.set()
        go_on.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "no")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    cancel = threading.Event()
    told: list[Event] = []

    def stop() -> None:
        looked_up.wait(10)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(segdl.CancelledError):
        list(
            segdl.download_many(
                [segdl.Request(url="http://nowhere.test/x", directory=tmp_path)],
                cancel=cancel,
                on_event=told.append,
            )
        )
    stopper.join()
    count = len(told)
    go_on.set()
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("segdl") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(told) == count


def test_thousands_of_small_files(nginx: Any, tmp_path: Path) -> None:
    site, here = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    for number in range(2000):
        (site / f"{number}.bin").write_bytes(data.content(1000 + number, seed=number))
    server = nginx(site)
    (tmp_path / "list").write_text("".join(f"{server.url(f'{n}.bin')}\n" for n in range(2000)))
    ended = run_segdl("-q", "-d", here, "--max-files", "16", "-i", "list", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert sorted(os.listdir(here)) == sorted(os.listdir(site))
    for number in range(2000):
        assert (here / f"{number}.bin").read_bytes() == (site / f"{number}.bin").read_bytes()
