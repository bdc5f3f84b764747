"""Texts that files of one run share: fetched once, whoever asks first, and bounded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from segdl.engine.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

KIB = 1024


class StoppedError(Exception):
    pass


def tick(changed: threading.Condition) -> None:
    changed.wait(5.0)


def never(changed: threading.Condition) -> None:
    raise AssertionError("nobody has to wait")


class Library:
    """Counts what is fetched, by key."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def get(self, shelf: Shelf, key: str, text: str | None) -> str | None:
        def fetch() -> str | None:
            self.fetched.append(key)
            return text

        return shelf.get(key, fetch, never)


@pytest.mark.parametrize("text", ["text", "", None])
def test_what_is_known_is_not_fetched_again(text: str | None) -> None:
    shelf, library = Shelf(), Library()
    for _ in range(3):
        assert library.get(shelf, "a", text) == text
    assert library.get(shelf, "b", "other") == "other"
    assert library.fetched == ["a", "b"]


def held(shelf: Shelf, end: Callable[[], str]) -> tuple[ThreadPoolExecutor, threading.Event]:
    """Have a thread fetch the text of "a" until the event is set."""
    pool, begun, go_on = ThreadPoolExecutor(8), threading.Event(), threading.Event()

    def fetch() -> str:
        begun.set()
        assert go_on.wait(10.0)
        return end()

    pool.submit(shelf.get, "a", fetch, never)
    assert begun.wait(10.0)
    return pool, go_on


def test_who_comes_meanwhile_waits_for_the_first() -> None:
    shelf = Shelf()
    pool, go_on = held(shelf, lambda: "text")
    waiting = threading.Semaphore(0)

    def patiently(changed: threading.Condition) -> None:
        waiting.release()
        tick(changed)

    def fetch() -> str:
        raise AssertionError("it is fetched twice")

    others = [pool.submit(shelf.get, "a", fetch, patiently) for _ in range(5)]
    for _ in others:
        assert waiting.acquire(timeout=10.0)
    # Another text is not kept waiting.
    assert shelf.get("b", lambda: "other", never) == "other"
    go_on.set()
    assert [other.result(10.0) for other in others] == ["text"] * 5
    pool.shutdown()


def test_an_error_is_left_to_who_got_it() -> None:
    shelf = Shelf()

    def fails() -> str:
        raise StoppedError

    pool, go_on = held(shelf, fails)
    other = pool.submit(shelf.get, "a", lambda: "text", tick)
    go_on.set()
    assert other.result(10.0) == "text"
    pool.shutdown()


def test_a_wait_can_be_ended() -> None:
    shelf = Shelf()
    pool, go_on = held(shelf, lambda: "text")

    def stop(changed: threading.Condition) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        shelf.get("a", lambda: "never", stop)
    go_on.set()
    pool.shutdown()
    assert shelf.get("a", lambda: "never", never) == "text"


def test_what_was_not_asked_for_the_longest_makes_room() -> None:
    shelf, library = Shelf(room=100 * KIB), Library()
    for number in range(8):
        library.get(shelf, f"{number}", "x" * 10 * KIB)
        library.get(shelf, "0", "x" * 10 * KIB)
    library.fetched.clear()
    for number in range(8, 11):
        library.get(shelf, f"{number}", "x" * 10 * KIB)
    library.get(shelf, "0", "again")
    library.get(shelf, "10", "again")
    assert library.fetched == ["8", "9", "10"]
    library.get(shelf, "1", "again")
    assert library.fetched[-1] == "1"
    # That there is none takes room, too; what has none is given back.
    for number in range(1000):
        library.get(shelf, f"none {number}", None)
    assert len(shelf._kept) < 100
    assert library.get(shelf, "huge", "x" * 200 * KIB) is not None
    assert len(shelf._kept) == 0
