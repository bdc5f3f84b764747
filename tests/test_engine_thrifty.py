"""Of many files from afar nothing is asked for twice, as long as that costs hardly any time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from segdl.core.url import parse_url
from segdl.engine import contact
from segdl.engine.download import download
from segdl.engine.gate import Gate
from segdl.engine.surroundings import open_run
from segdl.options import NetworkOptions, Request, TransferOptions
from support import faults as f
from support.data import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segdl.engine.run import Run
    from support.request import Request as Asked

MIB = 1024 * 1024
SIZE = 24 * MIB
FIRST = 4 * MIB
ROUND_TRIP = 0.02
# What is fetched twice and compared.
SEAM = 8192


@pytest.fixture(autouse=True)
def little_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "_FIRST_OF_MANY", FIRST)


def from_afar(request: Asked, index: int) -> tuple[f.Fault, ...]:
    time.sleep(ROUND_TRIP)
    return (f.Drip(256 * 1024, 0.02),)


@contextmanager
def running() -> Iterator[Run]:
    transfer = TransferOptions(connections="auto")
    with open_run(
        NetworkOptions(), transfer, lambda _: None, threading.Event(), max_files=1
    ) as run:
        yield run


def have_many_behind(gate: Gate) -> None:
    """Have it be as at the end of a mirror: others waited, and many came."""
    gate.crowded = True
    for _ in range(8):
        gate.among.came_beside(1)
    gate.answered(ROUND_TRIP)
    gate.closed(was_streaming=True)


def ranges(served: Any) -> list[tuple[int, int]]:
    """Return what was asked for, in file order, but for the last question."""
    asked = [each.range for each in served.requests if each.range != (0, 0)]
    return sorted((first, SIZE - 1 if last is None else last) for first, last in asked)


@pytest.mark.parametrize("many", [True, False])
def test_who_helps_the_last_of_many_takes_what_nobody_asked_for(
    origin: Callable[..., Any], tmp_path: Path, many: bool
) -> None:
    whole = content(SIZE)
    served = origin(whole, faults=from_afar)
    with running() as run:
        gate = run.gates.of(parse_url(served.url).origin)
        if many:
            have_many_behind(gate)
        gate.crowded, gate.found = False, 4
        assert download(run, Request(url=served.url, directory=tmp_path, name="f")).path
    assert (tmp_path / "f").read_bytes() == whole
    asked = ranges(served)
    assert len({each.connection for each in served.requests}) > 1
    assert asked[0] == (0, FIRST - 1 if many else SIZE - 1)
    spared = all(here[1] - SEAM < there[0] for here, there in pairwise(asked))
    assert spared is many


def test_while_others_wait_a_file_is_asked_for_in_a_few_pieces_over_one_connection(
    origin: Callable[..., Any], tmp_path: Path
) -> None:
    whole = content(SIZE)
    served = origin(whole, faults=from_afar)
    with running() as run:
        gate = run.gates.of(parse_url(served.url).origin)
        have_many_behind(gate)
        assert download(run, Request(url=served.url, directory=tmp_path, name="f")).path
    assert (tmp_path / "f").read_bytes() == whole
    assert len({each.connection for each in served.requests}) == 1
    # The rest takes less than two seconds.
    (_, first_ends), (second, second_ends) = ranges(served)
    assert (first_ends, second_ends) == (FIRST - 1, SIZE - 1)
    assert FIRST - SEAM < second <= FIRST


def test_when_a_door_spares_what_was_asked_for() -> None:
    def spares(*, crowded: bool = True, files: int = 8, round_trip: float | None = 0.02) -> bool:
        gate = Gate(32, lambda: 0.0)
        gate.crowded = crowded
        gate.crowded = False
        gate.among.came_beside(0)
        for number in range(files):
            if number % 2:
                gate.among.came_beside(1000)
            else:
                gate.among.ended(number)
        if round_trip is not None:
            gate.answered(round_trip)
        return gate.thrifty

    assert spares()
    assert not spares(crowded=False)
    assert not spares(files=7)
    assert not spares(round_trip=0.001)
    assert not spares(round_trip=None)
