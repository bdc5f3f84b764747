"""A mirror in the bucket: once, again, with its ledger lost, and killed in the middle."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from rados.files import LARGE_NAME, NAMES
from rados.scene import PART, Scene, etag_of, figures, kill, said
from support import data

_MANY = 1100  # more than a page of a listing has
_MEETING = "/.segdl/incoming/run-"


def mirror(scene: Scene) -> None:
    """Filled, looked at again, followed where its list changes."""
    files = {f"many/{at // 100}/{at}.bin": data.content(100 + at, at) for at in range(_MANY)}
    files |= {name: data.content(3000 + at, at) for at, name in enumerate(NAMES)}
    files |= {"empty": b"", LARGE_NAME: data.content(3 * PART + 5, 15)}
    serve(scene, "tree", files)
    source = scene.site.url("tree/SHA256SUMS")
    first = scene.mirror("tree", source)
    told = figures(first)
    right = first.code == 0 and told.get("fetched") == len(files) and holds(scene, "tree", files)
    what = f"`segdl mirror LIST s3://…`, {len(files):,} files, names as above"
    scene.report.add(
        what, f"{said(first)}, fetched {told.get('fetched')}, each ETag right", right=right
    )
    nothing_to_do(scene, "the same again", "tree", source, len(files))
    shutil.rmtree(scene.work / "ledgers")
    nothing_to_do(scene, "with its ledger lost", "tree", source, len(files))

    files["many/0/7.bin"] = b"another"
    del files["many/0/8.bin"]
    serve(scene, "tree", files)
    scene.client.put_object(Bucket=scene.bucket, Key="tree/empty", Body=b"somebody else's")
    third = scene.mirror("tree", source, "--delete")
    told = figures(third)
    right = third.code == 0 and (told.get("fetched"), told.get("removed")) == (2, 1)
    right = right and holds(scene, "tree", files)
    what = "one changed, one written by somebody else, one gone (`--delete`)"
    moved = f"fetched {told.get('fetched')}, removed {told.get('removed')}"
    trash = [key for key in scene.keys("tree/.segdl/trash/") if key.endswith("/many/0/8.bin")]
    right = right and len(trash) == 1
    scene.report.add(what, f"{said(third)}, {moved}, {len(trash)} in the trash", right=right)


def mirror_killed(scene: Scene) -> None:
    """Kill -9 in the middle of one of its files, and the same command."""
    files = {"big": data.content(6 * PART + 17, 16), "small": b"few", "more": b"a few more"}
    serve(scene, "slow tree", files)
    source = scene.site.url("slow tree/SHA256SUMS", slow=True)
    key = "slow tree/big"
    with scene.begin_mirror("slow tree", source, "-x", "2") as running:
        scene.wait_for_parts(key, 2)
        kill(running)
    kept = scene.settled_parts(key)
    ended = scene.mirror("slow tree", source)
    right = ended.code == 0 and holds(scene, "slow tree", files)
    told = f"{said(ended)}, {len(kept)} parts were there, each ETag right"
    scene.report.add("a mirror killed (-9), and the same command", told, right=right)


def mirror_wrong(scene: Scene) -> None:
    """A list whose digest is another."""
    scene.site.put("false/file", b"few")
    scene.site.put("false/SHA256SUMS", f"{'0' * 64}  file\n".encode())
    ended = scene.mirror("false", scene.site.url("false/SHA256SUMS"))
    left = scene.keys("false/")
    right = ended.code == 5 and not left
    scene.report.add(
        "a mirror with a wrong digest", f"exit {ended.code}, {left or 'nothing'}", right=right
    )


def serve(scene: Scene, folder: str, files: Mapping[str, bytes]) -> None:
    """Have the site serve a folder, with a list of its digests."""
    for name, content in files.items():
        scene.site.put(f"{folder}/{name}", content)
    scene.site.put_list(f"{folder}/SHA256SUMS", files)


def nothing_to_do(
    scene: Scene, what: str, prefix: str, source: str, count: int, *options: str
) -> None:
    """Check that a run of a mirror that is right asks for no file, and writes nothing."""
    served, before = len(scene.site.sent()), len(scene.ceph.asked())
    with scene.nothing_sent() as asked:
        ended = scene.mirror(prefix, source, *options)
    told = figures(ended)
    bodies = [each.path for each in scene.site.sent(served) if "SHA256SUMS" not in each.path]
    # Workers that share no folder with the driver prove by an object that they see the bucket.
    writes = sum(
        each.method in {"PUT", "POST"} and _MEETING not in each.target
        for each in scene.asked_since(before)
    )
    right = ended.code == 0 and (told.get("fetched"), told.get("kept")) == (0, count)
    right = right and not writes and not bodies
    came = f"{said(ended)}, kept {told.get('kept')}, {writes} writes, {len(bodies)} files asked for"
    scene.report.add(what, f"{came}, {asked['GET']} GET and {asked['HEAD']} HEAD", right=right)


def holds(scene: Scene, prefix: str, files: Mapping[str, bytes]) -> bool:
    """Tell whether the bucket's index has these files, with their ETags, and no others."""
    top = f"{prefix}/"
    there = {
        name.removeprefix(top): (each.size, each.etag)
        for name, each in scene.ceph.index(scene.bucket).items()
        if name.startswith(top) and not name.startswith(f"{top}.segdl/")
    }
    return there == {name: (len(data), etag_of(data)) for name, data in files.items()}


CHECKS = (mirror, mirror_killed, mirror_wrong)
