"""The program and a bucket: killed in the middle, on either side; and what it says no to."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from segdl.core.multipart import LEAST_PART
from support import data
from support.buckets import ENVIRONMENT
from support.program import SOURCE, run_segdl, start_segdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.buckets import Bucket
    from support.origin import Origin
    from support.tls import Authority

BIG = data.content(3 * LEAST_PART + 17)
SHA = f"sha256={hashlib.sha256(BIG).hexdigest()}"
_PATIENCE = 30.0


def arguments(bucket: Bucket, *more: str) -> list[str]:
    return ["--endpoint-url", bucket.endpoint, "--region", "us-east-1", *more]


def wait_for_part(bucket: Bucket, key: str) -> None:
    """Return once a part of an upload is the store's."""
    deadline = time.monotonic() + _PATIENCE
    while not (bucket.uploads(key) and bucket.parts(key)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_killed_in_the_middle_it_goes_on_from_the_parts_that_are_whole(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG)
    command = arguments(bucket, "-q", "-d", bucket.url("to"), "--checksum", SHA)
    slow = ["--limit-rate", "8M", "-j", "1", server.url]
    with start_segdl(*command, *slow, env=ENVIRONMENT) as running:
        wait_for_part(bucket, "to/file.bin")
        running.signal_all(signal.SIGKILL)
        running.finish()
    assert bucket.listed() == ["to/file.bin.segdl"]
    (before,), parts = bucket.uploads("to/file.bin"), bucket.parts("to/file.bin")
    ended = run_segdl(*command, server.url, env=ENVIRONMENT)
    assert (ended.code, ended.err) == (0, "")
    assert before
    assert parts
    assert bucket.listed() == ["to/file.bin"]
    assert bucket.read("to/file.bin") == BIG


def test_a_store_that_is_killed_and_comes_back_costs_what_was_in_flight(
    bucket: Bucket, origin: Callable[..., Origin]
) -> None:
    server = origin(BIG)
    slow = ["--limit-rate", "8M", "-j", "2", "--retries", "12", "-o", bucket.url("x"), server.url]
    with start_segdl(*arguments(bucket, "-q", *slow), env=ENVIRONMENT) as running:
        wait_for_part(bucket, "x")
        bucket.server.kill()
        back = threading.Timer(0.5, bucket.server.launch)
        back.start()
        ended = running.finish()
        back.join()
    assert (ended.code, ended.err) == (0, "")
    assert bucket.read("x") == BIG


def test_what_a_user_reads(bucket: Bucket, origin: Callable[..., Origin], tmp_path: Path) -> None:
    server = origin(BIG)
    ended = run_segdl(*arguments(bucket, "-d", bucket.url("to"), server.url), env=ENVIRONMENT)
    assert ended.out.startswith(f"s3://{bucket.name}/to/file.bin  24.0 MiB  ")
    again = run_segdl(
        *arguments(bucket, "--json", "-d", bucket.url("to"), server.url), env=ENVIRONMENT
    )
    assert f'"path": "s3://{bucket.name}/to/file.bin"' in again.out
    assert '"status": "skipped"' in again.out
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("environment", "place", "code", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "", 4, "check the credentials"),
        ({}, "s3://no-such-bucket/x/", 4, "check the bucket's name"),
        ({"AWS_PROFILE": "none"}, "", 2, "profile"),
    ],
)
def test_a_store_that_says_no(
    bucket: Bucket,
    origin: Callable[..., Origin],
    environment: dict[str, str],
    place: str,
    code: int,
    says: str,
) -> None:
    ended = run_segdl(
        *arguments(bucket, "-q", "-d", place or bucket.url(), origin(b"few").url),
        env=ENVIRONMENT | {"AWS_CONFIG_FILE": os.devnull} | environment,
    )
    assert ended.code == code
    assert says in ended.err
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in ended.err
    assert "Signature" not in ended.err
    assert bucket.listed() == []


def test_a_store_that_is_not_there(bucket: Bucket, origin: Callable[..., Origin]) -> None:
    ended = run_segdl(
        *("--endpoint-url", "http://127.0.0.1:9", "--retries", "1", "-q"),
        *("-d", bucket.url(), origin(b"few").url),
        env=ENVIRONMENT,
    )
    assert ended.code == 3
    assert "no answer" in ended.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-d", "s3://b?/x"], "is no bucket"),
        (["-d", "s3://bucket", "-o", "-"], "does not go with a bucket"),
        (["-d", "s3://bucket", "--dry-run"], "does not go with a bucket"),
        (["-d", "s3://bucket", "--range", "0-1"], "whole files"),
        (["-d", "s3://bucket", "--layout", "inplace"], "in place"),
        (["-d", "s3://bucket", "--if-exists", "resume"], "not for buckets"),
        (["-o", "s3://bucket/"], "-o takes s3://BUCKET/KEY"),
        (["-d", "s3://bucket", "-o", "../x"], "leads out of"),
    ],
)
def test_what_cannot_be_meant(options: list[str], says: str) -> None:
    ended = run_segdl("-q", *options, "http://127.0.0.1:9/x", env=ENVIRONMENT)
    assert (ended.code, says in ended.err) == (2, True), ended.err


def test_without_boto3_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError")
    hidden = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE)])} | ENVIRONMENT
    for command in (["-d", "s3://bucket", "http://127.0.0.1:9/x"], ["s3://bucket/x"]):
        ended = run_segdl("-q", *command, env=hidden, cwd=tmp_path)
        assert ended.code == 2
        assert "pip install 'segdl[s3]'" in ended.err


def test_an_object_is_fetched_and_copied_by_signed_requests(bucket: Bucket, tmp_path: Path) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="a b/c%.bin", Body=BIG)
    source = bucket.url("a b/c%.bin")
    ended = run_segdl(
        *arguments(bucket, "-q", "--checksum", SHA, source), env=ENVIRONMENT, cwd=tmp_path
    )
    assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / "c%.bin").read_bytes() == BIG
    ended = run_segdl(*arguments(bucket, "-q", "-o", bucket.url("copy"), source), env=ENVIRONMENT)
    assert (ended.code, ended.err) == (0, "")
    assert bucket.read("copy") == BIG
    missing = run_segdl(*arguments(bucket, "-q", bucket.url("none")), env=ENVIRONMENT, cwd=tmp_path)
    assert missing.code == 4
    told = run_segdl("info", *arguments(bucket, "--json", source), env=ENVIRONMENT)
    assert f'"size": {len(BIG)}' in told.out


def test_a_redirect_never_leads_to_a_bucket(
    bucket: Bucket, origin: Callable[..., Origin], tmp_path: Path
) -> None:
    from support.faults import RedirectTo, always

    bucket.client.put_object(Bucket=bucket.name, Key="secret", Body=b"few")
    server = origin(b"", faults=always(RedirectTo(bucket.url("secret"))))
    ended = run_segdl(*arguments(bucket, "-q", server.url), env=ENVIRONMENT, cwd=tmp_path)
    assert ended.code == 4
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("secure", "code"), [(False, 0), (True, 4)])
def test_an_endpoint_with_tls_never_leads_to_one_without(
    origin: Callable[..., Origin], authority: Authority, tmp_path: Path, secure: bool, code: int
) -> None:
    from support.faults import RedirectTo, always

    plain = origin(b"few")
    context = authority.server_context() if secure else None
    store = origin(b"", tls=context, faults=always(RedirectTo(plain.url)))
    ended = run_segdl(
        *("-q", "--cacert", str(authority.cacert), "--region", "us-east-1"),
        *("--endpoint-url", store.url.removesuffix(store.path), "s3://bucket/key"),
        env=ENVIRONMENT,
        cwd=tmp_path,
    )
    assert ended.code == code
    assert ("redirects from https to http" in ended.err) is secure
    assert bool(plain.requests) is not secure
