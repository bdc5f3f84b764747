"""What every check works with: the store, a bucket in it, where files come from, and segdl."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checking.report import Report
from checking.site import MIB, Site
from rados.ceph import Asked, Ceph

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.program import Finished, Program, run_segdl, start_segdl

PART = 8 * MIB
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One thread uses it.

    Attributes:
        work: a folder for what comes out of the bucket, and for ledgers.
        client: boto3's own, to look at what is there.
    """

    ceph: Ceph
    site: Site
    report: Report
    work: Path
    client: Any
    bucket: str = "segdl"

    # -- segdl --

    def options(self, *more: str) -> list[str]:
        return ["-q", "--endpoint-url", self.ceph.endpoint, *more]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.ceph.key,
            "AWS_SECRET_ACCESS_KEY": self.ceph.secret,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def get(self, *arguments: str, **environment: str) -> Finished:
        """Run `segdl get` to its end."""
        env = self.environment | environment
        return run_segdl("get", *self.options(*arguments), env=env, timeout=300)

    def begin(self, *arguments: str) -> Program:
        """Start `segdl get`."""
        return start_segdl("get", *self.options(*arguments), env=self.environment)

    def mirror(self, prefix: str, source: str, *arguments: str) -> Finished:
        """Run `segdl mirror` into the bucket to its end."""
        words = self.mirroring(prefix, source, *arguments)
        return run_segdl(*words, env=self.environment, timeout=300)

    def begin_mirror(self, prefix: str, source: str, *arguments: str) -> Program:
        """Start `segdl mirror` into the bucket."""
        return start_segdl(*self.mirroring(prefix, source, *arguments), env=self.environment)

    def mirroring(self, prefix: str, source: str, *arguments: str) -> list[str]:
        state = ["--state", str(self.work / "ledgers" / prefix), "--json"]
        return ["mirror", *self.options(*state, *arguments), source, self.url(prefix)]

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    # -- the store --

    def read(self, key: str) -> bytes:
        with self.client.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
            data: bytes = body.read()
            return data

    def keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2")
        return [
            each["Key"]
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for each in page.get("Contents", [])
        ]

    def uploads(self, key: str) -> list[str]:
        told = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=key)
        return [each["UploadId"] for each in told.get("Uploads", [])]

    def parts(self, key: str) -> set[int]:
        """Return the numbers of the parts of all uploads of a key."""
        pages = self.client.get_paginator("list_parts")
        return {
            each["PartNumber"]
            for upload in self.uploads(key)
            for page in pages.paginate(Bucket=self.bucket, Key=key, UploadId=upload)
            for each in page.get("Parts", [])
        }

    def settled_parts(self, key: str) -> set[int]:
        """Return the same once the store has done what it was last asked for."""
        before = self.parts(key)
        while True:
            time.sleep(0.5)
            now = self.parts(key)
            if now == before:
                return now
            before = now

    def wait_for_parts(self, key: str, count: int) -> None:
        """Return once so many parts are the store's."""
        self.wait_until(lambda: len(self.parts(key)) >= count)

    def wait_until(self, so: Callable[[], bool]) -> None:
        """Return once it is so."""
        deadline = time.monotonic() + _PATIENCE
        while not so():
            assert time.monotonic() < deadline, "that takes too long"
            time.sleep(0.05)

    def asked_since(self, number: int) -> list[Asked]:
        """Return what the gateway was asked after its first `number` requests."""
        return self.ceph.asked()[number:]

    @contextlib.contextmanager
    def nothing_sent(self) -> Iterator[Counter[str]]:
        """Count by method what the gateway is asked meanwhile."""
        before, counted = len(self.ceph.asked()), Counter[str]()
        yield counted
        time.sleep(1)  # its log is written by a thread of its own
        counted.update(each.method for each in self.asked_since(before))


def kill(program: Program) -> None:
    """End segdl without a word."""
    program.signal_all(signal.SIGKILL)
    program.finish()


def etag_of(data: bytes) -> str:
    """Return the ETag that S3 gives to what is sent at once, or in parts of `PART` bytes.

    Example:
        >>> etag_of(b"")
        'd41d8cd98f00b204e9800998ecf8427e'
    """
    if len(data) <= PART:
        return hashlib.md5(data).hexdigest()
    digests = [hashlib.md5(data[at : at + PART]).digest() for at in range(0, len(data), PART)]
    return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def figures(ended: Finished) -> dict[str, Any]:
    """Return what a mirror's run says in JSON."""
    told: dict[str, Any] = json.loads(ended.out) if ended.out.strip() else {}
    return told


def said(ended: Finished) -> str:
    """Return how a run ended, in few words."""
    return f"exit {ended.code}{f', {ended.err.strip()[-300:]}' if ended.err.strip() else ''}"


def mib(size: float) -> str:
    return f"{size / MIB:.1f} MiB"
