"""What a run prints, in every form it can be asked for; `segdl info` and `segdl demo`."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

import pyte

from support.faults import Status, sequence
from support.program import run_segdl
from support.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.origin import Origin

SIZE = 3_000_000


def test_results_as_json(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE))
    url = served.url
    gone = served.server.url("/gone")
    served.routes["/gone"] = lambda request, connection: connection.send(
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    )
    ended = run_segdl("--json", "--progress", "none", url, gone + "?key=1", cwd=tmp_path)
    assert ended.code == 4
    told = {value["status"]: value for value in map(json.loads, ended.out.splitlines())}
    complete, failed = told["complete"], told["failed"]
    assert complete["seconds"] > 0
    assert complete["bytes_per_second"] > 0
    assert complete == {
        "v": 1,
        "status": "complete",
        "path": "file.bin",
        "url": url,
        "size": SIZE,
        "fetched": SIZE,
        "seconds": complete["seconds"],
        "bytes_per_second": complete["bytes_per_second"],
        "checksum": None,
        "requests": complete["requests"],
    }
    assert 1 <= complete["requests"] <= 4
    assert failed == {
        "v": 1,
        "status": "failed",
        "url": gone,
        "exit_code": 4,
        "kind": "ServerError",
        "message": f"{gone}: the server answered 404",
        "hint": "check the URL",
    }
    assert ended.err == f"segdl: {failed['message']}; {failed['hint']}\n"
    again = run_segdl("--json", "--progress", "none", url, cwd=tmp_path)
    assert json.loads(again.out)["status"] == "skipped"
    assert json.loads(again.out)["fetched"] == 0


def test_the_plan(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE))
    missing = served.server.url("/gone")
    served.routes["/gone"] = lambda request, connection: connection.send(
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    )
    ended = run_segdl("--dry-run", "-j", "2", served.url, missing, "ftp://h/", cwd=tmp_path)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    ended = run_segdl(
        "--dry-run", "-j", "2", "--min-split", "512K", missing, served.url, cwd=tmp_path
    )
    assert ended.code == 4
    lines = ended.out.splitlines()
    assert lines[0] == served.url
    assert lines[1:4] == [
        "  to        file.bin",
        "  size      3000000 bytes",
        "  on disk   0 bytes",
    ]
    assert [line.split()[0] for line in lines[4:]] == ["ranges", "segment", "segment"]
    assert "(" in lines[-1]
    ended = run_segdl("--dry-run", "--json", "--range", "0-9", served.url, cwd=tmp_path)
    assert json.loads(ended.out) == {
        "v": 1,
        "status": "planned",
        "path": "file.bin",
        "url": served.url,
        "size": 10,
        "held": 0,
        "ranges": True,
        "segments": [[0, 10]],
    }
    assert not list(tmp_path.iterdir())


def test_progress_as_json_and_none_and_quiet(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE), faults=sequence(Status(503, retry_after=1)))
    ended = run_segdl("--progress", "json", served.url, "-o", "a", cwd=tmp_path)
    assert ended.code == 0
    events = [json.loads(line) for line in ended.err.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "probing"
    assert names[-1] == "finished"
    assert {"waiting", "started", "progress"} <= set(names)
    assert {event["v"] for event in events} == {1}
    assert run_segdl("--progress", "none", served.url, "-o", "b", cwd=tmp_path).err == ""
    quiet = run_segdl("-q", served.url, "-o", "c", cwd=tmp_path)
    assert (quiet.out, quiet.err) == ("", "")
    json_quiet = run_segdl("-q", "--json", served.url, "-o", "d", cwd=tmp_path)
    assert json.loads(json_quiet.out)["path"] == "d"
    bar = run_segdl("--progress", "tqdm", served.url, "-o", "e", cwd=tmp_path)
    assert bar.code == 0
    assert "100%" in bar.err


def test_the_log_and_tracebacks(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 100, faults=lambda request, number: Status(404))
    url = f"{served.url}?token=hidden-1"
    ended = run_segdl("-v", url, cwd=tmp_path)
    assert ended.code == 4
    assert re.search(
        r"^\d\d:\d\d:\d\d GET http\S+/file.bin bytes=0-\d*: 404", ended.err, re.MULTILINE
    )
    assert "ServerError: " in ended.err
    assert "contacts.py:" in ended.err
    assert "hidden-1" not in ended.err
    usage = run_segdl("-v", "ftp://h/", cwd=tmp_path)
    assert "UsageError" in usage.err
    assert "UsageError" not in run_segdl("ftp://h/", cwd=tmp_path).err


def test_info(origin: Callable[..., Origin], tmp_path: Path) -> None:
    digest = "sha-256=:" + "A" * 43 + "=:"
    served = origin(b"x" * 2048, name="real name.bin", headers=(("Repr-Digest", digest),))
    served.routes["/go"] = lambda request, connection: connection.send(
        b"HTTP/1.1 302 Go\r\nLocation: /file.bin?sig=hidden-2\r\nContent-Length: 0\r\n\r\n"
    )
    url = served.server.url("/go")
    ended = run_segdl("info", url, cwd=tmp_path)
    assert ended.code == 0
    assert dict(
        line.split(maxsplit=1) for line in ended.out.splitlines() if line[:4] == "size"
    ) == {"size": "2048 (2.0 KiB)"}
    assert "name           real name.bin\n" in ended.out
    assert "ranges         yes\n" in ended.out
    told = run_segdl("info", "--json", url, "-H", "X-A: 1", cwd=tmp_path)
    assert json.loads(told.out) == {
        "v": 1,
        "url": url,
        "final_url": served.url,
        "name": "real name.bin",
        "size": 2048,
        "ranges": True,
        "etag": '"v1"',
        "last_modified": "Thu, 29 Feb 2024 12:34:56 GMT",
        "type": "application/octet-stream",
        "digests": {"Repr-Digest": digest},
    }
    assert "hidden-2" not in ended.out + told.out
    assert served.requests[-1].fields["x-a"] == "1"
    assert not list(tmp_path.iterdir())
    bare = origin(b"x", etag=None, last_modified=None)
    assert "etag           not told\n" in run_segdl("info", bare.url).out


def test_demo(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path), "http_proxy": "http://127.0.0.1:1"}
    ended = run_segdl("demo", env=env)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["1", "connection"], ["8", "connections"]]
    one, eight = (float(line.split()[2]) for line in lines[1:3])
    assert eight < one
    assert "right SHA-256" in lines[3]
    assert "times as fast" in lines[4]
    assert not list(tmp_path.iterdir())


def test_lines_do_not_mix_with_bars(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(SIZE))
    names = ["/a.bin", "/b.bin", "/gone", "/c.bin"]
    served.routes["/gone"] = lambda request, connection: connection.send(
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    )
    command = [sys.executable, "-m", "segdl", *(served.server.url(name) for name in names)]
    drawn = on_terminal(command, cwd=tmp_path, columns=100, lines=30)
    assert drawn.code == 4
    screen = pyte.Screen(100, 30)
    pyte.ByteStream(screen).feed(drawn.output)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    results = [line for line in lines if re.match(r"[abc]\.bin +2\.9 MiB +\d", line)]
    assert len(results) >= 3, lines
    assert sum(line.startswith("segdl: http") for line in lines) == 1, lines


def test_an_encoding_that_lacks_characters_loses_no_line(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    served = origin(b"x")
    env = {"PYTHONIOENCODING": "ascii"}
    ended = run_segdl("-q", "--json", "-o", "na\u00efve", served.url, cwd=tmp_path, env=env)
    assert json.loads(ended.out)["path"] == "na\u00efve"
    ended = run_segdl("-o", "na\u00efv2", served.url, cwd=tmp_path, env=env)
    assert ended.out.startswith("na\\xefv2  1 B")
    assert os.path.exists(tmp_path / "na\u00efv2")
