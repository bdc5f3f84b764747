"""Which files of a host are at work beside each other."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from segdl.mirror.hosts import Hosts
from segdl.mirror.mixture import LARGE
from segdl.mirror.rows import Row
from segdl.mirror.underway import Underway
from support.waiting import fill, hosts_of, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = {"iso": 10 * LARGE, "dat": 1000}


@contextmanager
def hosts(
    folder: Path, large: int, small: int, *, sizes: bool, underway: Underway | None = None
) -> Iterator[Hosts]:
    """One host, with a cap of 8, and so many files, of which the list tells sizes or not."""
    kinds = ["iso"] * large + ["dat"] * small
    files = [
        wanted(f"{number:04}.{kind}", "h", number, SIZES[kind] if sizes else None)
        for number, kind in enumerate(kinds)
    ]
    is_ending = (underway or Underway()).is_ending
    with hosts_of(folder, files, 8, is_ending=is_ending) as every:
        yield every


def kind(row: Row) -> str:
    return row.path[-3:]


def at_work(rows: list[Row]) -> Counter[str]:
    return Counter(map(kind, rows))


@pytest.mark.parametrize("sizes", [True, False])
def test_large_files_get_a_third_half_where_small_ones_lead_and_one_where_they_lag(
    tmp_path: Path, *, sizes: bool
) -> None:
    with hosts(tmp_path / "l", 20, 200, sizes=sizes) as every:
        for name, size in SIZES.items():
            every.mixture.learn(f"x.{name}", size)
        rows = fill(every)
        assert at_work(rows) == {"iso": 2, "dat": 6}
        # Small ones end, large ones do not.
        most = 0
        for _ in range(40):
            small = next(row for row in rows if kind(row) == "dat")
            rows.remove(small)
            every.ended(small)
            rows += fill(every)
            most = max(most, at_work(rows)["iso"])
            assert len(rows) == 8
        assert most == 4
        # Large ones end, small ones do not: they would be left at the end.
        for _ in range(8):
            large = next(row for row in rows if kind(row) == "iso")
            rows.remove(large)
            every.ended(large)
            rows += fill(every)
        assert at_work(rows) == {"iso": 1, "dat": 7}


def test_where_small_ones_lag_the_next_large_one_begins_as_the_one_before_it_ends(
    tmp_path: Path,
) -> None:
    underway = Underway()
    with hosts(tmp_path / "l", 20, 200, sizes=True, underway=underway) as every:
        rows = fill(every)
        for _ in range(4):
            large = next(row for row in rows if kind(row) == "iso")
            rows.remove(large)
            every.ended(large)
            rows += fill(every)
        (large,) = (row for row in rows if kind(row) == "iso")
        for done, beside in ((0.5, 1), (0.95, 2)):
            underway.note(large, int(done * SIZES["iso"]), SIZES["iso"])
            small = next(row for row in rows if kind(row) == "dat")
            rows.remove(small)
            every.ended(small)
            rows += fill(every)
            assert at_work(rows)["iso"] == beside
        # It is whole, and the next one is at work.
        rows.remove(large)
        every.ended(large)
        rows += fill(every)
        assert at_work(rows) == {"iso": 1, "dat": 7}


def test_of_what_nobody_knows_the_size_nobody_knows_how_much_is_left(tmp_path: Path) -> None:
    underway = Underway()
    with hosts(tmp_path / "l", 1, 0, sizes=False) as every:
        (row,) = fill(every)
    underway.note(row, 10**9, None)
    assert not underway.is_ending(row)
    underway.note(row, 10**9, 10**9)
    assert underway.is_ending(row)
    underway.ended(row)
    assert not underway.is_ending(row)


def test_the_size_of_a_file_at_work_is_news_once(tmp_path: Path) -> None:
    underway = Underway()
    with hosts(tmp_path / "l", 2, 0, sizes=False) as every:
        first, second = fill(every)
    underway.note(first, 0, None)
    assert underway.sizes() == []
    underway.note(first, 10, 10**9)
    underway.note(first, 20, 10**9)
    assert underway.sizes() == [(first.path, 10**9)]
    underway.note(first, 30, 10**9)
    assert underway.sizes() == []
    assert underway.ended(first)
    assert not underway.ended(second)


def test_both_sorts_end_together(tmp_path: Path) -> None:
    # A small one takes a step, a large one twelve. A third of the places would keep large ones
    # busy for 120 steps, half for 60; small ones are through in 67 or 100.
    with hosts(tmp_path / "l", 20, 400, sizes=True) as every:
        rows = [(row, 0) for row in fill(every)]
        step, over = 0, {}
        while rows:
            step += 1
            ended = [row for row, began in rows if kind(row) == "dat" or step - began == 12]
            rows = [each for each in rows if each[0] not in ended]
            for row in ended:
                over[kind(row)] = step
                every.ended(row)
                rows += [(new, step) for new in fill(every)]
        assert abs(over["iso"] - over["dat"]) <= 12


def test_a_file_that_waits_for_its_host_again_was_not_taken(tmp_path: Path) -> None:
    with hosts(tmp_path / "l", 4, 40, sizes=True) as every:
        rows = fill(every)
        for row in rows:
            assert every.ended(row, "no route")
        assert every.left == 44
        assert not every.of("h").balance.small_lead(lambda _: False)


def test_what_is_put_back_stays_before_the_late_ones(tmp_path: Path) -> None:
    with hosts(tmp_path / "ledger", 0, 4, sizes=True) as every:
        rows = [row for row in (every.next(late=False) for _ in range(4)) if row is not None]
        host = every.of("h")
        host.make_ready([replace(row, late=True) for row in rows[:2]])
        host.make_ready(rows[2:3])
        host.make_ready(rows[3:])
        assert [row.late for row in host.ready] == [False, False, True, True]
        assert [row.path for row in host.ready][:2] == [row.path for row in rows[2:]]
