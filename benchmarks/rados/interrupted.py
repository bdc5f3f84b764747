"""What ends in the middle, on either side, and goes on."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from rados.ceph import PARTS
from rados.scene import PART, Scene, etag_of, kill, mib, said
from segdl.core.multipart import Stored
from segdl.core.s3url import S3Place
from segdl.net.s3 import S3
from segdl.options import NetworkOptions, S3Options
from support import data

_SIZE = 9 * PART + 17
_PARTS = 10
_CONNECTIONS = 2
# Of each connection a part that was under way, and what the kernel had read of it ahead.
_IN_FLIGHT = _CONNECTIONS * (PART + 1024 * 1024)


@dataclass(frozen=True, slots=True)
class _Part:
    """What happened to the parts of one key: how often each number was taken by the store."""

    taken: Counter[int]
    kept: set[int]

    @property
    def again(self) -> int:
        return sum(self.taken[number] - 1 for number in self.kept)


def killed(scene: Scene) -> None:
    """Kill -9 in the middle, and the same command."""
    _killed(scene, "killed.bin", 5)


def killed_with_digest(scene: Scene) -> None:
    """The same with a digest of the whole, which parts that are there cannot tell."""
    content = data.content(_SIZE, 6)
    _killed(scene, "digest.bin", 6, "--checksum", f"sha256={hashlib.sha256(content).hexdigest()}")


def many_parts(scene: Scene) -> None:
    """More parts than a store lists at once: `segdl.net.s3` asks for page after page."""
    os.environ.update(scene.environment)
    place, count = S3Place(scene.bucket, "paged"), 1010
    store = S3(NetworkOptions(s3=S3Options(endpoint_url=scene.ceph.endpoint)))
    with closing(store), ThreadPoolExecutor(8) as pool:
        upload = store.begin(place, "", {})

        def send(number: int) -> None:
            which = {"Bucket": place.bucket, "Key": place.key, "UploadId": upload}
            scene.client.upload_part(**which, PartNumber=number, Body=b"%d" % number)

        list(pool.map(send, range(1, count + 1)))
        found: dict[int, Stored] = {}
        pages = 0
        after: int | None = 0
        while after is not None:
            told = store.parts(place, upload, after)
            assert told is not None
            page, after = told
            found |= page
            pages += 1
        store.abort(place, upload)
    right = found == {n: Stored(len(b"%d" % n), etag_of(b"%d" % n)) for n in range(1, count + 1)}
    told_of = f"{len(found):,} in {pages} pages, then aborted"
    scene.report.add(f"an upload of {count:,} parts, listed", told_of, right=right and pages > 1)


def _killed(scene: Scene, name: str, seed: int, *options: str) -> None:
    key, content = f"killed/{name}", data.content(_SIZE, seed)
    scene.site.put(key, content)
    url = scene.site.url(key, slow=True)
    words = ["-d", scene.url("killed"), "-j", str(_CONNECTIONS), *options, url]
    served, asked = len(scene.site.sent()), len(scene.ceph.asked())
    with scene.begin(*words) as running:
        scene.wait_for_parts(key, 4)
        kill(running)
    what = ", with `--checksum`" if options else ""
    kept, shown = scene.settled_parts(key), scene.keys(key)
    told = f"{len(kept)} of {_PARTS} parts are there, no object: {', '.join(shown)} beside"
    right = len(kept) >= 4 and shown == [f"{key}.segdl"]
    scene.report.add(f"kill -9 of segdl in the middle{what}", told, right=right)
    ended = scene.get(*words)
    fetched = sum(each.size for each in scene.site.sent(served)) - _SIZE
    parts = _taken(scene, asked, name, kept)
    right = ended.code == 0 and scene.read(key) == content and scene.keys(key) == [key]
    scene.report.add(f"the same command{what}", f"{said(ended)}, every byte", right=right)
    indexed = scene.ceph.index(scene.bucket)[key].etag
    scene.report.add(f"its ETag{what}", f"`{indexed}`", right=indexed == etag_of(content))
    allowed = _IN_FLIGHT + (len(kept) * PART if options else 0)
    right = parts.again == 0 and set(parts.taken) == set(range(1, _PARTS + 1))
    scene.report.add(
        f"parts that were kept{what}", f"{len(kept)}, sent again: {parts.again}", right=right
    )
    why = f"{len(kept)} parts are read for the digest, " if options else ""
    told = f"{mib(fetched)} of {mib(_SIZE)} ({why}{_CONNECTIONS} parts were in flight)"
    scene.report.add(f"fetched again from the source{what}", told, right=0 <= fetched <= allowed)


def _taken(scene: Scene, since: int, name: str, kept: set[int]) -> _Part:
    """Count the parts of a file that the gateway took after its first `since` requests."""
    return _Part(
        Counter(
            each.part
            for each in scene.asked_since(since)
            if each.part is not None and each.status == 200 and f"/{name}?" in each.target
        ),
        kept,
    )


def gateway_killed(scene: Scene) -> None:
    """The store is killed in the middle, and comes back."""
    key, content = "gateway/back.bin", data.content(_SIZE, 8)
    scene.site.put(key, content)
    words = ["-d", scene.url("gateway"), "-j", str(_CONNECTIONS), "--retries", "15"]
    served = len(scene.site.sent())
    with scene.begin(*words, scene.site.url(key, slow=True)) as running:
        scene.wait_for_parts(key, 3)
        scene.ceph.kill()
        back = threading.Timer(2.0, scene.ceph.launch)
        back.start()
        ended = running.finish(120)
        back.join()
    right = ended.code == 0 and scene.read(key) == content and scene.keys(key) == [key]
    what = "radosgw killed (-9) in the middle, and started again 2 s later"
    scene.report.add(what, f"{said(ended)}, every byte", right=right)
    fetched = sum(each.size for each in scene.site.sent(served)) - _SIZE
    gets = len([each for each in scene.site.sent(served) if each.path.endswith("/back.bin")])
    # While nothing answers, each try costs what a server had put on the line.
    scene.report.add(
        "fetched again from the source meanwhile",
        f"{mib(fetched)} of {mib(_SIZE)}, {gets} requests for {_PARTS} parts",
        right=0 <= fetched <= 2 * _IN_FLIGHT,
    )


def gateway_gone(scene: Scene) -> None:
    """The store is killed and stays away; the same command goes on once it is back."""
    key, content = "gateway/gone.bin", data.content(_SIZE, 9)
    scene.site.put(key, content)
    words = ["-d", scene.url("gateway"), "-j", str(_CONNECTIONS), scene.site.url(key, slow=True)]
    with scene.begin("--retries", "2", *words) as running:
        scene.wait_for_parts(key, 3)
        scene.ceph.kill()
        ended = running.finish(120)
    scene.ceph.launch()
    kept = scene.settled_parts(key)
    right = ended.code == 3 and len(kept) >= 3 and scene.keys(key) == [f"{key}.segdl"]
    scene.report.add(
        "radosgw killed, and it stays away", f"{said(ended)}; {len(kept)} parts", right=right
    )
    again = scene.get(*words)
    right = again.code == 0 and scene.read(key) == content and scene.keys(key) == [key]
    scene.report.add("the same command once it is back", f"{said(again)}, every byte", right=right)


def read_and_killed(scene: Scene) -> None:
    """Out of the bucket, with the store killed in the middle, then segdl."""
    key, content = "gateway/source.bin", data.content(_SIZE, 10)
    scene.client.put_object(Bucket=scene.bucket, Key=key, Body=content)
    folder = scene.work / "source"
    words = ["-d", str(folder), "-j", "2", "--limit-rate", "10M", "--retries", "15", scene.url(key)]
    with scene.begin(*words) as running:
        threading.Event().wait(3)
        scene.ceph.kill()
        threading.Event().wait(1)
        scene.ceph.launch()
        threading.Event().wait(1)
        kill(running)
    left = [each.name for each in folder.iterdir() if each.name == "source.bin"]
    scene.report.add(
        "`segdl get s3://…`: radosgw killed and back, then segdl",
        "nothing under the name",
        right=not left,
    )
    ended = scene.get(*words)
    right = ended.code == 0 and (folder / "source.bin").read_bytes() == content
    scene.report.add("the same command to a disk", f"{said(ended)}, every byte", right=right)


def fresh(scene: Scene) -> None:
    """`--fresh` throws away what is there, at the store too."""
    key, content = "fresh/file.bin", data.content(_SIZE, 11)
    scene.site.put(key, content)
    words = ["-d", scene.url("fresh"), "-j", "2", scene.site.url(key, slow=True)]
    with scene.begin(*words) as running:
        scene.wait_for_parts(key, 2)
        kill(running)
    scene.settled_parts(key)
    (old,) = scene.uploads(key)
    with scene.begin("--fresh", *words) as running:
        scene.wait_until(lambda: len(scene.uploads(key)) == 1 and scene.uploads(key) != [old])
        ended = running.finish(120)
    right = not scene.uploads(key)
    what = "`--fresh` over an upload of an earlier run"
    scene.report.add(what, "that is aborted first, another begun", right=right)
    right = ended.code == 0 and scene.read(key) == content and scene.keys(key) == [key]
    scene.report.add("and to its end", f"{said(ended)}, every byte", right=right)


def changed(scene: Scene) -> None:
    """The remote file becomes another one between a run that was killed and the next."""
    key, content = "changed/file.bin", data.content(_SIZE, 12)
    scene.site.put(key, data.content(_SIZE - 1, 13))
    words = ["-d", scene.url("changed"), "-j", "2", scene.site.url(key, slow=True)]
    with scene.begin(*words) as running:
        scene.wait_for_parts(key, 2)
        kill(running)
    scene.site.put(key, content)
    ended = scene.get(*words)
    right = ended.code == 0 and scene.read(key) == content and scene.keys(key) == [key]
    what = "the remote file changed after a kill: parts are not mixed"
    scene.report.add(what, said(ended), right=right and not scene.uploads(key))


def twice(scene: Scene) -> None:
    """Two runs at the same time, of one file to one key."""
    key, content = "twice/file.bin", data.content(_SIZE, 14)
    scene.site.put(key, content)
    words = ["-d", scene.url("twice"), "-j", "2", scene.site.url(key, slow=True)]
    with scene.begin(*words) as one, scene.begin(*words) as other:
        ended = [one.finish(120), other.finish(120)]
    right = scene.read(key) == content and scene.keys(key) == [key]
    right = right and 0 in {each.code for each in ended}
    scene.report.add("two runs at once to one key", "; ".join(map(said, ended)), right=right)


def nothing_left(scene: Scene) -> None:
    """No upload is under way any more: parts cost money."""
    left = scene.uploads("")
    indexed = [name for name in scene.ceph.index(scene.bucket) if name.startswith(PARTS)]
    # It forgets entries of parts that it had to take twice, whoever sends them:
    # https://tracker.ceph.com/issues/44660
    own = [name for name in indexed if not name.startswith(f"{PARTS}gateway/")]
    told = f"{len(left)} by S3; stale index entries of parts that radosgw died in: {len(indexed)}"
    if own:
        told += f"; others: {', '.join(own[:3])}"
    scene.report.add("uploads that are left in the bucket", told, right=not left and not own)


CHECKS = (
    killed,
    killed_with_digest,
    many_parts,
    gateway_killed,
    gateway_gone,
    read_and_killed,
    fresh,
    changed,
    twice,
    nothing_left,
)
