"""`-i`: lists of URLs, however long and whoever wrote them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.cli.inputfile import parse_list
from segdl.errors import UsageError
from segdl.options import Request
from support.program import run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.origin import Origin


def one(text: str) -> Request:
    (request,) = parse_list(text.splitlines(keepends=True), Path("base"))
    assert isinstance(request, Request), request
    return request


def test_options_of_an_entry() -> None:
    request = one(
        "# first a comment\n\n"
        "http://h/a?x=#1\n"
        "  out=sub/b c.bin\n"
        "# another comment\n"
        "\tdir=d\n"
        "  checksum=sha-256=" + "A" * 64 + "\n"
        "  header=X-One: 1\n"
        "  header=X-Two: a=b\n"
        "  split=5\n"
    )
    assert request.url == "http://h/a?x=#1"
    assert (request.directory, request.name) == (Path("base/d"), "sub/b c.bin")
    assert str(request.checksum) == "sha256=" + "a" * 64
    assert request.headers == (("X-One", "1"), ("X-Two", "a=b"))


def test_mirrors_of_one_file() -> None:
    request = one("http://h/a\t http://i/b c \t\thttps://u:p@j/a\t\n  out=x\n")
    assert request.url == "http://h/a"
    assert request.mirrors == ("http://i/b c", "https://u:p@j/a")
    assert request.name == "x"
    assert "u:p" not in repr(request)
    assert one("http://h/a\n").mirrors == ()


def test_the_mirrors_of_a_request_can_be_asked() -> None:
    with pytest.raises(UsageError, match="scheme"):
        Request(url="http://h/", mirrors=("ftp://h/",))
    with pytest.raises(UsageError, match="mirrors"):
        Request(url="http://h/", mirrors=("http://h/",) * 1001)


def test_the_last_of_an_option_counts() -> None:
    request = one("http://h/a\n dir=x\n dir=y\n out=1\n out=2\n")
    assert (request.directory, request.name) == (Path("base/y"), "2")


@pytest.mark.parametrize(
    "option",
    [
        "out=../../x",
        "out=a/../../x",
        "out=/etc/passwd",
        "dir=/etc",
        "dir=..",
        "out=..\\x",
        "out=a\\..\\..\\x",
        "out=C:\\x",
        "out=\\\\host\\x",
        "out=.bashrc",
        "dir=.ssh",
        "out=a/.git/config",
        "out=",
        "dir=",
        "out=a\x1b[2Jb",
        "out=fdp\u202eexe",
        "out=a\0b",
        "checksum=md5=12",
        "header=Range: bytes=0-1",
        "header=X: a\x1bb",
        "header=nothing",
    ],
)
def test_hostile_options(option: str) -> None:
    (refused,) = parse_list(["http://h/a\n", f"  {option}\n"], Path())
    assert isinstance(refused, UsageError)
    assert str(refused).startswith("line 1 of the list: ")
    assert not any(ord(character) < 32 for character in str(refused))


def test_what_is_not_a_list_entry_is_an_error_in_its_place() -> None:
    entries = list(
        parse_list(["http://h/a\n", "nonsense\n", " out=x\n", "http://h/b\tftp://i/b\n"], Path())
    )
    assert isinstance(entries[0], Request)
    assert [str(entry)[:22] for entry in entries[1:]] == [
        "line 2 of the list: un",
        "line 4 of the list: un",
    ]


def test_mirrors_of_one_file_are_on_its_line() -> None:
    (entry,) = parse_list(["http://h/b\thttp://i/b \t\thttp://j/b\n"], Path())
    assert isinstance(entry, Request)
    assert (entry.url, entry.mirrors) == ("http://h/b", ("http://i/b", "http://j/b"))


def test_a_list_from_a_file_and_from_standard_input(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    served = origin(b"x" * 1000)
    text = (
        f"# list\n{served.server.url('/one')}\n  dir=sub\n  header=X-Mine: 7\n"
        "ftp://h/x\n  out=y\n"
        f"{served.server.url('/two')}\n  out=../../x\n"
        f"{served.server.url('/three')}\n  out=caf\u00e9\n"
    )
    (tmp_path / "list").write_text("\ufeff" + text, encoding="utf-8")
    for place, name, stdin in (("a", "list", None), ("b", "-", text.encode())):
        ended = run_segdl("-i", name, "-d", place, cwd=tmp_path, stdin=stdin)
        assert ended.code == 2
        assert ended.err.count("segdl: line ") == 2
        assert "line 5 of the list: " in ended.err
        assert "line 7 of the list: " in ended.err
        found = {str(path.relative_to(tmp_path / place)) for path in (tmp_path / place).rglob("*")}
        assert found == {"sub", "sub/one", "caf\u00e9"}
    assert {r.fields.get("x-mine") for r in served.requests if r.path == "/one"} == {"7"}
    assert {r.fields.get("x-mine") for r in served.requests if r.path != "/one"} == {None}
    assert not (tmp_path.parent / "x").exists()


def test_names_that_are_not_utf_8(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x")
    stdin = served.server.url("/a").encode() + b"\n out=n\xff\n" + served.server.url("/b").encode()
    ended = run_segdl("-i", "-", "--json", cwd=tmp_path, stdin=stdin + b"\xfe\n")
    assert ended.code == 0, ended.err
    assert b"n\xff" in os.listdir(os.fsencode(tmp_path))
    paths = {json.loads(line)["path"] for line in ended.out.splitlines()}
    assert "n\udcff" in paths
    assert {r.target for r in served.requests} == {"/a", "/b%FE"}


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    ended = run_segdl("-i", "none", cwd=tmp_path)
    assert ended.code == 6
    assert ended.err == "segdl: cannot read none: No such file or directory; check the path\n"


def test_a_list_is_read_as_it_comes(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 10)
    urls = [served.server.url(f"/{number}") for number in range(3)]
    with start_segdl("-i", "-", cwd=tmp_path, stdin=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        # An entry ends where the next begins.
        running.stdin.write(f"{urls[0]}\n{urls[1]}\n".encode())
        running.stdin.flush()
        assert running.stdout.readline().startswith(b"0  10 B")
        assert [request.path for request in served.requests] == ["/0"]
        running.stdin.write(f"{urls[2]}\n".encode())
        running.stdin.flush()
        assert running.stdout.readline().startswith(b"1  10 B")
        assert running.finish().code == 0
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2"]


def test_a_long_list_needs_no_memory(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x")
    real = served.serve
    peaks: list[int] = []
    pids: list[int] = []

    def watched(request: object, connection: object) -> bool:
        if pids:
            status = Path(f"/proc/{pids[0]}/status").read_text()
            peaks.append(int(status.partition("VmRSS:")[2].split()[0]))
        return real(request, connection)  # type: ignore[arg-type]

    served.routes["/x"] = watched
    lines = 10_000
    written = 0
    with start_segdl("-i", "-", "-q", cwd=tmp_path, stdin=subprocess.PIPE) as running:
        pids.append(running.pid)
        assert running.stdin is not None
        running.stdin.write(f"{served.server.url('/x')}\n  out=first\n".encode())

        def feed() -> None:
            nonlocal written
            assert running.stdin is not None
            for number in range(lines):
                running.stdin.write(f"bad://{'y' * 200}{number}\n".encode())
                written = number
            running.stdin.write(f"{served.server.url('/x')}\n  out=last\n".encode())
            running.stdin.close()
            running.stdin = None

        feeder = threading.Thread(target=feed)
        feeder.start()
        errors = 0
        assert running.stderr is not None
        for line in running.stderr:
            errors += line.startswith(b"segdl: line ")
            if errors == 100:
                # It reads no further than it has got.
                time.sleep(0.1)
                assert written < lines / 2
        feeder.join()
        assert running.wait() == 2
    assert errors == lines
    assert {"first", "last"} == set(os.listdir(tmp_path))
    assert len(peaks) == 2
    assert peaks[1] - peaks[0] < 6000, "KiB more at the end of the list than at its beginning"
