"""A mirror that workers bring into the bucket, by URLs that are signed for them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from checking.site import MIB
from rados.files import LARGE_NAME, NAMES
from rados.mirrors import holds, nothing_to_do, serve
from rados.scene import PART, Scene, figures, kill, mib, said
from support import data
from support.clusters import Cluster
from support.program import Finished

_WORKERS = 2
_PROCESSES = ("--engine", f"processes:{_WORKERS}", "--piece", "8M")
_PARTS = 10
_BIG = 9 * PART + 17
# Of each worker a part that was under way, and what the kernel had read of it ahead.
_IN_FLIGHT = _WORKERS * (PART + MIB)
# Where a file is put together that must be read before it gets its key.
_APART = "/.segdl/incoming/large/"


def by_processes(scene: Scene) -> None:
    """Filled by processes of one machine, looked at again, and with the ledger lost."""
    _filled(scene, "processes", "processes:2", *_PROCESSES)


def by_dask(scene: Scene) -> None:
    """The same by workers of a Dask cluster, which have no credentials."""
    if importlib.util.find_spec("distributed") is None:
        scene.report.add("`--engine dask://…`", "not tried: no dask here", right=True)
        return
    with _cluster(scene) as cluster:
        _filled(scene, "dask", "dask://…", "--engine", cluster.engine, "--piece", "8M")
        log = cluster.log()
    told = [what for what in (scene.ceph.secret, "X-Amz-Signature", "Signature=") if what in log]
    scene.report.add(
        "what scheduler and workers log, all of it (`debug`)",
        f"{len(log):,} characters, {'a secret' if told else 'no secret, no signed URL'}",
        right=bool(log) and not told,
    )


def worker_killed(scene: Scene) -> None:
    """Kill -9 of one of the processes in the middle of a file."""
    prefix, files = "worker killed", _some(31)
    source = _serve(scene, prefix, files)
    served, asked = len(scene.site.sent()), len(scene.ceph.asked())
    with scene.begin_mirror(prefix, source, *_PROCESSES) as running:
        _wait_for_parts(scene, prefix, 3)
        os.kill(_workers_of(running.pid)[0], signal.SIGKILL)
        ended = running.finish(120)
    what = "kill -9 of a worker in the middle"
    _report(scene, what, prefix, files, ended)
    # The pool ends with it, and what its other process had at work.
    _fetched_again(scene, what, files, served, _IN_FLIGHT)
    again = sum(count - 1 for count in _taken(scene, asked).values())
    scene.report.add(f"parts that were sent again: {what}", f"{again}", right=again == 0)


def gateway_killed_under_workers(scene: Scene) -> None:
    """The store is killed in the middle, and comes back."""
    prefix, files = "gateway killed", _some(32)
    source = _serve(scene, prefix, files)
    served = len(scene.site.sent())
    with scene.begin_mirror(prefix, source, *_PROCESSES, "--retries", "15") as running:
        _wait_for_parts(scene, prefix, 3)
        scene.ceph.kill()
        back = threading.Timer(2.0, scene.ceph.launch)
        back.start()
        ended = running.finish(120)
        back.join()
    what = "radosgw killed (-9) under workers, and started again 2 s later"
    _report(scene, what, prefix, files, ended)
    # While nothing answers, each try costs what a server had put on the line.
    _fetched_again(scene, what, files, served, 2 * _IN_FLIGHT)


def driver_killed(scene: Scene) -> None:
    """Kill -9 of segdl itself, and the same command."""
    prefix, files = "driver killed", _some(33)
    source = _serve(scene, prefix, files)
    served, asked = len(scene.site.sent()), len(scene.ceph.asked())
    with scene.begin_mirror(prefix, source, *_PROCESSES) as running:
        _wait_for_parts(scene, prefix, 3)
        workers = _workers_of(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        scene.wait_until(lambda: not any(_is_alive(worker) for worker in workers))
        kill(running)
    kept = scene.settled_parts(_upload(scene, prefix))
    ended = scene.mirror(prefix, source, *_PROCESSES)
    what = "kill -9 of segdl in the middle, its workers end; the same command"
    _report(scene, what, prefix, files, ended)
    _fetched_again(scene, what, files, served, _IN_FLIGHT)
    taken = _taken(scene, asked)
    again = sum(taken[number] - 1 for number in kept)
    scene.report.add(
        f"parts that were kept: {what}",
        f"{len(kept)}, sent again: {again}",
        right=len(kept) >= 3 and again == 0 and set(taken) == set(range(1, _PARTS + 1)),
    )


# -- what they share --


def _filled(scene: Scene, prefix: str, engine: str, *options: str) -> None:
    files = {f"many/{at}.bin": data.content(100 + at, at) for at in range(100)}
    files |= {name: data.content(3000 + at, at) for at, name in enumerate(NAMES)}
    files |= {"empty": b"", LARGE_NAME: data.content(3 * PART + 5, 30)}
    source = _serve(scene, prefix, files, slow=False)
    first = scene.mirror(prefix, source, *options)
    what = f"`segdl mirror LIST s3://… --engine {engine}`, {len(files)} files, names as above"
    _report(scene, what, prefix, files, first)
    nothing_to_do(scene, f"the same again, {engine}", prefix, source, len(files), *options)
    shutil.rmtree(scene.work / "ledgers" / prefix)
    lost = f"with its ledger lost, {engine}"
    nothing_to_do(scene, lost, prefix, source, len(files), *options)


def _some(seed: int) -> dict[str, bytes]:
    return {"big": data.content(_BIG, seed), "empty": b"", "few": b"few", "more": b"a few more"}


def _serve(scene: Scene, prefix: str, files: Mapping[str, bytes], *, slow: bool = True) -> str:
    """Have the site serve files; return the URL of their list."""
    serve(scene, prefix, files)
    return scene.site.url(f"{prefix}/SHA256SUMS", slow=slow)


@contextmanager
def _cluster(scene: Scene) -> Iterator[Cluster]:
    with Cluster(scene.work / "dask", ttl="30s") as cluster:
        cluster.start_scheduler()
        for _ in range(_WORKERS):
            unset = [word for name in scene.environment for word in ("-u", name)]
            cluster.start_worker(before=("env", *unset))
        cluster.wait_for_workers(_WORKERS)
        yield cluster


def _report(
    scene: Scene, what: str, prefix: str, files: Mapping[str, bytes], ended: Finished
) -> None:
    """Report whether the bucket has these files, and nothing that was begun is left."""
    uploads, keys = scene.uploads(f"{prefix}/"), scene.keys(f"{prefix}/")
    beside = [key for key in keys if key.removeprefix(f"{prefix}/") not in files]
    held, failed = holds(scene, prefix, files), figures(ended).get("failed")
    each = "each ETag right" if held else "some ETags are wrong"
    left = f"{len(uploads)} uploads and {len(beside)} objects are left beside"
    right = ended.code == 0 and failed == 0 and held and not uploads and not beside
    scene.report.add(what, f"{said(ended)}, {failed} failed, {each}, {left}", right=right)


def _fetched_again(
    scene: Scene, what: str, files: Mapping[str, bytes], served: int, allowed: int
) -> None:
    """Report what the source sent of files after its first `served` answers, beyond one time."""
    sent = [each for each in scene.site.sent(served) if not each.path.endswith("/SHA256SUMS")]
    size = sum(map(len, files.values()))
    again = sum(each.size for each in sent) - size
    told = f"{mib(again)} of {mib(size)} ({_WORKERS} parts were in flight)"
    scene.report.add(f"fetched again: {what}", told, right=0 <= again <= allowed)


def _upload(scene: Scene, prefix: str) -> str:
    """Return the key of the upload that is under way; empty where none is."""
    told = scene.client.list_multipart_uploads(Bucket=scene.bucket, Prefix=f"{prefix}{_APART}")
    keys = [each["Key"] for each in told.get("Uploads", [])]
    return keys[0] if keys else ""


def _wait_for_parts(scene: Scene, prefix: str, count: int) -> None:
    scene.wait_until(lambda: bool(_upload(scene, prefix)))
    scene.wait_for_parts(_upload(scene, prefix), count)


def _taken(scene: Scene, since: int) -> Counter[int]:
    """Count the parts that the gateway took, by number; not those that it copied."""
    return Counter(
        each.part
        for each in scene.asked_since(since)
        if each.part is not None and each.status == 200 and _APART in each.target
    )


def _workers_of(driver: int) -> list[int]:
    """Return the processes that a driver began to fetch files."""
    found = (Path("/proc") / str(driver) / "task").glob("*/children")
    children = [int(child) for each in found for child in each.read_text().split()]
    return [child for child in children if b"spawn_main" in _command(child)]


def _command(process: int) -> bytes:
    return (Path("/proc") / str(process) / "cmdline").read_bytes()


def _is_alive(process: int) -> bool:
    try:
        # What ended and nobody waited for has none.
        return bool(_command(process))
    except OSError:
        return False


CHECKS = (by_processes, by_dask, worker_killed, gateway_killed_under_workers, driver_killed)
