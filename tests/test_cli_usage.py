"""Names that scripts rely on: options, exit codes, the help; and what is refused how."""

from __future__ import annotations

import errno
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.cli.getparser import get_parser
from segdl.cli.info import info_parser
from segdl.cli.main import main
from segdl.core.fields import parse_header
from segdl.core.size import parse_size
from segdl.errors import SegdlError, UsageError
from support.program import run_segdl
from support.terminal import on_terminal

if TYPE_CHECKING:
    import argparse

    from support.nginx import Nginx

DOCS = Path(__file__).parents[1] / "docs" / "cli.md"
PROMISED = re.findall(
    r"\S+",
    """
-j --connections -o --output -d --dir -i --input-file --max-files --checksum -H --header -u --user
--netrc --cookies --mirror --location-trusted --proxy --cacert --cert --key -k --insecure --retries
--connect-timeout --stall-timeout --if-exists --range --layout --min-split --remote-time --progress
--limit-rate -q -v --json --dry-run --fresh
""",
)


def shown(action: argparse.Action) -> str:
    names = sorted(action.option_strings, key=lambda name: name.startswith("--"))
    if action.nargs == 0:
        value = ""
    elif action.choices:
        value = " " + "|".join(map(str, action.choices))
    else:
        value = f" {action.metavar}"
    return ", ".join(names) + value


def test_the_documented_options_are_those_of_the_parser() -> None:
    table = DOCS.read_text(encoding="utf-8").partition("## Options of `get`")[2].partition("## ")[0]
    documented = {
        text.replace("\\|", "|") for text in re.findall(r"^\| `(-.*?)` \|", table, re.MULTILINE)
    }
    assert documented == {shown(action) for action in get_parser()._actions}


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    first = DOCS.read_text(encoding="utf-8").partition("\nOptions and URLs")[0]
    documented = re.findall(r"^    segdl (\w+)", first, re.MULTILINE)
    assert {"info", "bench", "mirror", "demo"} <= set(documented)
    assert main(["--help"]) == 0
    commands = capsys.readouterr().out.partition("commands:\n")[2].partition("\n\n")[0]
    assert set(documented) == set(re.findall(r"^  segdl (\w+)", commands, re.MULTILINE))


def test_promised_names_exist() -> None:
    names = {name for action in get_parser()._actions for name in action.option_strings}
    assert set(PROMISED) <= names


def test_info_has_the_network_options() -> None:
    ours = {shown(action) for action in info_parser()._actions}
    theirs = {shown(action) for action in get_parser()._actions}
    assert ours <= theirs | {"-v, --verbose"}
    assert {"-H, --header 'K: V'", "--stall-timeout S", "--proxy URL"} <= ours


def test_exit_codes_are_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")

    def tree(kind: type[SegdlError]) -> set[int]:
        return {kind.exit_code}.union(*(tree(below) for below in kind.__subclasses__()))

    for code in tree(SegdlError):
        assert f"| {code} |" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no URL"),
        (["get"], "no URL"),
        (["--nope", "http://h/"], "unknown option --nope; see segdl --help"),
        (["http://h/", "-Z"], "unknown option -Z"),
        (["-j"], "-j/--connections: expected one argument"),
        (["-j", "0", "http://h/"], "from 1 to 256"),
        (["-j", "auto:257", "http://h/"], "from 1 to 256"),
        (["-j", "auto:", "http://h/"], "auto or auto:N"),
        (["-j", "٣", "http://h/"], "auto or auto:N"),
        (["--mirror", "http://m/", "http://h/", "http://i/"], "--mirror goes with one URL"),
        (["--mirror", "http://m/", "-i", "list"], "--mirror goes with one URL"),
        (["--mirror", "ftp://m/", "http://h/"], "unsupported URL scheme"),
        (["--mirror", "http://m/"], "no URL"),
        (["--layout", "x", "http://h/"], "invalid choice: 'x'"),
        (["bench", "http://h/", "http://i/"], "takes one URL"),
        (["--progress", "x", "http://h/"], "invalid choice: 'x'"),
        (["--if-exists", "auto", "http://h/"], "invalid choice"),
        (["--checksum", "md5=1", "http://h/"], "32 hexadecimal digits"),
        (["--checksum", "crc=1", "http://h/"], "ALGO is one of"),
        (["--range", "9-1", "http://h/"], "ends before it begins"),
        (["--range", "x", "http://h/"], "write it as 0-499"),
        (["--min-split", "0", "http://h/"], "not a size"),
        (["--min-split", "1X", "http://h/"], "not a size"),
        (["--retries", "-1", "http://h/"], "--retries"),
        (["--max-files", "0", "http://h/"], "--max-files"),
        (["--connect-timeout", "0", "http://h/"], "number of seconds"),
        (["--stall-timeout", "nan", "http://h/"], "number of seconds"),
        (["--proxy", "ftp://h", "http://h/"], "http://, https://, socks5://, socks5h://"),
        (["-H", "Range: bytes=0-1", "http://h/"], "use --range"),
        (["-H", "nothing", "http://h/"], "'Name: value'"),
        (["--key", "k", "http://h/"], "--cert"),
        (["-u", "me", "http://h/"], "-u NAME:PASS"),
        (["-o", "x", "http://h/", "http://i/"], "--output goes with one URL"),
        (["--checksum", "md5=" + "0" * 32, "-i", "l"], "--checksum goes with one URL"),
        (["-o", "", "http://h/"], "--output is empty"),
        (["example.org/x"], "did you mean https://example.org/x?"),
        (["ftp://example.org/x"], "segdl fetches http:// and https://"),
        (["http://"], "no host"),
        (["http://h:port/"], "not a URL"),
        (["mirorr", "http://h/", "d"], "'mirorr' is neither a URL nor, as first word, a"),
        (["file:///etc/passwd"], "unsupported URL scheme"),
        (["info"], "needs one URL"),
        (["info", "http://h/", "http://i/"], "needs one URL"),
        (["info", "-o", "x", "http://h/"], "unknown option -o"),
        (["demo", "x"], "takes no URL"),
        (["--", "-j"], "unsupported URL scheme in '-j'"),
    ],
)
def test_usage_errors(
    arguments: list[str],
    says: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("segdl: ")
    assert err.count("\n") == 1
    assert says in err
    assert not list(tmp_path.iterdir())


def test_options_and_urls_in_any_order(shared_nginx: Nginx, tmp_path: Path) -> None:
    for name in ("o1", "o2", "o3"):
        (shared_nginx.root / name).write_bytes(b"x")
    url = shared_nginx.url
    ended = run_segdl(url("o1"), "-q", url("o2"), "-j", "2", "--", url("o3"), cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"o1", "o2", "o3"}


def test_help_and_version() -> None:
    ended = run_segdl("--help")
    assert ended.code == 0
    assert all(name in ended.out for name in PROMISED)
    assert "exit codes" in ended.out
    for arguments in (["info", "--help"], ["demo", "--help"], ["get", "-h"]):
        assert run_segdl(*arguments).out.startswith("usage: segdl")
    assert re.fullmatch(r"segdl \d+\.\d+\.\d+\n", run_segdl("--version").out)
    assert run_segdl("-q", "--version").out == run_segdl("--version").out


def test_a_missing_password_is_asked_for(shared_nginx: Nginx, tmp_path: Path) -> None:
    import sys

    (shared_nginx.root / "asked").write_bytes(b"x")
    screen = on_terminal(
        [sys.executable, "-m", "segdl", "-q", "-u", "me", shared_nginx.url("asked")],
        cwd=tmp_path,
        keys=lambda output: b"pass-7731\n" if b"password for -u: " in output else b"",
    )
    assert screen.code == 0
    assert b"pass-7731" not in screen.output
    assert (tmp_path / "asked").exists()


def test_values() -> None:
    assert parse_size("1.5g") == 1610612736
    assert parse_size("10KiB") == 10240
    assert parse_header("X:a: b ") == ("X", "a: b")
    for text in ("X Y: 1", ": 1", "X: a\nb", "Accept-Encoding: gzip", "TE: x"):
        with pytest.raises(UsageError):
            parse_header(text)


def test_defects_show_no_traceback_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> int:
        raise RuntimeError("https://h/?token=SECRET")

    monkeypatch.setattr("segdl.cli.main._dispatch", broken)
    assert main(["x"]) == 1
    assert capfd.readouterr().err == (
        "segdl: internal error: RuntimeError (-v shows where); please report it\n"
    )
    assert main(["x", "-v"]) == 1
    err = capfd.readouterr().err
    assert "in broken" in err
    assert "SECRET" not in err


def test_an_error_of_the_system_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(error: OSError) -> str:
        def raise_it(_: object) -> int:
            raise error

        monkeypatch.setattr("segdl.cli.get.get", raise_it)
        assert main(["http://h/f"]) == 6
        return capsys.readouterr().err

    assert fail(OSError(errno.EIO, "Input/output error", "x\ny")) == (
        "segdl: Input/output error: x?y\n"
    )
    assert "too many open files; raise `ulimit -n`" in fail(OSError(errno.EMFILE, "Too many"))

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    said = fail(OSError(errno.ENOSPC, "No space left on device"))
    assert said == "segdl: cannot write to standard output: No space left on device\n"
