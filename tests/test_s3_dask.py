"""A mirror in a bucket that the workers of a Dask cluster fill, which share no folder."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.multipart import LEAST_PART
from segdl.core.s3url import parse_prefix
from segdl.errors import CancelledError, UsageError
from segdl.mirror.bucket import InBucket
from segdl.mirror.happenings import Done
from segdl.mirror.options import INCOMING, EngineOptions
from segdl.progress.events import Progress
from support.buckets import ENVIRONMENT, Bucket
from support.clusters import Cluster, end, wait_until
from support.folders import MIB, entries, fill, sent
from support.juicefs import SECRET
from support.mirroring import Ran, mirror
from support.program import start_segdl
from support.victims import declared_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.mirror.happenings import Happening
    from segdl.mirror.listing import Entry

LARGE = 3 * LEAST_PART + 17
SMALL = {"a/one": 1000, "a/two": 2000, "empty": 0, "b c%": 3000}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # Its workers have no credentials: only the driver's process has them, later.
    assert "AWS_SECRET_ACCESS_KEY" not in os.environ
    with Cluster(tmp_path_factory.mktemp("cluster")) as started:
        started.start_scheduler()
        for _ in range(2):
            started.start_worker()
        started.wait_for_workers(2)
        yield started


@pytest.fixture(autouse=True)
def credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the driver know what the cluster, which was started before, does not."""
    del cluster
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def by(
    cluster: Cluster,
    bucket: Bucket,
    state: Path,
    listed: list[Entry],
    on: Callable[[Happening], None] = lambda _: None,
    **how: Any,
) -> Ran:
    prefix = parse_prefix(bucket.url("m"))
    return mirror(
        state,
        listed,
        engine=EngineOptions(kind="dask", address=cluster.address, piece=MIB),
        on=on,
        network=bucket.network(),
        place=lambda run, options: InBucket(run, prefix, options.folder / INCOMING),
        **{"retries": 5, **how},
    )


def there(bucket: Bucket) -> dict[str, bytes]:
    return {key.removeprefix("m/"): bucket.read(key) for key in bucket.listed()}


def test_the_bucket_becomes_equal_and_no_log_has_a_secret(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 8m;"])
    ran = by(cluster, bucket, tmp_path / "state", entries(server, files))
    assert ran.result.failures.first == []
    assert there(bucket) == files, "and nothing else is left"
    assert bucket.uploads("") == []
    assert {each.verified for each in ran.of(Done)} == {"sha256"}
    assert ran.of(Progress)
    for told in (cluster.log(), repr(ran.happened)):
        assert SECRET not in told
        assert "X-Amz-" not in told
    again = by(cluster, bucket, tmp_path / "state", entries(server, files))
    assert (again.result.failures.first, again.of(Done)) == ([], [])


def test_a_worker_that_is_killed_costs_what_it_had_at_work(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 3m;"])
    victim = cluster.start_worker(before=_without_credentials())
    cluster.wait_for_workers(3)
    killed: list[bool] = []

    def kill(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 6 * MIB and not killed:
            killed.append(True)
            end(victim)

    ran = by(cluster, bucket, tmp_path / "state", entries(server, files), on=kill)
    assert killed
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert sent(server, ran.requests) < sum(map(len, files.values())) + 2 * LEAST_PART + MIB


def test_a_worker_that_was_declared_dead_and_wakes_changes_nothing(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE, **SMALL})
    server = nginx(root, server=["limit_rate 1m;"])
    victim = cluster.start_worker(before=_without_credentials())
    cluster.wait_for_workers(3)
    try:
        with declared_dead(cluster, victim, 2 * MIB) as begin:
            ran = by(cluster, bucket, tmp_path / "state", entries(server, files), on=begin)
    finally:
        end(victim)
    assert ran.result.failures.first == []
    assert there(bucket) == files
    assert bucket.uploads("") == []


def test_workers_end_once_their_driver_is_gone(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    # A part takes a minute.
    server = nginx(root, server=["limit_rate 150k;"])
    cancel = threading.Event()

    def stop(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 200 * 1024:
            cancel.set()

    listed = entries(server, files, digests=False)
    with pytest.raises(CancelledError):
        by(cluster, bucket, tmp_path / "state", listed, on=stop, cancel=cancel)
    assert not [key for key in bucket.listed() if "/run-" in key]
    # They look every ten seconds.
    wait_until(lambda: len(server.log()) >= 4, "their ends", 30)
    assert all(each.sent < 6 * MIB for each in server.log())


def test_the_driver_killed_and_run_again_fetches_what_was_at_work(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server = nginx(root, server=["limit_rate 4m;"])
    (root / "list").write_text("".join(f"{server.url(p)}\n  out={p}\n" for p in files))
    where = ("--endpoint-url", bucket.endpoint, "--state", tmp_path / "state")
    engine = ("--engine", cluster.engine, "--piece", "8M")
    arguments = ("mirror", "-q", *engine, *where, server.url("list"), bucket.url("m"))
    with start_segdl(*arguments, env=ENVIRONMENT) as running:
        wait_until(lambda: bool(bucket.uploads("") and bucket.parts("m/large.iso")), "a part", 40)
        running.send_signal(signal.SIGKILL)
        running.wait()
    with start_segdl(*arguments, env=ENVIRONMENT) as running:
        ended = running.finish()
    assert (ended.code, ended.err) == (0, "")
    assert there(bucket) == files
    assert bucket.uploads("") == []
    # Four threads had a part each, and who is not told how large a file is looks first.
    assert sent(server) < sum(map(len, files.values())) + 5 * LEAST_PART + MIB


def test_a_worker_that_does_not_reach_the_bucket_is_named_and_refused(
    cluster: Cluster, bucket: Bucket, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"a": 10})
    astray = [*_without_credentials(), "http_proxy=http://127.0.0.1:9", "no_proxy="]
    blind = cluster.start_worker(before=astray)
    cluster.wait_for_workers(3)
    try:
        said = f"worker tcp://.*process {blind.pid}.*cannot work.*bucket"
        with pytest.raises(UsageError, match=said):
            by(cluster, bucket, tmp_path / "state", entries(nginx(root), files))
    finally:
        end(blind)
    assert there(bucket) == {}


def _without_credentials() -> list[str]:
    return ["env", *(part for name in ENVIRONMENT for part in ("-u", name))]
