"""Waits that are looked after, and the door that lets requests through in turn."""

from __future__ import annotations

import threading
import time

from segdl.engine.gate import Gate
from segdl.engine.lookout import Lookout


def watch(lookout: Lookout, limit: float, **how: object) -> threading.Event:
    """Wait for being aborted, ten seconds at most."""
    aborted = threading.Event()
    with lookout.over(aborted.set, limit, **how):  # type: ignore[arg-type]
        aborted.wait(10)
    return aborted


def test_a_wait_ends_at_its_limit() -> None:
    lookout = Lookout(lambda: False, time.monotonic, 0.01)
    began = time.monotonic()
    assert watch(lookout, 0.2).is_set()
    assert time.monotonic() - began >= 0.2
    lookout.close()


def test_a_wait_of_our_own_accord_is_excused() -> None:
    lookout = Lookout(lambda: False, time.monotonic, 0.01)
    rests_until = time.monotonic() + 0.5
    assert watch(lookout, 0.1, excused=lambda: time.monotonic() < rests_until).is_set()
    assert time.monotonic() >= rests_until
    lookout.close()


def test_all_waits_end_with_the_run_and_later_ones_too() -> None:
    cancel = threading.Event()
    lookout = Lookout(cancel.is_set, time.monotonic, 0.01)
    threading.Timer(0.1, cancel.set).start()
    assert watch(lookout, 60).is_set()
    assert watch(lookout, 60).is_set()
    lookout.close()


def test_what_nothing_wakes_is_counted() -> None:
    lookout = Lookout(lambda: True, time.monotonic, 0.01)
    told, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        with lookout.over(told.set, 60):
            go_on.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    assert told.wait(10)
    assert lookout.stuck(3600) == 0
    time.sleep(0.05)
    assert lookout.stuck(0.01) == 1
    go_on.set()
    thread.join()
    assert lookout.stuck(0.0) == 0
    lookout.close()


def test_closing_before_any_wait() -> None:
    Lookout(lambda: False, time.monotonic, 0.01).close()


def test_who_waits_at_a_gate_goes_on_as_soon_as_another_is_through() -> None:
    gate = Gate(1, time.monotonic)
    assert gate.try_ask()
    assert not gate.wait_to_ask(0.01)
    threading.Timer(0.1, lambda: gate.closed(was_streaming=False)).start()
    began = time.monotonic()
    assert gate.wait_to_ask(10)
    assert time.monotonic() - began < 5
    gate.closed(was_streaming=False)


def test_a_gate_that_is_to_be_left_alone_for_a_while() -> None:
    gate = Gate(4, time.monotonic)
    assert gate.try_ask()
    gate.refused(0.3, 0.0)
    assert not gate.wait_to_ask(0.05)
    deadline = time.monotonic() + 10
    while not gate.wait_to_ask(0.05):
        assert time.monotonic() < deadline
    gate.closed(was_streaming=False)
