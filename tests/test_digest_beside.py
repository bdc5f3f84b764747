"""`--checksum auto`: checksum files beside the URL, as real programs write them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

import segdl
from segdl.errors import (
    ChecksumMismatchError,
    IntegrityError,
    NetworkError,
    ServerError,
    UsageError,
)
from segdl.progress.events import Note
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.program import run_segdl, start_segdl
from support.reply import Reply
from support.require import require_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.connection import Connection
    from support.nginx import Nginx
    from support.request import Request

CONTENT = data.content(300_000)
OTHER = data.content(300_000, 2)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
WRONG = hashlib.sha256(OTHER).hexdigest()
PLACES = [f"/{NAME}.sha256", f"/{NAME}.sha256sum", "/SHA256SUMS"]


def notes(fetched: Any) -> list[str]:
    return [note.text for note in fetched.told(Note)]


# -- real files, made by the real program, from a real server --


@pytest.fixture
def site(nginx: StartNginx, tmp_path: Path) -> tuple[Nginx, Path, Path]:
    root, here = tmp_path / "site", tmp_path / "here"
    root.mkdir()
    here.mkdir()
    (root / "f.iso").write_bytes(CONTENT)
    (root / "g.iso").write_bytes(OTHER)
    (root / "sub").mkdir()
    (root / "sub" / "f.iso").write_bytes(OTHER)
    return nginx(root), root, here


def sums(root: Path, *arguments: str) -> str:
    (program,) = require_program("sha256sum")
    made = subprocess.run(
        [program, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return made.stdout


@pytest.mark.parametrize(
    ("beside", "arguments"),
    [
        ("f.iso.sha256", ["f.iso"]),
        ("f.iso.sha256", ["-b", "f.iso"]),
        ("f.iso.sha256", ["--tag", "f.iso"]),
        ("f.iso.sha256", ["./f.iso"]),
        ("f.iso.sha256sum", ["f.iso"]),
        ("f.iso.sha256sum", ["g.iso", "f.iso"]),
        ("SHA256SUMS", ["sub/f.iso", "g.iso", "f.iso"]),
        ("SHA256SUMS", ["-b", "./sub/f.iso", "./g.iso", "./f.iso"]),
        ("SHA256SUMS", ["--tag", "g.iso", "f.iso"]),
    ],
)
@pytest.mark.parametrize("right", [True, False])
def test_as_sha256sum_writes_them(
    site: tuple[Nginx, Path, Path], beside: str, arguments: list[str], right: bool
) -> None:
    server, root, here = site
    (root / beside).write_text(sums(root, *arguments))
    if not right:
        (root / "f.iso").write_bytes(OTHER)
    ended = run_segdl("--checksum", "auto", "--json", server.url("f.iso"), cwd=here)
    told = json.loads(ended.out)
    assert f"f.iso: checking sha256={DIGEST} from {server.url(beside)}\n" in ended.err
    if right:
        assert ended.code == 0, ended.err
        assert (told["status"], told["checksum"]) == ("complete", f"sha256={DIGEST}")
        assert (here / "f.iso").read_bytes() == CONTENT
        assert told["requests"] == len(server.log(told["requests"]))
    else:
        assert ended.code == 5
        assert f"not {DIGEST} as {server.url(beside)} says" in ended.err
        assert told["kind"] == "ChecksumMismatchError"
        assert os.listdir(here) == ["f.iso.segdl"]


@pytest.mark.parametrize("name", ["a b.iso", "a\\b.iso", "back\\\\n.iso", "é.iso", "50%.iso", " x"])
def test_names_that_are_hard_to_write(site: tuple[Nginx, Path, Path], name: str) -> None:
    from urllib.parse import quote

    server, root, here = site
    (root / name).write_bytes(CONTENT)
    (root / "SHA256SUMS").write_text(sums(root, "g.iso", name))
    ended = run_segdl("--checksum", "auto", "-o", "x", server.url(quote(name)), cwd=here)
    assert ended.code == 0, ended.err
    assert f"checking sha256={DIGEST}" in ended.err


def test_none(site: tuple[Nginx, Path, Path]) -> None:
    server, _, here = site
    ended = run_segdl("--checksum", "auto", server.url("f.iso"), cwd=here)
    assert ended.code == 0
    assert (
        "f.iso: no digest beside the URL (f.iso.sha256, f.iso.sha256sum, SHA256SUMS): "
        "not checked\n" in ended.err
    )
    assert (here / "f.iso").read_bytes() == CONTENT
    looked = [(record.target, record.status) for record in server.log(5) if record.status == 404]
    assert looked == [
        ("/f.iso.sha256", 404), ("/f.iso.sha256sum", 404), ("/SHA256SUMS", 404),
    ]  # fmt: skip


def test_a_list(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    (root / "SHA256SUMS").write_text(sums(root, "f.iso", "g.iso"))
    lines = [
        server.url("f.iso"),
        server.url("g.iso"),
        f"  checksum=sha256={DIGEST}",
        server.url("sub/f.iso"),
        "  out=sub",
        "  checksum=auto",
    ]
    text = "\n".join(lines).encode()
    ended = run_segdl("--checksum", "auto", "--json", "-i", "-", cwd=here, stdin=text)
    told = {each["url"]: each for each in map(json.loads, ended.out.splitlines())}
    assert ended.code == 5
    assert told[server.url("f.iso")]["checksum"] == f"sha256={DIGEST}"
    # What the list says goes before what is looked for.
    assert told[server.url("g.iso")]["kind"] == "ChecksumMismatchError"
    assert told[server.url("sub/f.iso")]["checksum"] is None
    assert not any(record.target.startswith("/g.iso.") for record in server.log())
    # Without the option, a list may ask for it too.
    ended = run_segdl("--json", "-i", "-", "--fresh", cwd=here, stdin=b"\n".join(
        [lines[0].encode(), b"  checksum = auto", b"  out=again"]))  # fmt: skip
    assert json.loads(ended.out)["checksum"] == f"sha256={DIGEST}"


def test_a_file_that_is_there(site: tuple[Nginx, Path, Path]) -> None:
    server, root, here = site
    (root / "f.iso.sha256").write_text(sums(root, "f.iso"))
    (here / "f.iso").write_bytes(CONTENT)
    ended = run_segdl("--checksum", "auto", "--json", server.url("f.iso"), cwd=here)
    told = json.loads(ended.out)
    assert (told["status"], told["checksum"], told["fetched"]) == ("skipped", f"sha256={DIGEST}", 0)
    (here / "f.iso").write_bytes(OTHER)
    assert run_segdl("--checksum", "auto", server.url("f.iso"), cwd=here).code == 6


# -- whatever may be there instead --


def answering(
    body: bytes, status: int = 200, content_type: str = "text/plain"
) -> Callable[[Request, Connection], bool]:
    def route(request: Request, connection: Connection) -> bool:
        connection.send(Reply(status, (("Content-Type", content_type),), body).head() + body)
        return True

    return route


def serving(origin: Any, texts: dict[str, Any], **how: Any) -> Any:
    """Serve CONTENT, and at each of PLACES what `texts` says by its ending, else 404."""
    served = origin(CONTENT, **how)
    for place in PLACES:
        text = next((text for end, text in texts.items() if place.endswith(end)), None)
        if callable(text):
            served.routes[place] = text
        elif text is None:
            served.routes[place] = answering(b"no", 404)
        else:
            served.routes[place] = answering(text)
    return served


def checked(origin: Any, folder: Path, texts: dict[str, Any], **how: Any) -> str | None:
    served = serving(origin, texts)
    fetched = fetch(served.url, folder, checksum="auto", **how).is_whole(CONTENT)
    assert len(notes(fetched)) == 1
    assert fetched.result is not None
    return fetched.result.checksum


LINE = f"{DIGEST}  {NAME}\n".encode()
PAGE = b"<!DOCTYPE html><pre>\n" + LINE + b"</pre>"


@pytest.mark.parametrize(
    "nothing",
    [
        b"",
        b"\0" * 1000,
        b"\xff\xfe" + LINE.decode().encode("utf-16-le"),
        PAGE,
        answering(LINE, content_type="text/html; charset=utf-8"),
        answering(LINE, content_type="application/xhtml+xml"),
        answering(LINE, 400),
        answering(LINE, 401),
        answering(LINE, 403),
        answering(LINE, 410),
        answering(LINE, 451),
        hashlib.md5(CONTENT).hexdigest().encode(),
        DIGEST[:-1].encode(),
        f"{WRONG}  one\n{WRONG[::-1]}  two\n".encode(),
    ],
    ids=range(14),
)
def test_what_tells_nothing_is_passed_by(origin: Any, tmp_path: Path, nothing: Any) -> None:
    every = {".sha256": nothing, ".sha256sum": nothing, "SUMS": nothing}
    assert checked(origin, tmp_path, every) is None
    again = {"if_exists": "overwrite"}
    assert checked(origin, tmp_path, {**every, "SUMS": LINE}, **again) == f"sha256={DIGEST}"


def test_the_first_that_tells_is_believed(origin: Any, tmp_path: Path) -> None:
    texts = {".sha256": LINE, ".sha256sum": WRONG.encode(), "SUMS": WRONG.encode()}
    assert checked(origin, tmp_path, texts) == f"sha256={DIGEST}"


def test_two_digests_of_one_file(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {"SUMS": LINE + f"{WRONG} *{NAME}\n".encode()})
    error = fetch(served.url, tmp_path, checksum="auto").failed(IntegrityError, parts=False)
    assert "SHA256SUMS: tells 2 digests" in error.message


def test_no_more_than_a_mebibyte_is_read(origin: Any, tmp_path: Path) -> None:
    sent = 0

    def endless(first: bytes) -> Callable[[Request, Connection], bool]:
        def route(request: Request, connection: Connection) -> bool:
            nonlocal sent
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + first)
            while True:
                connection.send(b"x" * 65536)
                sent += 65536

        return route

    assert checked(origin, tmp_path, {".sha256": endless(LINE)}) == f"sha256={DIGEST}"
    # The rest is what buffers hold.
    assert sent < 16 * 1024 * 1024
    line = b"0" * 64 + b"  " + b"n" * 100 + b"\n"
    far = line * (1024 * 1024 // len(line) + 1) + LINE
    again = {"if_exists": "overwrite"}
    assert checked(origin, tmp_path, {"SUMS": far}, **again) is None
    # A line that the limit cuts counts for nothing, whatever its beginning says.
    room = 1024 * 1024 - len(LINE) + 1
    cut = (line * (room // len(line) + 1))[: room - 1] + b"\n" + LINE.rstrip() + b".asc\n"
    assert cut.index(LINE.rstrip()) + len(LINE.rstrip()) == 1024 * 1024
    assert checked(origin, tmp_path, {"SUMS": cut}, **again) is None


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_server_that_fails(origin: Any, tmp_path: Path, status: int) -> None:
    served = serving(origin, {".sha256": answering(b"sorry", status)})
    error = fetch(served.url, tmp_path, checksum="auto", retries=3).failed(ServerError, parts=False)
    assert "file.bin.sha256: the server answered" in error.message
    assert "--checksum auto" in error.hint
    assert sum(each.path.endswith(".sha256") for each in served.requests) == 3


def test_a_server_that_recovers(origin: Any, tmp_path: Path) -> None:
    left = 3

    def recovering(request: Request, connection: Connection) -> bool:
        nonlocal left
        left -= 1
        if left == 2:
            return answering(b"", 503)(request, connection)
        if left == 1:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + LINE[:30])
            connection.reset()
        return answering(LINE)(request, connection)

    served = serving(origin, {".sha256": recovering})
    fetched = fetch(served.url, tmp_path, checksum="auto").is_whole(CONTENT)
    assert fetched.result is not None
    assert (left, fetched.result.checksum) == (0, f"sha256={DIGEST}")


def test_a_connection_that_never_holds(origin: Any, tmp_path: Path) -> None:
    def cut(request: Request, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + LINE[:30])
        connection.reset()

    served = serving(origin, {".sha256": cut})
    fetch(served.url, tmp_path, checksum="auto", retries=3).failed(NetworkError, parts=False)
    assert sum(each.path.endswith(".sha256") for each in served.requests) == 3


def test_a_drip(origin: Any, tmp_path: Path) -> None:
    def drip(request: Request, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.send(b"#")
            connection.pause(0.1)

    served = serving(origin, {".sha256": drip})
    network = {"stall_timeout": 0.5}
    fetched = fetch(served.url, tmp_path, checksum="auto", retries=2, network=network)
    assert "hardly anything comes" in str(fetched.failed(NetworkError, parts=False))
    assert sum(each.path.endswith(".sha256") for each in served.requests) == 2


# -- whom it asks --


def test_secrets_go_along_to_the_same_origin_only(origin: Any, tmp_path: Path) -> None:
    elsewhere = origin(CONTENT, faults=f.always(f.Status(404)))
    elsewhere.routes["/moved"] = answering(LINE)

    def moved(request: Request, connection: Connection) -> bool:
        location = elsewhere.server.url("/moved")
        head = Reply(302, (("Location", location),)).head()
        connection.send(head)
        return True

    served = serving(origin, {".sha256": moved})
    ended = run_segdl(
        *("--checksum", "auto", "-u", "me:secret-1", "-H", "X-Key: secret-2", "-v"),
        f"{served.url}?key=secret-3",
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    assert f"checking sha256={DIGEST} from {served.server.url(PLACES[0])}\n" in ended.err
    assert "secret" not in ended.err + ended.out
    asked = [each for each in served.requests if each.path == PLACES[0]]
    assert [each.target for each in asked] == [f"{PLACES[0]}?key=secret-3"]
    assert asked[0].fields["x-key"] == "secret-2"
    assert asked[0].fields["authorization"].startswith("Basic ")
    assert elsewhere.requests
    for request in elsewhere.requests:
        assert not {"x-key", "authorization"} & request.fields.keys()
        assert "secret" not in request.target


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("fault", [None, f.IgnoreRange(), f.NoLength()], ids=repr)
def test_servers_of_all_kinds(
    origin: Any, tmp_path: Path, fault: f.Fault | None, connections: int
) -> None:
    served = serving(origin, {"SUMS": LINE}, faults=f.always(*([fault] if fault else [])), limit=1)
    how: dict[str, Any] = {"connections": connections, "checksum": "auto"}
    fetched = fetch(served.url, tmp_path, **how).is_whole(CONTENT)
    assert fetched.result is not None
    assert fetched.result.checksum == f"sha256={DIGEST}"
    # To standard output, likewise.
    (tmp_path / NAME).unlink()
    out = io.BytesIO()
    fetched = fetch(served.url, tmp_path, out=cast("BinaryIO", out), **how)
    assert fetched.error is None
    assert fetched.result is not None
    assert (out.getvalue(), fetched.result.checksum) == (CONTENT, f"sha256={DIGEST}")


def test_a_stream_that_is_another(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {".sha256": WRONG.encode()})
    fetched = fetch(served.url, tmp_path, out=cast("BinaryIO", io.BytesIO()), checksum="auto")
    error = fetched.failed(ChecksumMismatchError, parts=False)
    assert error.message.endswith(f"as {served.server.url(PLACES[0])} says")


def test_a_file_that_is_not_there_is_told_before_anything_is_looked_for(
    origin: Any, tmp_path: Path
) -> None:
    served = serving(origin, {".sha256": LINE}, faults=f.always(f.Status(404)))
    fetch(served.url, tmp_path, checksum="auto").failed(ServerError, parts=False)
    assert len(served.requests) == 1


def test_a_url_without_a_name(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, path="/d/")
    fetched = fetch(served.url, tmp_path, checksum="auto").is_whole(CONTENT)
    assert notes(fetched) == ["no digest: the URL names no file: not checked"]


def test_what_the_server_tells_is_checked_where_nothing_lies_beside(
    origin: Any, tmp_path: Path
) -> None:
    import base64

    field = base64.b64encode(bytes.fromhex(DIGEST)).decode()
    served = serving(origin, {}, headers=(("Repr-Digest", f"sha-256=:{field}:"),))
    fetched = fetch(served.url, tmp_path, checksum="auto").is_whole(CONTENT)
    assert notes(fetched)[0].endswith(": checking the server's Repr-Digest only")
    assert fetched.result is not None
    assert fetched.result.checksum == f"sha256={DIGEST}"
    # Both must hold.
    served.routes[PLACES[0]] = answering(WRONG.encode())
    fetched = fetch(served.url, tmp_path, checksum="auto", if_exists="overwrite")
    assert isinstance(fetched.error, ChecksumMismatchError)
    assert (tmp_path / NAME).read_bytes() == CONTENT


# -- how it is asked for --


def test_a_range_has_no_such_digest(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {".sha256": LINE})
    error = fetch(served.url, tmp_path, checksum="auto", span="0-9").failed(UsageError, parts=False)
    assert "--range" in error.hint
    ended = run_segdl("--checksum", "auto", "--range", "0-9", served.url, cwd=tmp_path)
    assert (ended.code, served.requests) == (2, [])


def test_the_api(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {".sha256": LINE})
    assert segdl.download(served.url, tmp_path, checksum="auto").checksum == f"sha256={DIGEST}"
    request = segdl.Request(url=served.url, directory=tmp_path, name="b", checksum="auto")
    (outcome,) = segdl.download_many([request])
    assert isinstance(outcome, segdl.DownloadResult)
    assert outcome.checksum == f"sha256={DIGEST}"
    with pytest.raises(UsageError, match="auto"):
        segdl.Request(url="http://h/", checksum="sha256=0")  # type: ignore[arg-type]


# -- what the files of one run ask for alike --


def listed(folder: Path, urls: list[str], files: int, *options: str) -> tuple[int, Any]:
    """Fetch a list, so many files at once; return the exit code and what is told of each."""
    text = "\n".join(urls).encode()
    command = ("--json", "--checksum", "auto", "--max-files", str(files), *options, "-i", "-")
    ended = run_segdl(*command, cwd=folder, stdin=text)
    return ended.code, [json.loads(line) for line in ended.out.splitlines()]


def asked_for(served: Any, path: str) -> int:
    return sum(each.path == path for each in served.requests)


@pytest.mark.parametrize("there", [True, False])
def test_a_document_is_asked_for_once_a_run(origin: Any, tmp_path: Path, there: bool) -> None:
    names = [f"f{number}" for number in range(9)]
    served = origin(CONTENT)
    text = "".join(f"{DIGEST}  {name}\n" for name in names).encode()

    def slowly(request: Request, connection: Connection) -> bool:
        # All that begin at once ask while the first one waits.
        time.sleep(0.3)
        return (answering(text) if there else answering(b"", 404))(request, connection)

    served.routes["/SHA256SUMS"] = slowly
    for name in names:
        for ending in (".sha256", ".sha256sum"):
            served.routes[f"/{name}{ending}"] = answering(b"", 404)
    urls = [served.server.url(f"/{name}") for name in names]
    code, told = listed(tmp_path, urls, 4)
    assert code == 0
    assert {each["checksum"] for each in told} == {f"sha256={DIGEST}" if there else None}
    assert sorted(os.listdir(tmp_path)) == names
    assert asked_for(served, "/SHA256SUMS") == 1
    # Each request is counted with the file that it was sent for.
    assert sum(each["requests"] for each in told) == len(served.requests)


def test_who_shows_something_else_asks_for_itself(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {})

    def private(request: Request, connection: Connection) -> bool:
        allowed = request.fields.get("x-key") == "secret"
        return answering(*((LINE, 200) if allowed else (b"", 403)))(request, connection)

    served.routes["/SHA256SUMS"] = private
    url = f"{served.server.url('')}/{NAME}"
    lines = [
        *(url, "  out=stranger"),
        *(url, "  out=friend", "  header=X-Key: secret"),
        *(url, "  out=too", "  header=X-Key: secret"),
        *(url.replace("://", "://me:secret@"), "  out=user"),
        *(f"{url}?query", "  out=query"),
    ]
    code, told = listed(tmp_path, lines, 1)
    assert code == 0
    checked = {os.path.basename(each["path"]) for each in told if each["checksum"]}
    assert checked == {"friend", "too"}
    asked = [each for each in served.requests if each.path == "/SHA256SUMS"]
    shown = [
        (each.target, each.fields.get("x-key"), "authorization" in each.fields) for each in asked
    ]
    assert shown == [
        ("/SHA256SUMS", None, False),
        ("/SHA256SUMS", "secret", False),
        ("/SHA256SUMS", None, True),
        ("/SHA256SUMS?query", None, False),
    ]


def test_a_failure_is_one_files_alone(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {})
    failures = 0

    def fails_at_first(request: Request, connection: Connection) -> bool:
        nonlocal failures
        failures += 1
        return answering(LINE, 500 if failures == 1 else 200)(request, connection)

    served.routes["/SHA256SUMS"] = fails_at_first
    lines = [served.url, "  out=a", served.url, "  out=b", served.url, "  out=c"]
    code, told = listed(tmp_path, lines, 1, "--retries", "1")
    assert (code, [each["status"] for each in told]) == (4, ["failed", "complete", "complete"])
    assert failures == 2


def test_who_waits_for_another_is_interrupted_at_once(origin: Any, tmp_path: Path) -> None:
    served = serving(origin, {})
    stuck, over = threading.Event(), threading.Event()

    def stall(request: Request, connection: Connection) -> bool:
        stuck.set()
        over.wait(60.0)
        return answering(LINE)(request, connection)

    served.routes["/SHA256SUMS"] = stall
    list_file = tmp_path / "list"
    list_file.write_text("".join(f"{served.url}\n  out={name}\n" for name in "abcd"))
    command = ("--checksum", "auto", "--max-files", "4", "-i", "list")
    with start_segdl(*command, cwd=tmp_path) as program:
        assert stuck.wait(30.0)
        time.sleep(0.5)
        begun = time.monotonic()
        program.send_signal(signal.SIGINT)
        ended = program.finish()
        seconds = time.monotonic() - begun
    over.set()
    assert ended.code == 130
    assert seconds < 10.0
    assert asked_for(served, "/SHA256SUMS") == 1
