"""Proxies of every kind, from the option and from the environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

import segdl
from support.program import run, run_segdl
from support.proxy import HttpProxy, SocksProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.nginx import Nginx
    from support.origin import Origin
    from support.tls import Authority

USER = "me:p@ss-7741"
ENCODED = "me:p%40ss-7741"


def test_http_proxy_with_a_password(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 100)
    with HttpProxy(USER) as proxy:
        ended = run_segdl(
            "-q", "--proxy", f"http://{ENCODED}@127.0.0.1:{proxy.port}", served.url, cwd=tmp_path
        )
        assert (ended.code, ended.err) == (0, "")
        assert proxy.asked[0] == f"GET {served.url} HTTP/1.1"
        assert all("proxy-authorization" not in request.fields for request in served.requests)
        for wrong in ("", "me:wrong-7742@"):
            ended = run_segdl(
                *("--retries", "1", "--progress", "none", "-o", "n"),
                *("--proxy", f"{wrong}127.0.0.1:{proxy.port}", served.url),
                cwd=tmp_path,
            )
            assert ended.code == 4
            assert "407" in ended.err
            assert "--proxy" in ended.err
            assert "7742" not in ended.err


def test_https_goes_through_a_tunnel(
    origin: Callable[..., Origin], authority: Authority, tmp_path: Path
) -> None:
    served = origin(b"x" * 100, tls=authority.server_context())
    with HttpProxy(USER) as proxy:
        ended = run_segdl(
            *("-q", "--cacert", str(authority.cacert), "-u", "you:origin-7743"),
            *("--proxy", f"http://{ENCODED}@127.0.0.1:{proxy.port}", served.url),
            cwd=tmp_path,
        )
        assert (ended.code, ended.err) == (0, "")
        assert {line.split()[0] for line in proxy.asked} == {"CONNECT"}
        assert b"file.bin" not in b"".join(proxy.heads)
        assert b"eW91O" not in b"".join(proxy.heads), "the origin's password is not the proxy's"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks(origin: Callable[..., Origin], tmp_path: Path, scheme: str) -> None:
    served = origin(b"x" * 100)
    url = served.other_url
    with SocksProxy(USER) as proxy:
        ended = run_segdl(
            "-q", "--proxy", f"{scheme}://{ENCODED}@127.0.0.1:{proxy.port}", url, cwd=tmp_path
        )
        assert (ended.code, ended.err) == (0, "")
        host = "localhost" if scheme == "socks5h" else "127.0.0.1"
        assert proxy.asked[0] == f"SOCKS {host}:{served.server.port}"
        ended = run_segdl(
            *("-q", "--retries", "1", "-o", "n"),
            *("--proxy", f"{scheme}://me:wrong-7744@127.0.0.1:{proxy.port}", url),
            cwd=tmp_path,
        )
        assert ended.code == 3
        assert "7744" not in ended.err
        assert ended.err.count("\n") == 1


def test_socks_without_its_package(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['socks'] = None\n"
        "from segdl.cli.main import main\n"
        "sys.exit(main(['-q', '--proxy', 'socks5://127.0.0.1:1', 'http://h/x']))"
    )
    ended = run([sys.executable, "-c", code], cwd=tmp_path)
    assert ended.code == 2
    assert "pip install 'segdl[socks]'" in ended.err
    assert ended.err.count("\n") == 1


def test_the_environment(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x" * 100)
    with HttpProxy() as proxy:
        env = {"http_proxy": f"http://127.0.0.1:{proxy.port}"}
        assert run_segdl("-q", served.url, "-o", "a", cwd=tmp_path, env=env).code == 0
        assert len(proxy.asked) == 1
        for option in ({"no_proxy": "localhost,127.0.0.1"}, {"NO_PROXY": "*"}):
            ended = run_segdl("-q", served.url, "-o", "b", cwd=tmp_path, env=env | option)
            assert ended.code == 0
        direct = run_segdl("-q", "--proxy", "", served.url, "-o", "c", cwd=tmp_path, env=env)
        assert direct.code == 0
        assert len(proxy.asked) == 1
        chosen = f"http://127.0.0.1:{proxy.port}"
        nobody = {"http_proxy": "http://127.0.0.1:1"}
        ended = run_segdl("-q", "--proxy", chosen, served.url, "-o", "d", cwd=tmp_path, env=nobody)
        assert ended.code == 0
        assert len(proxy.asked) == 2


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("http://me:gone-7745@127.0.0.1:1", "127.0.0.1:1: connection refused"),
        ("http://me:gone-7745@no.such.invalid:80", "no.such.invalid:80: cannot resolve its host"),
        ("socks5h://me:gone-7745@127.0.0.1:1", "SOCKS5 proxy 127.0.0.1:1: [Errno 111]"),
        ("socks5://me:gone-7745@no.such.invalid:80", "cannot resolve its host name"),
    ],
)
def test_a_proxy_that_is_not_there(
    origin: Callable[..., Origin], tmp_path: Path, proxy: str, why: str
) -> None:
    served = origin(b"x")
    by_option = run_segdl("-q", "--retries", "1", "--proxy", proxy, served.url, cwd=tmp_path)
    by_name = {"http_proxy": proxy}
    ended = run_segdl("-q", "--retries", "1", served.url, cwd=tmp_path, env=by_name)
    assert (by_option.code, by_option.err) == (3, ended.err)
    assert "the proxy failed: " in ended.err
    assert why in ended.err
    assert "; check --proxy, or http_proxy and the like in the environment" in ended.err
    assert "7745" not in ended.err
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("scheme", "url", "why"),
    [
        ("socks5h", "http://127.0.0.1:9/x", "the proxy says 0x05: Connection refused; check"),
        ("socks5", "http://no.such.invalid/x", "x: cannot resolve the host name; check it and"),
    ],
)
def test_what_is_behind_a_proxy_is_not_its_failure(
    tmp_path: Path, scheme: str, url: str, why: str
) -> None:
    with SocksProxy() as proxy:
        by = f"{scheme}://127.0.0.1:{proxy.port}"
        ended = run_segdl("-q", "--retries", "1", "--proxy", by, url, cwd=tmp_path)
    assert ended.code == 3
    assert why in ended.err
    assert "the proxy failed" not in ended.err


def test_a_proxy_that_speaks_no_tls(shared_nginx: Nginx, tmp_path: Path) -> None:
    by = shared_nginx.url("").replace("http://", "https://").rstrip("/")
    ended = run_segdl("-q", "--proxy", by, "http://h.invalid/x", cwd=tmp_path)
    assert ended.code == 3
    assert "the proxy failed: it speaks no TLS" in ended.err


def test_the_api_checks_the_url_of_a_proxy() -> None:
    for proxy in ("ftp://h", "h:80", "http://", "socks4://h"):
        with pytest.raises(segdl.UsageError, match="it begins with one of http://, "):
            segdl.NetworkOptions(proxy=proxy)
