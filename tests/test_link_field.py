"""Mirrors and documents that a server names itself (RFC 6249), where that is asked for."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.errors import ChecksumMismatchError
from segdl.progress.events import Note
from support import data
from support.faults import Drip, always
from support.meta4 import MIB, Listed, meta4
from support.program import run_segdl
from support.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.connection import Connection
    from support.origin import Origin
    from support.request import Request

# Enough for a mirror to be tried before the end.
SIZE = 12 * MIB + 77
CONTENT = data.content(SIZE)
SLOW = always(Drip(64 * 1024, 0.1))
LENGTH = MIB


def digest(content: bytes = CONTENT) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def redirect(*fields: tuple[str, str]) -> Callable[[Request, Connection], bool]:
    def route(request: Request, connection: Connection) -> bool:
        connection.send(Reply(302, fields).head())
        return True

    return route


def duplicate(origin: Origin, more: str = "") -> str:
    return f"<{origin.url}>; rel=duplicate{more}"


def fetch(
    folder: Path, url: str, *, on: bool = True, **how: Any
) -> tuple[segdl.DownloadResult, list[str]]:
    notes: list[str] = []

    def listen(event: segdl.events.Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    transfer = segdl.TransferOptions(metalink_over_http=on)
    how = {"connections": 4, **how}
    result = segdl.download(url, folder / "f", transfer=transfer, on_event=listen, **how)
    return result, notes


@pytest.mark.parametrize("on", [True, False])
def test_mirrors_are_used_where_that_is_asked_for(
    origin: Callable[..., Origin], tmp_path: Path, on: bool
) -> None:
    other = origin(CONTENT, faults=SLOW)
    headers = (("Digest", digest()), ("Link", duplicate(other)))
    one = origin(CONTENT, faults=SLOW, headers=headers)
    result, notes = fetch(tmp_path, one.url, on=on)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert result.checksum == "sha256=" + hashlib.sha256(CONTENT).hexdigest()
    assert bool(other.requests) is on
    assert notes == []


def test_without_a_digest_they_are_not(origin: Callable[..., Origin], tmp_path: Path) -> None:
    other = origin(CONTENT, faults=SLOW)
    one = origin(CONTENT, faults=SLOW, headers=(("Link", duplicate(other)),))
    fetch(tmp_path, one.url)
    assert other.requests == []


def test_a_redirect_tells_them_too_and_its_digest_is_checked(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    # What a mirror names is not asked.
    third = origin(CONTENT)
    one.replace(CONTENT)
    one._headers += (("Link", duplicate(third)), ("Digest", digest()))
    front = origin(b"")

    def tell(content: bytes) -> None:
        links = f"{duplicate(one)}, {duplicate(other)}"
        fields = (("Location", one.url), ("Link", links), ("Digest", digest(content)))
        front.routes["/f"] = redirect(*fields)

    tell(CONTENT)
    fetch(tmp_path, front.server.url("/f"))
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert other.requests
    assert third.requests == []
    one._headers = one._headers[:1]
    tell(b"another")
    with pytest.raises(ChecksumMismatchError, match=r"as the Digest of 127\.0\.0\.1 says"):
        fetch(tmp_path / "again", front.server.url("/f"))


@pytest.mark.parametrize("on", [True, False])
def test_pieces_of_a_document_that_describes_it(
    origin: Callable[..., Origin], tmp_path: Path, on: bool
) -> None:
    # With one connection no mirror is tried before something is wrong.
    right = CONTENT[: 3 * MIB]
    wrong = bytearray(right)
    wrong[2 * MIB + 5] ^= 1
    good = origin(right)
    kind = 'rel="describedby"; type="application/metalink4+xml"'
    one = origin(bytes(wrong), headers=(("Link", f"</file.meta4>; {kind}"),))
    listed = Listed(content=right, urls=(good.url,), pieces="sha-256", length=LENGTH)
    other = Listed(content=b"", urls=(good.url,), name="another")
    # Of several files it is the one of this name.
    text = meta4(other, replace(listed, name="x/file.bin")).encode()

    def document(request: Request, connection: Connection) -> bool:
        connection.send(Reply(200, (), text).head() + text)
        return True

    one.routes["/file.meta4"] = document
    result, notes = fetch(tmp_path, one.url, on=on, connections=1)
    if on:
        assert (tmp_path / "f").read_bytes() == right
        assert result.fetched == len(right) + LENGTH
        assert notes[0] == "1 of 3 pieces was wrong: fetched again from 127.0.0.1"
    else:
        assert (tmp_path / "f").read_bytes() == wrong
        assert (good.requests, notes) == ([], [])


@pytest.mark.parametrize("text", [b"<a/>", b"x" * 17 * MIB, None], ids=["other", "large", "gone"])
def test_a_document_that_is_none_is_gone_without(
    origin: Callable[..., Origin], tmp_path: Path, text: bytes | None
) -> None:
    one = origin(CONTENT)
    kind = 'rel="describedby"; type="application/metalink4+xml"'
    one._headers += (("Link", f"</file.meta4>; {kind}"),)

    def document(request: Request, connection: Connection) -> bool:
        body = text or b""
        connection.send(Reply(404 if text is None else 200, (), body).head() + body)
        return True

    one.routes["/file.meta4"] = document
    _, notes = fetch(tmp_path, one.url)
    assert (tmp_path / "f").read_bytes() == CONTENT
    (note,) = notes
    assert note.startswith("going on without the document: ")


def test_a_document_of_another_size_or_place(origin: Callable[..., Origin], tmp_path: Path) -> None:
    far = origin(CONTENT)
    one = origin(CONTENT)
    text = meta4(Listed(content=b"12345", urls=(far.url,))).encode()
    asked: list[str] = []

    def document(request: Request, connection: Connection) -> bool:
        asked.append(request.path)
        connection.send(Reply(200, (), text).head() + text)
        return True

    one.routes["/file.meta4"] = far.routes["/file.meta4"] = document
    kind = 'rel="describedby"; type="application/metalink4+xml"'
    one._headers += (("Link", f"<{far.server.url('/file.meta4')}>; {kind}"),)
    assert fetch(tmp_path / "1", one.url)[1] == []
    assert (asked, far.requests) == ([], [])
    one._headers = (*one._headers[:-1], ("Link", f"</file.meta4>; {kind}"))
    _, (note,) = fetch(tmp_path / "2", one.url)
    assert f"it has {SIZE} bytes, not 5" in note
    assert (asked, far.requests) == (["/file.meta4"], [])


def test_secrets_stay_with_the_server(origin: Callable[..., Origin], tmp_path: Path) -> None:
    other = origin(CONTENT, faults=SLOW)
    headers = (("Digest", digest()), ("Link", duplicate(other)))
    one = origin(CONTENT, faults=SLOW, headers=headers)
    (tmp_path / "netrc").write_text("default login other password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    ended = run_segdl(
        *("--metalink-over-http", "-H", "X-Key: k", "--netrc", "--location-trusted"),
        *("-j", "4", "-o", "f", one.url),
        cwd=tmp_path,
        env={"NETRC": str(tmp_path / "netrc")},
    )
    assert ended.code == 0, ended.err
    assert all({"x-key", "authorization"} <= request.fields.keys() for request in one.requests)
    assert other.requests
    for request in other.requests:
        assert not {"x-key", "authorization"} & request.fields.keys()


def test_a_real_server(nginx: StartNginx, tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (root / "f.bin").write_bytes(CONTENT)
    mirror = nginx(root, server=["limit_rate 2m;"])
    server = nginx(
        root,
        server=[
            "limit_rate 2m;",
            f'add_header Link "<{mirror.url("f.bin")}>; rel=duplicate; pri=1";',
            f'add_header Digest "{digest()}";',
        ],
    )
    ended = run_segdl("--metalink-over-http", "-j", "2", server.url("f.bin"), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert any(record.sent > MIB for record in mirror.log(1))
