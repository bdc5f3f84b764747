"""A file that is here already is left alone where its server still has that version."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import segdl
from segdl.core.identity import Version
from support.origin import MODIFIED, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.nginx import Nginx


def fetch(url: str, folder: Path, held: Version | None = None) -> segdl.DownloadResult:
    wanted = segdl.Request(url=url, directory=folder, name="f", held=held)
    transfer = segdl.TransferOptions(if_exists="overwrite")
    (outcome,) = segdl.download_many([wanted], transfer=transfer)
    assert isinstance(outcome, segdl.DownloadResult), outcome
    return outcome


def test_nginx_says_that_nothing_changed_in_one_request(
    shared_nginx: Nginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    remote = shared_nginx.root / "held.bin"
    remote.write_bytes(content(3000))
    first = fetch(shared_nginx.url("held.bin"), tmp_path)
    again = fetch(shared_nginx.url("held.bin"), tmp_path, first.version)
    assert (again.status, again.fetched, again.requests) == ("skipped", 0, 1)
    remote.write_bytes(content(4000, seed=2))
    os.utime(remote, (1, 1))
    third = fetch(shared_nginx.url("held.bin"), tmp_path, first.version)
    assert (third.status, third.fetched) == ("complete", 4000)
    assert (tmp_path / "f").read_bytes() == content(4000, seed=2)


@pytest.mark.parametrize("size", [1000, 5_000_000])
@pytest.mark.parametrize(
    ("etag", "dated"), [('"a"', True), ('"a"', False), ('W/"a"', True), (None, True)]
)
def test_what_changed_is_fetched_and_what_did_not_is_not(
    size: int,
    etag: str | None,
    dated: bool,
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
) -> None:
    date = MODIFIED if dated else None
    server = origin(content(size), etag=etag, last_modified=date)
    first = fetch(server.url, tmp_path)
    again = fetch(server.url, tmp_path, first.version)
    assert (again.status, again.fetched, again.requests) == ("skipped", 0, 1)
    later = MODIFIED + timedelta(days=1) if dated else None
    server.replace(content(size, seed=2), etag and etag.replace("a", "b"), later)
    third = fetch(server.url, tmp_path, first.version)
    assert third.status == "complete"
    assert (tmp_path / "f").read_bytes() == content(size, seed=2)


def test_a_file_whose_date_went_back_is_another(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    server = origin(content(1000), etag=None)
    first = fetch(server.url, tmp_path)
    # This server answers 304 to If-Modified-Since, as Apache would.
    server.replace(content(1000, seed=2), None, MODIFIED - timedelta(days=1))
    assert fetch(server.url, tmp_path, first.version).status == "complete"
    assert (tmp_path / "f").read_bytes() == content(1000, seed=2)


def test_without_validators_it_is_fetched(
    origin: Callable[..., Origin], tmp_path: Path, content: Callable[..., bytes]
) -> None:
    server = origin(content(1000), etag=None, last_modified=None)
    first = fetch(server.url, tmp_path)
    server.replace(content(1000, seed=2), None, None)
    assert fetch(server.url, tmp_path, first.version).fetched == 1000


def test_the_connection_of_a_304_is_used_again(
    shared_nginx: Nginx, tmp_path: Path, content: Callable[..., bytes]
) -> None:
    names = [f"again{number}.bin" for number in range(5)]
    for name in names:
        (shared_nginx.root / name).write_bytes(content(100))
    versions = [fetch(shared_nginx.url(name), tmp_path).version for name in names]
    before = len(shared_nginx.log())
    wanted = [
        segdl.Request(url=shared_nginx.url(name), directory=tmp_path, name="f", held=version)
        for name, version in zip(names, versions, strict=True)
    ]
    outcomes = list(segdl.download_many(wanted, max_files=1))
    assert [getattr(each, "status", each) for each in outcomes] == ["skipped"] * 5
    log = [each for each in shared_nginx.log(before + 5)[before:] if "again" in each.target]
    assert {each.status for each in log} == {304}
    assert len({each.connection for each in log}) == 1
