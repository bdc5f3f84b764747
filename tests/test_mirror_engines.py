"""Files of a mirror that other processes of this machine fetch: killed, stopped and woken."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.core.checksum import Checksum
from segdl.core.names import name_beside
from segdl.errors import CancelledError, UsageError
from segdl.mirror.engines.camp import files_of, pitch, prove, strike, why_unproved
from segdl.mirror.engines.orders import Head, Look
from segdl.mirror.engines.processes import Processes
from segdl.mirror.engines.telling import Teller, event_of
from segdl.mirror.happenings import Done, Said
from segdl.mirror.listing import Entry
from segdl.mirror.options import EngineOptions
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Busy, Note, Progress, Restarted, Started, Verifying
from support import data
from support.clusters import wait_until
from support.folders import LARGE, MIB, SMALL, entries, fill, found, sent
from support.mirroring import entry, mirror
from support.program import run_segdl, start_segdl
from support.scripted import ScriptedServer
from support.victims import Victim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import StartNginx
    from segdl.mirror.engines.answers import Told
    from segdl.mirror.engines.orders import Order
    from segdl.mirror.happenings import Happening
    from support.connection import Connection
    from support.request import Request as Asked
    from support.tls import Authority


def processes(count: int = 2, **how: float) -> EngineOptions:
    return EngineOptions(kind="processes", workers=count, piece=MIB, **how)  # type: ignore[arg-type]


def test_the_folder_becomes_equal_and_nothing_is_asked_for_twice(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "empty": 0, "large.iso": LARGE})
    server, mirrored = nginx(root), tmp_path / "mirrored"
    ran = mirror(mirrored, entries(server, files), engine=processes(), sums=True)
    assert ran.result.failures.first == []
    sums = mirrored / "SHA256SUMS"
    assert found(mirrored) == {**files, "SHA256SUMS": sums.read_bytes()}
    assert {each.verified for each in ran.of(Done)} == {"sha256"}
    log = server.log(ran.requests)
    assert len(log) == ran.requests
    small = [each for each in log if each.target != "/large.iso"]
    assert len(small) == len(files) - 1
    # What two pieces have in common is compared; else each byte came once.
    pieces = len([each for each in log if each.target == "/large.iso" and each.sent > 1])
    assert sent(server) <= sum(map(len, files.values())) + 4096 * pieces + 8
    again = mirror(mirrored, entries(server, files), engine=processes(), sums=True)
    assert (again.result.failures.first, again.of(Done)) == ([], [])
    assert len(server.log()) == len(log)
    assert os.listdir(mirrored / ".segdl" / "incoming") == []


def test_without_digests_each_file_is_asked_for_on_condition(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server, mirrored = nginx(root), tmp_path / "mirrored"
    listed = entries(server, files, digests=False)
    assert mirror(mirrored, listed, engine=processes()).result.failures.first == []
    (root / "d0/f0.bin").write_bytes(b"new")
    again = mirror(
        mirrored,
        [entry(server.url(path), path) for path in files],
        engine=processes(),
    )
    assert again.result.failures.first == []
    assert found(mirrored) == {**files, "d0/f0.bin": b"new"}
    fetched = [each.path for each in again.of(Done) if each.how == "fetched"]
    assert fetched == ["d0/f0.bin"]


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("needs another file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_a_folder_of_the_mirror_may_be_on_another_disk(
    root: Path, nginx: StartNginx, tmp_path: Path, other_disk: Path
) -> None:
    files = fill(root, {"top": 5000, "sub/small": 4000, "sub/large.iso": LARGE})
    server, mirrored = nginx(root), tmp_path / "mirrored"
    mirrored.mkdir()
    (mirrored / "sub").symlink_to(other_disk)
    listed = entries(server, files)
    wrong = replace(listed[1], checksum=Checksum("sha256", "0" * 64))
    ran = mirror(mirrored, [*listed[::2], wrong], engine=processes())
    assert [error.exit_code for error in ran.result.failures.first] == [5]
    assert (other_disk / "small.corrupt").read_bytes() == files["sub/small"]
    (other_disk / "small.corrupt").unlink()
    # A twin cannot be linked: it is copied.
    files["sub/twin"] = files["top"]
    twin = replace(listed[0], path="sub/twin")
    ran = mirror(mirrored, [*listed, twin], engine=processes())
    assert ran.result.failures.first == []
    assert {path: data for path, data in found(mirrored).items() if "/" not in path} == {
        "top": files["top"]
    }
    assert {f"sub/{path}": data for path, data in found(other_disk).items()} == {
        path: data for path, data in files.items() if path != "top"
    }
    assert ran.done["sub/twin"] == "linked"
    assert (other_disk / "large.iso").stat().st_mtime == 1_700_000_000
    assert mirror(mirrored, [*listed, twin], engine=processes()).done == {}


def test_a_killed_process_costs_what_it_had_at_work(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 3m;"]), tmp_path / "mirrored"
    victim = Victim()
    ran = mirror(
        mirrored, entries(server, files), engine=processes(), on=victim.kill_beyond(3 * MIB)
    )
    assert victim.pid
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    # Two processes had a piece each, of less than 2 MiB.
    assert sent(server, ran.requests) < sum(map(len, files.values())) + 5 * MIB


def test_a_process_that_is_stopped_and_woken_changes_nothing(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    # Pieces of some seconds each: whoever is stopped has one at work.
    files = fill(root, {"large.iso": 4 * MIB})
    server, mirrored = nginx(root, server=["limit_rate 300k;"]), tmp_path / "mirrored"
    victim = Victim()
    ran = mirror(mirrored, entries(server, files), engine=processes(silence=4.0), on=victim.stop)
    assert victim.pid
    assert any("lost" in each.text for each in ran.of(Note))
    assert ran.result.failures.first == []
    assert found(mirrored) == files


def test_the_driver_killed_and_run_again_fetches_what_was_at_work(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 3m;"]), tmp_path / "mirrored"
    # With sizes: else each run asks once for the large file to find that it is large.
    listed = [
        {"url": path, "dest": path, "size": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for path, c in files.items()
    ]
    (root / "list.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in listed))
    arguments = ("mirror", "-q", "--engine", "processes:2", "--piece", "1M")
    kills = 2
    for _ in range(kills):
        with start_segdl(*arguments, server.url("list.jsonl"), mirrored) as running:
            seen = len(server.log())
            wait_until(lambda seen=seen: len(server.log()) > seen + 3, "its work")  # type: ignore[misc]
            running.send_signal(signal.SIGKILL)
            running.wait()
            # Nobody tells its processes: they see for themselves.
            wait_until(lambda: not _is_alive(running.pid), "the end of its processes")
    last = run_segdl(*arguments, server.url("list.jsonl"), mirrored)
    assert (last.code, last.err) == (0, "")
    assert found(mirrored) == files
    bytes_of_lists = (kills + 1) * (root / "list.jsonl").stat().st_size
    # Two processes had a piece each, of less than 2 MiB.
    most = sum(map(len, files.values())) + bytes_of_lists + kills * 4 * MIB
    assert sent(server) < most


def _is_alive(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_ends_it_within_moments(root: Path, nginx: StartNginx, tmp_path: Path) -> None:
    files = fill(root, {"large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 300k;"]), tmp_path / "mirrored"
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress):
            cancel.set()

    with pytest.raises(CancelledError):
        mirror(mirrored, entries(server, files), engine=processes(), on=stop, cancel=cancel)
    assert multiprocessing.active_children() == []
    runs = [each for each in os.listdir(mirrored / ".segdl/incoming") if each.startswith("run-")]
    assert runs == []


def test_a_host_that_has_had_enough_is_asked_nothing_by_anybody(tmp_path: Path) -> None:
    content, pause = b"x" * 1000, 2
    lock, asked = threading.Lock(), list[float]()

    def handler(request: Asked, connection: Connection) -> None:
        with lock:
            asked.append(time.monotonic())
            first = len(asked) == 5
        if first:
            head = f"HTTP/1.1 429 Slow down\r\nRetry-After: {pause}\r\nContent-Length: 0\r\n\r\n"
            connection.send(head.encode())
        else:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
            connection.send(head.encode() + content)

    with ScriptedServer(handler) as server:
        listed = [entry(server.url(f"/f{n}"), f"f{n}", size=len(content)) for n in range(30)]
        ran = mirror(tmp_path / "mirrored", listed, engine=processes())
    assert ran.result.failures.first == []
    assert len(found(tmp_path / "mirrored")) == 30
    refused_at = asked[4]
    # The other process may have had a request on its way.
    meanwhile = [each for each in asked[5:] if each < refused_at + pause - 0.1]
    assert len(meanwhile) <= 1
    assert [each.status for each in ran.of(Busy)] == [429]


def test_a_file_that_changes_meanwhile_is_fetched_as_it_is_now(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 3m;"]), tmp_path / "mirrored"
    later = data.content(LARGE, 77)
    changed: list[bool] = []

    def change(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 2 * MIB and not changed:
            changed.append(True)
            (root / "new").write_bytes(later)
            os.utime(root / "new", (1_600_000_000, 1_600_000_000))
            os.replace(root / "new", root / "large.iso")

    listed = entries(server, files, digests=False)
    ran = mirror(mirrored, listed, engine=processes(), on=change)
    assert ran.result.failures.first == []
    assert found(mirrored) == {"large.iso": later}
    assert ran.of(Restarted)


@pytest.mark.parametrize("name", ["file", "漢" * 83])
@pytest.mark.parametrize("size", [5000, LARGE])
def test_wrong_bytes_get_no_name(
    root: Path, nginx: StartNginx, tmp_path: Path, size: int, name: str
) -> None:
    files = fill(root, {f"a/{name}": size})
    server, mirrored = nginx(root), tmp_path / "mirrored"
    wrong = Checksum("sha256", "0" * 64)
    listed = [entry(server.url(f"a/{name}"), f"a/{name}", size=size, checksum=wrong)]
    ran = mirror(mirrored, listed, engine=processes(1))
    (failure,) = ran.result.failures.first
    assert failure.exit_code == 5
    assert failure.message.startswith(f"{mirrored / 'a' / name}: its sha256 is ")
    assert found(mirrored) == {f"a/{name_beside(name, '.corrupt')}": files[f"a/{name}"]}


def test_what_a_run_without_an_engine_began_is_gone_on_with(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 2m;"]), tmp_path / "mirrored"
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 4 * MIB:
            cancel.set()

    listed = entries(server, files)
    with pytest.raises(CancelledError):
        mirror(mirrored, listed, on=stop, cancel=cancel)
    ran = mirror(mirrored, listed, engine=processes())
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert sent(server) < LARGE + 6 * MIB


def test_who_does_not_see_the_folder_is_refused(tmp_path: Path) -> None:
    camp = pitch(tmp_path / "incoming", topics=False)
    proof = prove(camp, ())
    assert why_unproved(camp, proof) is None
    assert why_unproved(camp, proof) is not None, "what it wrote is taken away"
    (camp.folder / "driver").write_text("another")
    assert "another folder" in str(prove(camp, ()).why_unfit)
    strike(camp)
    assert "does not see" in str(prove(camp, ()).why_unfit)


def test_files_that_options_name_must_be_the_same_at_each_worker(tmp_path: Path) -> None:
    camp = pitch(tmp_path / "incoming", topics=False)
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    named = files_of(NetworkOptions(cookies=cookies))
    assert prove(camp, named).why_unfit is None
    cookies.write_text("# another")
    assert "--cookies" in str(prove(camp, named).why_unfit)
    strike(camp)


def test_a_limit_on_the_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--limit-rate"):
        mirror(tmp_path, [], engine=processes(1), network=NetworkOptions(limit_rate=1000))


def test_secrets_are_in_no_file_and_no_message(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    fill(root, {"a": 100})
    secret = "hunter2secret"
    server = nginx(root, server=[f'if ($arg_key != "{secret}") {{ return 403; }}'])
    listed = [entry(f"{server.url('a')}?key={secret}", "a")]
    mirrored = tmp_path / "mirrored"
    headers = (("X-Token", secret),)
    network = NetworkOptions(headers=headers, user=("u", secret))
    ran = mirror(mirrored, listed, engine=processes(1), network=network)
    assert ran.result.failures.first == []
    assert secret not in repr(ran.happened)
    kept = [path for path in mirrored.rglob("*") if path.is_file()]
    assert all(secret.encode() not in path.read_bytes() for path in kept)
    assert [each for each in ran.of(Said) if "worker" in each.text] == []


@pytest.mark.parametrize("text", ["processes:0", "processes", "ray://x", "dask:8786", "dask://h"])
def test_what_is_no_engine_is_a_usage_error(tmp_path: Path, text: str) -> None:
    done = run_segdl("mirror", "--engine", text, "list", tmp_path)
    assert (done.code, "engine" in done.err) == (2, True)


def test_processes_that_are_all_stopped_are_replaced(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, SMALL)
    server, mirrored = nginx(root), tmp_path / "mirrored"
    stopped: list[int] = []

    def stop(happening: Happening) -> None:
        if isinstance(happening, Done) and not stopped:
            for child in multiprocessing.active_children():
                assert child.pid is not None
                stopped.append(child.pid)
                os.kill(child.pid, signal.SIGSTOP)

    ran = mirror(mirrored, entries(server, files), engine=processes(silence=0.5), on=stop)
    assert stopped
    assert ran.result.failures.first == []
    assert found(mirrored) == files


def test_options_of_the_network_hold_for_workers(
    root: Path, nginx: StartNginx, authority: Authority, tmp_path: Path
) -> None:
    files = fill(root, {"a": 5000, "large.iso": LARGE})
    server = nginx(root, authority=authority)
    listed = [
        entry(server.url(path, tls=True), path, size=len(content))
        for path, content in files.items()
    ]
    mirrored = tmp_path / "mirrored"
    network = NetworkOptions(cacert=authority.cacert)
    ran = mirror(mirrored, listed, engine=processes(), network=network)
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    refused = mirror(tmp_path / "other", listed[:1], engine=processes(1), retries=1)
    assert [each.exit_code for each in refused.result.failures.first] == [3]


def test_a_mirror_takes_the_place_of_a_server_that_is_gone(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"a": 5000, "large.iso": LARGE})
    server = nginx(root)
    listed = [
        Entry(path=path, urls=(f"http://127.0.0.1:9/{path}", server.url(path)), size=len(content))
        for path, content in files.items()
    ]
    ran = mirror(tmp_path / "mirrored", listed, engine=processes())
    assert ran.result.failures.first == []
    assert found(tmp_path / "mirrored") == files


def test_what_workers_tell_comes_in_order_and_not_too_often(tmp_path: Path) -> None:
    camp = replace(pitch(tmp_path, topics=False), every=0.05)
    head = Head(
        number=7, attempt=3, camp=camp, network=NetworkOptions(), transfer=TransferOptions()
    )
    order = Look(head=head, request=Request(url="http://h/x"))
    sent: list[list[object]] = []
    teller = Teller(order, sent.append)
    teller(Started(7, "http://h/x", "/p", 100, 5, 1))
    teller(Progress(7, 10, 100, ()))
    assert sent == [], "it may be over in a moment"
    time.sleep(0.06)
    for done in range(20, 100):
        teller(Progress(7, done, 100, ()))
    teller(Note(7, "a note"))
    assert [each[:3] for each in sent[:3]] == [
        [7, 3, "Started"],
        [7, 3, "Progress"],
        [7, 3, "Note"],
    ]
    told = [event_of(7, str(kind), fields) for _, _, kind, *fields in sent]
    assert told[0] == Started(7, "http://h/x", "/p", 100, 5, 1)
    assert len(sent) < 20
    before = len(sent)
    for done in range(1000):
        teller(Verifying(7, done, 1000))
    assert len(sent) < before + 20
    time.sleep(0.06)
    teller(Verifying(7, 1000, 1000))
    assert event_of(7, str(sent[-1][2]), sent[-1][3:]) == Verifying(7, 1000, 1000)
    for _ in range(1000):
        teller(Note(7, "again"))
    assert len(sent) < 300
    strike(camp)


@pytest.mark.parametrize("length", [50_000, 3 * MIB])
def test_a_server_that_breaks_off_is_gone_on_from_and_one_that_is_dead_given_up(
    tmp_path: Path, length: int
) -> None:
    content = data.content(length, 5)
    lock, sent = threading.Lock(), [0, 0]
    dead = threading.Event()

    def handler(request: Asked, connection: Connection) -> bool:
        first, last = request.range or (0, None)
        start = first or 0
        stop = length if last is None else min(last + 1, length)
        with lock:
            sent[0] += 1
        if dead.is_set() and stop - start > 1:
            return False
        status = "206 Partial Content" if request.range else "200 OK"
        place = f"Content-Range: bytes {start}-{stop - 1}/{length}\r\n" if request.range else ""
        head = f'HTTP/1.1 {status}\r\n{place}ETag: "one"\r\nContent-Length: {stop - start}\r\n\r\n'
        some = content[start : min(stop, start + length // 8)]
        with lock:
            sent[1] += len(some)
        connection.send(head.encode() + some)
        return len(some) == stop - start

    with ScriptedServer(handler) as server:
        listed = [entry(server.url("/x"), "x", size=length)]
        ran = mirror(tmp_path / "m", listed, engine=processes(1), retries=3)
        assert ran.result.failures.first == []
        assert found(tmp_path / "m") == {"x": content}
        assert sent[1] < 2 * length
        dead.set()
        sent[0] = 0
        lost = mirror(tmp_path / "other", listed, engine=processes(1), retries=3)
        assert [each.exit_code for each in lost.result.failures.first] == [3]
        assert sent[0] < 30


def test_what_an_engine_had_that_is_gone_is_given_out_again(
    root: Path, nginx: StartNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing ever tells that it was lost, as where a scheduler goes at a bad moment."""
    swallowed: list[Order] = []
    submit, mend = Processes.submit, Processes.mend

    def swallow_one(engine: Processes, order: Order) -> Future[Told]:
        if swallowed:
            return submit(engine, order)
        swallowed.append(order)
        return Future()

    def mend_once(engine: Processes) -> bool:
        if len(swallowed) != 1:
            return mend(engine)
        swallowed.append(swallowed[0])
        return True

    monkeypatch.setattr(Processes, "submit", swallow_one)
    monkeypatch.setattr(Processes, "mend", mend_once)
    files = fill(root, SMALL)
    server, mirrored = nginx(root), tmp_path / "mirrored"
    ran = mirror(mirrored, entries(server, files), engine=processes())
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert len(swallowed) == 2
