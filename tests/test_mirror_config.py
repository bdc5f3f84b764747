"""Several mirrors in a TOML file."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from segdl.cli.info import info_parser
from segdl.cli.main import main
from segdl.cli.mirrorconfig import read_config
from segdl.cli.mirroroptions import wanted_of
from segdl.cli.mirrorparser import mirror_parser, read_arguments
from segdl.errors import UsageError
from segdl.mirror.intake import host_of
from segdl.mirror.readers.registry import formats

if TYPE_CHECKING:
    from segdl.cli.mirroroptions import Wanted

DOCS = Path(__file__).parent.parent / "docs" / "mirror.md"


def read(tmp_path: Path, text: str, *names: str) -> list[Wanted]:
    path = tmp_path / "mirrors.toml"
    path.write_text(text, "utf-8")
    return read_config(path, names)


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


ONE = '[mirror.one]\nsource = "list.txt"\ndir = "one"\n'


def test_the_example_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_TOKEN", "t0ken")
    isos, weights = read(tmp_path, block("toml"))
    assert (isos.mirror.name, isos.mirror.delete, isos.mirror.max_delete) == ("isos", "trash", 0.05)
    assert isos.network.contact == "mirror@example.org"
    assert weights.network.limit_rate == "mon-fri 08:00-18:00=2M"
    assert weights.mirror.listing.exclude == ("*.tmp", "old/")
    (host,) = weights.mirror.hosts
    assert host.headers == (("Authorization", "Bearer t0ken"),)
    assert host.connections == 2
    assert "t0ken" not in repr(weights)


def test_a_home_folder_is_what_a_shell_takes_it_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (one,) = read(tmp_path, '[mirror.one]\nsource = "~/list.txt"\ndir = "~/one"\n')
    assert one.mirror.directory == tmp_path / "one"
    assert one.mirror.listing.source == str(tmp_path / "list.txt")


def test_keys_may_have_several_values(tmp_path: Path) -> None:
    moved = 'formerly = ["https://a.example/l", "https://b.example/l"]\n'
    (one,) = read(tmp_path, ONE + moved)
    assert one.mirror.listing.formerly == ("https://a.example/l", "https://b.example/l")


def test_names_choose(tmp_path: Path) -> None:
    text = ONE + ONE.replace("one", "two")
    assert [each.mirror.name for each in read(tmp_path, text)] == ["one", "two"]
    assert [each.mirror.name for each in read(tmp_path, text, "two")] == ["two"]


def test_flags_and_lists(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        ONE
        + 'verify = true\nsums = false\ndelete = true\nheader = ["A: 1", "B: 2"]\nexec = "a b"\n',
    )
    assert (one.mirror.verify, one.mirror.sums, one.mirror.delete) == (True, False, "trash")
    assert one.network.headers == (("A", "1"), ("B", "2"))
    assert one.mirror.exec == ("a", "b")


def test_secrets_come_from_the_environment_and_netrc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine h login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("PAIR", "me:pw")
    for line in ('user-env = "PAIR"', "netrc = true"):
        (one,) = read(tmp_path, f'{ONE}[host."h:8080"]\n{line}\n')
        assert one.mirror.hosts[0].headers == (("Authorization", "Basic bWU6cHc="),)
    (one,) = read(tmp_path, f'{ONE}[host.h]\nheader-env = {{ "X-Key" = "PAIR" }}\n')
    assert one.mirror.hosts[0].headers == (("X-Key", "me:pw"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\ny = =", "not TOML (line 2): Invalid value"),
        ("x = 'a'\nx = 'b'\n", "not TOML (line 2): Cannot overwrite a value"),
        ("\xff", "not TOML (line 1): Invalid statement"),
        ("x = ", "not TOML"),
        ("x = " + "9" * 5000, "not TOML: a number is too long"),
        ("x = " + "[" * 5000, "nest too deeply"),
        ("", "no mirror"),
        ("[mirror]\none = 1\n", "not a table"),
        ('[mirror.one]\ndir = "d"\n', "no source"),
        ('[mirror.one]\nsource = "s"\n', "no dir"),
        (ONE + 'colour = "red"\n', "'colour' is not known"),
        (ONE + "config = 'x'\n", "'config' is not known"),
        (ONE + "verify = 3\n", "true or false"),
        (ONE + "max-files = 0\n", "number from 1"),
        (ONE + "max-files = []\n", "max-files is one"),
        (ONE + "exec = ['a', 'b']\n", "exec is one"),
        (ONE + "per-host = {}\n", "per-host is a text or a number"),
        (ONE + "per-host = true\n", "per-host is a text or a number"),
        (ONE + "include = ['a', false]\n", "include is a text or a number"),
        (ONE + "include = [['a']]\n", "include is a text or a number"),
        (ONE + f"per-host = 0x{'f' * 5000}\n", "per-host is too large"),
        (ONE + 'log-json = "a\\u0000b"\n', "log-json has a NUL"),
        ('[mirror.one]\nsource = "s"\ndir = "a\\u0000b"\n', "[mirror.one] dir has a NUL"),
        ('[mirror.one]\nsource = "a\\u0000b"\ndir = "d"\n', "[mirror.one] source has a NUL"),
        ('[mirror.one]\nsource = 3\ndir = "d"\n', "[mirror.one] source is no text"),
        ('[mirror.one]\nsource = "s"\ndir = ""\n', "[mirror.one] dir is empty"),
        ('[mirror.one]\nsource = "ftp://h/x"\ndir = "d"\n', "[mirror.one] source: unsupported"),
        ('[mirror.one]\nsource = "http://"\ndir = "d"\n', "[mirror.one] source: no host"),
        (ONE + "base-url = 'ftp://x/'\n", "mirrors.toml: [mirror.one] base-url: unsupported"),
        (ONE + "format = 'nope'\n", "mirrors.toml: [mirror.one] format: 'nope' is no format"),
        (ONE + "metrics = 'nowhere'\n", "mirrors.toml: [mirror.one] metrics: not a host and port"),
        (ONE + "delete = 'never'\n", "delete"),
        (ONE + "[host.h]\npassword = 'x'\n", "'password'"),
        (ONE + "[host.h]\nconnections = 0\n", "1 to 64"),
        (ONE + "[host.h]\nconnections = true\n", "connections: it is a number from 1 to 64"),
        (ONE + "[host.h]\nconnections = 2.0\n", "connections: it is a number"),
        (ONE + "[host.h]\nnetrc = 'yes'\n", "netrc: it is true or false"),
        (ONE + "[host.h]\nheader = 'A: 1'\n", "header: it is a list of texts"),
        (ONE + "[host.h]\nheader = [1]\n", "header: it is a list of texts"),
        (ONE + "[host.h]\nheader = ['a']\n", '[host."h"] header: a header is not'),
        (ONE + "[host.h]\nheader-env = ['A']\n", "header-env: it is a table"),
        (ONE + "[host.h]\nheader-env = { A = 1 }\n", "header-env: the name of a variable"),
        (ONE + "[host.h]\nbearer-env = true\n", "bearer-env: the name of a variable"),
        (ONE + "[host.h]\nuser-env = 'HOME'\n", "user-env: a user is NAME:PASS"),
        (ONE + "[host.h]\nbearer-env = 'HOME'\nheader = ['Authorization: x']\n", "who asks"),
        (ONE + "[host.h]\n[host.H]\n", '[host."h"] and [host."H"] are the same host'),
        (ONE + "[host]\nconnections = 1\n", '[host."connections"] is not a table'),
        (ONE + "[host.h]\nheader-env = { A = 'NO_SUCH_VARIABLE' }\n", "NO_SUCH_VARIABLE"),
        (ONE + "[host.h]\nheader = ['broken']\n", "Name: value"),
        (
            ONE + ONE.replace("mirror.one", "mirror.two") + "[mirror.three]\n",
            "[mirror.three] has no source",
        ),
        (
            ONE.replace("one", "0") + ONE + ONE.replace("mirror.one", "mirror.two"),
            "[mirror.one] and [mirror.two] have the same folder",
        ),
        (
            "[defaults]\nreport-to = 'r'\n" + ONE + ONE.replace("one", "two"),
            "[mirror.one] and [mirror.two] have the same folder for reports; give each its own",
        ),
        (
            ONE + ONE.replace("mirror.one", "mirror.two").replace('"one"', '"x/../one/"'),
            "[mirror.one] and [mirror.two] have the same folder",
        ),
        ("[mirrors.one]\n", "'mirrors'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is no host"),
        ("http://h:81/", "its name alone"),
        ("h/", "its name alone"),
        ("me@h", "its name alone"),
        ("*.example.org", "its own section"),
        (".example.org", "its own section"),
        ("h:99999", "ports are from 1 to 65535"),
        ("h:0", "ports are from 1 to 65535"),
        ("h:" + "9" * 5000, "ports are from 1 to 65535"),
        ("h:", "is no host"),
        (":81", "is no host"),
        ("h:http", "is no host"),
        ("h:81:82", "is no host"),
        ("h h", "is no host"),
        (" h", "is no host"),
        ("h?x", "is no host"),
        ("h#x", "is no host"),
        ("h%41", "is no host"),
        ("h\\\\x", "is no host"),
        ("h\\u0000", "is no host"),
        ("h\\u202e", "is no host"),
        ("a\\u2100b", "is no host"),
        ("::1", 'write [host."[::1]"]'),
        ("[::1", "is no host"),
        ("[h]", "is no host"),
        ("[127.0.0.1]", "is no host"),
    ],
)
def test_a_host_that_no_url_can_have(tmp_path: Path, name: str, why: str) -> None:
    """Nothing would be sent to it, and no word said of that."""
    with pytest.raises(UsageError, match=re.escape(why)) as caught:
        read(tmp_path, f'{ONE}[host."{name}"]\nconnections = 1\n')
    assert 'mirrors.toml: [host."' in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("example.org", "https://example.org/a"),
        ("example.org", "http://example.org:80/a"),
        ("Example.ORG", "https://EXAMPLE.org/a"),
        ("example.org:8443", "https://example.org:8443/a"),
        ("example.org:08443", "https://example.org:8443/a"),
        ("127.0.0.1:81", "http://127.0.0.1:81/a"),
        ("[::1]", "https://[::1]/a"),
        ("[2001:DB8::1]:8080", "http://[2001:db8::1]:8080/a"),
        ("b\u00fccher.example", "https://B\u00dcCHER.example/a"),
        ("xn--bcher-kva.example", "https://XN--bcher-kva.example/a"),
        ("under_score", "http://under_score/a"),
    ],
)
def test_a_host_is_that_of_urls(tmp_path: Path, name: str, url: str) -> None:
    (one,) = read(tmp_path, f'{ONE}[host."{name}"]\nconnections = 3\n')
    (profile,) = one.mirror.hosts
    assert profile.host == host_of(url)


@pytest.mark.parametrize(("name", "host"), [("H:80", "h:80"), ("[::1]:0443", "::1:443")])
def test_a_usual_port_that_is_named_is_not_lost(tmp_path: Path, name: str, host: str) -> None:
    (one,) = read(tmp_path, f'{ONE}[host."{name}"]\nconnections = 3\n')
    assert one.mirror.hosts[0].host == host


def test_a_file_that_windows_wrote(tmp_path: Path) -> None:
    path = tmp_path / "mirrors.toml"
    text = ONE.replace("one", "b\u00fccher").replace("[mirror.b\u00fccher]", "[mirror.one]")
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    (one,) = read_config(path, [])
    assert one.mirror.directory == Path("b\u00fccher")
    for data in (text.encode("utf-16"), b"# a\n# \xff\n"):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=r"not TOML \(line [12]\): it is not UTF-8"):
            read_config(path, [])


def test_a_mirror_that_is_named_twice_is_one(tmp_path: Path) -> None:
    assert len(read(tmp_path, ONE, "one", "one")) == 1


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("cacert", "cannot read certificate authorities"),
        ("cert", "cannot use the client certificate"),
        ("cookies", "cannot read cookies"),
    ],
)
def test_files_that_a_run_needs(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    why: str,
) -> None:
    """A run tells of them when it comes to the mirror: others go on without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").touch()
    path, away = tmp_path / "mirrors.toml", tmp_path / "away"
    path.write_text(ONE + ONE.replace("one", "two") + f"{key} = '{away}'\n")
    assert main(["mirror", "--config", str(path), "--check-config"]) == 2
    assert f"mirrors.toml: [mirror.two] {why}" in capsys.readouterr().err
    assert main(["mirror", "--config", str(path), "--check-config", "one"]) == 0
    assert len(read_config(path, [])) == 2


def test_an_unknown_mirror(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no mirror 'three'"):
        read(tmp_path, ONE, "three")


def test_options_of_the_command_line_go_before_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the documentation's line for cron."""
    (tmp_path / "empty").write_text("# no file\n")
    path, log = tmp_path / "mirrors.toml", tmp_path / "log.jsonl"
    path.write_text(
        f"[mirror.one]\nsource = '{tmp_path / 'empty'}'\ndir = '{tmp_path / 'one'}'\n"
        "format = 'urls'\nexclude = ['a']\nverify = true\n"
    )
    arguments = ["mirror", "--config", str(path), "--log-json", str(log), "-q"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == ""
    assert log.exists()
    said = ["--exclude", "b", "--delete", "--per-host", "2"]
    (one,) = read_config(path, [], said)
    assert one.mirror.listing.exclude == ("a", "b")
    assert (one.mirror.delete, one.mirror.per_host, one.mirror.verify) == ("trash", 2, True)


def test_what_does_not_go_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mirrors.toml"
    path.write_text(ONE)
    assert main(["mirror", "--config", str(path), "--report"]) == 2
    assert "--report wants" in capsys.readouterr().err


def test_check_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mirrors.toml"
    path.write_text(ONE)
    assert main(["mirror", "--config", str(path), "--check-config"]) == 2
    assert "[mirror.one] source: list.txt is not there" in capsys.readouterr().err
    (tmp_path / "list.txt").touch()
    assert main(["mirror", "--config", str(path), "--check-config"]) == 0
    path.write_text(ONE + "colour = 1\n")
    assert main(["mirror", "--config", str(path), "--check-config"]) == 2
    assert "[mirror.one] 'colour' is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["source"], ["a", "b", "c"], ["--check-config"], ["--status"],
        ["--depth", "x", "a", "b"], ["--max-delete", "101%", "a", "b"], ["--order", "z", "a", "b"],
        ["--exec", "'", "a", "b"], ["--contact", "no spaces", "a", "b"], ["--nonsense", "a", "b"],
    ],
)  # fmt: skip
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mirror", *arguments]) == 2
    assert capsys.readouterr().err.startswith("segdl: ")


def shown(action: argparse.Action) -> str:
    names = sorted(action.option_strings, key=lambda name: name.startswith("--"))
    value = "|".join(map(str, action.choices)) if action.choices else action.metavar
    value = f"[{value}]" if action.nargs == "?" else value
    return ", ".join(names) + ("" if action.nargs == 0 else f" {value}")


def test_the_documented_options_are_those_of_the_parser() -> None:
    text = (DOCS.parent / "cli.md").read_text("utf-8")
    table = text.partition("## Options of `mirror`")[2].partition("## ")[0]
    documented = {
        found.replace("\\|", "|") for found in re.findall(r"^\| `(-.*?)` \|", table, re.MULTILINE)
    }
    ours = {shown(action) for action in mirror_parser()._actions}
    network = {shown(action) for action in info_parser()._actions} & ours
    assert {"-H, --header 'K: V'", "--stall-timeout S", "-k, --insecure"} <= network
    assert documented == ours - (network - documented)
    assert len(network - documented) <= 16


def test_every_format_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    table = text.partition("| list | `--format`")[2].partition("\n\n")[0]
    assert set(formats()) <= set(re.findall(r"`([a-z0-9-]+)`", table))


def test_delete_takes_no_argument_that_is_not_its_own() -> None:
    options = read_arguments(["--delete", "source", "dir"])
    assert (options.delete, options.urls) == ("trash", ["source", "dir"])
    assert read_arguments(["--delete=now", "source", "dir"]).delete == "now"
    with pytest.raises(UsageError, match="a list and a folder") as raised:
        wanted_of(read_arguments(["--delete", "now", "source", "dir"]))
    assert raised.value.hint.startswith("write --delete=now")


def test_no_mirror_no_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mirror", "--status", str(tmp_path)]) == 6
    assert "is no mirror" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units_of_the_documentation(tmp_path: Path) -> None:
    _, *parts = re.split(r"^# /etc/systemd/system/(.*)\n", block("ini"), flags=re.MULTILINE)
    units = dict(zip(parts[::2], parts[1::2], strict=True))
    assert set(units) == {"segdl-mirror.service", "segdl-mirror.timer"}
    for name, text in units.items():
        # The program need not be installed where it is tested.
        (tmp_path / name).write_text(text.replace("/usr/local/bin/segdl", "/bin/sh"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in units)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    complaints = [line for line in verified.stderr.splitlines() if "segdl-mirror" in line]
    assert (verified.returncode, complaints) == (0, [])


def test_unattended_commands_of_the_documentation_are_taken() -> None:
    text = DOCS.read_text("utf-8")
    lines = re.findall(r"(?:ExecStart=|mirror  .*)/usr/local/bin/segdl mirror (.*)", text)
    assert len(lines) == 3
    for line in lines:
        assert read_arguments(shlex.split(line)).config == Path("/etc/segdl/mirrors.toml")
