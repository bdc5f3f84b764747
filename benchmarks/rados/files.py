"""Files that nothing interrupts: into the bucket, refused, and back to a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from rados.scene import PART, Scene, etag_of, mib, said
from support import data

SIZES = {
    "empty": 0,
    "small": 1000,
    "whole-part": PART,
    "part-and-1": PART + 1,
    "large": 5 * PART + 17,
}
NAMES = (
    "two words.bin",
    " spaces  around .bin",
    "слово ü 日本語.bin",
    "e\u0301 and \u00e9.bin",
    "a+b=c&d.bin",
    "50% off.bin",
    "100%25 %2F %C3%A4.bin",
    "c#sharp#.bin",
    "it's (1) [2] {3}, 4; 5!@$~^`.bin",
    ".hidden",
    "folder +%/below #/file.bin",
)
QUERIES = ("what? a=1&b=2.bin", 'quote".bin', "a:b*c<d>|e\\f.bin")
"""Names that a key can have, and a file on every disk cannot."""
ON_DISK = {" spaces  around .bin": "spaces  around .bin", ".hidden": "hidden"}
"""What such a name becomes, as those of any server do."""
LARGE_NAME = "large +% #ü.bin"


def _large(seed: int) -> bytes:
    return data.content(SIZES["large"], seed)


def sizes(scene: Scene) -> None:
    """Files of every kind of size, each of them once more."""
    files = {f"sizes/{name}.bin": data.content(size, 1) for name, size in SIZES.items()}
    for path, content in files.items():
        scene.site.put(path, content)
        first = scene.get("-d", scene.url("sizes"), scene.site.url(path))
        right = first.code == 0 and scene.read(path) == content
        parts = -(-len(content) // PART) if len(content) > PART else 0
        how = f"in {parts} parts" if parts else "at once"
        what = f"`segdl get URL s3://…`, {path[6:-4]} ({len(content):,} bytes)"
        scene.report.add(
            what, f"{said(first)}, every byte, {how}" if right else said(first), right=right
        )
    _compare_index(scene, "sizes/", files, "ETags and sizes of these in radosgw's own index")
    with scene.nothing_sent() as asked:
        codes = {scene.get("-d", scene.url("sizes"), scene.site.url(path)).code for path in files}
    scene.report.add(
        "the same again: metadata prove what is there",
        f"exit {', '.join(map(str, codes))}, {asked['PUT'] + asked['POST']} requests that write",
        right=codes == {0} and not asked["PUT"] and not asked["POST"],
    )


def names(scene: Scene) -> None:
    """Names that have to be quoted, signed and unquoted in the right places."""
    files = {f"names/{name}": data.content(900 + at, at) for at, name in enumerate(NAMES)}
    files[f"names/{LARGE_NAME}"] = _large(2)
    for path, content in files.items():
        scene.site.put(path, content)
        name = path.removeprefix("names/")
        ended = scene.get("-o", scene.url(path), scene.site.url(path))
        right = ended.code == 0 and scene.read(path) == content
        what = f"`-o` to the key {_code(name)}{', in parts' if len(content) > PART else ''}"
        scene.report.add(what, said(ended), right=right)
    for number, name in enumerate(QUERIES):
        path, content = f"queries/{name}", data.content(700, number)
        scene.site.put(f"plain{number}", content)
        ended = scene.get("-o", scene.url(path), scene.site.url(f"plain{number}"))
        right = ended.code == 0 and scene.read(path) == content
        there = scene.work / f"query{number}"
        back = scene.get("-d", str(there.parent), "-o", there.name, scene.url(path))
        right = right and back.code == 0 and there.read_bytes() == content
        scene.report.add(f"`-o` to the key {_code(name)}, and back", said(back), right=right)
    _compare_index(scene, "names/", files, "ETags and names of these in radosgw's own index")
    for number, (path, content) in enumerate(files.items()):
        folder, name = scene.work / f"back{number}", path.rpartition("/")[2]
        ended = scene.get("-d", str(folder), scene.url(path))
        found = {each.name: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        safe = ON_DISK.get(name, name)
        right = ended.code == 0 and found == {safe: content}
        what = f"`segdl get s3://…` of {_code(path.removeprefix('names/'))} to a disk"
        told = f"{said(ended)}, every byte{'' if safe == name else f', as {_code(safe)}'}"
        scene.report.add(what, told if right else f"{said(ended)}: {list(found)}", right=right)


def back(scene: Scene) -> None:
    """Out of the bucket, to a disk and to another key."""
    contents = {"empty": b"", "large": _large(3)}
    for name, content in contents.items():
        key = f"back/{name}.bin"
        scene.client.put_object(Bucket=scene.bucket, Key=key, Body=content)
        digest = f"sha256={hashlib.sha256(content).hexdigest()}"
        folder = scene.work / "disk"
        ended = scene.get("-d", str(folder), "-j", "4", "--checksum", digest, scene.url(key))
        right = ended.code == 0 and (folder / f"{name}.bin").read_bytes() == content
        what = f"`segdl get s3://…` of {mib(len(content))} to a disk, 4 connections"
        scene.report.add(what, said(ended), right=right)
        copied = scene.get("-o", scene.url(f"back/copy of {name}"), scene.url(key))
        right = copied.code == 0 and scene.read(f"back/copy of {name}") == content
        scene.report.add(f"from key to key, {mib(len(content))}", said(copied), right=right)


def wrong(scene: Scene) -> None:
    """What is not what it should be does not get the name."""
    false = f"sha256={'0' * 64}"
    for name, content in {"small": b"few", "large": _large(4)}.items():
        path = f"wrong/{name}.bin"
        scene.site.put(path, content)
        address = ("-d", scene.url("wrong"), scene.site.url(path))
        ended = scene.get("--checksum", false, *address)
        left = scene.keys(path)
        right = ended.code == 5 and path not in left
        told = f"exit {ended.code}; nothing under the name; beside it: {_of(left)}"
        scene.report.add(f"a wrong `--checksum`, {name}", told, right=right)
        scene.client.put_object(Bucket=scene.bucket, Key=path, Body=b"before")
        ended = scene.get("--if-exists", "overwrite", "--checksum", false, *address)
        right = ended.code == 5 and scene.read(path) == b"before"
        what = f"the same with `--if-exists overwrite`, {name}"
        scene.report.add(what, f"exit {ended.code}, the key has what it had", right=right)
        ended = scene.get(*address)
        right = ended.code == 6 and scene.read(path) == b"before"
        scene.report.add(
            f"a key that has something else, {name}", f"exit {ended.code}", right=right
        )
        digest = f"sha256={hashlib.sha256(content).hexdigest()}"
        ended = scene.get("--if-exists", "overwrite", "--checksum", digest, *address)
        right = ended.code == 0 and scene.read(path) == content and scene.keys(path) == [path]
        scene.report.add(f"then the right digest, {name}", said(ended), right=right)


def refused(scene: Scene) -> None:
    """A store that says no."""
    scene.site.put("refused.bin", b"few")
    source = scene.site.url("refused.bin")
    ended = scene.get("-d", scene.url("refused"), source, AWS_SECRET_ACCESS_KEY="wrong")
    right = ended.code == 4 and scene.ceph.secret not in ended.err
    scene.report.add("a wrong secret", said(ended), right=right)
    ended = scene.get("-d", "s3://nobodys-bucket/x", source)
    scene.report.add("a bucket that is not there", said(ended), right=ended.code == 4)
    ended = scene.get("-d", str(scene.work / "none"), scene.url("none"))
    scene.report.add("an object that is not there", said(ended), right=ended.code == 4)
    left = scene.keys("refused")
    scene.report.add("after these", f"{_of(left)} in the bucket", right=not left)


def _compare_index(scene: Scene, prefix: str, files: Mapping[str, bytes], what: str) -> None:
    indexed = {
        name: (each.size, each.etag)
        for name, each in scene.ceph.index(scene.bucket).items()
        if name.startswith(prefix)
    }
    expected = {path: (len(content), etag_of(content)) for path, content in files.items()}
    other = {name for name in {*indexed, *expected} if indexed.get(name) != expected.get(name)}
    told = f"{len(expected)} are equal" if not other else f"{sorted(other)[:3]} differ"
    scene.report.add(what, told, right=not other)


def _code(text: str) -> str:
    """Return a text as Markdown has it between backticks."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _of(keys: list[str]) -> str:
    return ", ".join(keys) if keys else "nothing"


CHECKS = (sizes, names, back, wrong, refused)
