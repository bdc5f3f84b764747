"""`segdl get` as a user runs it, against a real nginx: what each option does."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import sys
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from support.program import run, run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.nginx import Nginx
    from support.origin import Origin
    from support.tls import Authority

SIZE = 3_000_000


@pytest.fixture
def site(shared_nginx: Nginx, content: Callable[..., bytes]) -> Nginx:
    path = shared_nginx.root / "big.bin"
    if not path.exists():
        path.write_bytes(content(SIZE))
    return shared_nginx


def test_a_bare_url_and_get_are_the_same(
    site: Nginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    ended = run_segdl(site.url("big.bin"), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "big.bin").read_bytes() == content(SIZE)
    assert ended.out.startswith("big.bin  2.9 MiB  ")
    assert ended.out.endswith("/s\n")
    assert ended.out.count("\n") == 1
    again = run_segdl("get", site.url("big.bin"), cwd=tmp_path)
    assert (again.code, again.out) == (0, "big.bin  2.9 MiB  already complete\n")


def test_options_of_one_download(
    site: Nginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    wanted = content(SIZE)
    url = site.url("big.bin?options")
    ended = run_segdl(
        *("-j", "3", "-o", "sub/x.bin", "-d", "made/here", "--min-split", "512K"),
        *("--remote-time", "--retries", "2", "--connect-timeout", "5", "--stall-timeout", "5"),
        *("--checksum", f"sha-256={hashlib.sha256(wanted).hexdigest()}", "--layout", "parts"),
        *("--progress", "none", "--fresh", url),
        cwd=tmp_path,
    )
    assert (ended.code, ended.err) == (0, "")
    path = tmp_path / "made/here/sub/x.bin"
    assert path.read_bytes() == wanted
    assert path.stat().st_mtime == int((site.root / "big.bin").stat().st_mtime)
    assert not list(tmp_path.rglob("*.segdl"))
    ranges = {record.range for record in site.log() if record.target.endswith("?options")}
    assert len(ranges - {""}) >= 3


@pytest.mark.parametrize(
    ("spec", "pieces"),
    [
        ("0-499", [(0, 500)]),
        ("1000-1999", [(1000, 2000)]),
        ("2999000-", [(2999000, SIZE)]),
        ("-500", [(SIZE - 500, SIZE)]),
        ("0-0,-1", [(0, 1), (SIZE - 1, SIZE)]),
        ("500-600,601-999", [(500, 1000)]),
        ("2000000-,0-1048580", [(2000000, SIZE), (0, 1048581)]),
        ("bytes=5-9", [(5, 10)]),
        ("0-99999999", [(0, SIZE)]),
    ],
)
def test_ranges(
    site: Nginx,
    tmp_path: Path,
    content: Callable[..., bytes],
    spec: str,
    pieces: list[tuple[int, int]],
) -> None:
    wanted = b"".join(content(SIZE)[start:stop] for start, stop in pieces)
    ended = run_segdl("--range", spec, "-o", "part", site.url("big.bin"), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "part").read_bytes() == wanted
    to_stdout = run_segdl("--range", spec, "-o", "-", "-q", site.url("big.bin"), cwd=tmp_path)
    assert (to_stdout.code, to_stdout.stdout == wanted) == (0, True)


def test_a_range_behind_the_end_is_an_error(site: Nginx, tmp_path: Path) -> None:
    ended = run_segdl("--range", "99999999-", site.url("big.bin"), cwd=tmp_path)
    assert ended.code == 4
    assert ended.err.count("\n") == 1
    assert "3000000 bytes" in ended.err
    assert not list(tmp_path.iterdir())


ALGORITHMS = ["md5", "sha-1", "sha1", "sha-256", "sha256", "sha512", "blake2b", "sha3-256"]


def test_every_checksum_that_matches_and_none_that_does_not(
    shared_nginx: Nginx, tmp_path: Path
) -> None:
    data = b"something to check\n"
    (shared_nginx.root / "sums.txt").write_bytes(data)
    right, wrong = [], []
    for algorithm in ALGORITHMS:
        name = {"sha-1": "sha1", "sha-256": "sha256", "sha3-256": "sha3_256"}
        digest = hashlib.new(name.get(algorithm, algorithm), data).hexdigest()
        right.append((algorithm, f"{algorithm}={digest.upper()}"))
        wrong.append((algorithm, f"{algorithm}={'0' * len(digest)}"))
    for outcomes, code in ((right, 0), (wrong, 5)):
        (tmp_path / "list").write_text(
            "".join(
                f"{shared_nginx.url('sums.txt')}\n  out={code}-{algorithm}\n  checksum={text}\n"
                for algorithm, text in outcomes
            )
        )
        ended = run_segdl("-i", "list", "--json", "--max-files", "1", cwd=tmp_path)
        assert ended.code == code, ended.err
        told = [json.loads(line) for line in ended.out.splitlines()]
        assert len(told) == len(ALGORITHMS)
        for algorithm, _ in outcomes:
            assert (tmp_path / f"{code}-{algorithm}").exists() == (code == 0)
    assert ended.err.count("\n") == 2 * len(ALGORITHMS)
    assert "its md5 is" in ended.err


def test_a_checksum_that_does_not_match_alone(site: Nginx, tmp_path: Path) -> None:
    ended = run_segdl("--checksum", "sha256=" + "0" * 64, "-q", site.url("big.bin"), cwd=tmp_path)
    assert ended.code == 5
    assert ended.err.startswith("segdl: big.bin: its sha256 is ")
    assert not (tmp_path / "big.bin").exists()


def test_if_exists(site: Nginx, tmp_path: Path, content: Callable[..., bytes]) -> None:
    url, path, whole = site.url("big.bin"), tmp_path / "big.bin", content(SIZE)
    path.write_bytes(b"mine")

    def with_policy(*policy: str) -> int:
        return run_segdl("-q", *policy, url, cwd=tmp_path).code

    assert with_policy() == 6
    assert with_policy("--if-exists", "error") == 6
    assert with_policy("--if-exists", "skip") == 0
    assert path.read_bytes() == b"mine"
    assert with_policy("--if-exists", "rename") == 0
    assert (tmp_path / "big.1.bin").read_bytes() == whole
    assert path.read_bytes() == b"mine"
    assert with_policy("--if-exists", "resume") == 5
    path.write_bytes(whole[:100_000])
    assert with_policy("--if-exists", "resume") == 0
    assert path.read_bytes() == whole
    path.write_bytes(b"mine")
    assert with_policy("--if-exists", "overwrite") == 0
    assert path.read_bytes() == whole


def test_several_urls_and_the_first_failure(
    site: Nginx, tmp_path: Path, origin: Callable[..., Origin]
) -> None:
    missing = site.url("missing.bin")
    # Refused at once, while the 404 before it on the line takes its time.
    refusing = "http://127.0.0.1:1/refused"
    ended = run_segdl(
        *("--retries", "1", "--max-files", "3"),
        *(missing, "-q", site.url("big.bin"), refusing),
        cwd=tmp_path,
    )
    assert ended.code == 4
    assert (tmp_path / "big.bin").stat().st_size == SIZE
    lines = sorted(ended.err.splitlines())
    assert len(lines) == 2
    assert all(line.startswith("segdl: http://127.0.0.1:") for line in lines)
    other = run_segdl("--retries", "1", "-q", refusing, missing, cwd=tmp_path)
    assert other.code == 3


def test_max_files_is_how_many_at_once(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    served = origin(content(50_000))
    real = served.serve
    seen: list[int] = []

    def slowly(request: object, connection: object) -> bool:
        seen.append(served.server.in_flight)
        time.sleep(0.1)
        return real(request, connection)  # type: ignore[arg-type]

    names = [f"/{number}.bin" for number in range(6)]
    served.routes.update(dict.fromkeys(names, slowly))
    urls = [served.server.url(name) for name in names]
    assert run_segdl("-q", "--max-files", "2", *urls, cwd=tmp_path).code == 0
    assert max(seen) == 2
    assert len(list(tmp_path.iterdir())) == 6


def test_standard_output(site: Nginx, tmp_path: Path, content: Callable[..., bytes]) -> None:
    ended = run_segdl("-o", "-", site.url("big.bin"), "--progress", "json", cwd=tmp_path)
    assert ended.code == 0
    assert ended.stdout == content(SIZE)
    events = [json.loads(line) for line in ended.err.splitlines()]
    assert events[-1]["event"] == "finished"
    assert events[-1]["path"] == "-"
    assert not list(tmp_path.iterdir())
    for option in ("--json", "--dry-run"):
        ended = run_segdl("-o", "-", option, site.url("big.bin"), cwd=tmp_path)
        assert ended.code == 2
        assert ended.out == ""
        assert ended.err.count("\n") == 1


def test_a_reader_that_goes_away(site: Nginx, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m segdl -o - {site.url("big.bin")} | head -c 10 | wc -c'
    ended = run(["bash", "-o", "pipefail", "-c", command], cwd=tmp_path)
    assert ended.out.strip() == "10"
    assert "Traceback" not in ended.err


def test_results_that_nobody_reads_do_not_stop_files(site: Nginx, tmp_path: Path) -> None:
    for redirect in (">&-", "2>&-", "| true"):
        command = f'"{sys.executable}" -m segdl --if-exists overwrite {site.url("big.bin")}'
        ended = run(["bash", "-c", f"{command} {redirect}"], cwd=tmp_path)
        assert "Traceback" not in ended.err
        assert ended.code == 0
        assert (tmp_path / "big.bin").stat().st_size == SIZE
        (tmp_path / "big.bin").unlink()


def test_results_that_cannot_be_written_are_an_error(site: Nginx, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m segdl --json {site.url("big.bin")} >/dev/full'
    ended = run(["bash", "-c", command], cwd=tmp_path)
    assert ended.code == 6
    assert "segdl: cannot write to standard output: No space left on device\n" in ended.err
    command = f'"{sys.executable}" -m segdl -q -o - {site.url("big.bin")} >/dev/full'
    ended = run(["bash", "-c", command], cwd=tmp_path)
    assert ended.code == 6
    assert ended.err.startswith("segdl: cannot write to standard output: no space left")


def test_basic_authentication_headers_and_netrc(
    nginx: StartNginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "in" / "f").write_bytes(content(5000))
    # "me:pa ss" as htpasswd with {PLAIN}.
    (root / "users").write_text("me:{PLAIN}pa ss\nyou:{PLAIN}word\n")
    server = nginx(
        root,
        server=[
            f'location /in {{ auth_basic "closed"; auth_basic_user_file {root}/users; }}',
            f'location /key {{ if ($http_x_key != "k1") {{ return 403; }} alias {root}/in; }}',
        ],
    )
    url = server.url("in/f")
    ended = run_segdl("-q", url, cwd=tmp_path)
    assert ended.code == 4
    assert "401" in ended.err
    assert "give a user and password with -u" in ended.err
    for wrong in (("-u", "me:wrong"), ("-H", "Authorization: Bearer x")):
        ended = run_segdl("-q", *wrong, url, cwd=tmp_path)
        assert ended.code == 4
        assert "401" in ended.err
        assert "the user or password (-u, --netrc, -H) is wrong there" in ended.err
    assert run_segdl("-q", "-u", "me:pa ss", url, "-o", "a", cwd=tmp_path).code == 0
    inside = url.replace("http://", "http://me:pa%20ss@")
    ended = run_segdl(inside, "--json", "-o", "b", cwd=tmp_path)
    assert json.loads(ended.out)["url"] == url
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login you password word\n")
    netrc.chmod(0o600)
    env = {"NETRC": str(netrc)}
    assert run_segdl("-q", url, "-o", "c", cwd=tmp_path, env=env).code == 4
    assert run_segdl("-q", "--netrc", url, "-o", "c", cwd=tmp_path, env=env).code == 0
    home = tmp_path / "home"
    home.mkdir()
    netrc.rename(home / ".netrc")
    env = {"HOME": str(home)}
    assert run_segdl("-q", "--netrc", url, "-o", "d", cwd=tmp_path, env=env).code == 0
    key = server.url("key/f")
    assert run_segdl("-q", key, "-o", "e", cwd=tmp_path).code == 4
    assert run_segdl("-q", "-H", "X-Key: k1", key, "-o", "e", cwd=tmp_path).code == 0


def test_cookies_go_to_their_domain(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 100)
    (tmp_path / "jar").write_text(
        "# Netscape HTTP Cookie File\n"
        "127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tmine\tyes\n"
        "#HttpOnly_127.0.0.1\tFALSE\t/file\tFALSE\t0\talso\tyes\n"
        "127.0.0.1\tFALSE\t/other\tFALSE\t2147483647\tpath\tno\n"
        "127.0.0.1\tFALSE\t/\tTRUE\t2147483647\tsecure\tno\n"
        "127.0.0.1\tFALSE\t/\tFALSE\t1\tstale\tno\n"
        "example.org\tFALSE\t/\tFALSE\t2147483647\tother\tno\n"
    )
    url = served.server.url("/file/x")
    ended = run_segdl("--cookies", "jar", "-H", "Cookie: own=1", "-q", url, cwd=tmp_path)
    assert ended.code == 0, ended.err
    sent = served.requests[0].fields["cookie"]
    assert sorted(sent.split("; ")) == ["also=yes", "mine=yes", "own=1"]
    (tmp_path / "bad").write_text("hello\n")
    for name, why in (("bad", "not a Netscape"), ("none", "No such file")):
        ended = run_segdl("--cookies", name, url, cwd=tmp_path)
        assert ended.code == 2
        assert why in ended.err


def test_tls(
    shared_nginx: Nginx, authority: Authority, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    (shared_nginx.root / "tls.bin").write_bytes(content(SIZE))
    url = shared_nginx.url("tls.bin", tls=True)
    ended = run_segdl("-q", url, cwd=tmp_path)
    assert ended.code == 3
    assert "certificate is not trusted" in ended.err
    assert "--cacert" in ended.err
    assert ended.err.count("\n") == 1
    ended = run_segdl("-q", "--cacert", authority.cacert, url, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / "tls.bin").read_bytes() == content(SIZE)
    ended = run_segdl("-k", "-v", "--progress", "none", url, "-o", "x", cwd=tmp_path)
    assert ended.code == 0
    assert "Warning" not in ended.err
    env = {"SSL_CERT_FILE": str(authority.cacert)}
    assert run_segdl("-q", url, "-o", "y", cwd=tmp_path, env=env).code == 0


def test_a_certificate_for_another_name(origin: Callable[..., Origin], tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("other.example", "127.0.0.99"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        url = origin(b"x" * 100, tls=context).url
        for host in ("127.0.0.1", "localhost"):
            asked = url.replace("127.0.0.1", host)
            ended = run_segdl("-q", "--cacert", "ca.pem", asked, cwd=tmp_path)
            assert ended.code == 3
            assert "the server's certificate is for another name: " in ended.err
            assert "check the URL" in ended.err
            assert "--cacert" not in ended.err


def test_client_certificates(
    origin: Callable[..., Origin], authority: Authority, tmp_path: Path
) -> None:
    served = origin(b"x" * 100, tls=authority.server_context(ask_client=True))
    both = authority.client_cert.read_text()
    at = both.index("-----BEGIN CERTIFICATE")
    (tmp_path / "key.pem").write_text(both[:at])
    (tmp_path / "cert.pem").write_text(both[at:])
    trust = ("-q", "--retries", "1", "--cacert", str(authority.cacert))
    assert run_segdl(*trust, served.url, cwd=tmp_path).code == 3
    ended = run_segdl(*trust, "--cert", "cert.pem", served.url, cwd=tmp_path)
    assert (ended.code, "without its private key; give that with --key" in ended.err) == (2, True)
    cert = ("--cert", str(authority.client_cert))
    assert run_segdl(*trust, *cert, served.url, "-o", "a", cwd=tmp_path).code == 0
    pair = ("--cert", "cert.pem", "--key", "key.pem")
    assert run_segdl(*trust, *pair, served.url, "-o", "b", cwd=tmp_path).code == 0


def test_ctrl_c_while_the_list_is_waited_for(tmp_path: Path) -> None:
    import signal
    import subprocess

    with start_segdl("-i", "-", cwd=tmp_path, stdin=subprocess.PIPE) as running:
        time.sleep(0.6)
        running.send_signal(signal.SIGINT)
        # The pipe stays open: nothing but the signal can end this.
        assert running.wait(timeout=2) == 130
        assert running.stderr is not None
        assert running.stderr.read().startswith(b"segdl: interrupted; ")


def test_signals_that_are_ignored_stay_so(site: Nginx, tmp_path: Path) -> None:
    import signal

    code = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "from segdl.cli.session import cancelled_by_signals\n"
        "with cancelled_by_signals() as cancel:\n"
        "    os.kill(os.getpid(), signal.SIGHUP); print(cancel.is_set())\n"
        "    os.kill(os.getpid(), signal.SIGTERM); print(cancel.is_set())\n"
    )
    ended = run([sys.executable, "-c", code])
    assert ended.out.split() == ["False", "True"]
    assert signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN or os.name == "nt"
