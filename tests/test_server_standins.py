"""What one server began another goes on with, or a mirror, only where both have one file."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.checksum import parse_checksum
from segdl.core.expected import Expected
from segdl.errors import DiskError, IntegrityError, ServerError, TargetExistsError
from segdl.progress.events import Restarted
from segdl.store.state import load
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.partial import count

if TYPE_CHECKING:
    from pathlib import Path

    from support.origin import Origin

MIB = 1024 * 1024
SIZE = 3 * MIB + 12345
FILE = data.content(SIZE, 1)
ANOTHER = data.content(SIZE, 2)
SHA256 = f"sha256={hashlib.sha256(FILE).hexdigest()}"

LAYOUTS = pytest.mark.parametrize("layout", ["parts", "inplace"])
# Many servers make an ETag of a file's size and time.
SAME: dict[str, Any] = {"etag": '"65-b71b00"'}
NONE: dict[str, Any] = {"etag": None, "last_modified": None}
VALIDATORS = pytest.mark.parametrize(
    "validators", [SAME, {"etag": None}, NONE], ids=["etag", "date", "none"]
)


def left(served: Origin, folder: Path, *mirrors: str, **how: Any) -> int:
    """Break a download off, and return how much of it is there."""
    served.faults = lambda _, number: f.CutAfter(100_000) if number < 6 else f.Status(404)
    assert fetch(served.url, folder, connections=1, mirrors=mirrors, **how).error is not None
    served.faults = None
    held = count(folder / f"{NAME}.segdl")
    assert held
    return held


def duplicate(other: Origin, content: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields by which a server names another one that has the same (RFC 6249)."""
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return ("Digest", f"SHA-256={digest}"), ("Link", f"<{other.url}>; rel=duplicate")


@LAYOUTS
@VALIDATORS
def test_another_url_does_not_go_on_with_a_part(
    origin: Any, tmp_path: Path, validators: dict[str, Any], layout: Any
) -> None:
    one, other = origin(FILE, **validators), origin(ANOTHER, **validators)
    held = left(one, tmp_path, layout=layout)
    error = fetch(other.url, tmp_path, layout=layout).failed(DiskError)
    assert one.url in str(error)
    assert "another file" in str(error)
    assert count(tmp_path / f"{NAME}.segdl") == held
    fetch(one.url, tmp_path, layout=layout).is_whole(FILE)


@LAYOUTS
@pytest.mark.parametrize("said", ["mirror", "digest"])
def test_another_url_goes_on_where_it_is_said_to_have_the_file(
    origin: Any, tmp_path: Path, said: str, layout: Any
) -> None:
    one, other = origin(FILE, etag='"a"'), origin(FILE, etag='"b"')
    left(one, tmp_path, layout=layout)
    how: dict[str, Any] = {"mirrors": (one.url,)} if said == "mirror" else {"checksum": SHA256}
    fetched = fetch(other.url, tmp_path, layout=layout, **how).is_whole(FILE)
    assert not fetched.told(Restarted)
    assert fetched.result is not None
    assert fetched.result.fetched < SIZE


@LAYOUTS
@pytest.mark.parametrize("validators", [SAME, {"etag": None}], ids=["etag", "date"])
def test_a_list_may_move_to_another_url(
    origin: Any, tmp_path: Path, validators: dict[str, Any], layout: Any
) -> None:
    one, other = origin(FILE, **validators), origin(FILE, **validators)
    left(one, tmp_path, layout=layout)
    fetched = fetch(other.url, tmp_path, layout=layout, supersedes=True).is_whole(FILE)
    assert not fetched.told(Restarted)


@LAYOUTS
@VALIDATORS
def test_a_list_that_moves_to_another_file_has_that(
    origin: Any, tmp_path: Path, validators: dict[str, Any], layout: Any
) -> None:
    one, other = origin(FILE, **validators), origin(ANOTHER, **validators)
    left(one, tmp_path, layout=layout)
    fetched = fetch(other.url, tmp_path, layout=layout, supersedes=True).is_whole(ANOTHER)
    assert fetched.told(Restarted)


@LAYOUTS
def test_what_is_said_to_be_the_file_and_is_not_is_not_gone_on_with(
    origin: Any, tmp_path: Path, layout: Any
) -> None:
    one, other = origin(FILE, **SAME), origin(ANOTHER, **SAME)
    held = left(one, tmp_path, layout=layout)
    fetch(other.url, tmp_path, layout=layout, mirrors=(one.url,)).failed(DiskError)
    assert count(tmp_path / f"{NAME}.segdl") == held


@VALIDATORS
def test_a_finished_file_of_another_url_is_not_taken_for_the_one_asked_for(
    origin: Any, tmp_path: Path, validators: dict[str, Any]
) -> None:
    one, other = origin(FILE, **validators), origin(ANOTHER, **validators)
    fetch(one.url, tmp_path).is_whole(FILE)
    error = fetch(other.url, tmp_path).error
    assert type(error) is TargetExistsError
    assert (tmp_path / NAME).read_bytes() == FILE


@LAYOUTS
@VALIDATORS
@pytest.mark.parametrize("status", [404, 503])
def test_a_mirror_of_another_file_does_not_go_on_for_the_url(
    origin: Any, tmp_path: Path, validators: dict[str, Any], layout: Any, status: int
) -> None:
    served, mirror = origin(FILE, **validators), origin(ANOTHER, **validators)
    held = left(served, tmp_path, layout=layout)
    served.faults = f.always(f.Status(status))
    how: dict[str, Any] = {"mirrors": (mirror.url,), "layout": layout, "retries": 1}
    fetched = fetch(served.url, tmp_path, **how)
    assert isinstance(fetched.error, IntegrityError)
    assert not fetched.told(Restarted)
    assert count(tmp_path / f"{NAME}.segdl") == held
    served.faults = None
    fetch(served.url, tmp_path, **how).is_whole(FILE)


@LAYOUTS
def test_a_mirror_with_validators_of_its_own_goes_on_for_the_url(
    origin: Any, tmp_path: Path, layout: Any
) -> None:
    served, mirror = origin(FILE, etag='"a"'), origin(FILE, etag='"b"')
    left(served, tmp_path, layout=layout)
    served.faults = f.always(f.Status(503))
    fetched = fetch(served.url, tmp_path, layout=layout, mirrors=(mirror.url,)).is_whole(FILE)
    assert not fetched.told(Restarted)
    assert fetched.result is not None
    assert fetched.result.fetched < SIZE


def test_the_url_is_asked_again_where_no_mirror_has_its_file(origin: Any, tmp_path: Path) -> None:
    served, mirror = origin(FILE, etag='"a"'), origin(ANOTHER, etag='"b"')
    left(served, tmp_path)
    before = len(served.requests)
    served.faults = f.on(before, before + 1, fault=f.Status(503))
    fetched = fetch(served.url, tmp_path, mirrors=(mirror.url, mirror.other_url)).is_whole(FILE)
    assert not fetched.told(Restarted)


def test_a_mirror_that_is_named_twice_is_not_asked_for_ever(origin: Any, tmp_path: Path) -> None:
    served, mirror = origin(FILE, etag='"a"'), origin(ANOTHER, etag='"b"')
    held = left(served, tmp_path)
    served.faults = f.always(f.Status(503))
    mirrors = (mirror.url, mirror.url, served.url, mirror.url)
    fetched = fetch(served.url, tmp_path, mirrors=mirrors, retries=1)
    assert isinstance(fetched.error, IntegrityError)
    assert count(tmp_path / f"{NAME}.segdl") == held


def test_what_a_stand_in_says_of_others_makes_no_other_list(origin: Any, tmp_path: Path) -> None:
    served, other = origin(FILE, etag='"a"'), origin(ANOTHER, etag='"c"')
    mirror = origin(ANOTHER, etag='"b"', headers=duplicate(other, ANOTHER))
    held = left(served, tmp_path)
    served.faults = f.always(f.Status(503))
    how: dict[str, Any] = {"mirrors": (mirror.url,), "retries": 1, "metalink_over_http": True}
    assert isinstance(fetch(served.url, tmp_path, **how).error, IntegrityError)
    assert count(tmp_path / f"{NAME}.segdl") == held


def test_who_is_named_by_a_server_that_dies_is_not_asked_as_if_by_the_list(
    origin: Any, tmp_path: Path
) -> None:
    other = origin(FILE, faults=f.always(f.Status(404)))
    served = origin(FILE, headers=duplicate(other, FILE))
    served.faults = lambda _, number: f.Status(404) if number else f.CutAfter(100_000)
    expected = Expected(checksum=parse_checksum(SHA256))
    how: dict[str, Any] = {"retries": 1, "metalink_over_http": True, "expected": expected}
    assert isinstance(fetch(served.url, tmp_path, **how).error, ServerError)


@LAYOUTS
@VALIDATORS
def test_the_url_is_back_with_another_file_than_the_mirror_had(
    origin: Any, tmp_path: Path, validators: dict[str, Any], layout: Any
) -> None:
    served, mirror = origin(FILE, **validators), origin(ANOTHER, **NONE)
    begun_by_mirror(served, mirror, tmp_path, layout)
    how: dict[str, Any] = {"mirrors": (mirror.url,), "layout": layout}
    assert fetch(served.url, tmp_path, **how).is_whole(FILE).told(Restarted)


@LAYOUTS
def test_a_mirror_that_proves_to_be_another_takes_what_it_had_brought_with_it(
    origin: Any, tmp_path: Path, layout: Any
) -> None:
    """Samples of what is here need not tell: here they would have to hit one byte."""
    whole, other = data.content(12 * MIB, 3), data.content(12 * MIB, 4)
    barely = whole[:150_000] + bytes([whole[150_000] ^ 1]) + whole[150_001:MIB] + other[MIB:]
    served, mirror = origin(whole, **SAME), origin(barely, **NONE)
    begun_by_mirror(served, mirror, tmp_path, layout)
    served.faults = f.always(f.Drip(64 * 1024, 0.1))
    asked = len(mirror.requests)
    how: dict[str, Any] = {"mirrors": (mirror.url,), "layout": layout, "connections": 4}
    fetched = fetch(served.url, tmp_path, **how).is_whole(whole)
    # Either is enough: what is here was found to be another's, or the mirror was.
    assert fetched.told(Restarted) or len(mirror.requests) > asked


def begun_by_mirror(served: Origin, mirror: Origin, folder: Path, layout: Any) -> None:
    """Leave what a mirror brought that stood in for the URL."""
    served.faults = f.always(f.Status(503))
    mirror.faults = lambda _, number: f.CutAfter(100_000) if number < 6 else f.Status(404)
    how: dict[str, Any] = {"mirrors": (mirror.url,), "layout": layout, "retries": 1}
    assert fetch(served.url, folder, connections=1, **how).error is not None
    state = load(folder / f"{NAME}.segdl" / "state.json")
    assert state is not None
    assert (state.url, state.named_by) == (served.url, mirror.url)
    served.faults = mirror.faults = None
