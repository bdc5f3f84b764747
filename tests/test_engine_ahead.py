"""Files whose first request was sent ahead end as all others do, and are asked for once."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.core.checksum import parse_checksum
from segdl.core.identity import Version
from segdl.core.url import parse_url
from segdl.engine import outright
from segdl.engine.ahead import Ahead, AskedFile, Took
from segdl.engine.among import Among
from segdl.engine.batch import Batch
from segdl.engine.contact import FIRST_BYTES
from segdl.engine.download import download
from segdl.engine.gate import Gate, Gates, OpenGate
from segdl.engine.many import download_all
from segdl.engine.surroundings import open_run
from segdl.progress.events import Event, Finished, Probing, Started
from segdl.store.digests import digests_of
from support.fetching import check_balance
from support.site import Site, content, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segdl.core.url import Origin
    from segdl.engine.run import Run
    from segdl.options import Request as Wanted
    from support.connection import Connection
    from support.request import Request


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def took(monkeypatch: pytest.MonkeyPatch) -> Counter[Took]:
    """Count what became of requests: these tests tell nothing where none is sent ahead."""
    counted: Counter[Took] = Counter()
    real = Ahead.take

    def take(self: Ahead, number: int, request: Wanted) -> Took:
        how = real(self, number, request)
        counted[how] += 1
        return how

    monkeypatch.setattr(Ahead, "take", take)
    return counted


def requests(site: Site, folder: Path, count: int) -> list[segdl.Request]:
    return [segdl.Request(url=site.url(f"/{n}.bin"), directory=folder) for n in range(1, count + 1)]


def fetch_all(
    wanted: list[segdl.Request], *, files: int = 4, **transfer: Any
) -> tuple[dict[int, Any], list[Event]]:
    """Return each file's outcome by its number, and the events; gates are in balance then."""
    events: list[Event] = []
    options = segdl.TransferOptions(**{"connections": 1, **transfer})
    network = segdl.NetworkOptions(stall_timeout=5, connect_timeout=5)
    cancel = threading.Event()
    with open_run(network, options, events.append, cancel, max_files=files) as run:
        quick = run._replace(backoff=lambda _: 0.01)
        outcomes = dict(download_all(quick, wanted, download, files))
        check_balance(run.gates)
    return outcomes, events


def check(folder: Path, count: int, but: tuple[int, ...] = ()) -> None:
    names = {f"{n}.bin" for n in range(1, count + 1) if n not in but}
    assert set(os.listdir(folder)) == names
    for name in names:
        assert (folder / name).read_bytes() == content(name)


@pytest.mark.parametrize("files", [1, 3, 16])
@pytest.mark.parametrize("connections", [1, "auto"])
def test_each_is_asked_for_once(
    site: Site, tmp_path: Path, took: Counter[Took], files: int, connections: Any
) -> None:
    wanted = requests(site, tmp_path, 60)
    outcomes, events = fetch_all(wanted, files=files, connections=connections)
    assert sorted(outcomes) == list(range(1, 61))
    assert all(outcome.status == "complete" for outcome in outcomes.values())
    check(tmp_path, 60)
    assert set(site.asked().values()) == {1}
    assert site.accepted <= files
    assert took[Took.YES] >= 10
    for kind in (Probing, Started, Finished):
        told = [event.file for event in events if isinstance(event, kind)]
        assert sorted(told) == list(range(1, 61)), kind


@pytest.mark.parametrize("quick", [True, False])
def test_what_they_brought_is_counted_at_the_door(
    site: Site, tmp_path: Path, took: Counter[Took], monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    came: Counter[Among] = Counter()
    monkeypatch.setattr(Among, "came_beside", lambda self, count: came.update({self: count}))
    if not quick:
        monkeypatch.setattr(Batch, "_is_quick", lambda _: False)
    gates: list[Gate] = []
    real = Gates.of

    def of(self: Gates, origin: Origin) -> Gate:
        gates.append(gate := real(self, origin))
        return gate

    monkeypatch.setattr(Gates, "of", of)
    fetch_all(requests(site, tmp_path, 60))
    assert took[Took.YES] >= 10
    [door] = {gate for gate in gates if not isinstance(gate, OpenGate)}
    assert came[door.among] == sum(len(content(f"/{n}.bin")) for n in range(1, 61))


@pytest.mark.parametrize("late", [False, True])
def test_how_long_a_server_takes_to_answer_is_known_of_large_files_too(
    site: Site, tmp_path: Path, took: Counter[Took], monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    monkeypatch.setattr(outright, "MOMENT", 0.05)
    takes, waits = (0.2 if late else 0.005), list[float]()

    def answer(request: Request, connection: Connection) -> None:
        connection.pause(takes)
        connection.send(plain(bytes(FIRST_BYTES + 1), 'ETag: "v"'))

    for number in range(10, 41, 10):
        site.odd[f"/{number}.bin"] = answer
    real = Gate.answered

    def answered(self: Gate, waited: float) -> None:
        waits.append(waited)
        real(self, waited)

    monkeypatch.setattr(Gate, "answered", answered)
    outcomes, _ = fetch_all(requests(site, tmp_path, 40))
    assert all(outcome.status == "complete" for outcome in outcomes.values())
    assert took[Took.YES] >= 20
    assert min(waits) > 0.0
    assert sum(waited >= takes for waited in waits) >= 4


def test_over_tls(authority: Any, tmp_path: Path, took: Counter[Took]) -> None:
    with Site(authority.server_context()) as site:
        network = segdl.NetworkOptions(cacert=authority.cacert)
        outcomes = list(segdl.download_many(requests(site, tmp_path, 40), network=network))
        assert all(isinstance(outcome, segdl.DownloadResult) for outcome in outcomes)
        assert set(site.asked().values()) == {1}
    check(tmp_path, 40)
    assert took[Took.YES] >= 20


def answers(raw: bytes, *, keep: bool | None = None) -> Callable[[Any, Connection], bool | None]:
    def answer(request: Any, connection: Connection) -> bool | None:
        connection.send(raw)
        return keep

    return answer


BODY = content("/20.bin")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        CHUNKED % (len(BODY), BODY),
        plain(BODY).replace(b"\r\nContent", b"\r\nX: a\r\n folded\r\nContent"),
        plain(BODY, "Connection: close"),
        plain(BODY) + b"what nobody asked for",
        b"HTTP/1.1 100 Continue\r\n\r\n" + plain(BODY),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + plain(BODY),
        plain(BODY).replace(b"\r\n", b"\n", 3),
    ],
)
def test_odd_answers(site: Site, tmp_path: Path, took: Counter[Took], raw: bytes) -> None:
    site.odd["/20.bin"] = answers(raw)
    outcomes, _ = fetch_all(requests(site, tmp_path, 40))
    assert all(outcome.status == "complete" for outcome in outcomes.values())
    check(tmp_path, 40)
    # What an odd answer does not prove is asked about once more.
    assert site.asked().pop("/20.bin") <= 2
    assert took[Took.YES] >= 20


def test_what_the_server_says_instead(site: Site, tmp_path: Path) -> None:
    site.odd["/10.bin"] = answers(plain(b"no", status="404 Not Found"))
    site.odd["/20.bin"] = answers(
        plain(b"", "Location: /21.bin", "Set-Cookie: a=1", status="302 Found")
    )
    busy = [plain(b"", "Retry-After: 0", status="503 Busy"), plain(content("/30.bin"))]
    site.odd["/30.bin"] = lambda _, connection: connection.send(busy.pop(0))
    wanted = requests(site, tmp_path, 40)
    wanted[19] = replace(wanted[19], name="20.bin")
    outcomes, _ = fetch_all(wanted)
    failed = outcomes.pop(10)
    assert isinstance(failed, segdl.Failure)
    assert isinstance(failed.error, segdl.ServerError)
    assert failed.error.status == 404
    assert all(outcome.status == "complete" for outcome in outcomes.values())
    assert (tmp_path / "20.bin").read_bytes() == content("/21.bin")
    os.unlink(tmp_path / "20.bin")
    check(tmp_path, 40, but=(10, 20))
    asked = site.asked()
    assert (asked["/10.bin"], asked["/20.bin"], asked["/30.bin"]) == (1, 1, 2)


@pytest.mark.parametrize("cut", [0, 3, 60, 2000])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_connections_that_break(site: Site, tmp_path: Path, cut: int, how: str) -> None:
    """Before the head, within it, and within the body, of every third file."""
    broken = set()

    def answer(request: Request, connection: Connection) -> bool | None:
        if request.path in broken:
            connection.send(plain(content(request.path)))
            return None
        broken.add(request.path)
        connection.send(plain(content(request.path))[:cut])
        if how == "reset":
            connection.reset()
        return False

    for number in range(3, 31, 3):
        site.odd[f"/{number}.bin"] = answer
    outcomes, _ = fetch_all(requests(site, tmp_path, 30))
    assert all(outcome.status == "complete" for outcome in outcomes.values()), outcomes
    check(tmp_path, 30)


def test_a_late_answer_keeps_nobody_waiting(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on in a thread; the rest of it may be of another version, so that is looked at."""
    monkeypatch.setattr(outright, "MOMENT", 0.1)
    others = threading.Event()
    gone = set()

    def late(request: Request, connection: Connection) -> None:
        whole = plain(content(request.path), 'ETag: "v"')
        if request.path in gone:
            connection.send(whole)
            return
        gone.add(request.path)
        cut = 0 if request.path == "/8.bin" else len(whole) - 100
        connection.send(whole[:cut])
        others.wait(20)
        connection.send(whole[cut:])

    site.odd["/8.bin"] = site.odd["/9.bin"] = late
    options = segdl.TransferOptions(connections=1)
    outcomes = segdl.download_many(requests(site, tmp_path, 40), transfer=options)
    for ended, outcome in enumerate(outcomes, start=1):
        assert isinstance(outcome, segdl.DownloadResult), outcome
        if ended == 38:
            others.set()
    assert others.is_set()
    check(tmp_path, 40)


def test_who_takes_their_time_over_an_outcome(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that nobody looked at for long are not taken for fresh."""
    monkeypatch.setattr(outright, "MOMENT", 0.05)
    for ended, outcome in enumerate(segdl.download_many(requests(site, tmp_path, 20))):
        assert isinstance(outcome, segdl.DownloadResult), outcome
        if ended % 8 == 7:
            time.sleep(0.2)
    check(tmp_path, 20)


def test_quick_files_do_not_go_before_one_that_a_thread_has_ended(
    site: Site, tmp_path: Path, took: Counter[Took], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: what waits for it, such as its place for another, would wait on."""
    most, seen, begun = 1000, set(), threading.Event()
    real = Ahead.next

    def one_is_always_there(self: Ahead, seconds: float) -> AskedFile | None:
        while (file := real(self, seconds or 1.0)) is None and self.at_work:
            pass
        return file

    monkeypatch.setattr(Ahead, "next", one_is_always_there)

    def wanted() -> Iterator[segdl.Request]:
        for number in range(1, most):
            if 1 in seen:
                return
            yield segdl.Request(url=site.url(f"/{number}.bin"), directory=tmp_path)

    def fetch(run: Run, request: Wanted, number: int) -> segdl.DownloadResult:
        if number == 1:
            begun.wait(60)
        return download(run, request, number)

    cancel, options = threading.Event(), segdl.TransferOptions(connections=1)
    with open_run(segdl.NetworkOptions(), options, lambda _: None, cancel, max_files=4) as run:
        outcomes = download_all(run, wanted(), fetch, 4, needs_thread=lambda number: number == 1)
        for number, outcome in outcomes:
            assert isinstance(outcome, segdl.DownloadResult), outcome
            seen.add(number)
            if len(seen) == 20:
                begun.set()
    assert 1 in seen
    assert took[Took.YES] > 1
    assert len(seen) < most - 1


def test_a_list_that_has_nothing_yet_is_not_waited_for_where_it_waited(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segdl.engine.batch.TICK", 3600.0)

    def wanted() -> Iterator[segdl.Request | None]:
        yield None
        yield from requests(site, tmp_path, 2)
        yield None

    cancel, options = threading.Event(), segdl.TransferOptions()
    with open_run(segdl.NetworkOptions(), options, lambda _: None, cancel, max_files=4) as run:
        assert len(dict(download_all(run, wanted(), download, 4))) == 2


def test_digests(site: Site, tmp_path: Path) -> None:
    wanted = requests(site, tmp_path, 30)
    right = hashlib.sha256(content("/20.bin")).hexdigest()
    wanted[19] = replace(wanted[19], checksum=parse_checksum(f"sha256={right}"))
    wanted[24] = replace(wanted[24], checksum=parse_checksum("sha256=" + "0" * 64))
    outcomes, events = fetch_all(wanted)
    assert outcomes[20].checksum == f"sha256={right}"
    assert isinstance(outcomes[25].error, segdl.ChecksumMismatchError)
    assert (tmp_path / "25.bin.segdl").is_dir()
    assert not (tmp_path / "25.bin").exists()
    assert [type(e) for e in events if e.file == 25].count(Started) == 1


def test_what_is_there_already(site: Site, tmp_path: Path) -> None:
    fetch_all(requests(site, tmp_path, 20))
    before = len(site.requests)
    (tmp_path / "20.bin").write_bytes(b"somebody else's")
    outcomes, _ = fetch_all(requests(site, tmp_path, 30))
    assert isinstance(outcomes.pop(20).error, segdl.TargetExistsError)
    assert [outcomes[n].status for n in outcomes if n < 20] == ["skipped"] * 19
    again = [r for r in site.requests[before:] if int(r.path[1:].split(".")[0]) <= 20]
    assert {request.range for request in again} == {(0, 0)}


@pytest.mark.parametrize("how", ["recorded", "named", "by digest", "skip"])
def test_what_is_there_already_costs_a_byte_and_no_connection(
    site: Site, tmp_path: Path, took: Counter[Took], how: str
) -> None:
    """Nothing is made beside such a file, either: nobody is at work on it."""
    count = 30
    wanted = requests(site, tmp_path, count)
    fetch_all(wanted)
    if how == "by digest":
        for number, request in enumerate(wanted):
            digest = hashlib.sha256(content(f"/{number + 1}.bin")).hexdigest()
            wanted[number] = replace(request, checksum=parse_checksum(f"sha256={digest}"))
    elif how == "named":
        wanted = [replace(each, name=f"{n}.bin") for n, each in enumerate(wanted, start=1)]
        for number in range(1, count + 1, 3):
            path = f"/{number}.bin"
            # It sends no range, but the whole file.
            site.odd[path] = answers(plain(content(path), f'ETag: "{path}"'))
    elif how == "skip":
        for number in range(1, count + 1):
            (tmp_path / f"{number}.bin").write_bytes(b"mine")
    before, accepted = len(site.requests), site.accepted
    took.clear()
    touched = os.stat(tmp_path).st_mtime_ns
    outcomes, events = fetch_all(wanted, files=3, if_exists="skip" if how == "skip" else "auto")
    assert {outcome.status for outcome in outcomes.values()} == {"skipped"}
    assert [request.range for request in site.requests[before:]] == [(0, 0)] * count
    # What brings more than a byte in a thread's hands is not read to its end.
    assert site.accepted - accepted <= 3 + len(site.odd)
    assert os.stat(tmp_path).st_mtime_ns == touched
    # What has to be read is read in a thread.
    assert (took[Took.YES] > 10) == (how != "by digest")
    assert [e.status for e in events if isinstance(e, Finished)] == ["skipped"] * count
    assert not [event for event in events if isinstance(event, Started)]


@pytest.mark.parametrize(
    ("policy", "status"),
    [("auto", None), ("overwrite", "complete"), ("error", None), ("rename", "complete")],
)
def test_what_is_there_and_another_on_the_server(
    site: Site, tmp_path: Path, took: Counter[Took], policy: str, status: str | None
) -> None:
    wanted = requests(site, tmp_path, 20)
    fetch_all(wanted)
    old = {n: (tmp_path / f"{n}.bin").read_bytes() for n in range(1, 21)}
    for number in range(1, 21):
        site.odd[f"/{number}.bin"] = answers(plain(b"new content", 'ETag: "new"'))
    outcomes, _ = fetch_all(wanted, if_exists=policy)
    now = {n: (tmp_path / f"{n}.bin").read_bytes() for n in range(1, 21)}
    if status is None:
        assert all(isinstance(each.error, segdl.TargetExistsError) for each in outcomes.values())
        assert now == old
        assert len(os.listdir(tmp_path)) == 20
    else:
        assert {outcome.status for outcome in outcomes.values()} == {status}
        there = {each.path.read_bytes() for each in outcomes.values()}
        assert there == {b"new content"}
        assert (now == old) == (policy == "rename")


def test_whether_they_changed_is_asked_ahead_too(
    site: Site, tmp_path: Path, took: Counter[Took]
) -> None:
    count = 30
    fetch_all(requests(site, tmp_path, count))
    took.clear()
    changed = {f"/{n}.bin" for n in range(1, count + 1, 7)}

    def unless(request: Request, connection: Connection) -> None:
        assert dict(request.headers)["If-None-Match"] == f'"{request.path}"'
        if request.path in changed:
            connection.send(plain(b"another", 'ETag: "new"'))
        else:
            connection.send(
                b'HTTP/1.1 304 Not Modified\r\nETag: "%s"\r\n\r\n' % request.path.encode()
            )

    before = site.asked()
    wanted = []
    for request in requests(site, tmp_path, count):
        path = parse_url(request.url).path
        site.odd[path] = unless
        version = Version(size=len(content(path)), etag=f'"{path}"')
        wanted.append(replace(request, held=version))
    outcomes, _ = fetch_all(wanted, if_exists="overwrite")
    for number, outcome in outcomes.items():
        path = f"/{number}.bin"
        there = (tmp_path / path[1:]).read_bytes()
        if path in changed:
            assert (outcome.status, there) == ("complete", b"another")
        else:
            assert (outcome.status, outcome.fetched, there) == ("skipped", 0, content(path))
    assert set((site.asked() - before).values()) == {1}
    assert took[Took.YES] >= 5


def test_one_name_for_several(site: Site, tmp_path: Path, took: Counter[Took]) -> None:
    wanted = requests(site, tmp_path, 12)
    wanted += [replace(request, name="same") for request in requests(site, tmp_path, 40)[12:]]
    outcomes, _ = fetch_all(wanted, files=1, if_exists="rename")
    assert [failed for failed in outcomes.values() if isinstance(failed, segdl.Failure)] == []
    got = sorted(path.read_bytes() for path in tmp_path.glob("same*"))
    assert got == sorted(content(f"/{n}.bin") for n in range(13, 41))
    assert took[Took.YES]


@pytest.mark.parametrize("after", [0, 60, 1000])
def test_cancelled_while_answers_are_waited_for(site: Site, tmp_path: Path, after: int) -> None:
    stalled = threading.Event()

    def stall(request: Request, connection: Connection) -> None:
        connection.send(plain(content(request.path))[:after])
        stalled.set()
        connection.stall()

    for number in range(20, 60):
        site.odd[f"/{number}.bin"] = stall
    cancel = threading.Event()

    def stop() -> None:
        stalled.wait(20)
        time.sleep(0.05)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    outcomes: list[segdl.DownloadResult | segdl.Failure] = []
    with pytest.raises(segdl.CancelledError):
        outcomes.extend(segdl.download_many(requests(site, tmp_path, 60), cancel=cancel))
    stopper.join()
    failed = [outcome for outcome in outcomes if isinstance(outcome, segdl.Failure)]
    assert failed
    assert all(isinstance(outcome.error, segdl.CancelledError) for outcome in failed)
    assert not list(tmp_path.glob("*.bin")) or all(
        path.read_bytes() == content(path.name) for path in tmp_path.glob("*.bin")
    )


def test_left_in_the_middle(site: Site, tmp_path: Path) -> None:
    outcomes = segdl.download_many(requests(site, tmp_path, 60))
    for _ in range(20):
        next(outcomes)
    outcomes.close()
    for path in tmp_path.glob("*.bin"):
        assert path.read_bytes() == content(path.name)
    assert not any(thread.name.startswith("segdl") for thread in threading.enumerate())


def test_all_requests_are_logged(
    site: Site, tmp_path: Path, took: Counter[Took], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "segdl")
    wanted = requests(site, tmp_path, 40)
    secret = wanted[29].url.replace("://", "://me:s3cr3t@")
    wanted[29] = replace(wanted[29], url=f"{secret}?sig=s3cr3t")
    site.odd["/30.bin?sig=s3cr3t"] = answers(plain(content("/30.bin"), "X-A: \x1b[2J"))
    site.odd["/20.bin"] = answers(plain(b"no", status="404 Not Found"))
    site.odd["/21.bin"] = answers(CHUNKED % (len(BODY), BODY))
    fetch_all(wanted, files=3)
    told = [message for message in caplog.messages if message.startswith("GET ")]
    assert len(told) == len(site.requests)
    assert sum("/20.bin bytes=0-: 404" in message for message in told) == 1
    assert sum("/30.bin bytes=0-: 200" in message for message in told) == 1
    assert "s3cr3t" not in caplog.text
    assert took[Took.YES] > 20
    # Nor twice, where a file that was asked about is left to a thread.
    for number in range(31, 41):
        (tmp_path / f"{number}.bin").write_bytes(content(f"/{number}.bin"))
        digest = hashlib.sha256(content(f"/{number}.bin")).digest()
        told_digest = f"Repr-Digest: sha-256=:{base64.b64encode(digest).decode()}:"
        size = f"Content-Range: bytes 0-0/{len(content(f'/{number}.bin'))}"
        byte = content(f"/{number}.bin")[:1]
        site.odd[f"/{number}.bin"] = answers(
            plain(byte, told_digest, size, status="206 Partial Content")
        )
    caplog.clear()
    before = len(site.requests)
    threads: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        real = digests_of

        def noted(*arguments: Any) -> Any:
            threads.append(threading.current_thread().name)
            return real(*arguments)

        patch.setattr("segdl.engine.existing.digests_of", noted)
        outcomes, _ = fetch_all(wanted[30:], files=3)
    assert {outcome.status for outcome in outcomes.values()} == {"skipped"}
    assert len(site.requests) - before == 10
    assert sum(message.startswith("GET ") for message in caplog.messages) == 10
    # It is read there, once.
    assert len(threads) == 10
    assert all(name.startswith("segdl-file") for name in threads)


@pytest.mark.parametrize("how", ["silent", "closed"])
@pytest.mark.parametrize("policy", ["auto", "skip"])
def test_the_head_tells_what_is_there_though_the_byte_does_not_come(
    site: Site, tmp_path: Path, how: str, policy: str
) -> None:
    wanted = requests(site, tmp_path, 12)
    fetch_all(wanted)

    def answer(request: Request, connection: Connection) -> bool | None:
        told = f"Content-Range: bytes 0-0/{len(content(request.path))}"
        tag = f'ETag: "{request.path}"'
        connection.send(plain(b"x", tag, told, status="206 Partial Content")[:-1])
        return None if how == "silent" else False

    for number in range(1, 13):
        site.odd[f"/{number}.bin"] = answer
    began = time.monotonic()
    outcomes, _ = fetch_all(wanted, if_exists=policy)
    assert [getattr(each, "status", each) for each in outcomes.values()] == ["skipped"] * 12
    # Nobody waits as long as for a connection that hangs.
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("policy", ["auto", "resume"])
def test_what_is_another_file_is_read_once(
    site: Site, tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = digests_of

    def noted(path: Path, *more: Any) -> Any:
        read.append(path)
        return real(path, *more)

    monkeypatch.setattr("segdl.engine.existing.digests_of", noted)
    right = hashlib.sha256(content("/1.bin")).hexdigest()
    wanted = [
        replace(each, checksum=parse_checksum(f"sha256={right}"))
        for each in requests(site, tmp_path, 1)
    ]
    (tmp_path / "1.bin").write_bytes(bytes(len(content("/1.bin"))))
    outcomes, _ = fetch_all(wanted, if_exists=policy)
    assert isinstance(outcomes[1].error, segdl.SegdlError)
    assert read == [tmp_path / "1.bin"]


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("auto", "skipped"),
        ("resume", "skipped"),
        ("skip", "skipped"),
        ("error", None),
        ("overwrite", "complete"),
        ("rename", "complete"),
    ],
)
def test_what_is_there_and_the_same(
    site: Site, tmp_path: Path, policy: str, status: str | None
) -> None:
    wanted = requests(site, tmp_path, 8)
    fetch_all(wanted)
    before = len(site.requests)
    outcomes, _ = fetch_all(wanted, if_exists=policy)
    assert {getattr(each, "status", None) for each in outcomes.values()} == {status}
    assert len(os.listdir(tmp_path)) == (16 if policy == "rename" else 8)
    if status == "skipped":
        assert {each.range for each in site.requests[before:]} == {(0, 0)}


def test_skip_claims_no_digest_of_what_it_did_not_read(site: Site, tmp_path: Path) -> None:
    checksum = parse_checksum("sha256=" + "0" * 64)
    wanted = [replace(each, checksum=checksum) for each in requests(site, tmp_path, 4)]
    for number in range(1, 5):
        (tmp_path / f"{number}.bin").write_bytes(b"mine")
    outcomes, _ = fetch_all(wanted, if_exists="skip")
    assert [(each.status, each.checksum) for each in outcomes.values()] == [("skipped", None)] * 4


def test_a_folder_in_the_place_of_a_file_is_no_file(site: Site, tmp_path: Path) -> None:
    wanted = requests(site, tmp_path, 8)
    fetch_all(wanted)
    os.unlink(tmp_path / "8.bin")
    os.mkdir(tmp_path / "8.bin")
    for policy in ("auto", "skip", "resume"):
        outcomes, _ = fetch_all(wanted, if_exists=policy)
        assert "is a folder" in str(outcomes.pop(8).error)
        assert {outcome.status for outcome in outcomes.values()} == {"skipped"}
