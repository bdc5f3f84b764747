"""Metalink documents on the command line and in Python: what they name is fetched and checked."""

from __future__ import annotations

import base64
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

import segdl
from segdl.core.url import parse_url
from segdl.errors import ChecksumMismatchError, IntegrityError, UsageError
from support import data
from support.faults import CutAfter, Drip, IgnoreRange, NoLength, Status, always
from support.meta4 import MIB, Listed, meta4, metalink3
from support.program import run_segdl
from support.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.connection import Connection
    from support.nginx import Nginx
    from support.origin import Origin
    from support.request import Request
    from support.tls import Authority

SIZE = 3 * MIB + 77
CONTENT = data.content(SIZE)
OTHER = data.content(SIZE, 2)
StartOrigin = "Callable[..., Origin]"


@pytest.fixture
def site(nginx: StartNginx, tmp_path: Path) -> tuple[Nginx, Path, Path]:
    """A server, its folder with three copies of a file, and a folder to save in."""
    root, here = tmp_path / "site", tmp_path / "here"
    for folder in (root / "a", root / "b", here):
        folder.mkdir(parents=True)
    for place in ("f.bin", "a/f.bin", "b/f.bin"):
        (root / place).write_bytes(CONTENT)
    return nginx(root), root, here


def whole(folder: Path, *names: str, content: bytes = CONTENT) -> None:
    """Check that these files and nothing else is there."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(folder)) for path in found) == sorted(names)
    assert all(path.read_bytes() == content for path in found)


def served(origin: Origin, text: str, path: str = "/x.meta4", kind: str = "text/plain") -> str:
    """Serve a document at `path`, and return its URL."""

    def route(request: Request, connection: Connection) -> bool:
        body = text.encode()
        connection.send(Reply(200, (("Content-Type", kind),), body).head() + body)
        return True

    origin.routes[path] = route
    return origin.server.url(path)


# -- how it is asked for --


@pytest.mark.parametrize("how", ["url", "path", "-M url", "-M path", "-i", "upper", "query"])
def test_ways_to_name_a_document(site: tuple[Nginx, Path, Path], how: str) -> None:
    server, root, here = site
    urls = (server.url("a/f.bin"), server.url("b/f.bin"))
    text = meta4(Listed(content=CONTENT, urls=urls, name="sub/g.bin"))
    (root / "x.meta4").write_text(text)
    (root / "X.METALINK").write_text(text)
    (root / "odd").write_text(text)
    (root.parent / "x.meta4").write_text(text)
    (root.parent / "list").write_text(server.url("x.meta4") + "\n")
    arguments = {
        "url": [server.url("x.meta4")],
        "path": ["../x.meta4"],
        "-M url": ["-M", server.url("odd")],
        "-M path": ["--metalink", "../x.meta4"],
        "-i": ["-i", "../list"],
        "upper": [server.url("X.METALINK")],
        "query": [server.url("x.meta4?a=b.c")],
    }[how]
    ended = run_segdl("--json", *arguments, cwd=here)
    assert ended.code == 0, ended.err
    whole(here, "sub/g.bin")
    told = json.loads(ended.out)
    assert told["checksum"] == "sha256=" + Listed(content=CONTENT, urls=()).digest("sha256")
    assert told["url"] == server.url("a/f.bin")


def test_several_files_and_metalink_3(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    one = Listed(content=CONTENT, urls=(server.url("f.bin"),), name="one")
    two = Listed(content=CONTENT, urls=(server.url("a/f.bin"),), name="deep/er/two")
    (here.parent / "x.meta4").write_text(meta4(one, two))
    old = Listed(content=CONTENT, urls=(server.url("b/f.bin"),), name="three", connections=1)
    (root / "y.metalink").write_text(metalink3(old))
    ended = run_segdl(
        "-d", "to", "../x.meta4", server.url("y.metalink"), server.url("f.bin"), cwd=here
    )
    assert ended.code == 0, ended.err
    whole(here / "to", "one", "deep/er/two", "three", "f.bin")
    # A second run fetches nothing: the digests tell.
    ended = run_segdl("-d", "to", "--json", "../x.meta4", cwd=here)
    assert [json.loads(line)["status"] for line in ended.out.splitlines()] == ["skipped"] * 2


@pytest.mark.parametrize("ending", [["--no-metalink"], []])
def test_a_document_may_be_saved_itself(site: tuple[Nginx, Path, Path], ending: list[str]) -> None:
    server, root, here = site
    (root / "x.meta4").write_text("not XML")
    ended = run_segdl(*ending, server.url("x.meta4"), cwd=here)
    if ending:
        assert ended.code == 0
        assert (here / "x.meta4").read_text() == "not XML"
    else:
        assert (ended.code, os.listdir(here)) == (2, [])
        assert "/x.meta4 is no Metalink document" in ended.err
        assert "--no-metalink" in ended.err


def test_a_name_and_a_digest_go_with_one_file(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    one = Listed(content=CONTENT, urls=(server.url("f.bin"),), name="one")
    two = Listed(content=CONTENT, urls=(server.url("a/f.bin"),), name="two")
    (root / "two.meta4").write_text(meta4(one, two))
    (root / "one.meta4").write_text(meta4(one))
    for option in (["-o", "x"], ["--checksum", "md5=" + "0" * 32]):
        ended = run_segdl(*option, server.url("two.meta4"), cwd=here)
        assert (ended.code, os.listdir(here)) == (2, [])
        assert "names 2 files" in ended.err
    ended = run_segdl("-o", "-", server.url("two.meta4"), cwd=here)
    assert (ended.code, ended.out) == (2, "")
    ended = run_segdl("-o", "-", server.url("one.meta4"), cwd=here)
    assert (ended.code, ended.stdout) == (0, CONTENT), ended.err
    ended = run_segdl("-o", "x", server.url("one.meta4"), cwd=here)
    assert ended.code == 0, ended.err
    whole(here, "x")
    ended = run_segdl("--checksum", "md5=" + "0" * 32, server.url("one.meta4"), cwd=here)
    assert ended.code == 5
    assert "check the digest" in ended.err
    ended = run_segdl("--mirror", server.url("f.bin"), server.url("one.meta4"), cwd=here)
    assert ended.code == 2


def test_a_list_names_documents_among_urls(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    one = Listed(content=CONTENT, urls=(server.url("a/f.bin"),), name="one")
    (root / "x.meta4").write_text(meta4(one))
    (root / "bad.meta4").write_text("<html/>")
    lines = [
        server.url("x.meta4"),
        "  out=renamed",
        server.url("bad.meta4"),
        server.url("x.meta4") + "\t" + server.url("f.bin"),
        server.url("f.bin"),
    ]
    ended = run_segdl("-i", "-", "--json", cwd=here, stdin="\n".join(lines).encode())
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 2
    assert sorted(each["status"] for each in told) == ["complete"] * 2 + ["failed"] * 2
    whole(here, "renamed", "f.bin")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "x.segdl/y", "C:\\x"])
def test_hostile_names(site: tuple[Nginx, Path, Path], name: str) -> None:
    server, _, here = site
    good = Listed(content=CONTENT, urls=(server.url("f.bin"),), name="good")
    bad = Listed(content=CONTENT, urls=(server.url("f.bin"),), name=name)
    (here.parent / "x.meta4").write_text(meta4(good, bad))
    ended = run_segdl("../x.meta4", cwd=here)
    assert (ended.code, os.listdir(here)) == (2, [])
    assert "x.meta4" in ended.err


def test_what_cannot_be_read(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    ended = run_segdl("gone.meta4", cwd=here)
    assert (ended.code, "cannot read gone.meta4" in ended.err) == (6, True)
    ended = run_segdl(server.url("gone.meta4"), cwd=here)
    assert (ended.code, "answered 404" in ended.err) == (4, True)
    (root / "big.meta4").write_bytes(
        meta4(Listed(content=CONTENT, urls=(server.url("f.bin"),))).encode() + b" " * 17 * MIB
    )
    ended = run_segdl(server.url("big.meta4"), cwd=here)
    assert (ended.code, "larger than 16 MiB" in ended.err) == (2, True)
    ended = run_segdl("../site/big.meta4", cwd=here)
    assert (ended.code, "larger than 16 MiB" in ended.err) == (2, True)


def test_an_endless_document(origin: Callable[..., Origin], tmp_path: Path) -> None:
    sent = 0

    def endless(request: Request, connection: Connection) -> bool:
        nonlocal sent
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/metalink4+xml\r\n\r\n")
        while True:
            connection.send(b" " * 65536)
            sent += 65536

    one = origin(CONTENT)
    one.routes["/x.meta4"] = endless
    ended = run_segdl(one.server.url("/x.meta4"), cwd=tmp_path)
    assert (ended.code, "larger than 16 MiB" in ended.err) == (2, True)
    # The rest is what buffers hold.
    assert sent < 32 * MIB


def test_a_document_that_comes_at_the_third_try(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT)
    url = served(one, meta4(Listed(content=CONTENT, urls=(one.url,))))
    good, tries = one.routes["/x.meta4"], []

    def flaky(request: Request, connection: Connection) -> bool | None:
        tries.append(request)
        if len(tries) == 1:
            connection.send(Reply(503, (("Retry-After", "1"),), b"").head())
            return True
        if len(tries) == 2:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<meta")
            connection.reset()
        return good(request, connection)

    one.routes["/x.meta4"] = flaky
    ended = run_segdl(url, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "waiting 1 s" in ended.err
    whole(tmp_path, "f.bin")


def test_a_document_that_drips(origin: Callable[..., Origin], tmp_path: Path) -> None:
    def drip(request: Request, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.send(b" ")
            connection.pause(0.1)

    one = origin(CONTENT)
    one.routes["/x.meta4"] = drip
    ended = run_segdl(
        *("--stall-timeout", "0.5", "--retries", "1", one.server.url("/x.meta4")), cwd=tmp_path
    )
    assert (ended.code, "hardly anything comes" in ended.err) == (3, True)


# -- what it says --


def test_a_file_without_a_usable_mirror_is_its_own_error(
    site: tuple[Nginx, Path, Path],
) -> None:
    server, _, here = site
    good = Listed(content=CONTENT, urls=(server.url("f.bin"),), name="good")
    bad = Listed(content=CONTENT, urls=("ftp://example.org/x",), name="bad")
    (here.parent / "x.meta4").write_text(meta4(bad, good))
    ended = run_segdl("../x.meta4", cwd=here)
    assert ended.code == 2
    assert "'bad' has no http or https mirror" in ended.err
    whole(here, "good")


def test_a_mirror_with_a_file_of_another_size_is_passed_by(
    site: tuple[Nginx, Path, Path],
) -> None:
    server, root, here = site
    (root / "a/f.bin").write_bytes(CONTENT + b"x")
    urls = (server.url("a/f.bin"), server.url("f.bin"))
    (here.parent / "x.meta4").write_text(meta4(Listed(content=CONTENT, urls=urls)))
    ended = run_segdl("../x.meta4", cwd=here)
    assert ended.code == 0, ended.err
    assert f"it has {SIZE + 1} bytes, not {SIZE} as x.meta4 says" in ended.err
    whole(here, "f.bin")


@pytest.mark.parametrize("size", [SIZE + 5, None])
def test_a_size_that_nobody_has(site: tuple[Nginx, Path, Path], size: int | None) -> None:
    server, _, here = site
    # Where the size is not told, the pieces tell it.
    listed = Listed(
        content=CONTENT + data.content(MIB),
        urls=(server.url("a/f.bin"), server.url("f.bin")),
        size=size,
        pieces=None if size else "sha-1",
    )
    (here.parent / "x.meta4").write_text(meta4(listed))
    ended = run_segdl("../x.meta4", cwd=here)
    assert (ended.code, os.listdir(here)) == (5, [])
    assert f"it has {SIZE} bytes" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("told", [SIZE, SIZE - 1])
def test_a_size_that_the_server_does_not_tell(
    origin: Callable[..., Origin], tmp_path: Path, told: int
) -> None:
    one = origin(CONTENT, faults=always(IgnoreRange(), NoLength()))
    text = meta4(Listed(content=CONTENT, urls=(one.url,), size=told, checksum=None))
    (request,) = segdl.read_metalink(text.encode(), tmp_path)
    (outcome,) = segdl.download_many([request])
    if told == SIZE:
        assert isinstance(outcome, segdl.DownloadResult)
    else:
        assert isinstance(outcome, segdl.Failure)
        assert isinstance(outcome.error, IntegrityError)
        assert f"not {told} as the Metalink document says" in outcome.error.message
        assert not (tmp_path / "f.bin").exists()


@pytest.mark.parametrize("algorithm", ["md5", "sha-256"])
def test_a_digest_that_the_file_has_not(site: tuple[Nginx, Path, Path], algorithm: str) -> None:
    server, root, here = site
    (root / "f.bin").write_bytes(OTHER)
    listed = Listed(content=CONTENT, urls=(server.url("f.bin"),), checksum=algorithm)
    (here.parent / "x.meta4").write_text(meta4(listed))
    ended = run_segdl("../x.meta4", cwd=here)
    assert ended.code == 5
    assert "as x.meta4 says; one of the two is wrong" in ended.err
    assert os.listdir(here) == ["f.bin.segdl"]
    ended = run_segdl("-o", "-", "../x.meta4", cwd=here)
    assert ended.code == 5
    assert "as x.meta4 says" in ended.err
    # Of a part nobody said anything.
    ended = run_segdl("--range", "0-9", "-o", "head", "../x.meta4", cwd=here)
    assert ended.code == 0, ended.err
    assert (here / "head").read_bytes() == OTHER[:10]


def test_an_existing_file_is_measured_by_the_document(site: tuple[Nginx, Path, Path]) -> None:
    server, _, here = site
    (here.parent / "x.meta4").write_text(
        meta4(Listed(content=CONTENT, urls=(server.url("f.bin"),)))
    )
    (here / "f.bin").write_bytes(OTHER)
    assert run_segdl("../x.meta4", cwd=here).code == 6
    (here / "f.bin").write_bytes(CONTENT)
    ended = run_segdl("../x.meta4", "--json", cwd=here)
    assert (ended.code, json.loads(ended.out)["status"]) == (0, "skipped")
    # The server's validators say less than the digest.
    (here / "f.bin").unlink()
    assert run_segdl(server.url("f.bin"), cwd=here).code == 0
    other = Listed(content=OTHER, urls=(server.url("f.bin"),))
    (here.parent / "x.meta4").write_text(meta4(other))
    assert run_segdl("../x.meta4", cwd=here).code == 6


def test_all_mirrors_bring_bytes_and_dead_ones_do_not_matter(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    large, slow = data.content(12 * MIB), always(Drip(64 * 1024, 0.1))
    dead = origin(large, faults=always(Status(404)))
    one, two = origin(large, faults=slow), origin(large, faults=slow, etag='"b"')
    text = meta4(Listed(content=large, urls=(dead.url, one.url, two.url)))
    (tmp_path / "x.meta4").write_text(text)
    ended = run_segdl("--dry-run", "--json", "x.meta4", cwd=tmp_path)
    assert (ended.code, json.loads(ended.out)["size"]) == (0, len(large)), ended.err
    ended = run_segdl("-j", "4", "-d", "to", "x.meta4", cwd=tmp_path)
    assert ended.code == 0, ended.err
    whole(tmp_path / "to", "f.bin", content=large)
    assert len(dead.requests) == 2
    assert one.requests
    assert len(two.requests) > 1


def interrupted(one: Origin, folder: Path) -> None:
    """Fetch the beginning of the file from one mirror."""
    one.faults = always(Drip(64 * 1024, 0.05))
    cancel = threading.Event()

    def stop(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Progress) and event.done > MIB:
            cancel.set()

    wanted = segdl.read_metalink(meta4(Listed(content=CONTENT, urls=(one.url,))).encode(), folder)
    with pytest.raises(segdl.CancelledError):
        list(segdl.download_many(wanted, cancel=cancel, on_event=stop))


@pytest.mark.parametrize("first", ["another", "dead"])
def test_any_mirror_goes_on_with_what_another_began(
    origin: Callable[..., Origin], tmp_path: Path, first: str
) -> None:
    one, two = origin(CONTENT, etag='"1"'), origin(CONTENT, etag='"2"', last_modified=None)
    interrupted(one, tmp_path)
    one.faults = always(Status(404))
    urls = (two.url, one.url) if first == "another" else (one.url, two.url)
    (request,) = segdl.read_metalink(meta4(Listed(content=CONTENT, urls=urls)).encode(), tmp_path)
    (outcome,) = segdl.download_many([request])
    assert isinstance(outcome, segdl.DownloadResult)
    assert outcome.fetched <= SIZE - MIB
    whole(tmp_path, "f.bin")


def test_a_document_with_another_digest_does_not(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, two = origin(CONTENT, etag='"1"'), origin(OTHER, etag='"2"')
    interrupted(one, tmp_path)
    listed = Listed(content=OTHER, urls=(two.url,))
    (request,) = segdl.read_metalink(meta4(listed).encode(), tmp_path)
    (outcome,) = segdl.download_many([request])
    assert isinstance(outcome, segdl.Failure)
    assert "another file" in outcome.error.message
    fresh = segdl.TransferOptions(fresh=True)
    (outcome,) = segdl.download_many([request], transfer=fresh)
    assert isinstance(outcome, segdl.DownloadResult)
    whole(tmp_path, "f.bin", content=OTHER)


@pytest.mark.parametrize("checksum", ["sha-256", None])
def test_the_first_mirror_may_die_before_another_is_proved(
    origin: Callable[..., Origin], tmp_path: Path, checksum: str | None
) -> None:
    # One answer, which breaks, and no word any more.
    one = origin(CONTENT, etag='"1"')
    one.faults = lambda request, index: Status(410) if index else CutAfter(MIB, "reset")
    two = origin(CONTENT, etag='"2"', last_modified=None)
    text = meta4(Listed(content=CONTENT, urls=(one.url, two.url), checksum=checksum))
    (request,) = segdl.read_metalink(text.encode(), tmp_path)
    notes: list[str] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Note):
            notes.append(event.text)

    (outcome,) = segdl.download_many([request], connections=1, on_event=listen)
    if checksum:
        assert isinstance(outcome, segdl.DownloadResult)
        assert notes[-1].startswith("going on with 127.0.0.1: ")
        assert notes[-1].endswith(": the server answered 410")
        assert outcome.fetched < SIZE
        whole(tmp_path, "f.bin")
    else:
        # Nothing would tell a mix.
        assert isinstance(outcome, segdl.Failure)
        assert isinstance(outcome.error, segdl.ServerError)
        assert (tmp_path / "f.bin.segdl" / "0.part").stat().st_size > 0


@pytest.mark.parametrize(
    ("allowed", "asked", "most"), [(2, "8", 2), (2, "auto", 2), (9, "2", 2), (1, "auto:64", 1)]
)
def test_connections_that_metalink_3_allows(
    origin: Callable[..., Origin], tmp_path: Path, allowed: int, asked: str, most: int
) -> None:
    one = origin(CONTENT, faults=always(Drip(64 * 1024, 0.02)))
    text = metalink3(Listed(content=CONTENT, urls=(one.url,), connections=allowed))
    (request,) = segdl.read_metalink(text.encode(), tmp_path)
    told: list[int] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Started):
            told.append(event.connections)

    (outcome,) = segdl.download_many([request], connections=asked, on_event=listen)
    assert isinstance(outcome, segdl.DownloadResult)
    assert told == [most]
    assert one.peak <= most


LARGE = data.content(12 * MIB)


def fetch_listed(folder: Path, asked: str, listed: Listed) -> list[int]:
    """Fetch the file of a Metalink 3 document; return the connections it was begun with."""
    (request,) = segdl.read_metalink(metalink3(listed).encode(), folder)
    told: list[int] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Started):
            told.append(event.connections)

    (outcome,) = segdl.download_many([request], connections=asked, on_event=listen)
    assert isinstance(outcome, segdl.DownloadResult)
    whole(folder, "f.bin", content=listed.content)
    return told


@pytest.mark.parametrize("most", [1, 2])
def test_connections_that_a_mirror_allows(
    origin: Callable[..., Origin], tmp_path: Path, most: int
) -> None:
    slow = always(Drip(64 * 1024, 0.1))
    first, capped, free = (origin(LARGE, faults=slow) for _ in range(3))
    urls = (first.url, capped.url, free.url)
    fetch_listed(tmp_path, "8", Listed(content=LARGE, urls=urls, most=(1, most, None)))
    # The others are used, and so is this one, as far as it may.
    assert free.peak > 2
    assert capped.peak == most
    assert brought(capped)


def brought(origin: Origin) -> list[Request]:
    """Return the requests for more than samples."""
    spans = [(each, each.range) for each in origin.requests]
    return [each for each, span in spans if span and (span[1] or MIB) - (span[0] or 0) > 8192]


def test_connections_that_the_only_url_allows(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(LARGE, faults=always(Drip(256 * 1024, 0.02)))
    listed = Listed(content=LARGE, urls=(one.url,), connections=5, most=(2,))
    assert fetch_listed(tmp_path, "8", listed) == [2]
    assert one.peak == 2


def test_connections_that_the_last_one_left_allows(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    # The other one is not asked any more: all that it was to bring is left to this one.
    one = origin(LARGE, faults=always(Drip(256 * 1024, 0.02)))
    dead = origin(LARGE, faults=always(Status(404)))
    listed = Listed(content=LARGE, urls=(one.url, dead.url), most=(3, None))
    fetch_listed(tmp_path, "8", listed)
    assert dead.requests
    assert one.peak == 3


def test_what_was_on_its_way_when_the_file_changed_does_not_count_any_more(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(LARGE, faults=always(Drip(128 * 1024, 0.02)))
    newer = data.content(len(LARGE), 2)
    one.replace_after(2, newer)
    at_work: list[int] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, segdl.events.Restarted):
            at_work.clear()
        if isinstance(event, segdl.events.Progress):
            at_work.append(sum(segment.active for segment in event.segments))

    request = segdl.Request(url=one.url, directory=tmp_path, most_per_url=((one.url, 2),))
    (outcome,) = segdl.download_many([request], connections=8, on_event=listen)
    assert isinstance(outcome, segdl.DownloadResult)
    whole(tmp_path, "file.bin", content=newer)
    assert max(at_work) == 2


def test_what_all_urls_allow_together() -> None:
    def allowed(most: tuple[int | None, ...], connections: int | None = None) -> int | None:
        urls = ("http://a/", "http://b/")
        text = metalink3(Listed(content=b"x", urls=urls, most=most, connections=connections))
        (request,) = segdl.read_metalink(text.encode())
        return request.most_in_all

    assert allowed((2, 3)) == 5
    assert allowed((2, 3), 4) == 4
    assert allowed((2, 3), 9) == 5
    assert allowed((2, None)) is None
    assert allowed((None, 2), 9) == 9
    assert allowed(()) is None


@pytest.mark.parametrize("capped", [(("http://h/", 0),), (("nonsense", 1),)])
def test_what_cannot_be_allowed(capped: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(UsageError):
        segdl.Request(url="http://h/", most_per_url=capped)


# -- whom it trusts --


def test_secrets_go_to_the_document_and_not_to_its_mirrors(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    large, slow = data.content(12 * MIB), always(Drip(64 * 1024, 0.1))
    lists, first, second = origin(b""), origin(large, faults=slow), origin(large, faults=slow)
    (tmp_path / "netrc").write_text("default login other password secret-4\n")
    os.chmod(tmp_path / "netrc", 0o600)
    url = served(lists, meta4(Listed(content=large, urls=(first.url, second.url))))
    ended = run_segdl(
        *("-u", "me:secret-1", "-H", "X-Key: secret-2", "--location-trusted", "-j", "4"),
        *("--netrc", "--checksum", "auto", "-v", f"{url}?key=secret-3"),
        cwd=tmp_path,
        env={"NETRC": str(tmp_path / "netrc")},
    )
    assert ended.code == 0, ended.err
    assert "secret" not in ended.err + ended.out
    (asked,) = lists.requests
    assert asked.fields["x-key"] == "secret-2"
    assert asked.fields["authorization"].startswith("Basic ")
    assert first.requests
    assert second.requests
    for request in (*first.requests, *second.requests):
        assert not {"x-key", "authorization", "cookie"} & request.fields.keys()


def test_secrets_of_a_local_document_go_nowhere(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT)
    text = meta4(Listed(content=CONTENT, urls=(one.url,), checksum=None))
    (tmp_path / "x.meta4").write_text(text)
    # A digest is looked for beside the mirror, as nobody tells one: likewise without secrets.
    ended = run_segdl(
        *("-u", "me:secret-1", "-H", "X-Key: secret-2", "--checksum", "auto", "x.meta4"),
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    assert any(request.path.endswith(".sha256") for request in one.requests)
    for request in one.requests:
        assert not {"x-key", "authorization"} & request.fields.keys()


def test_the_documents_own_origin_gets_what_is_meant_for_it(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT)
    urls = (one.other_url, one.url)
    assert parse_url(one.other_url).origin != parse_url(one.url).origin
    url = served(one, meta4(Listed(content=CONTENT, urls=urls[1:])))
    ended = run_segdl("-H", "X-Key: k", url, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert all(request.fields["x-key"] == "k" for request in one.requests)
    (tmp_path / "f.bin").unlink()
    before = len(one.requests)
    served(one, meta4(Listed(content=CONTENT, urls=urls[:1])))
    assert run_segdl("-H", "X-Key: k", url, cwd=tmp_path).code == 0
    document, *rest = one.requests[before:]
    assert "x-key" in document.fields
    assert rest
    assert not any("x-key" in request.fields for request in rest)


def test_a_password_in_a_mirrors_url_is_the_mirrors(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one = origin(CONTENT)
    url = one.url.replace("://", "://you:theirs@")
    text = meta4(Listed(content=CONTENT, urls=(url,)))
    (request,) = segdl.read_metalink(text.encode(), tmp_path)
    network = segdl.NetworkOptions(user=("me", "mine"))
    (outcome,) = segdl.download_many([request], network=network)
    assert isinstance(outcome, segdl.DownloadResult)
    wanted = "Basic " + base64.b64encode(b"you:theirs").decode()
    assert {request.fields["authorization"] for request in one.requests} == {wanted}
    assert "theirs" not in repr(request)


@pytest.mark.parametrize("checksum", ["sha-256", None])
def test_http_mirrors_of_a_document_that_came_by_https(
    nginx: StartNginx, authority: Authority, tmp_path: Path, checksum: str | None
) -> None:
    root, here = tmp_path / "site", tmp_path / "here"
    root.mkdir()
    here.mkdir()
    server = nginx(root, authority=authority)
    (root / "f.bin").write_bytes(CONTENT)
    plain, secure = server.url("f.bin"), server.url("f.bin", tls=True)

    def fetch(*urls: str) -> int:
        listed = Listed(content=CONTENT, urls=urls, checksum=checksum)
        (root / "x.meta4").write_text(meta4(listed))
        url = server.url("x.meta4", tls=True)
        ended = run_segdl("--cacert", str(authority.cacert), "--json", url, cwd=here)
        told.append(json.loads(ended.out))
        return ended.code

    told: list[dict[str, str]] = []
    assert fetch(plain, secure) == 0
    assert told[-1]["url"] == (plain if checksum else secure)
    (here / "f.bin").unlink()
    assert fetch(plain) == (0 if checksum else 2)
    if not checksum:
        assert "http mirrors only and no digest" in told[-1]["message"]


# -- in Python --


def test_the_api(site: tuple[Nginx, Path, Path]) -> None:
    server, _, here = site
    text = meta4(
        Listed(content=CONTENT, urls=(server.url("f.bin"),), name="d/one"),
        Listed(content=OTHER, urls=(server.url("f.bin"),), name="two"),
    )
    (here.parent / "x.meta4").write_text(text)
    one, two = segdl.read_metalink(here.parent / "x.meta4", here)
    assert (one.name, one.directory) == ("d/one", here)
    outcomes = {type(each): each for each in segdl.download_many([one, two])}
    assert outcomes[segdl.DownloadResult].path == here / "d" / "one"  # type: ignore[union-attr]
    failure = outcomes[segdl.Failure]
    assert isinstance(failure, segdl.Failure)
    assert isinstance(failure.error, ChecksumMismatchError)
    for wrong in (b"", b"<a/>", meta4(Listed(content=b"", urls=())).encode()):
        with pytest.raises(UsageError):
            segdl.read_metalink(wrong)
    with pytest.raises(segdl.DiskError):
        segdl.read_metalink("gone.meta4")


def test_a_document_need_not_wait_for_files_that_are_at_work(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    # The one connection that files get is busy for longer than anybody waits for an answer.
    busy = origin(CONTENT, faults=always(Drip(32 * 1024, 0.05)))
    lists = origin(CONTENT)
    url = served(lists, meta4(Listed(content=CONTENT, urls=(lists.url,))))
    good, asked = lists.routes["/x.meta4"], []

    def later(request: Request, connection: Connection) -> bool | None:
        asked.append(request)
        if len(asked) > 1:
            return good(request, connection)
        connection.send(Reply(503, (("Retry-After", "1"),), b"").head())
        return True

    lists.routes["/x.meta4"] = later
    ended = run_segdl(
        *("-i", "-", "-j", "1", "--max-files", "1", "--retries", "2"),
        *("--connect-timeout", "0.5", "--stall-timeout", "0.5"),
        cwd=tmp_path,
        stdin=f"{busy.url}\n{url}\n".encode(),
    )
    assert ended.code == 0, ended.err
    whole(tmp_path, "file.bin", "f.bin")
