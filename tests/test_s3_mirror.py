"""A mirror in a bucket: the list is carried out, nothing is fetched twice, what goes is kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from segdl.core.multipart import LEAST_PART
from support import data
from support.buckets import ENVIRONMENT
from support.program import Finished, run_segdl, start_segdl

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx
    from support.buckets import Bucket

BIG = data.content(2 * LEAST_PART + 17)
SMALL = {"a/one": data.content(1000, 1), "a/two": data.content(2000, 2), "b": b""}


class Site:
    """Files on an nginx, their SHA256SUMS, and a mirror of them in a bucket."""

    def __init__(self, bucket: Bucket, start: StartNginx, folder: Path) -> None:
        self.bucket = bucket
        self.root = folder / "site"
        self.state = folder / "state"
        self.root.mkdir()
        self.server = start(self.root)
        self.write(SMALL)

    def write(self, files: dict[str, bytes]) -> None:
        """Serve these files, and no others."""
        shutil.rmtree(self.root)
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            # What has just changed is fetched once more: see `lasting`.
            os.utime(path, (1_700_000_000 + len(content),) * 2)
        lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in files]
        (self.root / "SHA256SUMS").write_text("".join(lines))

    def arguments(self, *options: str, source: str = "SHA256SUMS") -> list[str]:
        place = ["--endpoint-url", self.bucket.endpoint, "--state", str(self.state)]
        where = [self.server.url(source), self.bucket.url("mirror")]
        return ["mirror", "-q", *place, *options, *where]

    def mirror(self, *options: str, source: str = "SHA256SUMS") -> Finished:
        return run_segdl(*self.arguments(*options, source=source), env=ENVIRONMENT)

    def figures(self, *options: str, source: str = "SHA256SUMS") -> dict[str, int]:
        ended = self.mirror("--json", *options, source=source)
        assert (ended.code, ended.err) == (0, "")
        told: dict[str, int] = json.loads(ended.out)
        return told

    def there(self) -> dict[str, bytes]:
        prefix = "mirror/"
        keys = [key for key in self.bucket.listed() if not key.startswith(f"{prefix}.segdl/")]
        return {key.removeprefix(prefix): self.bucket.read(key) for key in keys}


@pytest.fixture
def site(bucket: Bucket, nginx: StartNginx, tmp_path: Path) -> Site:
    return Site(bucket, nginx, tmp_path)


def test_a_mirror_follows_its_list(site: Site) -> None:
    assert site.figures()["fetched"] == 3
    assert site.there() == SMALL
    again = site.figures()
    assert (again["fetched"], again["kept"]) == (0, 3)
    changed = {"a/one": b"another", "b": b""}
    site.write(changed)
    third = site.figures("--delete", "--max-delete", "50")
    assert (third["fetched"], third["removed"]) == (1, 1)
    assert site.there() == changed
    (kept,) = [key for key in site.bucket.listed() if key.startswith("mirror/.segdl/trash/")]
    assert kept.endswith("/a/two")
    assert site.bucket.read(kept) == SMALL["a/two"]


def test_a_dry_run_writes_nothing_to_a_bucket(site: Site) -> None:
    told = json.loads(site.mirror("--dry-run", "--json").out)
    assert told["fetch"]["files"] == 3
    assert (site.bucket.listed(), site.state.exists()) == ([], False)
    site.figures()
    before = site.bucket.listed()
    site.write({"a/one": b"another", "b": b""})
    told = json.loads(site.mirror("--dry-run", "--json", "--delete", "--max-delete", "50").out)
    assert [told[deed]["files"] for deed in ("replace", "delete")] == [1, 1]
    assert site.bucket.listed() == before


def test_a_ledger_that_is_lost_costs_no_transfer(site: Site) -> None:
    site.figures()
    shutil.rmtree(site.state)
    asked = len(site.server.log())
    told = site.figures()
    assert (told["fetched"], told["kept"]) == (0, 3)
    assert [each.target for each in site.server.log(asked + 1)[asked:]] == ["/SHA256SUMS"]


def test_without_digests_servers_are_asked_on_condition(site: Site) -> None:
    urls = "".join(f"{site.server.url(name)}\n  out={name}\n" for name in SMALL if SMALL[name])
    (site.root / "urls.txt").write_text(urls)
    assert site.figures(source="urls.txt")["fetched"] == 2
    asked = len(site.server.log())
    assert site.figures(source="urls.txt")["fetched"] == 0
    files = [each for each in site.server.log(asked + 3)[asked:] if "urls" not in each.target]
    assert {each.status for each in files} == {304}
    shutil.rmtree(site.state)
    # What the server said of it is kept with the object.
    assert site.figures(source="urls.txt")["fetched"] == 0


def test_an_object_that_somebody_else_wrote_is_replaced(site: Site) -> None:
    site.figures()
    site.bucket.client.put_object(Bucket=site.bucket.name, Key="mirror/a/one", Body=b"x" * 1000)
    assert site.figures()["fetched"] == 1
    assert site.there() == SMALL


def test_an_object_that_somebody_else_wrote_is_not_deleted(site: Site) -> None:
    site.figures()
    site.write({"b": b""})
    site.bucket.client.put_object(Bucket=site.bucket.name, Key="mirror/a/one", Body=b"mine")
    assert site.figures("--delete=now", "--max-delete", "100")["removed"] == 1
    assert site.there() == {"a/one": b"mine", "b": b""}


def test_killed_in_the_middle_it_goes_on(site: Site) -> None:
    files = {"big": BIG, **SMALL}
    site.write(files)
    slow = site.arguments("--limit-rate", "6M", "-x", "2")
    with start_segdl(*slow, env=ENVIRONMENT) as running:
        deadline = time.monotonic() + 30
        while not (site.bucket.uploads("mirror/big") and site.bucket.parts("mirror/big")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.signal_all(signal.SIGKILL)
        running.finish()
    site.figures()
    assert site.there() == files
    assert not site.bucket.uploads("mirror/big")


def test_a_wrong_digest_in_the_list_leaves_what_was_there(site: Site) -> None:
    site.figures()
    (site.root / "SHA256SUMS").write_text(f"{'0' * 64}  a/one\n")
    ended = site.mirror()
    assert ended.code == 5
    assert site.there() == SMALL


def test_shards_fill_one_prefix(site: Site) -> None:
    shards = [("--shard", "0/2"), ("--shard", "1/2")]
    assert sum(site.figures(*shard)["fetched"] for shard in shards) == len(SMALL)
    assert site.there() == SMALL
    assert sum(site.figures(*shard)["fetched"] for shard in shards) == 0
    # None of them takes what is another's for what the list no longer has.
    site.write({"b": b""})
    often = ("--delete=now", "--max-delete", "100")
    assert sum(site.figures(*often, *shard)["removed"] for shard in shards) == 2
    assert site.there() == {"b": b""}
    where = ("--endpoint-url", site.bucket.endpoint, "--state", str(site.state))
    merged = run_segdl("mirror", "--report", *where, site.bucket.url("mirror"))
    assert (merged.code, merged.err) == (0, ""), merged
    assert "2 reports, 1 file," in merged.out


@pytest.mark.parametrize("option", ["--verify", "--sums", "--exec=true", "--layout=inplace"])
def test_what_a_bucket_cannot_do_is_refused(site: Site, option: str) -> None:
    ended = site.mirror(option)
    assert ended.code == 2
    assert site.bucket.listed() == []
    assert not site.state.exists()


def test_a_bucket_that_is_not_there(site: Site) -> None:
    site.bucket.name = "no-such-bucket"
    ended = site.mirror()
    assert ended.code == 4
    assert "NoSuchBucket" in ended.err
