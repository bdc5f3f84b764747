"""A mirror in a bucket that other processes of this machine fill: they know signed URLs only."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import re
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.checksum import Checksum
from segdl.core.multipart import LEAST_PART
from segdl.core.s3url import parse_prefix
from segdl.errors import CancelledError
from segdl.mirror.bucket import InBucket
from segdl.mirror.engines.answers import PartSent, Sent
from segdl.mirror.engines.camp import pitch, strike
from segdl.mirror.engines.orders import HashObject, Look, Send, SendPart
from segdl.mirror.engines.processes import Processes
from segdl.mirror.engines.worker import obey
from segdl.mirror.happenings import Done, GaveUp, Paused, Round
from segdl.mirror.options import INCOMING, EngineOptions
from segdl.progress.events import Failed, Note, Progress, Restarted, Retrying
from support import data
from support.buckets import ENVIRONMENT, Asked, Bucket, Told, behind
from support.clusters import wait_until
from support.folders import MIB, entries, fill, sent
from support.juicefs import SECRET, JuiceFS
from support.mirroring import Ran, entry, mirror
from support.program import run_segdl, start_segdl
from support.victims import Victim

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from conftest import StartNginx
    from segdl.engine.run import Run
    from segdl.mirror.engines.answers import Told as Answer
    from segdl.mirror.engines.orders import Order
    from segdl.mirror.happenings import Happening
    from segdl.mirror.listing import Entry
    from segdl.mirror.options import MirrorOptions
    from support.nginx import Nginx

LARGE = 3 * LEAST_PART + 17
SMALL = {"a/one": 1000, "a/two": 2000, "empty": 0, "b c%": 3000}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def by_processes(
    bucket: Bucket,
    state: Path,
    listed: list[Entry],
    *,
    count: int = 2,
    silence: float = 60.0,
    on: Callable[[Happening], None] = lambda _: None,
    valid: int | None = None,
    **how: Any,
) -> Ran:
    engine = EngineOptions(kind="processes", workers=count, piece=MIB, silence=silence)
    prefix = parse_prefix(bucket.url("m"))

    def place(run: Run, options: MirrorOptions) -> InBucket:
        made = InBucket(run, prefix, options.folder / INCOMING)
        if valid is not None:
            made.store.client.valid = valid
        return made

    return mirror(
        state,
        listed,
        engine=engine,
        on=on,
        network=bucket.network(),
        place=place,
        **{"retries": 5, **how},
    )


def by_threads(bucket: Bucket, state: Path, listed: list[Entry], **how: Any) -> Ran:
    prefix = parse_prefix(bucket.url("m"))
    return mirror(
        state,
        listed,
        network=bucket.network(),
        place=lambda run, options: InBucket(run, prefix, options.folder / INCOMING),
        **how,
    )


def there(bucket: Bucket) -> dict[str, bytes]:
    return {key.removeprefix("m/"): bucket.read(key) for key in bucket.listed()}


def test_the_bucket_becomes_equal_and_nothing_is_asked_for_twice(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root)
    ran = by_processes(bucket, tmp_path / "state", entries(server, files))
    assert ran.result.failures.first == []
    assert there(bucket) == files, "and nothing else is left"
    assert bucket.uploads("") == []
    assert {each.verified for each in ran.of(Done)} == {"sha256"}
    asked = len(server.log(ran.requests))
    assert asked == ran.requests
    # What two parts have in common is compared; else each byte came once.
    assert sent(server) <= sum(map(len, files.values())) + 4 * 4096 + 8
    again = by_processes(bucket, tmp_path / "state", entries(server, files))
    assert (again.result.failures.first, again.of(Done)) == ([], [])
    assert len(server.log()) == asked
    # What is kept with the objects is what a run without an engine keeps.
    other = mirror(
        tmp_path / "other",
        entries(server, files),
        network=bucket.network(),
        place=lambda run, options: InBucket(
            run, parse_prefix(bucket.url("m")), options.folder / INCOMING
        ),
    )
    assert {each.how for each in other.of(Done)} == {"unchanged"}
    assert len(server.log()) == asked


def test_without_digests_each_file_is_asked_for_on_condition(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root)
    listed = [entry(server.url(path), path) for path in files]
    assert by_processes(bucket, tmp_path / "state", listed).result.failures.first == []
    assert there(bucket) == files
    etag = bucket.etag("m/large.iso")
    assert etag.endswith(f"-{-(-LARGE // LEAST_PART)}")
    (root / "a/one").write_bytes(b"new")
    again = by_processes(bucket, tmp_path / "state", listed)
    assert again.result.failures.first == []
    assert there(bucket) == {**files, "a/one": b"new"}
    fetched = [each.path for each in again.of(Done) if each.how == "fetched"]
    assert fetched == ["a/one"]


def test_a_killed_process_costs_what_it_had_at_work(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 6m;"])
    victim = Victim()
    ran = by_processes(
        bucket, tmp_path / "state", entries(server, files), on=victim.kill_beyond(10 * MIB)
    )
    assert victim.pid
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert sent(server, ran.requests) < sum(map(len, files.values())) + 2 * LEAST_PART + MIB


def test_a_process_that_is_stopped_and_woken_changes_nothing(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": 2 * LEAST_PART})
    server = nginx(root, server=["limit_rate 1m;"])
    victim = Victim()
    listed = entries(server, files)
    ran = by_processes(bucket, tmp_path / "state", listed, on=victim.stop, silence=4.0)
    assert victim.pid
    assert any("lost" in each.text for each in ran.of(Note))
    assert ran.result.failures.first == []
    assert there(bucket) == files


@pytest.mark.parametrize("digests", [True, False])
def test_the_driver_killed_and_run_again_fetches_what_was_at_work(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path, *, digests: bool
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 4m;"])
    lines = [f"{hashlib.sha256(c).hexdigest()}  {path}\n" for path, c in files.items()]
    urls = [f"{server.url(path)}\n  out={path}\n" for path in files]
    (root / "list").write_text("".join(lines if digests else urls))
    options = ("--engine", "processes:2", "--state", tmp_path / "state")
    place = ("--endpoint-url", bucket.endpoint, server.url("list"), bucket.url("m"))
    arguments = ("mirror", "-q", *options, "--piece", "8M", *place)
    with start_segdl(*arguments, env=ENVIRONMENT) as running:
        wait_until(lambda: bool(bucket.uploads("") and parts(bucket)), "a part", 40)
        running.send_signal(signal.SIGKILL)
        running.wait()
        # Nobody tells its processes: they see for themselves.
        wait_until(lambda: not _is_alive(running.pid), "the end of its processes")
    last = run_segdl(*arguments, env=ENVIRONMENT)
    assert (last.code, last.err) == (0, "")
    assert there(bucket) == files
    assert bucket.uploads("") == []
    lists = 2 * (root / "list").stat().st_size
    # Two processes had a part each; who is not told how large a file is looks first.
    looked = 0 if digests else LEAST_PART
    assert sent(server) < sum(map(len, files.values())) + lists + 2 * LEAST_PART + looked


def test_shards_share_a_prefix(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {f"d/{n}": 100_000 + n for n in range(12)})
    # The gateway may answer 404 to one of two that need the same folder while it makes that.
    bucket.client.put_object(Bucket=bucket.name, Key="m/d/other", Body=b"there before")
    # Each file takes a while, so that the runs meet.
    server = nginx(root, server=["limit_rate 100k;"])
    lines = [f"{hashlib.sha256(c).hexdigest()}  {path}\n" for path, c in files.items()]
    (root / "list").write_text("".join(lines))
    place = ("--endpoint-url", bucket.endpoint, "--state", tmp_path / "state")
    arguments = ("mirror", "-q", "--engine", "processes:2", *place)
    where = (server.url("list"), bucket.url("m"))
    with (
        start_segdl(*arguments, "--shard", "0/2", *where, env=ENVIRONMENT) as first,
        start_segdl(*arguments, "--shard", "1/2", *where, env=ENVIRONMENT) as second,
    ):
        ended = [first.finish(), second.finish()]
    assert [(each.code, each.err) for each in ended] == [(0, ""), (0, "")]
    assert there(bucket) == {**files, "d/other": b"there before"}


def test_what_nobody_wants_any_more_is_aborted(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"small": 1000, "large.iso": LARGE})
    server, cancel = nginx(root, server=["limit_rate 6m;"]), threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > LEAST_PART + MIB:
            cancel.set()

    listed = entries(server, files)
    with pytest.raises(CancelledError):
        by_processes(bucket, tmp_path / "state", listed, on=stop, cancel=cancel)
    assert bucket.uploads("")
    ran = by_processes(bucket, tmp_path / "state", listed[:1])
    assert ran.result.failures.first == []
    assert bucket.uploads("") == []
    assert there(bucket) == {"small": files["small"]}


def test_a_store_that_hangs_does_not_keep_a_run_that_is_to_end(
    bucket: Bucket,
    root: Path,
    nginx: StartNginx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segdl.mirror.engines.intobucket._PARTING", 3600.0)
    files = fill(root, {"large.iso": LARGE})
    listed = entries(nginx(root, server=["limit_rate 6m;"]), files)
    cancel, answers = threading.Event(), threading.Event()
    kept: list[Asked] = []

    def faults(asked: Asked) -> None:
        if cancel.is_set():
            kept.append(asked)
            answers.wait()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > MIB:
            cancel.set()

    with behind(bucket, faults) as hanging:
        try:
            with pytest.raises(CancelledError):
                by_processes(hanging, tmp_path / "state", listed, on=stop, cancel=cancel)
        finally:
            answers.set()
    assert kept


def begin_to_send(
    bucket: Bucket, server: Nginx, state: Path, files: dict[str, bytes], *, digests: bool = True
) -> None:
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > LEAST_PART + MIB:
            cancel.set()

    listed = entries(server, files, digests=digests)
    with pytest.raises(CancelledError):
        by_processes(bucket, state, listed, on=stop, cancel=cancel)
    assert len(bucket.uploads("")) == 1


@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.parametrize("engine", [True, False])
@pytest.mark.parametrize("size", [1000, LARGE])
def test_what_was_begun_of_a_file_goes_however_it_comes_then(
    bucket: Bucket,
    root: Path,
    nginx: StartNginx,
    tmp_path: Path,
    *,
    digests: bool,
    engine: bool,
    size: int,
) -> None:
    files = fill(root, {"x/large.iso": LARGE})
    server = nginx(root, server=["limit_rate 8m;"])
    begin_to_send(bucket, server, tmp_path / "state", files, digests=digests)
    files = fill(root, {"other": 10, "x/large.iso": size})
    listed = entries(server, files, digests=not digests)
    by = by_processes if engine else by_threads
    assert by(bucket, tmp_path / "state", listed).result.failures.first == []
    assert there(bucket) == files
    assert bucket.uploads("") == []


def test_what_the_ledger_does_not_know_either_goes_in_the_end(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"small": 1000, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 8m;"])
    begin_to_send(bucket, server, tmp_path / "state", files)
    del files["large.iso"]
    ran = by_processes(bucket, tmp_path / "another", entries(server, files))
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert bucket.uploads("") == []


@pytest.mark.parametrize("left", [r"/incoming/large/\w+$", r"/large\.iso\.segdl$"])
@pytest.mark.parametrize("engine", [True, False])
def test_killed_between_a_key_and_the_end_the_rest_goes_by_the_next_run(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path, *, left: str, engine: bool
) -> None:
    files = fill(root, {"large.iso": LARGE})

    def faults(asked: Asked) -> Told | None:
        refused = asked.method == "DELETE" and re.search(left, asked.path)
        return Told(403, "AccessDenied") if refused else None

    server = nginx(root)
    listed = entries(server, files)
    with behind(bucket, faults) as before:
        ran = by_processes(before, tmp_path / "state", listed)
        assert [each.exit_code for each in ran.result.failures.first] == [4]
        assert before.etag("m/large.iso"), "it has its key"
        assert there(before) != files
        before.endpoint = before.server.endpoint
        asked = len(server.log())
        again = (by_processes if engine else by_threads)(before, tmp_path / "state", listed)
    assert again.result.failures.first == []
    assert there(before) == files
    assert before.uploads("") == []
    assert len(server.log()) == asked


def test_a_note_of_an_upload_that_somebody_aborted_goes_too(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"small": 1000, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 8m;"])
    begin_to_send(bucket, server, tmp_path / "state", files, digests=False)
    (upload,) = bucket.uploads("")
    bucket.client.abort_multipart_upload(Bucket=bucket.name, Key="m/large.iso", UploadId=upload)
    del files["large.iso"]
    ran = by_processes(bucket, tmp_path / "state", entries(server, files))
    assert ran.result.failures.first == []
    assert there(bucket) == files


def parts(bucket: Bucket) -> list[str]:
    told = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    (key, upload) = told[0]["Key"], told[0]["UploadId"]
    listed = bucket.client.list_parts(Bucket=bucket.name, Key=key, UploadId=upload)
    return [each["ETag"] for each in listed.get("Parts") or []]


def _is_alive(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("away", [0.0, 4.0])
def test_a_store_that_is_killed_and_comes_back_costs_what_was_at_work(
    root: Path, nginx: StartNginx, tmp_path: Path, away: float
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 6m;"])
    killed: list[bool] = []
    with JuiceFS() as own:
        bucket = Bucket(own)

        def kill(happening: Happening) -> None:
            if isinstance(happening, Progress) and happening.done > 10 * MIB and not killed:
                killed.append(True)
                own.kill()
                starter.start()

        starter = threading.Timer(away, own.launch)
        ran = by_processes(bucket, tmp_path / "state", entries(server, files), on=kill, retries=12)
        starter.join()
        assert killed
        assert ran.result.failures.first == []
        assert ran.of(Failed) == [], "nor in between"
        assert there(bucket) == files
        bucket.close()


def test_a_store_that_is_gone_is_not_found_to_be_gone_by_each_file(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {f"{n}": 1000 for n in range(60)})
    server = nginx(root)
    with JuiceFS() as own:
        bucket = Bucket(own)

        def kill(happening: Happening) -> None:
            if isinstance(happening, Round):
                own.kill()

        listed = entries(server, files)
        ran = by_processes(bucket, tmp_path / "state", listed, on=kill, retries=3, patience=2.0)
        bucket.close()
    assert {each.exit_code for each in ran.result.failures.first} == {3}
    told = [each.reason for each in ran.of(Paused)] + [each.message for each in ran.of(GaveUp)]
    assert told
    assert all(bucket.name in each for each in told), "it is the store that is not there"
    # What was out together, at each try: two processes.
    assert len(server.log()) < 40


def test_a_file_that_changes_meanwhile_is_sent_as_it_is_now(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server = nginx(root, server=["limit_rate 6m;"])
    later = data.content(LARGE, 77)
    changed: list[bool] = []

    def change(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 10 * MIB and not changed:
            changed.append(True)
            (root / "new").write_bytes(later)
            os.utime(root / "new", (1_600_000_000, 1_600_000_000))
            os.replace(root / "new", root / "large.iso")

    listed = entries(server, files, digests=False)
    ran = by_processes(bucket, tmp_path / "state", listed, on=change)
    assert ran.result.failures.first == []
    assert there(bucket) == {"large.iso": later}
    assert bucket.uploads("") == []
    assert ran.of(Restarted)


@pytest.mark.parametrize("size", [5000, LARGE])
def test_wrong_bytes_get_no_key(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path, size: int
) -> None:
    fill(root, {"a/file": size})
    bucket.client.put_object(Bucket=bucket.name, Key="m/a/file", Body=b"before")
    server = nginx(root)
    wrong = Checksum("sha256", "0" * 64)
    listed = [entry(server.url("a/file"), "a/file", size=size, checksum=wrong)]
    ran = by_processes(bucket, tmp_path / "state", listed)
    (failure,) = ran.result.failures.first
    assert failure.exit_code == 5
    assert failure.message.startswith(f"{bucket.url('m/a/file')}: its sha256 is ")
    assert "its key has what it had" in failure.hint
    assert there(bucket) == {"a/file": b"before"}
    assert bucket.uploads("") == []


def test_what_no_worker_can_do_the_driver_does(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server = nginx(root, server=["max_ranges 0;"])
    ran = by_processes(bucket, tmp_path / "state", entries(server, files))
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert {each.verified for each in ran.of(Done)} == {"sha256"}


def test_what_a_run_without_an_engine_began_is_gone_on_with(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server, cancel = nginx(root, server=["limit_rate 3m;"]), threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > LEAST_PART + MIB:
            cancel.set()

    listed = entries(server, files, digests=False)
    with pytest.raises(CancelledError):
        mirror(
            tmp_path / "state",
            listed,
            on=stop,
            cancel=cancel,
            network=bucket.network(),
            per_host=1,
            place=lambda run, options: InBucket(
                run, parse_prefix(bucket.url("m")), options.folder / INCOMING
            ),
        )
    assert len(parts(bucket)) == 1
    ran = by_processes(bucket, tmp_path / "state", listed)
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert sent(server) < LARGE + LEAST_PART


def test_a_store_that_has_had_enough_is_sent_nothing_for_a_while(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    refused: list[str] = []

    def faults(asked: Asked) -> Told | None:
        if asked.method == "PUT" and "X-Amz-Signature" in asked.query and len(refused) < 2:
            refused.append(asked.path)
            return Told(503, "SlowDown", (("Retry-After", "1"),))
        return None

    with behind(bucket, faults) as before:
        server = nginx(root)
        ran = by_processes(before, tmp_path / "state", entries(server, files))
    assert len(refused) == 2
    assert ran.result.failures.first == []
    assert there(before) == files


def test_a_part_that_the_store_has_otherwise_is_sent_again(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    lied: list[int] = []

    def faults(asked: Asked) -> Told | None:
        if asked.part == 2 and asked.method == "PUT" and not lied:
            lied.append(2)
            return Told(200, etag='"0123456789abcdef0123456789abcdef"')
        return None

    with behind(bucket, faults) as before:
        listed = entries(nginx(root), files)
        ran = by_processes(before, tmp_path / "state", listed)
    assert lied
    assert ran.result.failures.first == []
    assert there(before) == files


def test_a_copy_that_is_refused_is_made_by_the_next_run(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})

    def faults(asked: Asked) -> Told | None:
        # Parts that workers send are signed in the URL, those that are copied are not.
        copies = asked.part == 2 and "X-Amz-Signature" not in asked.query
        return Told(403, "AccessDenied") if copies else None

    with behind(bucket, faults) as before:
        listed = entries(nginx(root), files)
        ran = by_processes(before, tmp_path / "state", listed)
        assert [each.exit_code for each in ran.result.failures.first] == [4]
        assert "large.iso" not in there(before)
        before.endpoint = before.server.endpoint
        again = by_processes(before, tmp_path / "state", listed)
    assert again.result.failures.first == []
    # All of it was there: it was only read once more.
    assert [each.fetched for each in again.of(Done)] == [0]
    assert before.uploads("") == []
    assert there(before) == files


def test_a_copy_that_is_tried_again_in_the_same_run_leaves_no_upload(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    begun: list[Asked] = []

    def faults(asked: Asked) -> Told | None:
        if "uploads" in asked.query and asked.path.endswith("/large.iso"):
            begun.append(asked)
        copies = asked.part is not None and "X-Amz-Signature" not in asked.query
        return Told(0) if copies else None

    with behind(bucket, faults) as before:
        listed = entries(nginx(root), files)
        ran = by_processes(before, tmp_path / "state", listed, retries=2, patience=1.0)
        assert [each.exit_code for each in ran.result.failures.first] == [3]
        before.endpoint = before.server.endpoint
        again = by_processes(before, tmp_path / "state", listed)
    assert len(begun) > 1
    assert again.result.failures.first == []
    assert before.uploads("") == []
    assert there(before) == files


def test_a_store_that_reads_wrong_is_not_taken_for_a_file_that_changes(
    bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})

    def faults(asked: Asked) -> Told | None:
        reads = asked.method == "GET" and "X-Amz-Signature" in asked.query
        return Told(200, body=b"something else") if reads else None

    server = nginx(root)
    with behind(bucket, faults) as before:
        listed = entries(server, files)
        ran = by_processes(before, tmp_path / "state", listed, retries=2)
        (failure,) = ran.result.failures.first
        assert "the store sends something else" in failure.message
        assert ran.of(Restarted) == []
        assert there(before).keys() != files.keys()
        before.endpoint = before.server.endpoint
        again = by_processes(before, tmp_path / "state", listed)
    assert [each.fetched for each in again.of(Done)] == [0], "all of it was there"
    assert there(before) == files
    assert before.uploads("") == []


def test_an_order_whose_url_ran_out_is_signed_anew(
    bucket: Bucket,
    root: Path,
    nginx: StartNginx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = fill(root, {"small": 5000, "large.iso": LARGE})
    late: dict[type, threading.Timer] = {}
    submit, valid = Processes.submit, 3

    def stop_at_first(self: Processes, order: Order) -> Future[Answer]:
        if type(order) not in late and not isinstance(order, Look):
            (child,) = multiprocessing.active_children()
            assert child.pid is not None
            os.kill(child.pid, signal.SIGSTOP)
            late[type(order)] = threading.Timer(valid + 2, os.kill, (child.pid, signal.SIGCONT))
            late[type(order)].start()
        return submit(self, order)

    monkeypatch.setattr(Processes, "submit", stop_at_first)
    listed = entries(nginx(root), files)
    ran = by_processes(bucket, tmp_path / "state", listed, count=1, valid=valid, retries=9)
    for timer in late.values():
        timer.join()
    assert set(late) == {Send, SendPart, HashObject}
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert bucket.uploads("") == []
    assert len([each for each in ran.of(Retrying) if " 403" in each.reason]) >= len(late)


def test_orders_have_no_secret_and_come_too_late_to_do_harm(
    bucket: Bucket,
    root: Path,
    nginx: StartNginx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = fill(root, {"small": 5000, "large.iso": LARGE})
    server = nginx(root)
    orders: list[Order] = []
    submit = Processes.submit

    def look(self: Processes, order: Order) -> Future[Answer]:
        orders.append(order)
        return submit(self, order)

    monkeypatch.setattr(Processes, "submit", look)
    ran = by_processes(bucket, tmp_path / "state", entries(server, files))
    assert ran.result.failures.first == []
    assert {type(each) for each in orders} >= {Send, SendPart, HashObject}
    for order in orders:
        assert SECRET.encode() not in pickle.dumps(order)
        assert "Signature" not in repr(order)
    assert SECRET not in repr(ran.happened)
    assert "X-Amz-Signature" not in repr(ran.happened)
    # Somebody wakes up who has them still; the files are others now.
    fill(root, {"large.iso": LARGE, "small": 5000})
    for name, value in ENVIRONMENT.items():
        assert value
        monkeypatch.delenv(name)
    camp = pitch(tmp_path / "late", topics=False)
    answers = [
        obey(replace(order, head=replace(order.head, camp=camp)), lambda _: None)
        for order in orders
        if isinstance(order, Send | SendPart)
    ]
    strike(camp)
    assert not any(isinstance(each, PartSent) for each in answers)
    assert not any(isinstance(each, Sent) and each.result.checksum is None for each in answers)
    found = there(bucket)
    assert {path: found[path] for path in files} == files
