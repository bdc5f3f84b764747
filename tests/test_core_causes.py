"""Why a request is made again, in kinds that can be counted."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from segdl.core.causes import CAUSES, Cause, cause_of
from segdl.errors import DiskError, NetworkError, SegdlError, ServerError, Trouble
from segdl.progress.events import Busy, Retrying, Waiting
from support import data
from support import faults as f
from support.fetching import fetch

if TYPE_CHECKING:
    from support.faults import Fault

CONTENT = data.content(1_500_000)
SHORT = {"connect_timeout": 0.3, "stall_timeout": 0.4}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NetworkError("x"), "other"),
        (NetworkError("x", trouble="silent"), "silent"),
        (ServerError("x", status=429), "busy"),
        (ServerError("x", status=503), "busy"),
        (ServerError("x", status=500), "failing"),
        (ServerError("x", status=408), "failing"),
        (ServerError("x", status=200), "answer"),
        (ServerError("x"), "answer"),
        (DiskError("x"), "other"),
    ],
)
def test_of_errors(error: SegdlError, cause: Cause) -> None:
    assert cause_of(error) == cause


def test_every_cause_has_words_and_is_documented() -> None:
    assert set(CAUSES) == {*get_args(Trouble), "busy", "failing"}
    text = (Path(__file__).parent.parent / "docs" / "events.md").read_text("utf-8")
    (row,) = re.findall(r"^\| `cause` \| string \|(.*)$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == set(CAUSES)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (f.CutAfter(100_000), "closed"),
        (f.CutAfter(0, "reset"), "closed"),
        (f.EmptyReply(), "closed"),
        (f.StallAfter(50_000), "silent"),
        (f.Status(500), "failing"),
        # A wait of moments, as tests have them, is over before it is told on a busy machine.
        (f.Status(503, retry_after=1), "busy"),
        (f.Garbage(), "answer"),
    ],
)
def test_what_a_run_tells(origin: Any, tmp_path: Path, fault: Fault, cause: Cause) -> None:
    """One connection, so that what the server does to the second request is what counts."""
    served = origin(CONTENT, faults=lambda _, n: fault if n == 1 else f.CutAfter(200_000))
    fetched = fetch(served.url, tmp_path, connections=1, retries=9, network=SHORT)
    fetched.is_whole(CONTENT)
    told = {event.cause for event in fetched.events if isinstance(event, Retrying | Waiting)}
    # Every answer but that one is cut, too.
    assert told == {"closed", cause}
    busy = [event.status for event in fetched.told(Busy)]
    assert busy == ([503] if cause == "busy" else [])


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fetched = fetch(f"http://127.0.0.1:{port}/x", tmp_path, retries=2)
    fetched.failed(NetworkError, parts=False)
    assert {event.cause for event in fetched.told(Waiting)} == {"connect"}
