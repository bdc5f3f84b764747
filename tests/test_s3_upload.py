"""Files that go into a real bucket: whole, or not at all, whatever happens on the way."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.core.checksum import parse_checksum
from segdl.core.multipart import etag_of
from segdl.engine.aftermath import LiedError
from segdl.errors import (
    CancelledError,
    ChecksumMismatchError,
    IntegrityError,
    NetworkError,
    ServerError,
    TargetExistsError,
)
from segdl.progress.events import Note, Progress, Restarted, Started
from segdl.s3 import assemble
from support import data
from support.buckets import ENVIRONMENT, PART, Asked, Front, Told
from support.faults import sequence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segdl.progress.events import Event
    from support.buckets import Bucket
    from support.faults import Fault
    from support.origin import Origin
    from support.request import Request

BIG = data.content(3 * PART + 17)
SHA = f"sha256={hashlib.sha256(BIG).hexdigest()}"


@pytest.fixture
def bucket(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return bucket


def stop_at(count: int, cancel: threading.Event) -> Callable[[Event], None]:
    """Set an event once so many bytes are on their way."""

    def on(event: Event) -> None:
        if isinstance(event, Progress) and event.done >= count:
            cancel.set()

    return on


def begun(bucket: Bucket, url: str, key: str, **how: Any) -> dict[int, str]:
    """Have an upload broken off when a part or two are whole; return them."""
    cancel = threading.Event()
    with pytest.raises(CancelledError):
        bucket.send(
            url,
            cancel=cancel,
            on=stop_at(PART + PART // 4, cancel),
            connections=1,
            network={"limit_rate": "2M"},
            **how,
        )
    parts = bucket.parts(key)
    assert parts
    return parts


def etag(content: bytes) -> str:
    parts = [content[at : at + PART] for at in range(0, len(content), PART)]
    return etag_of(hashlib.md5(part).hexdigest() for part in parts)


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, len(BIG)])
def test_a_file_of_any_size_arrives_whole(
    bucket: Bucket, origin: Callable[..., Origin], size: int
) -> None:
    content = BIG[:size]
    result = bucket.send(origin(content).url, "a/b")
    assert bucket.read("a/b/file.bin") == content
    assert bucket.listed() == ["a/b/file.bin"]
    assert (result.size, result.place) == (size, bucket.url("a/b/file.bin"))
    assert result.path is None
    assert size <= PART or bucket.etag("a/b/file.bin") == etag(content)


def test_what_the_server_says_is_kept_with_the_object_and_known_again(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG)
    bucket.send(server.url)
    asked = len(server.requests)
    assert bucket.send(server.url).status == "skipped"
    assert len(server.requests) == asked + 1
    server.replace(BIG[::-1], etag='"v2"')
    with pytest.raises(TargetExistsError):
        bucket.send(server.url)
    assert bucket.send(server.url, if_exists="skip").status == "skipped"
    assert bucket.read("file.bin") == BIG
    bucket.send(server.url, if_exists="overwrite")
    assert bucket.read("file.bin") == BIG[::-1]


@pytest.mark.parametrize("content", [BIG, b"small"])
def test_an_object_of_another_url_is_not_taken_for_the_one_asked_for(
    bucket: Bucket, origin: Callable[..., Origin], content: bytes
) -> None:
    one, other = origin(content), origin(content[::-1])
    bucket.send(one.url)
    with pytest.raises(TargetExistsError):
        bucket.send(other.url)
    assert bucket.read("file.bin") == content


@pytest.mark.parametrize("checksum", [None, SHA])
def test_an_upload_goes_on_from_the_parts_that_are_there(
    bucket: Bucket, origin: Callable[..., Origin], checksum: str | None
) -> None:
    server = origin(BIG)
    wanted: dict[str, Any] = {} if checksum is None else {"checksum": parse_checksum(checksum)}
    parts = begun(bucket, server.url, "file.bin", **wanted)
    before = bucket.uploads("file.bin")
    bucket.events.clear()
    with Front(bucket.server, lambda _: None) as front:
        bucket.endpoint = front.endpoint
        result = bucket.send(server.url, **wanted)
    sent = {asked.part for asked in front.asked if asked.method == "PUT" and asked.part}
    assert sent.isdisjoint(parts)
    assert [asked.query["uploadId"] for asked in front.asked if asked.completes] == before
    assert bucket.read("file.bin") == BIG
    assert bucket.listed() == ["file.bin"]
    assert not bucket.uploads("file.bin")
    (started,) = [event for event in bucket.events if isinstance(event, Started)]
    # A SHA-256 cannot be put together from those of parts: they are read once more.
    assert started.held == (0 if checksum else len(parts) * PART)
    assert result.checksum == checksum


def test_a_wrong_digest_leaves_nothing_under_the_name(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    wrong = parse_checksum("sha256=" + "0" * 64)
    for content in (BIG, b"small"):
        server = origin(content)
        with pytest.raises(ChecksumMismatchError) as failed:
            bucket.send(server.url, checksum=wrong)
        kept = "its parts are kept" in failed.value.hint
        assert bucket.listed() == (["file.bin.segdl"] if kept else [])
        assert len(bucket.uploads("file.bin")) == kept == (content is BIG)
        digest = hashlib.sha256(content).hexdigest()
        assert bucket.send(server.url, checksum=parse_checksum(f"sha256={digest}")).checksum
        bucket.client.delete_object(Bucket=bucket.name, Key="file.bin")


def test_parts_of_another_version_are_never_mixed(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG)
    begun(bucket, server.url, "file.bin")
    (before,) = bucket.uploads("file.bin")
    other = BIG[::-1]
    server.replace(other, etag='"v2"')
    bucket.send(server.url)
    assert any(isinstance(event, Restarted) for event in bucket.events)
    assert bucket.read("file.bin") == other
    assert not bucket.uploads("file.bin")
    assert before


def test_a_file_that_changes_in_the_middle_arrives_in_one_version(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server, other = origin(BIG), BIG[::-1]
    changed = threading.Event()

    def on(event: Event) -> None:
        if isinstance(event, Progress) and event.done >= PART and not changed.is_set():
            changed.set()
            server.replace(other, etag='"v2"')

    bucket.send(server.url, on=on, connections=2, network={"limit_rate": "3M"})
    assert changed.is_set()
    assert bucket.read("file.bin") == other


def test_fresh_aborts_what_it_throws_away(bucket: Bucket, origin: Callable[..., Origin]) -> None:
    server = origin(BIG)
    begun(bucket, server.url, "file.bin")
    (before,) = bucket.uploads("file.bin")
    with Front(bucket.server, lambda _: None) as front:
        bucket.endpoint = front.endpoint
        bucket.send(server.url, fresh=True)
    aborted = [
        asked.query["uploadId"]
        for asked in front.asked
        if asked.method == "DELETE" and "uploadId" in asked.query
    ]
    assert aborted == [before]
    assert len([asked for asked in front.asked if asked.part]) == 4
    assert bucket.read("file.bin") == BIG


def test_fresh_aborts_what_is_too_small_for_parts_now(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    begun(bucket, origin(BIG).url, "file.bin")
    bucket.send(origin(b"few").url, fresh=True)
    assert bucket.listed() == ["file.bin"]
    assert bucket.uploads("file.bin") == []


def test_parts_of_a_file_without_validators_are_not_gone_on_with(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG, etag=None, last_modified=None)
    begun(bucket, server.url, "file.bin")
    other = BIG[::-1]
    server.replace(other, etag=None, last_modified=None)
    bucket.send(server.url)
    assert bucket.read("file.bin") == other


@pytest.mark.parametrize("sized", [True, False])
def test_a_server_without_ranges(
    bucket: Bucket, origin: Callable[..., Origin], sized: bool
) -> None:
    from support.faults import Chunked, IgnoreRange, always

    faults = always(IgnoreRange()) if sized else always(IgnoreRange(), Chunked())
    for content in (BIG, b"", b"few"):
        server = origin(content, faults=faults)
        bucket.send(
            server.url,
            if_exists="overwrite",
            checksum=parse_checksum(f"sha256={hashlib.sha256(content).hexdigest()}"),
        )
        assert bucket.read("file.bin") == content
        assert not bucket.uploads("file.bin")


@pytest.mark.parametrize("breaks_at", [PART // 2, 2 * PART + 5])
def test_a_file_in_one_piece_that_breaks_off_is_hashed_anew(
    bucket: Bucket, origin: Callable[..., Origin], breaks_at: int
) -> None:
    from support.faults import CutAfter, IgnoreRange

    def faults(request: Request, number: int) -> list[Fault]:
        return [IgnoreRange(), CutAfter(breaks_at)] if number < 2 else [IgnoreRange()]

    server = origin(BIG, faults=faults)
    assert bucket.send(server.url, checksum=parse_checksum(SHA)).checksum == SHA
    assert bucket.read("file.bin") == BIG
    assert len([each for each in server.requests if each.range is None]) <= 3


def test_the_end_of_a_file_of_unknown_length_can_be_interrupted(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    from support.faults import Chunked, IgnoreRange, always

    cancel, over = threading.Event(), threading.Event()

    def faults(asked: Asked) -> Told | None:
        if asked.part is None:
            return None
        cancel.set()
        over.wait()
        return Told(0)

    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        server = origin(b"few", faults=always(IgnoreRange(), Chunked()))
        try:
            with pytest.raises(CancelledError):
                bucket.send(server.url, cancel=cancel, network={"stall_timeout": 60.0})
            # None waits on behind the error for what the store says.
            deadline = time.monotonic() + 10
            while any(each.name.startswith("segdl-fetch") for each in threading.enumerate()):
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            over.set()


@pytest.mark.parametrize(
    "told",
    [
        Told(503, "SlowDown", (("Retry-After", "0"),)),
        Told(0),
        Told(200, etag='"00000000000000000000000000000000"'),
    ],
)
def test_the_end_of_a_file_of_unknown_length_is_sent_again(
    bucket: Bucket, origin: Callable[..., Origin], told: Told
) -> None:
    from support.faults import Chunked, IgnoreRange, always

    content = BIG[: PART + 17]
    left = [told]

    def faults(asked: Asked) -> Told | None:
        return left.pop() if asked.part and left else None

    sha = f"sha256={hashlib.sha256(content).hexdigest()}"
    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        server = origin(content, faults=always(IgnoreRange(), Chunked()))
        assert bucket.send(server.url, checksum=parse_checksum(sha)).checksum == sha
    assert not left
    assert bucket.read("file.bin") == content
    # What was collected is here still: only the store is asked again.
    assert [asked.part for asked in front.asked if asked.part] == [1, 1]


def test_the_end_of_a_file_of_unknown_length_waits_as_long_as_the_store_asks(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    from support.faults import Chunked, IgnoreRange, always

    came: list[float] = []

    def faults(asked: Asked) -> Told | None:
        if asked.part is None:
            return None
        came.append(time.monotonic())
        return Told(503, "SlowDown", (("Retry-After", "1"),)) if len(came) == 1 else None

    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        bucket.send(origin(b"few", faults=always(IgnoreRange(), Chunked())).url)
    first, second = came
    # A busy machine makes it more, never less.
    assert second - first >= 1
    assert bucket.read("file.bin") == b"few"


@pytest.mark.parametrize(
    "told",
    [
        Told(503, "SlowDown", (("Retry-After", "0"),)),
        Told(503, "SlowDown", early=True),
        Told(500, "InternalError"),
        Told(403, "ExpiredToken"),
        Told(0),
        Told(0, early=True),
        Told(0, after=True),
        Told(200, etag='"00000000000000000000000000000000"'),
    ],
)
def test_a_part_that_the_store_does_not_take_is_sent_again(
    bucket: Bucket, origin: Callable[..., Origin], told: Told
) -> None:
    left = [2]

    def faults(asked: Asked) -> Told | None:
        if asked.part == 2 and left[0]:
            left[0] -= 1
            return told
        return None

    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        bucket.send(origin(BIG).url, checksum=parse_checksum(SHA))
    assert not left[0]
    assert bucket.read("file.bin") == BIG


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(503, "SlowDown", (("Retry-After", "0"),)), ServerError),
        (Told(403, "AccessDenied"), ServerError),
        (Told(404, "NoSuchUpload"), ServerError),
        (Told(0), NetworkError),
        (Told(200, etag='"00000000000000000000000000000000"'), IntegrityError),
        (Told(200, etag='"encrypted"'), IntegrityError),
        (Told(503, "SlowDown", (("Retry-After", "4000"),)), ServerError),
    ],
)
def test_a_store_that_never_takes_a_part_is_an_error_and_the_rest_is_kept(
    bucket: Bucket, origin: Callable[..., Origin], told: Told, error: type[Exception]
) -> None:
    server = origin(BIG)
    with Front(bucket.server, lambda asked: told if asked.part == 2 else None) as front:
        direct, bucket.endpoint = bucket.endpoint, front.endpoint
        with pytest.raises(error):
            bucket.send(server.url, connections=1, retries=2)
    assert "file.bin" not in bucket.listed()
    assert 1 in bucket.parts("file.bin")
    bucket.endpoint = direct
    bucket.send(server.url)
    assert bucket.read("file.bin") == BIG


@pytest.mark.parametrize("body", [b"", b"<html><p>hello</html>", b"<a><b>1</b></a>", b"\0<<"])
def test_an_answer_that_makes_no_sense_is_asked_for_again(
    bucket: Bucket, origin: Callable[..., Origin], body: bytes
) -> None:
    left = [Told(200, body=body)]

    def faults(asked: Asked) -> Told | None:
        return left.pop() if "uploads" in asked.query and asked.method == "POST" and left else None

    with Front(bucket.server, faults) as front:
        direct, bucket.endpoint = bucket.endpoint, front.endpoint
        with pytest.raises(ServerError):
            bucket.send(origin(BIG).url, retries=1)
        left.append(Told(200, body=body))
        bucket.send(origin(BIG).url)
    bucket.endpoint = direct
    assert bucket.read("file.bin") == BIG
    assert bucket.uploads("") == []


def test_an_upload_of_which_no_note_can_be_made_is_aborted(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    def faults(asked: Asked) -> Told | None:
        note = asked.method == "PUT" and asked.path.endswith(".segdl")
        return Told(403, "AccessDenied") if note else None

    with Front(bucket.server, faults) as front:
        direct, bucket.endpoint = bucket.endpoint, front.endpoint
        with pytest.raises(ServerError, match="AccessDenied"):
            bucket.send(origin(BIG).url)
    bucket.endpoint = direct
    assert bucket.uploads("") == []


@pytest.mark.parametrize("told", ["text/x\x01\x7f", "text/\xfc"])
@pytest.mark.parametrize("content", [b"few", BIG])
def test_what_no_store_takes_for_a_type_is_left_out(
    bucket: Bucket, origin: Callable[..., Origin], told: str, content: bytes
) -> None:
    bucket.send(origin(content, content_type=told).url)
    found = bucket.client.head_object(Bucket=bucket.name, Key="file.bin")
    assert "text" not in found["ContentType"]
    assert bucket.read("file.bin") == content


def test_a_completion_whose_answer_is_lost_counts(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    left = [Told(0, after=True)]

    def faults(asked: Asked) -> Told | None:
        return left.pop() if asked.completes and left else None

    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        bucket.send(origin(BIG).url)
    assert len([asked for asked in front.asked if asked.completes]) == 2
    assert bucket.read("file.bin") == BIG
    assert bucket.listed() == ["file.bin"]


def test_a_store_that_is_gone_is_not_found_to_be_gone_by_each_part(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(data.content(40 * PART))

    def on(event: Event) -> None:
        if isinstance(event, Started):
            bucket.server.kill()

    try:
        with pytest.raises(NetworkError, match="refused"):
            bucket.send(server.url, on=on, connections=2, retries=4)
    finally:
        bucket.server.launch()
    # Both connections try, wait for the store together, and try the same parts again.
    assert len(server.requests) <= 1 + 2 * 4


def test_a_completion_whose_answer_names_no_etag_is_looked_at(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    # radosgw 16.2 has an empty one there.
    def faults(asked: Asked) -> Told | None:
        return Told(200, etag="") if asked.completes else None

    with Front(bucket.server, faults) as front:
        bucket.endpoint = front.endpoint
        result = bucket.send(origin(BIG).url)
    assert bucket.read("file.bin") == BIG
    assert bucket.listed() == ["file.bin"]
    assert result.stored is not None
    assert result.stored.etag == bucket.etag("file.bin")


def test_an_object_that_is_another_than_its_parts_is_an_error(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    other = '"00000000000000000000000000000000-3"'
    for told in (other, ""):

        def faults(asked: Asked, told: str = told) -> Told | None:
            if asked.completes:
                return Told(200, etag=told)
            return Told(200, etag=other) if asked.method == "HEAD" else None

        with Front(bucket.server, faults) as front:
            bucket.endpoint = front.endpoint
            with pytest.raises(IntegrityError, match="made something else"):
                bucket.send(origin(BIG).url, if_exists="overwrite")


def test_killed_between_completion_and_the_end_it_is_known_again(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG)

    def faults(asked: Asked) -> Told | None:
        return Told(403, "AccessDenied") if asked.method == "DELETE" else None

    with Front(bucket.server, faults) as front:
        direct, bucket.endpoint = bucket.endpoint, front.endpoint
        with pytest.raises(ServerError):
            bucket.send(server.url, if_exists="error")
    assert bucket.listed() == ["file.bin", "file.bin.segdl"]
    bucket.endpoint = direct
    assert bucket.send(server.url, if_exists="error").status == "skipped"
    assert bucket.listed() == ["file.bin"]
    assert bucket.read("file.bin") == BIG


def test_the_api_sends_to_a_key_and_below_a_prefix(
    bucket: Bucket, origin: Callable[..., Origin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = origin(b"few")
    for path, key in (("a/b", "a/b"), ("a/", "a/file.bin"), ("", "file.bin")):
        result = segdl.download(server.url, bucket.url(path), network=bucket.network())
        assert (result.path, result.place) == (None, bucket.url(key))
        assert bucket.read(key) == b"few"
    assert segdl.download(bucket.url("a/b"), network=bucket.network()).size == 3
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_source_with_faults(bucket: Bucket, origin: Callable[..., Origin]) -> None:
    from support.faults import CutAfter, Status

    server = origin(
        BIG, faults=sequence(Status(503, retry_after=0), CutAfter(PART // 2), CutAfter(1000))
    )
    bucket.send(server.url, checksum=parse_checksum(SHA))
    assert bucket.read("file.bin") == BIG


def test_the_servers_digest_is_not_checked_of_parts_that_are_gone(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    import base64

    digest = base64.b64encode(hashlib.sha256(BIG).digest()).decode()
    server = origin(BIG, headers=(("Repr-Digest", f"sha-256=:{digest}:"),))
    begun(bucket, server.url, "file.bin")
    result = bucket.send(server.url)
    assert result.checksum is None
    assert any("is not checked" in e.text for e in bucket.events if isinstance(e, Note))
    assert bucket.read("file.bin") == BIG
    assert bucket.send(server.url, "other").checksum == SHA


def test_mirrors_that_lie_are_no_changes_of_the_file(
    bucket: Bucket, origin: Callable[..., Origin], monkeypatch: pytest.MonkeyPatch
) -> None:
    lies = itertools.repeat(LiedError([], "bytes at 0 differ"), 10)
    send_parts = assemble._send_parts

    def lie_at_first(*arguments: Any) -> int:
        for lie in lies:
            raise lie
        return send_parts(*arguments)

    monkeypatch.setattr(assemble, "_send_parts", lie_at_first)
    bucket.send(origin(BIG).url)
    assert bucket.read("file.bin") == BIG
