"""Digests that a server tells in its answers: right, wrong, of something else, changing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c
import pytest

import segdl
from segdl.core.spans import Span, gaps
from segdl.errors import ChecksumMismatchError, RemoteChangedError
from segdl.progress.events import Note, Restarted
from segdl.store.state import load
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.program import run_segdl, start_segdl
from test_moment_kill import parts, until
from test_stdout_stream import into

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import StartNginx
    from support.reply import Exchange, Reply

MIB = 1024 * 1024
SIZE = 3 * MIB + 321
CONTENT = data.content(SIZE)
OTHER = data.content(SIZE, 2)
SMALL = CONTENT[:70_000]


def digest(algorithm: str, content: bytes) -> bytes:
    if algorithm == "crc32c":
        return struct.pack(">L", google_crc32c.value(content))
    return hashlib.new(algorithm, content).digest()


def b64(algorithm: str, content: bytes) -> str:
    return base64.b64encode(digest(algorithm, content)).decode()


# How to write a field of some bytes.
FIELDS: dict[str, tuple[str, Callable[[bytes], str], str]] = {
    "repr": ("Repr-Digest", lambda c: f"sha-256=:{b64('sha256', c)}:", "sha256"),
    "repr-512": (
        "Repr-Digest",
        lambda c: f"sha-256=:{b64('sha256', c)}:, sha-512=:{b64('sha512', c)}:",
        "sha512",
    ),
    "digest": ("Digest", lambda c: f"unixsum=1,SHA-256={b64('sha256', c)}", "sha256"),
    "digest-md5": ("Digest", lambda c: f"MD5={b64('md5', c)}", "md5"),
    "digest-sha": ("Digest", lambda c: f"SHA={b64('sha1', c)}", "sha1"),
    "goog": ("X-Goog-Hash", lambda c: f"crc32c=AAAAAA==,md5={b64('md5', c)}", "md5"),
    "goog-crc": ("X-Goog-Hash", lambda c: f"crc32c={b64('crc32c', c)}", "crc32c"),
    "content": ("Content-Digest", lambda c: f"sha-256=:{b64('sha256', c)}:", "sha256"),
    "md5": ("Content-MD5", lambda c: b64("md5", c), "md5"),
}
OF_THE_FILE = ["repr", "repr-512", "digest", "digest-md5", "digest-sha", "goog", "goog-crc"]
OF_THE_ANSWER = ["content", "md5"]


@dataclass(frozen=True)
class Tells(f.Fault):
    """A field with a digest: of `content`, else of the file, or of each answer's bytes."""

    how: str
    content: bytes | None = None
    of_answer: bool = False

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        if reply.status not in {200, 206}:
            return reply
        content = exchange.version.content if self.content is None else self.content
        name, write, _ = FIELDS[self.how]
        value = write(bytes(reply.body) if self.of_answer else content)
        return reply.having(**{name.replace("-", "_"): value})


def notes(fetched: Any) -> str:
    return "\n".join(note.text for note in fetched.told(Note))


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("how", OF_THE_FILE)
def test_right(origin: Any, tmp_path: Path, how: str, connections: int) -> None:
    served = origin(CONTENT, faults=f.always(Tells(how)))
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(CONTENT)
    algorithm = FIELDS[how][2]
    assert fetched.result is not None
    assert fetched.result.checksum == f"{algorithm}={digest(algorithm, CONTENT).hex()}"
    assert not fetched.told(Restarted)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("how", [*OF_THE_FILE, *OF_THE_ANSWER])
def test_wrong_in_one_answer(origin: Any, tmp_path: Path, how: str, ranges: bool) -> None:
    every = [Tells(how, SMALL[:-1]), *([] if ranges else [f.IgnoreRange()])]
    served = origin(SMALL, faults=f.always(*every))
    error = fetch(served.url, tmp_path).failed(ChecksumMismatchError)
    name, _, algorithm = FIELDS[how]
    assert error.exit_code == 5
    assert f"as the server's {name.replace('X-Goog-Hash', 'x-goog-hash')} says" in error.message
    assert digest(algorithm, SMALL).hex() in error.message
    assert digest(algorithm, SMALL[:-1]).hex() in error.message
    assert "--fresh" in error.hint


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("how", OF_THE_FILE)
def test_wrong_in_all_answers(origin: Any, tmp_path: Path, how: str, connections: int) -> None:
    served = origin(CONTENT, faults=f.always(Tells(how, OTHER)))
    fetch(served.url, tmp_path, connections=connections).failed(ChecksumMismatchError)
    assert (tmp_path / f"{NAME}.segdl" / "0.part").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("how", [*OF_THE_FILE, *OF_THE_ANSWER])
def test_tiny_files(origin: Any, tmp_path: Path, how: str, size: int) -> None:
    served = origin(CONTENT[:size], faults=f.always(Tells(how)))
    fetch(served.url, tmp_path).is_whole(CONTENT[:size])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sha-256",
        "sha-256=::",
        "sha-256=:AAAA:",
        "\xff\xfe",
        "sha-256=" + "A" * 2000,
        "a=(" * 99,
    ],
)
@pytest.mark.parametrize("name", ["Repr-Digest", "Digest", "Content-MD5", "x-goog-hash"])
def test_malformed(origin: Any, tmp_path: Path, name: str, value: str) -> None:
    served = origin(CONTENT, headers=((name, value),))
    fetched = fetch(served.url, tmp_path).is_whole(CONTENT)
    assert fetched.result is not None
    assert fetched.result.checksum is None


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("how", OF_THE_ANSWER)
def test_of_a_part_and_said_to_be_of_a_part(
    origin: Any, tmp_path: Path, how: str, connections: int
) -> None:
    served = origin(CONTENT, faults=f.always(Tells(how, of_answer=True)))
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(CONTENT)
    assert fetched.told(Restarted) == []
    assert fetched.result is not None
    # One connection asks for all of it, so the first answer is the file.
    assert bool(fetched.result.checksum) is (connections == 1)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("how", OF_THE_FILE)
def test_of_a_part_and_said_to_be_of_the_file(
    origin: Any, tmp_path: Path, how: str, connections: int
) -> None:
    def faults(request: object, number: int) -> Any:
        cut = [f.CutAfter(200_000)] if number < 4 else []
        return [Tells(how, of_answer=True), *cut]

    served = origin(CONTENT, faults=faults)
    fetched = fetch(served.url, tmp_path, connections=connections).is_whole(CONTENT)
    assert "digests are of each answer" in notes(fetched)
    # Nothing that came before it was found out is thrown away.
    assert fetched.told(Restarted) == []
    assert fetched.result is not None
    assert fetched.result.checksum is None


@pytest.mark.parametrize("connections", [1, 4])
def test_a_resume_where_digests_are_of_each_answer(
    origin: Any, tmp_path: Path, connections: int
) -> None:
    tells = Tells("digest", of_answer=True)
    served = origin(CONTENT)
    served.faults = lambda _, n: [tells, f.CutAfter(300_000)] if n < 12 else f.Status(404)
    assert fetch(served.url, tmp_path, connections=4).error is not None
    work = tmp_path / f"{NAME}.segdl"
    state = load(work / "state.json")
    assert state is not None
    assert state.version.digest is None
    sizes = {int(part.stem): part.stat().st_size for part in work.glob("*.part")}
    missing = gaps(Span(0, SIZE), [Span(at, at + size) for at, size in sizes.items()])
    served.faults = f.always(tells)
    # Requests of the first run may come in late: the second one's say whose they are.
    mine = {"headers": (("X-Run", "2"),)}
    fetched = fetch(served.url, tmp_path, connections=connections, network=mine).is_whole(CONTENT)
    assert fetched.told(Restarted) == []
    assert notes(fetched).count("digests are of each answer") == 1
    asked = [request.range for request in served.requests if "x-run" in request.fields]
    # One to begin with, two and one to find out what the digests are of, one in the end.
    assert asked.count((0, 0)) == 5
    # How many go for the bytes depends, with several, on who helps whom and when.
    if connections == 1:
        assert len(asked) - 5 == 1 + len(missing)


VALIDATORS = [{"etag": '"v"'}, {"etag": None}, {"etag": None, "last_modified": None}]


@pytest.mark.parametrize("validators", VALIDATORS, ids=repr)
@pytest.mark.parametrize("how", OF_THE_FILE)
def test_another_digest_is_another_version(
    origin: Any, tmp_path: Path, how: str, validators: dict[str, Any]
) -> None:
    # The validators stay what they were, and so do the bytes at every seam.
    middle = SIZE // 2 + 100_000
    changed = CONTENT[:middle] + b"changed" + CONTENT[middle + 7 :]
    served = origin(CONTENT, faults=f.always(Tells(how)), **validators)
    served.replace_after(3, changed, **validators)
    fetched = fetch(served.url, tmp_path, connections=4).is_whole(changed)
    assert "its digest is another now" in fetched.told(Restarted)[0].reason


def test_another_digest_on_the_second_run(origin: Any, tmp_path: Path) -> None:
    changed = CONTENT[:-5] + b"other"
    served = origin(CONTENT)
    tells = Tells("repr")
    served.faults = lambda _, n: [tells, f.CutAfter(300_000)] if n < 8 else f.Status(404)
    assert fetch(served.url, tmp_path, connections=4).error is not None
    served.replace(changed, '"v1"')
    served.faults = f.always(tells)
    fetched = fetch(served.url, tmp_path, connections=4).is_whole(changed)
    assert [event.reason for event in fetched.told(Restarted)] == [
        "the remote file changed since the last run"
    ]


def test_a_file_of_one_byte_that_is_replaced(origin: Any, tmp_path: Path) -> None:
    served = origin(b"x", faults=f.always(Tells("repr")))
    served.replace_after(1, b"y", '"v1"')
    # It is looked at first, then fetched: an earlier run left something.
    (tmp_path / f"{NAME}.segdl").mkdir()
    fetched = fetch(served.url, tmp_path).is_whole(b"y")
    # That answer's digest is of one byte, and of the file all the same.
    assert fetched.result is not None
    assert fetched.result.checksum == f"sha256={hashlib.sha256(b'y').hexdigest()}"


def test_a_digest_that_never_stays_the_same(origin: Any, tmp_path: Path) -> None:
    def faults(request: object, number: int) -> f.Fault:
        return Tells("repr", bytes([number]))

    fetch(origin(CONTENT, faults=faults).url, tmp_path).failed(RemoteChangedError, parts=False)


def test_what_the_user_says_and_what_the_server_says_must_both_hold(
    origin: Any, tmp_path: Path
) -> None:
    def failing(given: bytes, told: bytes) -> str:
        served = origin(CONTENT, faults=f.always(Tells("digest-md5", told)))
        wanted = f"sha256={hashlib.sha256(given).hexdigest()}"
        fetched = fetch(served.url, tmp_path, checksum=wanted, fresh=True)
        return fetched.failed(ChecksumMismatchError).message

    assert "as the server's Digest says" in failing(CONTENT, OTHER)
    assert not failing(OTHER, CONTENT).endswith("says")
    assert not failing(OTHER, OTHER).endswith("says")
    served = origin(CONTENT, faults=f.always(Tells("digest-md5")))
    wanted = f"sha256={hashlib.sha256(CONTENT).hexdigest()}"
    fetched = fetch(served.url, tmp_path, checksum=wanted, fresh=True).is_whole(CONTENT)
    assert fetched.result is not None
    assert fetched.result.checksum == wanted


@pytest.mark.parametrize("span", ["0-", "5-99", f"0-{SIZE - 1}"])
def test_a_range_goes_without_them(origin: Any, tmp_path: Path, span: str) -> None:
    served = origin(CONTENT, faults=f.always(Tells("repr", OTHER)))
    fetched = fetch(served.url, tmp_path, span=span)
    assert fetched.result is not None, fetched.error
    assert fetched.result.checksum is None


def test_the_bytes_of_an_encoding_that_is_the_file(origin: Any, tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    headers = (("Content-Encoding", "gzip"), ("x-goog-stored-content-encoding", "gzip"))
    for how in OF_THE_FILE:
        served = origin(packed, path="/x.gz", headers=headers, faults=f.always(Tells(how)))
        fetched = fetch(served.url, tmp_path, fresh=True, if_exists="overwrite").is_whole(packed)
        assert fetched.result is not None
        assert fetched.result.checksum is not None


def test_a_stored_object_that_was_unpacked(origin: Any, tmp_path: Path) -> None:
    headers = (("x-goog-stored-content-encoding", "gzip"),)
    tells = Tells("goog", gzip.compress(CONTENT))
    fetch(origin(CONTENT, headers=headers, faults=f.always(tells)).url, tmp_path).is_whole(CONTENT)


# -- standard output --


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("how", ["repr", "digest-md5", "goog-crc"])
def test_a_stream(origin: Any, tmp_path: Path, how: str, ranges: bool) -> None:
    more = [] if ranges else [f.IgnoreRange()]
    served = origin(CONTENT, faults=f.always(Tells(how), *more))
    written, fetched = into(tmp_path, served.url, connections=4)
    assert written == CONTENT
    assert fetched.result.checksum.startswith(FIELDS[how][2])
    served.faults = f.always(Tells(how, OTHER), *more)
    _, fetched = into(tmp_path, served.url, connections=4)
    message = fetched.failed(ChecksumMismatchError, parts=False).message
    assert message.startswith("standard output: ")
    assert FIELDS[how][0].lower() in message.lower()


def test_a_stream_where_digests_are_of_each_answer(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(Tells("digest", of_answer=True)))
    written, fetched = into(tmp_path, served.url, connections=4)
    assert (written, fetched.error) == (CONTENT, None)
    assert "digests are of each answer" in notes(fetched)
    assert fetched.result.checksum is None


# -- what is there already --


@pytest.mark.parametrize("right", [True, False])
def test_a_digest_proves_a_file(origin: Any, tmp_path: Path, right: bool) -> None:
    served = origin(CONTENT, faults=f.always(Tells("repr")))
    (tmp_path / NAME).write_bytes(CONTENT if right else OTHER)
    fetched = fetch(served.url, tmp_path)
    if right:
        assert fetched.result is not None
        assert (fetched.result.status, fetched.result.fetched) == ("skipped", 0)
    else:
        assert fetched.error is not None
        assert fetched.error.exit_code == 6
        assert (tmp_path / NAME).read_bytes() == OTHER


# -- the program --


def test_info_shows_those_of_the_whole_file(origin: Any, tmp_path: Path) -> None:
    faults = [Tells("repr"), Tells("md5", of_answer=True), Tells("content", of_answer=True)]
    served = origin(CONTENT, faults=f.always(*faults))
    told = json.loads(run_segdl("info", "--json", served.url).out)
    assert told["digests"] == {"Repr-Digest": FIELDS["repr"][1](CONTENT)}
    assert "Repr-Digest: sha-256=:" in run_segdl("info", served.url).out
    # The answer to a request for its one byte brings all of this file.
    served = origin(b"x", faults=f.always(*faults))
    told = json.loads(run_segdl("info", "--json", served.url).out)
    assert set(told["digests"]) == {"Repr-Digest", "Content-Digest", "Content-MD5"}


def test_killed_and_resumed(nginx: StartNginx, tmp_path: Path) -> None:
    site, here = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    here.mkdir()
    (site / "f.bin").write_bytes(CONTENT)
    field = FIELDS["repr"][1](CONTENT)
    server = nginx(site, server=["limit_rate 400k;", f"add_header Repr-Digest '{field}' always;"])
    command = ("-q", "-j", "4", "--json", server.url("f.bin"))
    work = here / "f.bin.segdl"

    def killed_at(least: int) -> None:
        with start_segdl(*command, cwd=here) as program:
            assert until(program, lambda: sum(parts(work).values()) >= least)
            program.kill()
            program.wait()

    for least in (SIZE // 4, SIZE // 2, SIZE * 3 // 4):
        killed_at(least)
    ended = run_segdl(*command, cwd=here)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["checksum"] == f"sha256={hashlib.sha256(CONTENT).hexdigest()}"
    assert (here / "f.bin").read_bytes() == CONTENT
    assert os.listdir(here) == ["f.bin"]
    # A disk that spoils what it keeps is found out.
    (here / "f.bin").unlink()
    killed_at(SIZE // 2)
    with (work / "0.part").open("r+b") as part:
        part.write(bytes([CONTENT[0] ^ 1]))
    ended = run_segdl(*command, cwd=here)
    assert ended.code == 5
    assert "as the server's Repr-Digest says" in ended.err
    assert os.listdir(here) == ["f.bin.segdl"]


def test_the_api(origin: Any, tmp_path: Path) -> None:
    served = origin(CONTENT, faults=f.always(Tells("repr")))
    result = segdl.download(served.url, tmp_path)
    assert result.checksum == f"sha256={hashlib.sha256(CONTENT).hexdigest()}"
    assert dict(segdl.info(served.url).digests) == {"Repr-Digest": FIELDS["repr"][1](CONTENT)}
