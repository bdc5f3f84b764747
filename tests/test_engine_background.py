"""engine/background.py: a source that is read ahead of who takes its items."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator

import pytest

from segdl.engine.background import read_ahead


def test_all_items_come_in_order_however_many() -> None:
    assert [item for item in read_ahead(iter(range(1000))) if item is not None] == [*range(1000)]


def test_an_item_is_there_at_once_though_the_next_one_is_not() -> None:
    fed: queue.Queue[str] = queue.Queue()

    def source() -> Iterator[str]:
        while item := fed.get():
            yield item

    items = read_ahead(source())
    fed.put("one")
    assert next(item for item in items if item) == "one"
    assert next(items) is None, "a moment without any is told"
    fed.put("two")
    assert next(item for item in items if item) == "two"
    fed.put("")
    assert list(filter(None, items)) == []


def test_what_came_before_a_defect_is_had_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("no number")

    items = filter(None, read_ahead(source()))
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="no number"):
        next(items)


def test_a_source_is_read_a_little_ahead_and_no_further_once_nobody_takes() -> None:
    read = []
    over = threading.Event()

    def source() -> Iterator[int]:
        try:
            for number in itertools.count():
                read.append(number)
                yield number
        finally:
            over.set()

    items = read_ahead(source())
    assert next(item for item in items if item is not None) == 0
    items.close()
    assert over.wait(10)
    assert len(read) <= 40
