"""`segdl bench`, the real program: against the embedded server, nginx, and other programs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyte
import pytest

from segdl.bench.report import SCHEMA_VERSION
from segdl.cli.benchoptions import bench_parser
from segdl.cli.getparser import get_parser
from segdl.cli.main import main
from support.faults import Chunked, Drip, IgnoreRange, Status, always, sequence
from support.program import environment, run_segdl, start_segdl
from support.proxy import HttpProxy
from support.require import require, require_program
from support.terminal import on_terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from support.nginx import Nginx
    from support.origin import Origin
    from support.tls import Authority

DOCS = Path(__file__).parents[1] / "docs"
SIZE = 3_000_000
MARK = "s3cr3t"

run_bench = partial(run_segdl, "bench")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder for what is fetched, which must be empty in the end."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def told_by(out: str) -> dict[str, Any]:
    (line,) = out.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def labels(told: dict[str, Any]) -> list[str]:
    return [each["label"] for each in told["contenders"]]


# -- the options --


def shown(action: argparse.Action) -> str:
    names = sorted(action.option_strings, key=lambda name: name.startswith("--"))
    return ", ".join(names) + ("" if action.nargs == 0 else f" {action.metavar}")


def test_the_documented_options_are_those_of_the_parser() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    table = text.partition("## Options of `bench`")[2].partition("## ")[0]
    documented = {
        found.replace("\\|", "|") for found in re.findall(r"^\| `(-.*?)` \|", table, re.MULTILINE)
    }
    parsers = bench_parser(), get_parser()
    ours, theirs = ({shown(action) for action in parser._actions} for parser in parsers)
    network = {"-H, --header 'K: V'", "--stall-timeout S", "--proxy URL", "-k, --insecure"}
    assert network <= ours
    assert documented == (ours - theirs) | {"-d, --dir DIR", "--checksum ALGO=HEX", "--json"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["http://h/", "http://i/"], "takes one URL"),
        (["ftp://h/"], "unsupported URL scheme"),
        (["-j", "1,0"], "from 1 to 256"),
        (["-j", ""], "from 1 to 256"),
        (["--against", "curl,foo"], "'foo' is not known (choose from aria2c, axel, curl"),
        (["--rounds", "0"], "--rounds"),
        (["--max-bytes", "none"], "not a size"),
        (["--html", "/nowhere/x.html", "http://h/"], "cannot write /nowhere/x.html"),
        (["--html", "/", "http://h/"], "cannot write /"),
        (["-d", "/nowhere", "http://h/"], "cannot write to /nowhere"),
        (["-o", "x"], "unknown option -o"),
    ],
)
def test_usage_errors(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) in {2, 6}
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("segdl: ")
    assert says in err
    assert err.count("\n") == 1


def test_help() -> None:
    assert run_bench("--help").out.startswith("usage: segdl bench [OPTIONS] [URL]")
    assert "segdl bench [URL]" in run_segdl("--help").out


# -- what it does --


def test_the_embedded_server(work: Path) -> None:
    ended = run_bench("-j", "4,8", "--rounds", "1", "-d", work, "--html", work / "p.html")
    assert ended.code == 0
    assert "segdl -j 4" in ended.out
    assert "segdl get --progress json -j 8 -o file http://127.0.0.1:" in ended.out
    assert ended.out.splitlines()[-1] == f"plots: {work / 'p.html'}"
    assert ended.err.startswith(
        "2 runs of 16.0 MiB each, 32.0 MiB in all\nround 1 of 1  segdl -j 4"
    )
    assert ended.err.count("\n") == 3
    # What is left is what was asked for, with the permissions of any file.
    assert os.listdir(work) == ["p.html"]
    (work / "other").touch()
    assert (work / "p.html").stat().st_mode == (work / "other").stat().st_mode
    assert "<!DOCTYPE html>" in (work / "p.html").read_text("utf-8")


def schema() -> dict[str, dict[str, str]]:
    """The tables of docs/bench.md: object -> field -> type."""
    text = (DOCS / "bench.md").read_text("utf-8").partition("## JSON")[2]
    assert f"now `{SCHEMA_VERSION}`" in text
    parts = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    return {
        re.match(r"[^\n]*?`(\w+)`", part)[1]: dict(  # type: ignore[index]
            re.findall(r"^\| `(\w+)` \| ([^|]*?) \|", part, re.MULTILINE)
        )
        for part in parts
    }


TYPES: dict[str, Callable[[object], bool]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
}


def check(value: dict[str, Any], fields: dict[str, str]) -> None:
    assert list(value) == list(fields)
    for name, kinds in fields.items():
        words = [word.split()[0] for word in kinds.split(" or ")]
        assert any(TYPES[word](value[name]) for word in words), (name, value[name], kinds)


def test_json_is_as_documented(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path
) -> None:
    served = origin(content(SIZE), faults=sequence(*[None] * 12, Status(403)))
    ended = run_bench("--json", "-j", "1,2", "--rounds", "2", "-d", work, served.url, "-q")
    assert ended.err == ""
    told = told_by(ended.out)
    documented = schema()
    check(told, documented["report"])
    check(told["finding"], documented["finding"])
    for each in told["contenders"]:
        check(each, documented["contenders"])
        for name in ("seconds", "bytes_per_second"):
            assert each[name] is None or list(each[name]) == ["low", "median", "high"]
            assert each[name] is None or sorted(each[name].values()) == list(each[name].values())
    for each in told["runs"]:
        check(each, documented["runs"])
        assert each["status"] in {"ok", "failed"}
        for stretch in each["speeds"]:
            check(stretch, documented["speeds"])
    assert documented.keys() == {*("report", "finding", "contenders", "left_out", "runs", "speeds")}
    digest = hashlib.sha256(content(SIZE)).hexdigest()
    assert told["checksum"] == f"sha256={digest}"
    assert (told["v"], told["size"], told["fetched"], told["rounds"]) == (1, SIZE, SIZE, 2)
    assert [run["label"] for run in told["runs"]] == [
        *("segdl -j 1", "segdl -j 2", "segdl -j 2", "segdl -j 1")
    ]
    assert not os.listdir(work)


def test_failures_of_some_runs(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path
) -> None:
    # The first request looks what there is, the second is the first run's.
    served = origin(content(SIZE), faults=sequence(None, Status(403)))
    ended = run_bench("--json", "-q", "-j", "1,2", "-d", work, "--against", "curl", served.url)
    told = told_by(ended.out)
    assert ended.code == 4
    first = told["runs"][0]
    assert (first["status"], first["exit_code"], first["size"]) == ("failed", 4, 0)
    assert "the server answered 403" in first["error"]
    assert all(run["status"] == "ok" for run in told["runs"][1:])
    assert "segdl -j 1 failed in 1 of 3 rounds." in told["finding"]["notes"]
    assert not os.listdir(work)


def test_a_server_that_says_no_at_once(origin: Callable[..., Origin], work: Path) -> None:
    served = origin(b"x", faults=lambda request, number: Status(404))
    ended = run_bench("-d", work, served.url + "?sig=" + MARK)
    assert (ended.code, ended.out) == (4, "")
    assert "answered 404" in ended.err
    assert MARK not in ended.err
    assert not os.listdir(work)


def test_wrong_bytes_are_found(nginx: Any, tmp_path: Path, work: Path) -> None:
    require_program("curl")
    site = tmp_path / "site"
    site.mkdir()
    (site / "a").write_bytes(b"a" * SIZE)
    (site / "b").write_bytes(b"b" * SIZE)
    # Another file for curl, of the same size.
    rule = "if ($http_user_agent ~ curl) { rewrite ^/a$ /b break; }"
    server: Nginx = nginx(site, server=[rule])
    ended = run_bench("-j", "1", "--rounds", "1", "--against", "curl", "-d", work, server.url("a"))
    assert ended.code == 5
    assert "curl made a file that is not like the others." in ended.out
    digest = hashlib.sha256(b"a" * SIZE).hexdigest()
    told = told_by(
        run_bench(
            *("-q", "--json", "-j", "1", "--rounds", "1", "--against", "curl", "-d", work),
            *("--checksum", f"sha256={digest}", server.url("a")),
        ).out
    )
    assert [run["status"] for run in told["runs"]] == ["ok", "wrong"]
    ended = run_bench(
        *("-j", "1", "--rounds", "1", "-d", work, "--checksum", "md5=" + "0" * 32, server.url("a"))
    )
    assert ended.code == 5
    had = hashlib.md5(b"a" * SIZE).hexdigest()
    assert f"segdl -j 1 made a file of md5 {had}, which --checksum does not allow." in ended.out
    assert not os.listdir(work)


def test_a_file_that_is_there_at_once_says_little_of_the_link(origin: Any, work: Path) -> None:
    served = origin(b"a" * 200_000)
    ended = run_bench("-j", "1", "--rounds", "1", "-d", work, served.url)
    assert ended.code == 0
    assert "are the start and the end of the program: more bytes" in ended.out


def test_a_limit_on_connections_is_seen(nginx: Any, tmp_path: Path, work: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "a").write_bytes(os.urandom(8 << 20))
    server: Nginx = nginx(
        site,
        # Sent by the second both may move in every other one, as one looks.
        server=["limit_rate 1m;", "sendfile_max_chunk 64k;", "limit_conn each 2;"],
        http=["limit_conn_zone $server_port zone=each:1m;"],
    )
    ended = run_bench("-q", "--json", "-j", "1,8", "--rounds", "1", "-d", work, server.url("a"))
    told = told_by(ended.out)
    assert ended.code == 0
    assert [each["connections_used"] for each in told["contenders"]] == [1, 2]
    assert "Asked for 8 connections, the server served 2 at a time." in told["finding"]["notes"]


def test_the_first_part_of_a_large_file(shared_nginx: Nginx, work: Path) -> None:
    require_program("curl", "wget")
    with open(shared_nginx.root / "large.iso", "wb") as file:
        file.write(os.urandom(SIZE))
        file.truncate(5 << 30)
    url = shared_nginx.url("large.iso")
    wanted = ("-q", "--json", "-j", "1,4", "--rounds", "1", "-d", work)
    ended = run_bench(*wanted, "--max-bytes", "2M", "--against", "curl,wget,aria2c", url)
    told = told_by(ended.out)
    with open(shared_nginx.root / "large.iso", "rb") as file:
        digest = hashlib.sha256(file.read(2 << 20)).hexdigest()
    assert ended.code == 0
    assert (told["fetched"], told["size"]) == (2 << 20, 5 << 30)
    assert [run["checksum"] for run in told["runs"]] == [f"sha256={digest}"] * 4
    assert labels(told) == ["segdl -j 1", "segdl -j 4", "curl", "wget"]
    assert told["left_out"][0]["reason"].startswith("it cannot fetch a part of a file")
    # What would be too much is not begun where nobody can be asked.
    ended = run_bench(*wanted, "--max-bytes", "all", url)
    assert ended.code == 2
    assert "this would fetch 10.0 GiB in all; say --yes" in ended.err
    sent = sum(each.sent for each in shared_nginx.log() if each.target == "/large.iso")
    assert sent < 16 << 20
    assert not os.listdir(work)


def test_more_than_1_gib_is_asked_about(shared_nginx: Nginx, work: Path) -> None:
    with open(shared_nginx.root / "asked.iso", "wb") as file:
        file.truncate(2 << 30)
    command = [sys.executable, "-m", "segdl", "bench", "-j", "1", "--rounds", "1", "-d", str(work)]
    command += ["--max-bytes", "all", shared_nginx.url("asked.iso")]

    def answer(text: bytes, output: bytes) -> bytes:
        return text if b"Go on? [y/N] " in output else b""

    screen = on_terminal(command, keys=partial(answer, b"n\n"))
    assert screen.code == 1
    assert b"This fetches 2.0 GiB in all." in screen.output
    assert b"nothing was fetched" in screen.output
    began = time.monotonic()
    screen = on_terminal(command, keys=partial(answer, b"\x03"))
    assert screen.code == 130
    assert time.monotonic() - began < 30
    assert sum(each.target == "/asked.iso" for each in shared_nginx.log()) <= 4
    assert not os.listdir(work)


def test_a_size_that_is_not_told_is_asked_about(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path
) -> None:
    served = origin(content(SIZE), faults=lambda request, number: (IgnoreRange(), Chunked()))
    wanted = ("-j", "1,4", "--rounds", "1", "-d", work, served.url)

    def answer(output: bytes) -> bytes:
        return b"y\n" if b"Go on? [y/N] " in output else b""

    ended = run_bench(*wanted)
    assert (ended.code, len(served.requests)) == (2, 1)
    assert "this would fetch an unknown amount in all" in ended.err
    ended = run_bench(*wanted, "--yes")
    assert ended.code == 0
    assert "more than one connection is left out" in ended.out
    command = [sys.executable, "-m", "segdl", "bench", *map(str, wanted)]
    assert on_terminal(command, keys=answer).code == 0


def test_on_a_terminal(work: Path) -> None:
    command = [sys.executable, "-m", "segdl", "bench", "-j", "4,16", "--rounds", "1", "-d"]
    screen = on_terminal([*command, str(work)], columns=90, lines=40)
    assert screen.code == 0
    assert b"\x1b[?25h" in screen.output
    # What was shown meanwhile is gone in the end.
    assert re.search(rb"round 1 of 1  segdl -j 4  \d+\.\d MiB", screen.output)
    terminal = pyte.Screen(90, 40)
    pyte.ByteStream(terminal).feed(screen.output)
    lines = [line.rstrip() for line in terminal.display]
    rows = [line for line in lines if re.match(r"round 1 of 1  segdl -j \d+ +\d+\.\d\d s", line)]
    assert len(rows) == 2
    assert any("█" in line and line.startswith("segdl -j 16") for line in lines)
    assert sum("round 1 of 1" in line for line in lines) == 2
    assert not os.listdir(work)


# -- other programs --


def test_against_other_programs(shared_nginx: Nginx, work: Path) -> None:
    (shared_nginx.root / "against.bin").write_bytes(os.urandom(SIZE))
    url = shared_nginx.url("against.bin")
    ended = run_bench(
        "--json", "-q", "-j", "1,3", "--rounds", "1", "-d", work, "--against", "all", url
    )
    assert ended.code == 0, ended.out + ended.err
    told = told_by(ended.out)
    missing = {each["label"] for each in told["left_out"]}
    for name, expected in (
        ("aria2c", ["aria2c -x1", "aria2c -x3"]),
        ("axel", ["axel -n1", "axel -n3"]),
        ("curl", ["curl"]),
        ("wget", ["wget"]),
        ("wget2", ["wget2 x1", "wget2 x3"]),
        ("lftp", ["lftp -n1", "lftp -n3"]),
    ):
        if shutil.which(name) is None:
            assert name in missing
            continue
        found = [each for each in told["contenders"] if each["tool"] == name]
        assert [each["label"] for each in found] == expected
        assert all(each["good"] == 1 and each["version"] for each in found)
    for each in told["contenders"]:
        assert each["command"].startswith(each["tool"])
        if sys.platform == "linux":
            assert 0 < each["cpu_seconds"] < 60
            assert 1 << 16 < each["peak_memory"] < 1 << 30
    assert {run["checksum"] for run in told["runs"]} == {told["checksum"]}
    assert not os.listdir(work)


def test_over_tls(shared_nginx: Nginx, authority: Authority, work: Path) -> None:
    (shared_nginx.root / "tls-bench.bin").write_bytes(os.urandom(SIZE))
    url = shared_nginx.url("tls-bench.bin", tls=True)
    wanted = ("--json", "-q", "-j", "2", "--rounds", "1", "-d", work, "--against", "all", url)
    for trust in (("--cacert", os.path.relpath(authority.cacert)), ("-k",)):
        told = told_by(run_bench(*wanted, *trust).out)
        errors = {run["label"]: run["error"] for run in told["runs"] if run["error"]}
        assert not errors
    assert not os.listdir(work)


def test_secrets_go_to_the_server_alone(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path, tmp_path: Path
) -> None:
    require_program("curl")
    # Other tests that run now have secrets of their own.
    mark = f"{MARK}-{tmp_path.name}"
    # Slow enough to be seen at work.
    served = origin(content(SIZE), faults=always(Drip(256 * 1024, 0.1)))
    url = served.url.replace("://", f"://me:{mark}-pw@") + f"?sig={mark}"
    wanted = ("-H", f"X-Key: {mark}-key", "-j", "1", "--rounds", "1", "-d", work)
    page = tmp_path / "p.html"
    with start_segdl("bench", *wanted, "--against", "all", "--html", page, "-v", url) as program:
        seen = set()
        while program.poll() is None:
            seen |= arguments_of_all()
            time.sleep(0.02)
        ended = program.finish()
    assert ended.code == 0
    ours = {line for line in seen if "--progress" in line or "-sSfL" in line}
    assert {line.split("\0")[0].split("/")[-1][:4] for line in ours} >= {"curl"}
    assert not [line for line in seen if mark in line and "bench" not in line]
    assert mark not in ended.out + ended.err + page.read_text("utf-8")
    assert "only curl can be given credentials" in ended.out
    assert len(served.requests) >= 3
    for request in served.requests:
        fields = dict(request.headers)
        assert fields["X-Key"] == f"{mark}-key"
        assert fields["Authorization"].startswith("Basic ")
        assert request.target.endswith(f"?sig={mark}")
    assert not os.listdir(work)


def arguments_of_all() -> set[str]:
    found = set()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            with contextlib.suppress(OSError):
                found.add(Path("/proc", name, "cmdline").read_text("utf-8", "replace"))
    return found


def test_a_redirect_with_credentials_goes_to_nobody_else(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path
) -> None:
    require_program("curl")
    served, other = origin(content(SIZE)), origin(content(SIZE))
    served.routes["/moved"] = lambda request, connection: connection.send(
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
        + other.other_url.encode()
        + b"\r\n\r\n"
    )
    wanted = ("--json", "-q", "-j", "1", "--rounds", "1", "-d", work, "--against", "curl")
    told = told_by(run_bench(*wanted, "-H", f"X-Key: {MARK}", served.server.url("/moved")).out)
    assert [run["status"] for run in told["runs"]] == ["ok", "failed"]
    assert all("X-Key" not in dict(request.headers) for request in other.requests)
    told = told_by(run_bench(*wanted, served.server.url("/moved")).out)
    assert [run["status"] for run in told["runs"]] == ["ok", "ok"]


def test_everybody_takes_the_same_proxy(shared_nginx: Nginx, work: Path) -> None:
    (shared_nginx.root / "proxied.bin").write_bytes(os.urandom(1 << 20))
    wanted = ("--json", "-q", "-j", "1", "--rounds", "1", "-d", work, "--against", "curl,wget")
    with HttpProxy() as proxy:
        told = told_by(
            run_bench(
                *wanted, "--proxy", f"127.0.0.1:{proxy.port}", shared_nginx.url("proxied.bin")
            ).out
        )
        assert {run["status"] for run in told["runs"]} == {"ok"}
        assert len(proxy.asked) >= len(told["runs"]) + 1


# -- the end --


def processes_in(folder: Path) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.readlink(f"/proc/{name}/cwd").startswith(str(folder)):
                found.append(Path("/proc", name, "cmdline").read_text())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("twice", [False, True])
def test_an_interrupt_leaves_nothing(work: Path, number: int, *, twice: bool) -> None:
    require("/proc is not there", os.path.isdir("/proc"))
    with start_segdl("bench", "-j", "1", "-d", work, "--html", work.parent / "p") as program:
        wait_for(
            lambda: (
                any(path.stat().st_size for path in work.rglob("run/**/*.part*") or [])
                or list(work.rglob("run/*.segdl/*"))
            )
        )
        began = time.monotonic()
        program.send_signal(number)
        if twice:
            time.sleep(0.05)
            program.send_signal(number)
        ended = program.finish()
        assert time.monotonic() - began < 2 + slack()
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == "segdl: interrupted; what was fetched is removed"
    assert not os.listdir(work)
    assert not (work.parent / "p").exists()
    assert not processes_in(work)


def test_ctrl_c_on_a_terminal(work: Path) -> None:
    command = [sys.executable, "-m", "segdl", "bench", "-j", "1", "-d", str(work)]

    def ctrl_c(output: bytes) -> bytes:
        return b"\x03" if re.search(rb"segdl -j 1  \d", output) else b""

    screen = on_terminal(command, keys=ctrl_c)
    assert screen.code == 130
    assert b"Traceback" not in screen.output
    assert screen.output.rstrip().endswith(b"segdl: interrupted; what was fetched is removed")
    assert not os.listdir(work)


def test_a_peer_that_hears_nothing_is_ended(
    origin: Callable[..., Origin], content: Callable[..., bytes], work: Path, tmp_path: Path
) -> None:
    """A program that ignores signals and keeps its children does not keep us."""
    tools = tmp_path / "tools"
    tools.mkdir()
    deaf = tools / "curl"
    deaf.write_text("#!/bin/sh\ntrap '' INT TERM\necho > begun\nwhile :; do sleep 0.2; done\n")
    deaf.chmod(0o755)
    served = origin(content(SIZE))
    env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    wanted = ("bench", "-j", "1", "--rounds", "1", "-d", work, "--against", "curl", served.url)
    with start_segdl(*wanted, env=env) as program:
        wait_for(lambda: list(work.rglob("begun")))
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        ended = program.finish()
        assert time.monotonic() - began < 2 + slack()
    assert ended.code == 130
    assert not os.listdir(work)


def slack() -> float:
    """Return how much a loaded machine may add to the two seconds."""
    return 1.0 + os.getloadavg()[0] / 4


def wait_for(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_what_is_needed_is_imported() -> None:
    code = (
        "import sys; from segdl.cli.main import main\n"
        "main(['bench', 'ftp://x'])\n"
        "assert not {'rich', 'requests', 'segdl.bench.page'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(), stderr=-3)
