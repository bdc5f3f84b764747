"""Files of a mirror that the workers of a Dask cluster fetch: a real one, in real trouble."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from segdl.engine.surroundings import open_run
from segdl.errors import CancelledError, NetworkError, UsageError
from segdl.mirror.engines.camp import pitch, strike
from segdl.mirror.engines.dask import Dask
from segdl.mirror.engines.orders import Head, Look
from segdl.mirror.happenings import Done, Said
from segdl.mirror.options import EngineOptions
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Progress
from support.clusters import Cluster, end, wait_until
from support.folders import LARGE, MIB, SMALL, entries, fill, found, sent
from support.mirroring import Ran, entry, mirror
from support.program import run
from support.require import require
from support.victims import declared_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import StartNginx
    from segdl.engine.run import Run
    from segdl.mirror.happenings import Happening
    from segdl.mirror.listing import Entry


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as started:
        started.start_scheduler()
        for _ in range(2):
            started.start_worker()
        started.wait_for_workers(2)
        yield started


@contextmanager
def quiet_run() -> Iterator[Run]:
    with open_run(
        NetworkOptions(), TransferOptions(), lambda _: None, threading.Event(), max_files=1
    ) as run:
        yield run


def by(
    cluster: Cluster,
    mirrored: Path,
    listed: list[Entry],
    on: Callable[[Happening], None] = lambda _: None,
    network: NetworkOptions | None = None,
) -> Ran:
    engine = EngineOptions(kind="dask", address=cluster.address, piece=MIB)
    if network is None:
        return mirror(mirrored, listed, engine=engine, on=on)
    return mirror(mirrored, listed, engine=engine, on=on, network=network)


def test_the_folder_becomes_equal_and_no_log_has_a_secret(
    cluster: Cluster, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    secret = "hunter2secret"
    files = fill(root, {**SMALL, "empty": 0, "large.iso": LARGE})
    denied = f'if ($http_x_token != "{secret}") {{ return 403; }}'
    server, mirrored = nginx(root, server=[denied, "limit_rate 4m;"]), tmp_path / "mirrored"
    network = NetworkOptions(headers=(("X-Token", secret),))
    ran = by(cluster, mirrored, entries(server, files), network=network)
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert {each.verified for each in ran.of(Done)} == {"sha256"}
    assert ran.of(Progress)
    # And one that nobody is let in to.
    wrong = NetworkOptions(headers=(("X-Token", secret + "2"),))
    failed = by(cluster, tmp_path / "other", entries(server, files)[:1], network=wrong)
    assert [each.exit_code for each in failed.result.failures.first] == [4]
    assert "_fetch_whole" not in cluster.log()
    assert secret not in cluster.log()
    assert secret not in repr(ran.happened)


def test_a_worker_that_is_killed_costs_what_it_had_at_work(
    cluster: Cluster, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {**SMALL, "large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 2m;"]), tmp_path / "mirrored"
    victim = cluster.start_worker()
    cluster.wait_for_workers(3)
    killed: list[bool] = []

    def kill(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > 2 * MIB and not killed:
            killed.append(True)
            end(victim)

    ran = by(cluster, mirrored, entries(server, files), on=kill)
    assert killed
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert sent(server, ran.requests) < sum(map(len, files.values())) + 5 * MIB


def test_a_worker_that_was_declared_dead_and_wakes_changes_nothing(
    cluster: Cluster, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE, **SMALL})
    server, mirrored = nginx(root, server=["limit_rate 400k;"]), tmp_path / "mirrored"
    victim = cluster.start_worker()
    cluster.wait_for_workers(3)
    try:
        with declared_dead(cluster, victim, 2 * MIB) as begin:
            ran = by(cluster, mirrored, entries(server, files), on=begin)
    finally:
        end(victim)
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert "failed to heartbeat" in cluster.log()


def test_without_any_worker_it_says_so_and_waits_for_one(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE, **SMALL})
    server, mirrored = nginx(root, server=["limit_rate 1m;"]), tmp_path / "mirrored"
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.start_scheduler()
        workers = [cluster.start_worker()]
        cluster.wait_for_workers(1)

        def change(happening: Happening) -> None:
            begun = isinstance(happening, Progress) and happening.done > 3 * MIB
            if begun and len(workers) == 1 and workers[0].poll() is None:
                end(workers[0])
            if isinstance(happening, Said) and "no worker is left" in happening.text:
                workers.append(cluster.start_worker())

        ran = by(cluster, mirrored, entries(server, files), on=change)
    said = [each.text for each in ran.of(Said)]
    assert said == ["no worker is left: the run waits for one", "workers again"]
    assert len(workers) == 2
    assert ran.result.failures.first == []
    assert found(mirrored) == files


def test_a_scheduler_that_comes_back_has_the_run_go_on(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE, **SMALL})
    server, mirrored = nginx(root, server=["limit_rate 1m;"]), tmp_path / "mirrored"
    killed: list[bool] = []
    with Cluster(tmp_path / "cluster") as cluster:

        def start() -> None:
            cluster.start_scheduler()
            cluster.start_worker()
            cluster.wait_for_workers(1)

        def kill(happening: Happening) -> None:
            if isinstance(happening, Progress) and happening.done > 3 * MIB and not killed:
                killed.append(True)
                assert cluster.scheduler is not None
                end(cluster.scheduler)
                for worker in cluster.workers:
                    end(worker)
                starter.start()

        starter = threading.Thread(target=start)
        start()
        ran = by(cluster, mirrored, entries(server, files), on=kill)
        starter.join()
    assert killed
    assert ran.result.failures.first == []
    assert found(mirrored) == files
    assert sent(server, ran.requests) < sum(map(len, files.values())) + 5 * MIB


def test_a_scheduler_that_is_gone_for_good_ends_the_run_with_a_clear_error(
    root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    files = fill(root, {"large.iso": LARGE})
    server, mirrored = nginx(root, server=["limit_rate 1m;"]), tmp_path / "mirrored"
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.start_scheduler()
        worker = cluster.start_worker()
        cluster.wait_for_workers(1)

        def kill(happening: Happening) -> None:
            if isinstance(happening, Progress) and happening.done > MIB:
                assert cluster.scheduler is not None
                end(cluster.scheduler)
                end(worker)

        engine = EngineOptions(kind="dask", address=cluster.address, piece=MIB)
        with pytest.raises(NetworkError, match="does not answer"):
            mirror(mirrored, entries(server, files), engine=engine, on=kill, patience=1.0)


def test_a_scheduler_that_was_gone_for_a_moment_is_not_the_one_that_has_the_tasks(
    tmp_path: Path,
) -> None:
    with Cluster(tmp_path / "cluster") as cluster, quiet_run() as run:
        cluster.start_scheduler()
        camp = pitch(tmp_path / "incoming", topics=True)
        engine = Dask(cluster.address, run, camp, lambda _: None, 20.0)
        try:
            client, first = engine._client, engine._client.scheduler_comm
            assert not engine.mend()
            assert cluster.scheduler is not None
            end(cluster.scheduler)
            cluster.start_scheduler()
            wait_until(
                lambda: client.status == "running" and client.scheduler_comm is not first,
                "the client's own way back",
            )
            assert engine.mend()
            assert engine.is_connected
            assert engine._client is not client
        finally:
            engine.close()
            strike(camp)


def test_a_task_for_a_scheduler_that_is_gone_is_a_loss_at_once(tmp_path: Path) -> None:
    with Cluster(tmp_path / "cluster") as cluster, quiet_run() as run:
        cluster.start_scheduler()
        camp = pitch(tmp_path / "incoming", topics=True)
        engine = Dask(cluster.address, run, camp, lambda _: None, 1.0)
        try:
            assert cluster.scheduler is not None
            end(cluster.scheduler)
            wait_until(lambda: not engine.is_connected, "the end of the connection")
            head = Head(number=1, attempt=1, camp=camp, network=run.network, transfer=run.transfer)
            lost = engine.submit(Look(head=head, request=Request(url="http://127.0.0.1:9/a")))
            error = lost.exception(timeout=0)
            assert error is not None
            assert engine.is_loss(error)
        finally:
            engine.close()
            strike(camp)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_scheduler_that_says_nothing_can_be_waited_for_no_longer(
    tmp_path: Path, seconds: float
) -> None:
    """Whoever wants the run to end need not wait for the scheduler's time to be over."""
    with socket.create_server(("127.0.0.1", 0)) as silent, quiet_run() as run:
        camp = pitch(tmp_path / "incoming", topics=True)
        threading.Timer(seconds, run.cancel.set).start()
        with pytest.raises(CancelledError):
            Dask(f"tcp://127.0.0.1:{silent.getsockname()[1]}", run, camp, lambda _: None, 1.0)
        strike(camp)


def test_a_worker_that_does_not_see_the_folder_is_named_and_refused(
    cluster: Cluster, root: Path, nginx: StartNginx, tmp_path: Path
) -> None:
    require("root, to hide a folder from a process", os.geteuid() == 0)
    files = fill(root, {"a": 10})
    mirrored = tmp_path / "mirrored"
    mirrored.mkdir()
    hidden = f'mount -t tmpfs none "{mirrored}" && exec "$@"'
    blind = cluster.start_worker(before=["unshare", "-m", "sh", "-c", hidden, "sh"])
    cluster.wait_for_workers(3)
    try:
        with pytest.raises(UsageError, match=f"worker tcp://.*process {blind.pid}.*cannot work"):
            by(cluster, mirrored, entries(nginx(root), files))
    finally:
        end(blind)
    assert found(mirrored) == {}


def test_a_scheduler_without_segdl_is_a_clear_error(tmp_path: Path) -> None:
    # Dask has its scheduler read what workers are given.
    with Cluster(tmp_path / "cluster") as cluster:
        hide = "import sys; sys.modules['segdl'] = None; from dask.__main__ import main; main()"
        cluster.start_scheduler(program=[sys.executable, "-c", hide])
        cluster.start_worker()
        cluster.wait_for_workers(1)
        with pytest.raises(UsageError, match=r"scheduler at .* has segdl none"):
            by(cluster, tmp_path / "m", [entry("http://127.0.0.1:9/a", "a")])


def test_no_scheduler_is_a_clear_error(tmp_path: Path) -> None:
    engine = EngineOptions(kind="dask", address="tcp://127.0.0.1:9", piece=MIB)
    with pytest.raises(NetworkError, match="does not answer"):
        mirror(tmp_path / "m", [entry("http://127.0.0.1:9/a", "a")], engine=engine)


def test_tls_without_certificates_is_a_clear_error(cluster: Cluster, tmp_path: Path) -> None:
    engine = EngineOptions(kind="dask", address=cluster.address.replace("tcp", "tls"), piece=MIB)
    with pytest.raises(UsageError, match="certificates"):
        mirror(tmp_path / "m", [entry("http://127.0.0.1:9/a", "a")], engine=engine)


def test_who_lacks_the_package_is_told_how_to_get_it(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['distributed'] = None; from segdl.cli.main import run; run()"
    arguments = ["mirror", "--engine", "dask://127.0.0.1:9", "-", str(tmp_path / "m")]
    done = run([sys.executable, "-c", blocked, *arguments], stdin=b"")
    assert (done.code, "pip install 'segdl[dask]'" in done.err) == (2, True), done.err
