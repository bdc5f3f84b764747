"""A server that tells a CRC-32C and nothing else: checked, or said not to be; no proof."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import google_crc32c
import pytest

import segdl
from segdl.core.expected import Expected
from segdl.core.pieces import Pieces
from segdl.errors import ChecksumMismatchError, TargetExistsError
from segdl.progress.events import Note, Restarted
from segdl.store.state import load
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.program import run_segdl
from support.reply import Reply
from test_digest_beside import PLACES
from test_link_field import CONTENT as LARGE
from test_link_field import SLOW, duplicate
from test_link_field import fetch as fetch_linked
from test_stdout_stream import into

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.connection import Connection
    from support.origin import Origin
    from support.reply import Exchange
    from support.request import Request

CONTENT = data.content(1_300_000)
OTHER = data.content(1_300_000, 2)
HINT = "pip install 'segdl[crc32c]'"


def crc(content: bytes) -> str:
    return f"crc32c={google_crc32c.value(content):08x}"


def told(content: bytes) -> tuple[str, str]:
    value = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()
    return ("x-goog-hash", f"crc32c={value}")


def notes(fetched: Any) -> list[str]:
    return [note.text for note in fetched.told(Note)]


def no(request: Request, connection: Connection) -> bool:
    connection.send(Reply(404).head())
    return True


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)


@pytest.fixture
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which the program finds no such library."""
    folder = tmp_path_factory.mktemp("shadow")
    (folder / "google_crc32c.py").write_text("raise ImportError('none here')\n")
    return {"PYTHONPATH": str(folder)}


# -- without the library --


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("content", [CONTENT[:70_000], CONTENT])
def test_what_cannot_be_computed_is_named(origin: Any, tmp_path: Path, content: bytes) -> None:
    # It would be wrong, too.
    served = origin(content, headers=(told(OTHER),))
    fetched = fetch(served.url, tmp_path).is_whole(content)
    (note,) = notes(fetched)
    assert note.startswith("the server's x-goog-hash has nothing but a crc32c")
    assert HINT in note
    assert fetched.result is not None
    assert fetched.result.checksum is None
    (tmp_path / NAME).unlink()
    written, fetched = into(tmp_path, served.url)
    assert (written, fetched.error) == (content, None)
    assert notes(fetched) == [note]


@pytest.mark.usefixtures("no_library")
def test_nothing_is_said_where_it_would_not_be_checked_anyway(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, headers=(told(CONTENT),))
    wanted = f"md5={hashlib.md5(CONTENT).hexdigest()}"
    assert notes(fetch(served.url, tmp_path, checksum=wanted)) == []
    assert notes(fetch(served.url, tmp_path, span="0-", if_exists="overwrite")) == []
    # That no digest lies beside it is said, and does not promise the server's.
    served = origin(CONTENT, headers=(told(CONTENT),))
    served.routes.update(dict.fromkeys(PLACES, no))
    beside, unchecked = notes(fetch(served.url, tmp_path, checksum="auto", if_exists="overwrite"))
    assert beside.endswith(": not checked")
    assert HINT in unchecked


@pytest.mark.usefixtures("no_library")
def test_another_one_is_another_version_all_the_same(origin: Any, tmp_path: Path) -> None:
    changed = CONTENT[:700_000] + b"changed" + CONTENT[700_007:]
    served = origin(CONTENT, etag=None, last_modified=None)
    served.faults = f.always(Tells())
    served.replace_after(2, changed, None, None)
    fetched = fetch(served.url, tmp_path, connections=4).is_whole(changed)
    assert "its digest is another now" in fetched.told(Restarted)[0].reason


class Tells(f.Fault):
    """One for each of two versions; not by the library, which the test hides."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return reply.having(x_goog_hash=_FIELDS[exchange.version.content[700_000:700_007]])


_FIELDS = {
    CONTENT[700_000:700_007]: told(CONTENT)[1],
    b"changed": told(OTHER)[1],
}


def test_the_program_says_it_once_a_run(
    origin: Any, tmp_path: Path, without: dict[str, str]
) -> None:
    served = origin(CONTENT[:5000], headers=(told(CONTENT[:5000]),))
    urls = "\n".join(served.server.url(f"/{name}") for name in "abcdef").encode()
    ended = run_segdl("-i", "-", cwd=tmp_path, stdin=urls, env=without)
    assert ended.code == 0, ended.err
    assert len(list(tmp_path.iterdir())) == 6
    assert ended.err.count(HINT) == 1


def test_the_program_refuses_one_that_it_cannot_compute(
    origin: Any, tmp_path: Path, without: dict[str, str]
) -> None:
    served = origin(CONTENT)
    command = ("--checksum", crc(CONTENT), served.url)
    ended = run_segdl(*command, cwd=tmp_path, env=without)
    assert (ended.code, served.requests) == (2, [])
    assert HINT in ended.err
    text = f"{served.url}\n  checksum={crc(CONTENT)}\n".encode()
    ended = run_segdl("-i", "-", cwd=tmp_path, stdin=text, env=without)
    assert (ended.code, served.requests) == (2, [])
    assert HINT in ended.err
    ended = run_segdl("bench", *command, cwd=tmp_path, env=without)
    assert (ended.code, served.requests) == (2, [])
    # With it, it is one like the others.
    ended = run_segdl("--json", *command, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["checksum"] == crc(CONTENT)
    ended = run_segdl("--checksum", crc(OTHER), "-o", "x", served.url, cwd=tmp_path)
    assert ended.code == 5


# -- what it proves --


def test_it_does_not_prove_a_file_that_is_there(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, headers=(told(CONTENT),))
    (tmp_path / NAME).write_bytes(CONTENT)
    assert isinstance(fetch(served.url, tmp_path).error, TargetExistsError)
    # The user knows what to ask for.
    fetched = fetch(served.url, tmp_path, checksum=crc(CONTENT)).is_whole(CONTENT)
    assert fetched.result is not None
    assert (fetched.result.status, fetched.result.fetched) == ("skipped", 0)


def test_what_an_earlier_run_noted_is_understood_without_the_library(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = origin(CONTENT, headers=(told(CONTENT),))
    served.faults = lambda _, n: f.CutAfter(300_000) if n < 4 else f.Status(404)
    assert fetch(served.url, tmp_path, connections=2).error is not None
    state = load(tmp_path / f"{NAME}.segdl" / "state.json")
    assert state is not None
    assert state.version.digest is not None
    assert str(state.version.digest.checksum) == crc(CONTENT)
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    served.faults = None
    fetched = fetch(served.url, tmp_path, connections=2).is_whole(CONTENT)
    assert fetched.told(Restarted) == []
    assert fetched.result is not None
    assert fetched.result.fetched < len(CONTENT)


def test_mirrors_that_are_named_beside_it_are_not_believed(
    origin: Callable[..., Origin], tmp_path: Path
) -> None:
    mirror = origin(LARGE, faults=SLOW)
    fields = (("Link", duplicate(mirror)), told(LARGE))
    served = origin(LARGE, faults=SLOW, headers=fields)
    fetch_linked(tmp_path, served.url)
    assert mirror.requests == []


def test_wrong_pieces_are_looked_for_behind_it(origin: Any, tmp_path: Path) -> None:
    # A digest of the whole that the user gives spares that, unless it is as weak as this.
    served = origin(CONTENT)
    length = 1 << 19
    digests = [
        hashlib.sha256(CONTENT[at : at + length]).hexdigest()
        for at in range(0, len(CONTENT), length)
    ]
    digests[1] = "0" * 64
    request = segdl.Request(
        url=served.url,
        directory=tmp_path,
        checksum=segdl.parse_checksum(crc(CONTENT)),
        expected=Expected(pieces=Pieces("sha256", length, tuple(digests))),
    )
    (outcome,) = segdl.download_many([request])
    assert isinstance(outcome, segdl.Failure)
    assert isinstance(outcome.error, ChecksumMismatchError)
