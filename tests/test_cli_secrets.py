"""No password, token, signed query or cookie is printed, written or sent elsewhere."""

from __future__ import annotations

import base64
import itertools
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from support.program import Finished, run_segdl, start_segdl
from support.proxy import HttpProxy
from support.reply import Reply, deliver
from support.terminal import in_pty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from support.connection import Connection
    from support.origin import Origin
    from support.request import Request

MARK = "s3cr3t"
USER = f"user-{MARK}u"
PASSWORD = f"{MARK}-pw"
SECRETS = [
    MARK.encode(),
    *(base64.b64encode(b" " * shift + f"{USER}:{PASSWORD}".encode())[4:-4] for shift in range(3)),
]


def answer_with(text: bytes, request: Request, connection: Connection) -> None:
    connection.send(text)


def inside(url: str) -> str:
    return url.replace("://", f"://{USER}:{PASSWORD}@") + f"?sig={MARK}-query&X-Token={MARK}"


def check(ended: Finished, *folders: Path) -> None:
    found_in(ended.stdout + ended.stderr, "what was printed")
    for folder in folders:
        for path in folder.rglob("*"):
            found_in(os.fsencode(path), "a name")
            if path.is_file():
                found_in(path.read_bytes(), str(path))
            for name in os.listxattr(path) if hasattr(os, "listxattr") else ():
                found_in(os.getxattr(path, name), f"{name} of {path}")


def found_in(data: bytes, where: str) -> None:
    for secret in SECRETS:
        assert secret not in data, f"{secret!r} in {where}: {data[:3000]!r}"


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    (tmp_path / "private").mkdir()
    jar = tmp_path / "private" / "jar"
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        f"127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tsession\t{MARK}-cookie\n"
    )
    return [
        *("--cookies", str(jar), "-H", f"Authorization: Bearer {MARK}-bearer"),
        *("-H", f"X-Api-Key: {MARK}-key", "-u", f"{USER}:{PASSWORD}", "--retries", "1"),
        *("--connect-timeout", "1", "--stall-timeout", "1"),
    ]


OUTPUTS: list[Sequence[str]] = [
    ("-v", "--progress", "json", "--json"),
    ("-v", "--progress", "rich"),
    ("--progress", "tqdm"),
]


def test_failures_and_successes_of_every_kind(
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
    options: list[str],
) -> None:
    data = content(3_000_000)
    good = origin(data)
    statuses = {f"/{code}": code for code in (400, 401, 403, 404, 407, 429, 500, 503)}

    def refuse(request: Request, connection: Connection) -> bool:
        reply = Reply(statuses[request.path], (("Content-Length", "0"),))
        return deliver(reply, request, connection, lambda: None)

    def redirect(to: str) -> Callable[[Request, Connection], None]:
        def answer(request: Request, connection: Connection) -> None:
            connection.send(
                b"HTTP/1.1 302 Go\r\nContent-Length: 0\r\nLocation: " + to.encode() + b"\r\n\r\n"
            )

        return answer

    for path in statuses:
        good.routes[path] = refuse
    good.routes["/circle"] = redirect(f"/circle?t={MARK}")
    good.routes["/bad"] = redirect(f"ftp://{USER}:{PASSWORD}@h/{'x' * 10}?t={MARK}")
    good.routes["/broken"] = redirect(f"http://{USER}:{PASSWORD}@h:99999/?t={MARK}")
    good.routes["/signed.bin"] = redirect(f"/file.bin?sig={MARK}")
    good.routes["/garbage"] = lambda request, connection: connection.send(b"\x00\x01 what\r\n\r\n")
    good.routes["/reset"] = lambda request, connection: connection.reset()
    good.routes["/encoded"] = lambda request, connection: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx"
    )
    paths = [*statuses, "/circle", "/bad", "/broken", "/garbage", "/reset", "/encoded"]
    urls = [inside(good.server.url(path)) for path in ("/file.bin", "/signed.bin", *paths)]
    urls += [
        inside("http://127.0.0.1:1/refused"),
        inside(f"https://127.0.0.1:{good.server.port}/no-tls"),
    ]
    codes = set()
    for number, output in enumerate(OUTPUTS):
        place = tmp_path / f"place{number}"
        ended = run_segdl(*options, *output, *urls, "-d", str(place), cwd=tmp_path)
        check(ended, place)
        codes.add(ended.code)
        assert (place / "file.bin").read_bytes() == data
        assert (place / "signed.bin").read_bytes() == data
    assert codes == {4}
    assert any(MARK in request.target for request in good.requests), "the markers were in use"
    assert any(MARK in request.fields.get("cookie", "") for request in good.requests)
    place = tmp_path / "screen"
    drawn = in_pty([*options, "-v", *urls, "-d", str(place)], cwd=tmp_path)
    found_in(drawn, "the terminal")


def test_integrity_disk_and_usage_errors(
    origin: Callable[..., Origin], tmp_path: Path, options: list[str]
) -> None:
    url = inside(origin(b"x" * 1000).url)
    place = tmp_path / "place"
    place.mkdir()
    (place / "taken").write_text("mine")
    (place / "folder").mkdir()
    dash = ["-d", str(place), "-v"]
    for number, (arguments, code) in enumerate(
        [
            (["--checksum", "md5=" + "0" * 32, url, "-o", "sum"], 5),
            ([url, "-o", "taken"], 6),
            ([url, "-o", "folder"], 6),
            ([url, "-o", "n" * 300], 6),
            (["--range", "5000-", url], 4),
            (["--dry-run", url], 0),
            (["--dry-run", "--json", url], 0),
            ([url, url.replace("http:", "ftp:"), "-q"], 2),
            ([url.replace("http:", "htp:")], 2),
            ([url.replace("127.0.0.1", "h ost")], 2),
            ([url.replace("://", ":/")], 2),
            ([f"--passwd={PASSWORD}", url], 2),
            ([f"-U{PASSWORD}", url], 2),
            (["--headr", f"Authorization: {MARK}", url], 2),
            ([f"--headr=Authorization: {MARK}", url], 2),
            (["-H", f"{MARK}", url], 2),
            (["-H", f"X-Key: {MARK}\r\nX: y", url], 2),
            (["--proxy", f"nope://{USER}:{PASSWORD}@h", url], 2),
            (["--proxy", f"http://{USER}:{PASSWORD}@h:x", url], 2),
            (["--proxy", f"http://{USER}:{PASSWORD}@127.0.0.1:1", url, "-o", "p"], 3),
        ]
    ):
        ended = run_segdl(*options, *dash, *arguments, cwd=tmp_path)
        assert ended.code == code, (number, ended.err)
        check(ended, place)
    ended = run_segdl("info", "-v", *options, url, cwd=tmp_path)
    assert ended.code == 0
    check(ended, place)
    told = run_segdl("info", "--json", *options, url, cwd=tmp_path)
    check(told)
    listed = "\n".join([url.replace("http", "htp"), f"{url}\n out=../x", f"{url}\n header={MARK}"])
    ended = run_segdl("-i", "-", "-v", "--json", cwd=tmp_path, stdin=listed.encode())
    assert ended.code == 2
    check(ended)


def test_what_a_killed_run_leaves(
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
    options: list[str],
) -> None:
    from support.faults import Drip

    served = origin(content(3_000_000), faults=lambda request, number: Drip(65536, 0.05))
    place = tmp_path / "place"
    with start_segdl(*options, "-v", inside(served.url), "-d", str(place)) as running:
        assert served.server.wait_until(lambda: len(served.requests) >= 1)
        deadline = itertools.count()
        while not any(path.stat().st_size for path in place.rglob("*.part")):
            assert next(deadline) < 500
            served.server.stopping.wait(0.01)
        running.signal_all(signal.SIGKILL)
        ended = running.finish()
    assert {path.name for path in place.rglob("*")} >= {"state.json", "lock"}
    check(ended, place)


def test_secrets_stay_with_their_origin(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    data = content(3_000_000)
    elsewhere = origin(data)
    served = origin(data)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    # Another port of the same host, and another name of it.
    for number, target in enumerate((elsewhere.url, elsewhere.other_url)):
        location = f"HTTP/1.1 307 Go\r\nContent-Length: 0\r\nLocation: {target}\r\n\r\n".encode()
        served.routes["/go"] = partial(answer_with, location)
        for way in (
            ("-u", f"{USER}:{PASSWORD}", "-H", f"X-Key: {MARK}", "-H", f"Cookie: c={MARK}"),
            ("--netrc",),
            ("-H", f"Authorization: Bearer {MARK}"),
        ):
            name = f"{number}-{way[0]}-{len(way)}"
            url = inside(served.server.url("/go"))
            env = {"NETRC": str(netrc)}
            ended = run_segdl("-q", *way, url, "-o", name, cwd=tmp_path, env=env)
            assert ended.code == 0, ended.err
            assert (tmp_path / name).read_bytes() == data
    assert elsewhere.requests
    for request in elsewhere.requests:
        found_in(repr(request).encode(), "a request to another origin")
        assert "authorization" not in request.fields
    assert all("authorization" in request.fields for request in served.requests)
    trusted = run_segdl(
        "-q",
        "--location-trusted",
        "-H",
        f"X-Key: {MARK}",
        served.server.url("/go"),
        "-o",
        "t",
        cwd=tmp_path,
    )
    assert trusted.code == 0
    assert elsewhere.requests[-1].fields["x-key"] == MARK


def test_a_proxy_gets_nothing_of_the_origin_in_a_tunnel_and_prints_nothing(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    served = origin(b"x")
    with HttpProxy(f"{USER}:{PASSWORD}") as proxy:
        address = f"http://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}"
        for where, arguments in (
            ({}, ["--proxy", address]),
            ({"http_proxy": address}, []),
            ({"http_proxy": address.replace(PASSWORD, MARK)}, ["--retries", "1"]),
            ({"http_proxy": address.replace("127.0.0.1", "127.0.0.1:x")}, ["--retries", "1"]),
        ):
            ended = run_segdl(
                "-v", *arguments, served.url, "--if-exists", "overwrite", cwd=tmp_path, env=where
            )
            check(ended, tmp_path)
    assert len(proxy.asked) >= 3
    assert not any(b"proxy" in repr(request).lower().encode() for request in served.requests)
