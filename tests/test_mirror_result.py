"""What is kept of a run."""

from __future__ import annotations

import weakref
from typing import Any, cast

from segdl.errors import ServerError
from segdl.mirror.result import RoundResult


class Held:
    """What the steps of a file hold."""


def test_a_failure_keeps_nothing_of_what_led_to_it() -> None:
    held: list[weakref.ref[Held]] = []

    def step() -> None:
        holds = Held()
        held.append(weakref.ref(holds))
        raise OSError("reset")

    def fail() -> ServerError:
        try:
            try:
                step()
            except OSError as why:
                raise ServerError("gone") from why
        except ServerError as error:
            return error
        raise AssertionError

    result = RoundResult(cast("Any", None))
    failures = [fail() for _ in range(3)]
    assert all(each() is not None for each in held)
    for failure in failures:
        result.note_failure(failure)
    assert result.failures == failures
    assert not any(each() for each in held)
