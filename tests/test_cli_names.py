"""Hostile names and texts, from the wire to the folder and the terminal."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from segdl.core.names import choose_name, safe_name
from support.program import run_segdl
from support.terminal import in_pty

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.origin import Origin
    from support.request import Request

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
# What rich and its cursor need; nothing else may begin with ESC.
RICH = re.compile(rb"\x1b\[(?:\?25[lh]|[0-9;]*m|\d*[ABCDGJK])")

DISPOSITIONS = [
    b'attachment; filename="../../etc/passwd"',
    b'attachment; filename="/etc/cron.d/x"',
    b'attachment; filename="..\\..\\x.exe"',
    b'attachment; filename="a\x1b[2Jb\x9b31m.txt"',
    b"attachment; filename*=UTF-8''a%0A%1B%5B2J%2F..%2Fb.txt",
    b"attachment; filename*=UTF-8''%2e%2e%2f%2e%2e%2fx",
    b'attachment; filename="..."',
    b'attachment; filename=".."',
    b'attachment; filename=".bashrc"',
    b'attachment; filename="' + b"n" * 300 + b'.iso"',
    'attachment; filename="fdp.\u202eexe"'.encode(),
    b"attachment; filename*=UTF-8''fdp.%E2%80%AEexe",
    b'attachment; filename="\xff\xfe.bin"',
    b"attachment; filename*=UTF-8''%FF%FE.bin",
    b'attachment; filename="a%2F..%2Fb"',
    b'attachment; filename="x.segdl/lock"',
    b'attachment; filename=""',
    b'attachment; filename="   "',
    b'attachment; filename="\x00x"',
    b"attachment" + b"; a=b" * 3000,
]
PATHS = [
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e",
    "/.bashrc",
    "/%1b%5b2Jx",
    "/a%0ab",
    "/a%00b",
    "/" + "n" * 300 + ".iso",
    "/%E2%80%AEexe.fdp",
    "/%FF%FE",
    "/..%5c..%5cx",
    "/caf%C3%A9.txt",
    "/",
]


def plain(text: str) -> bool:
    return not any(
        unicodedata.category(character) in {"Cc", "Cs"} or character in "\u202e\u2066"
        for character in text
    )


def test_names_from_the_wire(origin: Callable[..., Origin], tmp_path: Path) -> None:
    served = origin(b"x")
    urls = []
    for number, disposition in enumerate(DISPOSITIONS):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: %s\r\n\r\nx"

        def answer(
            request: Request, connection: Connection, text: bytes = head % disposition
        ) -> None:
            connection.send(text)

        served.routes[f"/d{number}"] = answer
        urls.append(served.server.url(f"/d{number}"))
    urls += [served.server.url(path) for path in PATHS]
    place = tmp_path / "deep" / "place"
    ended = run_segdl(
        *("--max-files", "1", "--if-exists", "rename", "--progress", "none"),
        *("-d", str(place), "--retries", "1"),
        *urls,
        cwd=tmp_path,
    )
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in made} == {place.relative_to(tmp_path)}
    assert len(made) + ended.err.count("\n") == len(urls)
    # Nobody can be expected to read a NUL in a header or 15,000 characters of one.
    assert ended.err.count("\n") <= 2, ended.err
    for path in made:
        assert plain(path.name), repr(path.name)
        assert not path.name.startswith(".")
        assert len(os.fsencode(path.name)) <= 255
    names = {path.name for path in made}
    assert {"passwd", "x.exe", "bashrc", "n" * 251 + ".iso", "caf\u00e9.txt", "download"} <= names
    assert plain(ended.out.replace("\n", ""))
    assert plain(ended.err.replace("\n", ""))


def test_windows_names() -> None:
    for name in ("CON", "con.txt", "NUL", "COM1.bin", "a:b", "a<b>", "x. ", 'q"|?*'):
        safe = safe_name(name, windows=True)
        assert safe != name
        assert not set('<>:"|?*') & set(safe)
        assert not safe.endswith((".", " "))
        assert safe.partition(".")[0].upper() not in {"CON", "NUL", "COM1"}
    assert choose_name("attachment; filename=CON", "/", "/") == "CON"


def lines_of(error: int) -> Callable[[Request, Connection], None]:
    evil = ESCAPE.encode("utf-8")

    def answer(request: Request, connection: Connection) -> None:
        status = {0: b"200 OK", 1: b"404 No", 2: b"503 No", 3: b"302 Go", 4: b"206 OK"}[error]
        connection.send(
            b"HTTP/1.1 "
            + status
            + evil
            + b'\r\nContent-Length: 1\r\nETag: "a'
            + evil
            + b'"\r\nLast-Modified: '
            + evil
            + b"\r\nContent-Type: text/"
            + evil
            + b"\r\nLocation: ftp://h/"
            + evil
            + b"\r\nRetry-After: "
            + evil
            + b"\r\nContent-Range: bytes 0-0/1"
            + (evil if error == 4 else b"")
            + b"\r\nContent-Encoding: "
            + (b"identity" if error != 0 else b"x" + evil)
            + b"\r\nRepr-Digest: "
            + evil
            + b'\r\nContent-Disposition: attachment; filename="'
            + evil
            + b'.txt"\r\n'
            + evil
            + b": "
            + evil
            + b"\r\n\r\nx"
        )

    return answer


def garbage(request: Request, connection: Connection) -> None:
    connection.send(b"HTTP/1.1 " + ESCAPE.encode() + b"\r\n" + ESCAPE.encode() * 5 + b"\r\n\r\n")
    connection.close()


@pytest.mark.parametrize("output", [("--progress", "none"), ("--progress", "json", "--json"), ()])
def test_no_text_of_a_server_steers_a_terminal(
    origin: Callable[..., Origin], tmp_path: Path, output: tuple[str, ...]
) -> None:
    served = origin(b"x", etag=f'"{ESCAPE}"'.encode().decode("latin-1"))
    for error in range(5):
        served.routes[f"/{error}"] = lines_of(error)
    served.routes["/5"] = garbage
    urls = [served.server.url(f"/{number}") for number in range(7)]
    urls.append(served.server.url("/%1b%5b2J%c2%9b31m"))
    ended = run_segdl("-v", "--retries", "1", *output, *urls, cwd=tmp_path)
    assert ended.code != 0
    for text in (ended.stdout, ended.stderr):
        assert plain(text.decode().replace("\n", "")), text
    if not output:
        for url in urls:
            ended = run_segdl("info", "-v", "--retries", "1", url, cwd=tmp_path)
            assert plain((ended.out + ended.err).replace("\n", "")), ended
        drawn = in_pty(["-v", "--retries", "1", "-d", "p", *urls], cwd=tmp_path)
        left = RICH.sub(b"", drawn)
        assert b"\x1b" not in left, left
        assert plain(left.decode().replace("\r", "").replace("\n", "")), left
